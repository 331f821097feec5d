-- ARGV[5] id. The record's JSON, or nothing.
return redis.call('HGET', here.json, ARGV[5])

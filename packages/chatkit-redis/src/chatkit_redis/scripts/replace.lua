-- ARGV[5] id, ARGV[6] JSON as it was read, ARGV[7] new JSON. 0: it has changed or is gone.
if redis.call('HGET', here.json, ARGV[5]) ~= ARGV[6] then return 0 end
redis.call('HSET', here.json, ARGV[5], ARGV[7])
touch()
return 1

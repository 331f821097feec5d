-- ARGV[5] id, ARGV[6] time in fixed width, ARGV[7] JSON. 0: there is no such thread.
local id, time, json = ARGV[5], ARGV[6], ARGV[7]
if ARGV[2] == 'item' and redis.call('HEXISTS', threads.json, thread) == 0 then return 0 end
-- The first command needs memory; if there is none, it fails before anything has changed.
if redis.call('HSET', here.json, id, json) == 1 then
  local place = time .. string.format('%016.0f', redis.call('INCR', sequence))
  redis.call('HSET', here.place, id, place)
  redis.call('ZADD', here.order, 0, place .. id)
end
touch()
return 1

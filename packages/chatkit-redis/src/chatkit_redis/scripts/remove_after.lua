-- ARGV[5] id. 0: there is no such record, and nothing was removed.
local place = redis.call('HGET', here.place, ARGV[5])
if not place then return 0 end
local ids = {}
for n, member in ipairs(redis.call('ZRANGEBYLEX', here.order, '(' .. place .. ARGV[5], '+')) do
  ids[n] = member:sub(35)
end
if ARGV[2] == 'thread' then drop_threads(ids) else drop(here, ids) end
touch()
return 1

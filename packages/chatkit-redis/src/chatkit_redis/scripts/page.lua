-- ARGV[5] limit, ARGV[6] '1' for the newest first, ARGV[7] id of the cursor, if there is one.
-- The JSON of the records after the cursor, or nothing if the cursor is unknown.
local newest_first, cursor = ARGV[6] == '1', ARGV[7]
local from = newest_first and '+' or '-'
if cursor then
  local place = redis.call('HGET', here.place, cursor)
  if not place then return false end
  from = '(' .. place .. cursor
end
local members
if newest_first then
  members = redis.call('ZREVRANGEBYLEX', here.order, from, '-', 'LIMIT', 0, ARGV[5])
else
  members = redis.call('ZRANGEBYLEX', here.order, from, '+', 'LIMIT', 0, ARGV[5])
end
local page = {}
for first = 1, #members, CHUNK do
  local ids = {}
  for n = first, math.min(first + CHUNK - 1, #members) do ids[#ids + 1] = members[n]:sub(35) end
  for _, json in ipairs(redis.call('HMGET', here.json, unpack(ids))) do page[#page + 1] = json end
end
return page

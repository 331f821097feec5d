-- ARGV[5] limit, ARGV[6] the last member that was seen, or none. Members and their JSON, in turn.
local from = ARGV[6] and '(' .. ARGV[6] or '-'
local found = {}
for n, member in ipairs(redis.call('ZRANGEBYLEX', here.order, from, '+', 'LIMIT', 0, ARGV[5])) do
  found[2 * n - 1] = member
  found[2 * n] = redis.call('HGET', here.json, member:sub(35))
end
return found

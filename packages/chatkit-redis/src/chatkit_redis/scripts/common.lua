-- What all scripts begin with. The keys are those of one owner (see keys.py):
-- KEYS[1] the last sequence number, KEYS[2] when threads expire, KEYS[3..5] threads,
-- KEYS[6..8] attachments, and from KEYS[9] on, three for the items of each thread in question.
-- ARGV[1] the owner's prefix, ARGV[2] kind of record, ARGV[3] milliseconds to keep (0: for ever),
-- ARGV[4] the thread in question.

local CHUNK = 1000 -- far below what unpack can do
local GRACE = 1000 -- keys outlive the thread a little, so that no clock takes only half of it

local sequence, expiry = KEYS[1], KEYS[2]
local threads = {json = KEYS[3], place = KEYS[4], order = KEYS[5]}
local attachments = {json = KEYS[6], place = KEYS[7], order = KEYS[8]}
local items = {json = KEYS[9], place = KEYS[10], order = KEYS[11]}
local here = ({thread = threads, attachment = attachments, item = items})[ARGV[2]]
local retention, thread = tonumber(ARGV[3]), ARGV[4]

local function now()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

local function items_of(id)
  local base = ARGV[1] .. 'items:' .. id
  return {json = base .. ':json', place = base .. ':place', order = base .. ':order'}
end

local function all(collection)
  return collection.json, collection.place, collection.order
end

local function owner_keys()
  return {sequence, expiry, threads.json, threads.place, threads.order, all(attachments)}
end

-- Removes records from one collection; ids may be unknown.
local function drop(collection, ids)
  for first = 1, #ids, CHUNK do
    local last = math.min(first + CHUNK - 1, #ids)
    local places = redis.call('HMGET', collection.place, unpack(ids, first, last))
    local members = {}
    for n, place in ipairs(places) do
      if place then members[#members + 1] = place .. ids[first + n - 1] end
    end
    if #members > 0 then
      redis.call('HDEL', collection.json, unpack(ids, first, last))
      redis.call('HDEL', collection.place, unpack(ids, first, last))
      redis.call('ZREM', collection.order, unpack(members))
    end
  end
end

-- Removes threads with their items, and what an owner without records has left.
local function drop_threads(ids)
  drop(threads, ids)
  for _, id in ipairs(ids) do
    redis.call('UNLINK', all(items_of(id)))
    redis.call('ZREM', expiry, id)
  end
end

local function tidy()
  if redis.call('EXISTS', threads.json, attachments.json) == 0 then
    redis.call('UNLINK', sequence, expiry)
  end
end

local function expire(collection, at)
  redis.call('PEXPIREAT', collection.json, at)
  redis.call('PEXPIREAT', collection.place, at)
  redis.call('PEXPIREAT', collection.order, at)
end

-- The thread will not expire any more, nor what the owner's threads have in common.
local function keep_for_ever()
  if redis.call('PTTL', sequence) >= 0 then
    for _, key in ipairs(owner_keys()) do redis.call('PERSIST', key) end
  end
  if redis.call('ZREM', expiry, thread) == 1 then
    for _, key in ipairs({all(items_of(thread))}) do redis.call('PERSIST', key) end
  end
end

-- After each write: the thread begins its time anew.
local function touch()
  if retention == 0 then return keep_for_ever() end
  local time = now()
  local at = time + retention
  if thread ~= '' and redis.call('HEXISTS', threads.json, thread) == 1 then
    redis.call('ZADD', expiry, at, thread)
    expire(items_of(thread), at + GRACE)
  end
  if redis.call('HLEN', threads.json) > redis.call('ZCARD', expiry) then
    -- Written before there was a retention: their time begins now.
    for _, id in ipairs(redis.call('HKEYS', threads.json)) do
      if redis.call('ZADD', expiry, 'NX', at, id) == 1 then expire(items_of(id), at + GRACE) end
    end
  end
  -- Never earlier than a thread that was written when the retention was longer.
  local last = math.max(at + GRACE, time + redis.call('PTTL', sequence))
  for _, key in ipairs(owner_keys()) do redis.call('PEXPIREAT', key, last) end
end

-- Threads whose time is over go before anything else is done.
if redis.call('EXISTS', expiry) == 1 then
  local over = redis.call('ZRANGEBYSCORE', expiry, '-inf', now())
  if #over > 0 then
    drop_threads(over)
    tidy()
  end
end

// Stored responses, over all sessions. Keys behind the prefix:
//   rs: a response: 'v' itself, 'i' the names of its conversation's items, 'z' the bytes of both,
//       'q' its place in the queue, 'at' when it was stored (Unix ms)
//   ri: an item: 'v' itself, 'n' how many responses have it
//   rx  the queue, oldest first: names by number
//   rn  'n' how many responses there are, 'b' their bytes with those of their items, 'h' and 't'
//   the
//       queue's first and last number
// Only commands that earlier releases used, too: users of the store have their rights by name.
#include "scripts.hpp"

namespace oa_stream::store::scripts {

#define OA_DROP_RESPONSE                                                                           \
    R"lua(
local p = ARGV[1]
local function text(n) return string.format('%d', n) end
local function drop(name)
  local row = p..':rs:'..name
  local r = redis.call('HMGET', row, 'i', 'z', 'q')
  if not r[1] then return 0, 0 end
  local less, had = tonumber(r[2] or 0), 0
  for one in r[1]:gmatch('%S+') do
    had = had + 1
    local item = p..':ri:'..one
    if redis.call('HINCRBY', item, 'n', '-1') <= 0 then
      less = less + #(redis.call('HGET', item, 'v') or '')
      redis.call('UNLINK', item)
    end
  end
  redis.call('UNLINK', row)
  redis.call('HDEL', p..':rx', r[3] or '')
  redis.call('HINCRBY', p..':rn', 'n', '-1')
  redis.call('HINCRBY', p..':rn', 'b', text(-less))
  return 1, had
end
)lua"

// now, most responses, most bytes, greatest age in ms. Whether more have to go: at most 500 go at
// once, and no more behind 20,000 items, because the server does nothing else meanwhile.
#define OA_TRIM_RESPONSES                                                                          \
    R"lua(
local function trim(now, most, bytes, age)
  local n, q = p..':rn', p..':rx'
  local first, last = tonumber(redis.call('HGET', n, 'h') or 1), tonumber(redis.call('HGET', n, 't') or 0)
  if last == 0 then return 0 end
  local steps, items, more = 0, 0, 0
  while first <= last do
    local name = redis.call('HGET', q, text(first))
    if name then
      local c = redis.call('HMGET', n, 'n', 'b')
      local at = tonumber(redis.call('HGET', p..':rs:'..name, 'at') or 0)
      if tonumber(c[1]) <= tonumber(most) and tonumber(c[2]) <= tonumber(bytes)
        and tonumber(now) - at <= tonumber(age) then break end
    end
    if steps >= 500 or items >= 20000 then
      more = 1
      break
    end
    if name then
      local gone, had = drop(name)
      if gone == 0 then redis.call('HDEL', q, text(first)) end
      items = items + had
    end
    steps, first = steps + 1, first + 1
  end
  redis.call('HSET', n, 'h', text(first))
  -- What somebody else deleted was counted until now.
  if first > last then redis.call('HSET', n, 'n', '0', 'b', '0') end
  return more
end
)lua"

// KEYS: response, queue, counts. ARGV: name, response, now, most responses, most bytes, greatest
// age in ms, then names and values of the items. The names of those that are gone; it is stored if
// there are none.
const Script keep_response{"keep_response", list_of(0), OA_DROP_RESPONSE OA_TRIM_RESPONSES R"lua(
if redis.call('EXISTS', KEYS[1]) == 1 then return {} end
local gone = {}
for i = 9, #ARGV, 2 do
  if ARGV[i + 1] == '' and redis.call('EXISTS', p..':ri:'..ARGV[i]) == 0 then gone[#gone + 1] = ARGV[i] end
end
if #gone > 0 then return gone end
local names, items = {}, 0
for i = 9, #ARGV, 2 do
  local item = p..':ri:'..ARGV[i]
  if redis.call('HINCRBY', item, 'n', '1') == 1 then
    redis.call('HSET', item, 'v', ARGV[i + 1])
    items = items + #ARGV[i + 1]
  end
  names[#names + 1] = ARGV[i]
end
local list = table.concat(names, ' ')
local own = #ARGV[4] + #list
local last = redis.call('HINCRBY', KEYS[3], 't', '1')
redis.call('HSET', KEYS[1], 'v', ARGV[4], 'i', list, 'z', text(own), 'q', text(last), 'at', ARGV[5])
redis.call('HSET', KEYS[2], text(last), ARGV[3])
redis.call('HINCRBY', KEYS[3], 'n', '1')
redis.call('HINCRBY', KEYS[3], 'b', text(own + items))
trim(ARGV[5], ARGV[6], ARGV[7], ARGV[8])
return {}
)lua"};

// ARGV: now, most responses, most bytes, greatest age in ms. Whether more have to go.
const Script trim_responses{
    "trim_responses", k_number, "#!lua flags=allow-oom" OA_DROP_RESPONSE OA_TRIM_RESPONSES R"lua(
return trim(ARGV[3], ARGV[4], ARGV[5], ARGV[6])
)lua"
};

// ARGV: bytes, names of items. Their values, and no more once these are that many bytes: a long
// answer holds up all that the lane, and others, ask meanwhile.
const Script response_items{"response_items", list_of(1), R"lua(
local p, left = ARGV[1], tonumber(ARGV[3])
local out = {}
for i = 4, #ARGV do
  out[#out + 1] = redis.call('HGET', p..':ri:'..ARGV[i], 'v') or ''
  left = left - #out[#out]
  if left <= 0 then break end
end
return out
)lua"};

// ARGV: name.
const Script drop_response{
    "drop_response", k_number, "#!lua flags=allow-oom" OA_DROP_RESPONSE R"lua(
return (drop(ARGV[3]))
)lua"
};

} // namespace oa_stream::store::scripts

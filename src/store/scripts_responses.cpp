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
  if not r[1] then return 0 end
  local less = tonumber(r[2] or 0)
  for one in r[1]:gmatch('%S+') do
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
  return 1
end
)lua"

// KEYS: response, queue, counts. ARGV: name, response, now, most responses, most bytes, greatest
// age in ms, then names and values of the items. The names of those that are gone; it is stored if
// there are none. At most 500 go at once.
const Script keep_response{"keep_response", list_of(0), OA_DROP_RESPONSE R"lua(
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
local first = tonumber(redis.call('HGET', KEYS[3], 'h') or 1)
for _ = 1, 500 do
  if first > last then break end
  local name = redis.call('HGET', KEYS[2], text(first))
  if name then
    local c = redis.call('HMGET', KEYS[3], 'n', 'b')
    local at = tonumber(redis.call('HGET', p..':rs:'..name, 'at') or 0)
    if tonumber(c[1]) <= tonumber(ARGV[6]) and tonumber(c[2]) <= tonumber(ARGV[7])
      and tonumber(ARGV[5]) - at <= tonumber(ARGV[8]) then break end
    if drop(name) == 0 then redis.call('HDEL', KEYS[2], text(first)) end
  end
  first = first + 1
end
redis.call('HSET', KEYS[3], 'h', text(first))
return {}
)lua"};

// KEYS: response. ARGV: names of items. Whether it is there, the response, how many items its
// conversation has, their names and values, then the values of those that were named.
const Script find_response{"find_response", list_of(3), R"lua(
local p = ARGV[1]
local r = redis.call('HMGET', KEYS[1], 'v', 'i')
local out = {r[1] and 1 or 0, r[1] or '', 0}
for one in (r[2] or ''):gmatch('%S+') do
  out[3] = out[3] + 1
  out[#out + 1] = one
  out[#out + 1] = redis.call('HGET', p..':ri:'..one, 'v') or ''
end
for i = 3, #ARGV do out[#out + 1] = redis.call('HGET', p..':ri:'..ARGV[i], 'v') or '' end
return out
)lua"};

// ARGV: name.
const Script drop_response{
    "drop_response", k_number, "#!lua flags=allow-oom" OA_DROP_RESPONSE R"lua(
return drop(ARGV[3])
)lua"
};

} // namespace oa_stream::store::scripts

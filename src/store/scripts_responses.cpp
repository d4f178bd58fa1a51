// Stored responses, for all sessions. Keys behind the prefix:
//   rs: a response: 'v' its value, 'i' the names of its conversation's items, 'z' the bytes of
//       these two, 'q' and 'o' its places in the queues, 'at' when it was stored (Unix ms)
//   ri: an item: 'v' its value, 'n' how many responses have it
//   rq: the queue of all: 'n' the number of responses, 'b' their bytes with those of their items,
//       'h' and 't' the first and last place. For each place in use: the place in the owner's
//       queue, and the name. 'most n' and 'most b': owners who were seen to hold most.
//   ro: the same for one owner
// Responses and items (rs and ri) expire by themselves an hour after a sweep would have removed
// them, in case no lane runs. Their counts stay, for the next lane's sweep. Uses only commands that
// earlier releases used, too: a store's user has its rights by command name.
#include "scripts.hpp"

namespace oa_stream::store::scripts {

// drop() returns whether the response existed, and the number of its items.
#define OA_DROP_RESPONSE                                                                           \
    R"lua(
local p = ARGV[1]
local all = p..':rq'
local function text(n) return string.format('%d', n) end
local function own_of(name) return p..':ro:'..name:match('^[^/]*') end
local function forget(name, place, own_place, bytes)
  local own = own_of(name)
  if not bytes then -- what was deleted by somebody else, or has ended: as large as any
    local c = redis.call('HMGET', own, 'n', 'b')
    bytes = math.floor(tonumber(c[2] or 0) / math.max(tonumber(c[1] or 0), 1))
  end
  redis.call('HDEL', all, place)
  redis.call('HDEL', own, own_place)
  redis.call('HINCRBY', all, 'n', '-1')
  redis.call('HINCRBY', all, 'b', text(-bytes))
  local n, b = redis.call('HINCRBY', own, 'n', '-1'), redis.call('HINCRBY', own, 'b', text(-bytes))
  if n > 0 then return end
  -- What was not as large is counted until now.
  redis.call('HINCRBY', all, 'b', text(-b))
  redis.call('UNLINK', own)
end
local function drop(name)
  local row = p..':rs:'..name
  local r = redis.call('HMGET', row, 'i', 'z', 'q', 'o')
  if not r[1] then return false, 0 end
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
  forget(name, r[3] or '', r[4] or '', less)
  return true, had
end
)lua"

// now, limit of responses, limit of bytes, greatest age in ms, the owner who stores. Returns
// whether more have to be removed: one call reads at most 500 places and stops after 20,000 items,
// because the server does nothing else meanwhile.
// Removes responses that are too old. When there are too many, removes the oldest one of the owner
// who holds most; compared are the owner who stores, the one who was seen to hold most, and the
// owner of the oldest response.
#define OA_TRIM_RESPONSES                                                                          \
    R"lua(
local function trim(now, most, bytes, age, who)
  local steps, items = 0, 0
  local function first_of(queue)
    local c = redis.call('HMGET', queue, 'h', 't')
    local first, last, entry = tonumber(c[1] or 1), tonumber(c[2] or 0), false
    while first <= last and not entry and steps < 500 do
      entry = redis.call('HGET', queue, text(first))
      if not entry then steps, first = steps + 1, first + 1 end
    end
    if last > 0 then redis.call('HSET', queue, 'h', text(first)) end
    return entry, text(first), first > last
  end
  local function go(queue, entry, place)
    local other, name = entry:match('^(%S+) (%S+)$')
    local there, had = drop(name)
    if not there and queue == all then forget(name, place, other) end
    if not there and queue ~= all then forget(name, other, place) end
    steps, items = steps + 1, items + had
  end
  local function fullest(field, oldest)
    local found = own_of(oldest)
    for _, owner in ipairs({who, redis.call('HGET', all, 'most '..field) or who}) do
      local queue = p..':ro:'..owner
      if tonumber(redis.call('HGET', queue, field) or 0) > tonumber(redis.call('HGET', found, field) or 0) then
        found = queue
      end
    end
    return found
  end
  while steps < 500 and items < 20000 do
    local entry, place, none = first_of(all)
    if none and place ~= '1' then redis.call('HSET', all, 'n', '0', 'b', '0') end
    if not entry then break end
    local name = entry:match('%S+$')
    local c = redis.call('HMGET', all, 'n', 'b')
    local at = tonumber(redis.call('HGET', p..':rs:'..name, 'at') or 0)
    local field = tonumber(c[1]) > tonumber(most) and 'n' or tonumber(c[2]) > tonumber(bytes) and 'b'
    if tonumber(now) - at > tonumber(age) then
      go(all, entry, place)
    elseif field then
      local queue = fullest(field, name)
      local own, own_place, none_there = first_of(queue)
      if own then
        go(queue, own, own_place)
      elseif none_there then
        go(all, entry, place)
      end
    else
      return 0
    end
  end
  return (steps >= 500 or items >= 20000) and 1 or 0
end
)lua"

// KEYS: response, queues of all and of the owner. ARGV: owner, name, response, now, limit of
// responses, limit of bytes, greatest age in ms, then names and values of the items. Returns the
// names of items that no longer exist; the response is stored only if there are none.
const Script keep_response{"keep_response", list_of(0), OA_DROP_RESPONSE OA_TRIM_RESPONSES R"lua(
if redis.call('EXISTS', KEYS[1]) == 1 then return {} end
local gone = {}
for i = 10, #ARGV, 2 do
  if ARGV[i + 1] == '' and redis.call('EXISTS', p..':ri:'..ARGV[i]) == 0 then gone[#gone + 1] = ARGV[i] end
end
if #gone > 0 then return gone end
local life = text(tonumber(ARGV[9]) + 3600000)
local names, items = {}, 0
for i = 10, #ARGV, 2 do
  local item = p..':ri:'..ARGV[i]
  if redis.call('HINCRBY', item, 'n', '1') == 1 then
    redis.call('HSET', item, 'v', ARGV[i + 1])
    items = items + #ARGV[i + 1]
  end
  redis.call('PEXPIRE', item, life)
  names[#names + 1] = ARGV[i]
end
local list = table.concat(names, ' ')
local own = #ARGV[5] + #list
local place = text(redis.call('HINCRBY', KEYS[2], 't', '1'))
local own_place = text(redis.call('HINCRBY', KEYS[3], 't', '1'))
redis.call('HSET', KEYS[1], 'v', ARGV[5], 'i', list, 'z', text(own), 'q', place, 'o', own_place, 'at', ARGV[6])
redis.call('PEXPIRE', KEYS[1], life)
redis.call('HSET', KEYS[2], place, own_place..' '..ARGV[4])
redis.call('HSET', KEYS[3], own_place, place..' '..ARGV[4])
for field, more in pairs({n = 1, b = own + items}) do
  redis.call('HINCRBY', KEYS[2], field, text(more))
  local has = redis.call('HINCRBY', KEYS[3], field, text(more))
  local who = redis.call('HGET', KEYS[2], 'most '..field)
  if has >= tonumber(who and redis.call('HGET', p..':ro:'..who, field) or 0) then
    redis.call('HSET', KEYS[2], 'most '..field, ARGV[3])
  end
end
trim(ARGV[6], ARGV[7], ARGV[8], ARGV[9], ARGV[3])
return {}
)lua"};

// ARGV: now, limit of responses, limit of bytes, greatest age in ms. Returns whether more have to
// be removed.
const Script trim_responses{
    "trim_responses", k_number, "#!lua flags=allow-oom" OA_DROP_RESPONSE OA_TRIM_RESPONSES R"lua(
return trim(ARGV[3], ARGV[4], ARGV[5], ARGV[6], '')
)lua"
};

// ARGV: bytes, names of items. Returns their values, and stops once these have that many bytes: a
// long answer delays all other commands of this lane and of others.
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
return drop(ARGV[3]) and 1 or 0
)lua"
};

} // namespace oa_stream::store::scripts

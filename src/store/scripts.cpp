#include "scripts.hpp"

namespace oa_stream::store::scripts {

// Numbers are passed to redis.call() as text: others would be written as floating point.

// Sessions are strings with a time to live: a session lives as long as its key exists, by the
// server's clock alone. The holder "-" never lives: its turn was released while running. "+" holds
// nothing: its rows are those whose turn had to stop, until the authority has reported the stop.

// Counts one more turn if the limits of all living sessions allow it; ARGV as for acquire. That
// this session lives was checked before.
#define OA_COUNTED                                                                                 \
    R"lua(
local function text(n) return string.format('%d', n) end
local c, o = p..':c:', 'o:'..ARGV[4]
local function counts(x)
  local n = redis.call('HMGET', c..x, 'n', o)
  return tonumber(n[1] or 0), tonumber(n[2] or 0)
end
local mine_all, mine_own = counts(me)
local total, own = mine_all, mine_own
for _, x in ipairs(redis.call('SMEMBERS', p..':ss')) do
  if x ~= me and redis.call('EXISTS', p..':s:'..x) == 1 then
    local n, of_owner = counts(x)
    total = total + n
    own = own + of_owner
  end
end
if total >= tonumber(ARGV[6]) then return {'full'} end
if tonumber(ARGV[7]) > 0 and own >= tonumber(ARGV[7]) then return {'owner'} end
redis.call('HSET', c..me, 'n', text(mine_all + 1), o, text(mine_own + 1))
)lua"

// If a start failed, the authority may have a turn nevertheless.
#define OA_UNSURE                                                                                  \
    R"lua(
if redis.call('HGET', KEYS[1], 'st') == 'starting' then redis.call('HSET', KEYS[1], 'un', '1') end
)lua"

// A row without a conversation is kept only for its fence, for a limited time. This is long enough
// that no lane which starts later can offer a deleted row; see sign_on.
#define OA_KEPT "redis.call('EXISTS', ARGV[1]..':healing') == 1 and '2592000000' or '86400000'"
#define OA_NOT_FOR_EVER                                                                            \
    "if not redis.call('HGET', KEYS[1], 'th') then redis.call('PEXPIRE', KEYS[1], " OA_KEPT        \
    ") end\n"

// Other sessions may have a row that the store lacks: it lost its rows, and they have not offered
// theirs. The same if the store has no name yet: then no session has noticed the loss.
#define OA_AWAITED                                                                                 \
    R"lua(
local p, me = ARGV[1], ARGV[2]
local function awaited()
  if redis.call('EXISTS', p..':lost') == 1 or not redis.call('HGET', p..':meta', 'born') then
    return true
  end
  for _, x in ipairs(redis.call('SMEMBERS', p..':ss')) do
    if redis.call('HGET', p..':c:'..x, 'w') and redis.call('EXISTS', p..':s:'..x) == 1 then
      return true
    end
  end
  return false
end
)lua"

// ARGV: attempt, owner, row's name, limit of turns, limit of this owner's turns (0: none).
const Script acquire{"acquire", list_of(1), OA_AWAITED R"lua(
if redis.call('EXISTS', p..':s:'..me) == 0 then return {'dead'} end
local r = redis.call('HMGET', KEYS[1], 's', 'f', 'st', 'ti', 'sp', 'rq', 'un',
  )lua" OA_FIELDS R"lua(, 've', 'gn')
local function mine(f)
  local out = {'mine', f, r[7] or ''}
  for i = 8, 17 do out[i - 4] = r[i] or '' end
  return out
end
local s = r[1] or ''
if s ~= '' then
  if s == me and r[6] == ARGV[3] then return mine(r[2]) end
  if redis.call('EXISTS', p..':s:'..s) == 0 then
    return {'orphan', r[2], s, r[3], r[4] or '', r[5] or '', 0}
  end
  local n = 0
  local all = redis.call('HGETALL', p..':r:'..(r[4] or ''))
  for i = 1, #all, 2 do
    if redis.call('EXISTS', p..':s:'..all[i]) == 1 then n = n + tonumber(all[i + 1]) end
  end
  return {'busy', r[2], s, r[3], r[4] or '', r[5] or '', n}
end
-- A row without a fence may be held by a session that has not come back.
local unsure = not r[2] and redis.call('EXISTS', p..':lost') == 1
if unsure or not r[8] and not r[17] and awaited() then return {'awaited'} end
)lua" OA_COUNTED R"lua(
local f = (r[2] or 0) + 1
redis.call('HSET', KEYS[1], 'f', text(f), 's', me, 'st', 'starting', 'rq', ARGV[3], 'ti', '', 'sp', '',
  'rd', '')
if not r[8] and (r[2] or r[17]) then redis.call('PERSIST', KEYS[1]) end -- else it has no end
redis.call('SADD', p..':o:'..me, ARGV[5])
return mine(f)
)lua"};

const Script take_place{"take_place", list_of(1), R"lua(
local p, me = ARGV[1], ARGV[2]
if redis.call('EXISTS', p..':s:'..me) == 0 then return {'dead'} end
)lua" OA_COUNTED "return {'mine'}"};

// After every change of an owner's rows: adds its id to a stream with the last thousand or so of
// one day.
#define OA_CHANGED                                                                                 \
    "local at = redis.call('XADD', KEYS[3], 'MAXLEN', '~', '1000', '*', 'i', ARGV[3])\n"           \
    "redis.call('PEXPIRE', KEYS[3], '86400000')\n"

// … and raises the row's version to at least the server's time in ms. So a row that is made after
// the store lost an older copy is the newer one.
#define OA_RAISED                                                                                  \
    R"lua(
local ve = math.max(tonumber(at:match('^%d+')), tonumber(redis.call('HGET', KEYS[1], 've') or 0) + 1)
redis.call('HSET', KEYS[1], 've', string.format('%.0f', ve))
)lua"

// KEYS: row, owner's set, owner's changes, log. ARGV: thread id, fence, turn, head, the log's time
// to live, idempotency key or '', then the row's names and values, if it is put as well. A value
// whose name begins with `-` is written only if the row was deleted since. Avoids writes without
// effect, because a client waits for this script. A row that is held has no time to live.
const Script commit{"commit", list_of(1), R"lua(
local r = redis.call('HMGET', KEYS[1], 's', 'f', 'st', 'ti', 'sp', 'un', 'gn', 'th', 've')
if r[1] ~= ARGV[2] or r[2] ~= ARGV[4] then return {'fenced'} end
if r[3] == 'live' and r[4] == ARGV[5] then return {'ok', r[5] or '', r[9] or ''} end
local k = {} -- stays empty where the key has run out: it is not made again
if ARGV[8] ~= '' then k = redis.call('HMGET', ARGV[8], 's', 'ti') end
if k[1] and (k[1] ~= ARGV[2] or k[2] ~= '') then return {'fenced'} end -- another lane has it since
local put = {'st', 'live', 'ti', ARGV[5]}
for i = 9, #ARGV, 2 do
  local known = ARGV[i]:sub(1, 1) == '-'
  if not known or not r[8] then
    put[#put + 1] = known and ARGV[i]:sub(2) or ARGV[i]
    put[#put + 1] = ARGV[i + 1]
  end
end
redis.call('HSET', KEYS[1], unpack(put))
if r[6] then redis.call('HDEL', KEYS[1], 'un') end
if redis.call('EXISTS', KEYS[4]) == 1 then redis.call('UNLINK', KEYS[4]) end
redis.call('XADD', KEYS[4], ARGV[4]..'-0', 'h', ARGV[6])
redis.call('PEXPIRE', KEYS[4], ARGV[7])
if k[1] then redis.call('HSET', ARGV[8], 'ti', ARGV[5]) end
if #ARGV > 8 then
  if r[7] then redis.call('HDEL', KEYS[1], 'gn') end
  if not r[8] then redis.call('SADD', KEYS[2], ARGV[3]) end
)lua" OA_CHANGED OA_RAISED R"lua(
  r[9] = string.format('%.0f', ve)
end
return {'ok', r[5] or '', r[9] or ''}
)lua"};

// KEYS: row, log. ARGV: fence, end, frames, outcome, log kept, owner, row's name, then where the
// log must end before this entry, or '': known to be right. Changes nothing if the log ends
// elsewhere.
const Script end{"end", k_text, R"lua(#!lua flags=allow-oom
local p, me = ARGV[1], ARGV[2]
local r = redis.call('HMGET', KEYS[1], 's', 'f', 'st')
if not r[2] then return 'gone' end
local id = ARGV[3]..'-'..ARGV[4]
if r[2] ~= ARGV[3] then
  local mine = redis.call('XRANGE', KEYS[2], id, id)[1] -- its answer was lost, and the row went on
  return mine and mine[2][3] == 'e' and 'stored' or 'fenced'
end
if r[1] == '' and r[3] == 'ended' then return 'stored' end
if r[1] ~= me then return 'fenced' end
if ARGV[10] ~= '' then
  local top = redis.call('XREVRANGE', KEYS[2], '+', '-', 'COUNT', '1')[1]
  if not top or top[1] ~= ARGV[3]..'-'..ARGV[10] then return 'hole' end
end
local there = redis.call('XADD', KEYS[2], 'NOMKSTREAM', id, 'b', ARGV[5], 'e', ARGV[6])
if there then redis.call('PEXPIRE', KEYS[2], ARGV[7]) end
redis.call('HSET', KEYS[1], 's', '', 'st', 'ended', 'lk', ARGV[7])
)lua" OA_NOT_FOR_EVER R"lua(
redis.call('HINCRBY', p..':c:'..me, 'n', '-1')
redis.call('HINCRBY', p..':c:'..me, 'o:'..ARGV[8], '-1')
redis.call('SREM', p..':o:'..me, ARGV[9])
return there and 'stored' or 'gone'
)lua"};

// KEYS: row. ARGV: fence, turn, row's name, idempotency key or '', and the values of use_key for
// it: digest, thread id, attempt, time to live. For a server that lost all or its last writes, for
// example a copy that took over. A use of the key without a turn is the one that led to this turn,
// or repeats it.
const Script hold_again{"hold_again", k_number, R"lua(
local p, me = ARGV[1], ARGV[2]
local r = redis.call('HMGET', KEYS[1], 's', 'f', 'st')
if tonumber(r[2] or 0) < tonumber(ARGV[3]) or r[1] == me and r[2] == ARGV[3] and r[3] == 'starting' then
  redis.call('HSET', KEYS[1], 's', me, 'f', ARGV[3], 'st', 'live', 'ti', ARGV[4], 'sp', '')
  redis.call('SREM', p..':o:'..(r[1] or ''), ARGV[5])
elseif r[1] ~= me or r[2] ~= ARGV[3] then
  return 0
end
redis.call('SADD', p..':o:'..me, ARGV[5])
if ARGV[6] ~= '' then
  local k = redis.call('HMGET', ARGV[6], 'd', 'ti')
  if not k[1] or k[1] == ARGV[7] and k[2] == '' then
    redis.call('HSET', ARGV[6], 'd', ARGV[7], 't', ARGV[8], 's', me, 'a', ARGV[9], 'ti', ARGV[4])
    redis.call('PEXPIRE', ARGV[6], ARGV[10])
  end
end
return 1
)lua"};

// KEYS: row. ARGV: fence, owner, row's name, new holder ('' or '-'), a time to live: of the log
// when the turn is not continued, else of an inbox. A turn that still runs is announced to one
// other replica; the others find it in their next sweep.
const Script let_go{"let_go", k_number, R"lua(#!lua flags=allow-oom
local p, me = ARGV[1], ARGV[2]
local r = redis.call('HMGET', KEYS[1], 's', 'f', 'ti')
if r[1] ~= me or r[2] ~= ARGV[3] then return 0 end
redis.call('HSET', KEYS[1], 's', ARGV[6])
if ARGV[6] == '' then
)lua" OA_UNSURE R"lua(
  redis.call('HSET', KEYS[1], 'st', 'ended')
  if (r[3] or '') ~= '' then redis.call('PEXPIRE', p..':l:'..r[3], ARGV[7]) end
)lua" OA_NOT_FOR_EVER R"lua(
else
  redis.call('SADD', p..':o:'..ARGV[6], ARGV[5])
  local others = {}
  for _, x in ipairs(redis.call('SMEMBERS', p..':ss')) do
    if x ~= me and redis.call('EXISTS', p..':s:'..x) == 1 then others[#others + 1] = x end
  end
  if #others > 0 then
    local inbox = p..':in:'..others[tonumber(r[2]) % #others + 1]
    redis.call('XADD', inbox, 'MAXLEN', '~', '10000', '*', 't', r[3] or '', 'r', 'adopt', 'b', ARGV[5])
    redis.call('PEXPIRE', inbox, ARGV[7])
  end
end
redis.call('HINCRBY', p..':c:'..me, 'n', '-1')
redis.call('HINCRBY', p..':c:'..me, 'o:'..ARGV[4], '-1')
redis.call('SREM', p..':o:'..me, ARGV[5])
return 1
)lua"};

// KEYS: row, log. ARGV: holder, fence, top fence, top end, then the arguments of the script itself.
// Shared by reap and adopt: nothing may have changed since it was read.
#define OA_UNCHANGED                                                                               \
    R"lua(
local p, me = ARGV[1], ARGV[2]
if redis.call('EXISTS', p..':s:'..me) == 0 then return {0} end
local r = redis.call('HMGET', KEYS[1], 's', 'f')
if r[1] ~= ARGV[3] or r[2] ~= ARGV[4] or ARGV[3] == '' then return {0} end
if redis.call('EXISTS', p..':s:'..ARGV[3]) == 1 then return {0} end
local top = redis.call('XREVRANGE', KEYS[2], '+', '-', 'COUNT', 1)
local id = top[1] and top[1][1] or '0-0'
if id ~= ARGV[5]..'-'..ARGV[6] then return {0} end
)lua"

// Further ARGV: new end, frames, outcome, log kept, row's name.
const Script reap{"reap", list_of(1), "#!lua flags=allow-oom" OA_UNCHANGED R"lua(
local f = redis.call('HINCRBY', KEYS[1], 'f', 1)
)lua" OA_UNSURE R"lua(
redis.call('HSET', KEYS[1], 's', '', 'st', 'ended', 'lk', ARGV[10])
)lua" OA_NOT_FOR_EVER R"lua(
redis.call('SREM', p..':o:'..ARGV[3], ARGV[11])
if ARGV[8] ~= '' then
  redis.call('XADD', KEYS[2], 'NOMKSTREAM', f..'-'..ARGV[7], 'b', ARGV[8], 'e', ARGV[9])
end
redis.call('PEXPIRE', KEYS[2], ARGV[10])
return {1}
)lua"};

// Further ARGV: owner, row's name, turn, times to live of its log and of its readers.
const Script adopt{"adopt", list_of(1), "#!lua flags=allow-oom" OA_UNCHANGED R"lua(
local f = redis.call('HINCRBY', KEYS[1], 'f', 1)
redis.call('HSET', KEYS[1], 's', me)
redis.call('SREM', p..':o:'..ARGV[3], ARGV[8])
redis.call('SADD', p..':o:'..me, ARGV[8])
redis.call('HINCRBY', p..':c:'..me, 'n', 1)
redis.call('HINCRBY', p..':c:'..me, 'o:'..ARGV[7], 1)
redis.call('XADD', KEYS[2], 'NOMKSTREAM', f..'-'..ARGV[6], 'x', me)
redis.call('PEXPIRE', KEYS[2], ARGV[10])
redis.call('PEXPIRE', p..':r:'..ARGV[9], ARGV[11])
return {1, f}
)lua"};

// KEYS: row. The last item: how long ago its turn ended, in ms, as long as its log exists. It is
// computed from the log's time to live, which began then and does not depend on the reading lane's
// options.
const Script look{"look", list_of(20), OA_AWAITED R"lua(
local r = redis.call('HMGET', KEYS[1], 's', 'f', 'st', 'ti', 'sp',
  )lua" OA_FIELDS R"lua(, 've', 'gn', 'rd', 'lk')
local alive = 0
if (r[1] or '') ~= '' then alive = redis.call('EXISTS', p..':s:'..r[1]) end
local out = {alive}
for i = 1, 16 do out[i + 1] = r[i] or '' end
local left = redis.call('PTTL', p..':l:'..(r[4] or ''))
out[18] = left == -2 and 0 or 1
out[19] = not r[6] and not r[15] and awaited() and 1 or 0
out[20] = r[3] == 'ended' and r[17] and left >= 0 and math.max(r[17] - left, 0) or 0
return out
)lua"};

// KEYS: row. ARGV: name of this read, the turn that it is about or '', the turns that were read
// whole. Only while the row's turn can be resumed.
const Script note_read{"note_read", k_number, R"lua(
local turn = redis.call('HGET', KEYS[1], 'ti') or ''
if turn == '' or redis.call('EXISTS', ARGV[1]..':l:'..turn) == 0 then return 0 end
if ARGV[4] ~= '' and ARGV[4] ~= turn then return 0 end
local whole = '0 '
for i = 5, #ARGV do
  if ARGV[i] == turn then whole = '1 ' end
end
redis.call('HSET', KEYS[1], 'rd', whole..ARGV[3])
return 1
)lua"};

// ARGV[4]: the fence of the hold, or '0': without a hold. Returns 0 if that fence does not hold the
// row any more. A store that lost the row, or its last writes, accepts the change nevertheless.
#define OA_STILL_HELD                                                                              \
    R"lua(
local h = redis.call('HMGET', KEYS[1], 's', 'f')
local last, own = tonumber(h[2] or 0), tonumber(ARGV[4])
if own > 0 and (last > own or last == own and h[1] ~= ARGV[2]) then return 0 end
)lua"

// KEYS: row, owner's set, owner's changes. ARGV: thread id, fence, then names and values.
const Script put{"put", k_number, OA_STILL_HELD R"lua(
redis.call('HSET', KEYS[1], unpack(ARGV, 5))
redis.call('HDEL', KEYS[1], 'gn')
redis.call('PERSIST', KEYS[1])
redis.call('SADD', KEYS[2], ARGV[3])
)lua" OA_CHANGED OA_RAISED R"lua(
return ve
)lua"};

// KEYS: row, owner's set and owner's changes of each. ARGV: for each its thread id, its version,
// names and values. A row whose key belongs to another program is skipped.
const Script offer{"offer", k_number, R"lua(#!lua
local function take(row, set, changes, at)
  local r = redis.call('HMGET', row, 'th', 'gn', 've', 'st', 's')
  local older = tonumber(ARGV[at + 1]) <= tonumber(r[3] or 0)
  if r[4] == 'starting' or older and (r[1] or r[2]) then return end
  if ARGV[at + 3] ~= '' then
    redis.call('HSET', row, 've', ARGV[at + 1], unpack(ARGV, at + 2, at + 17))
    redis.call('HDEL', row, 'gn')
    redis.call('PERSIST', row)
    redis.call('SADD', set, ARGV[at])
  else
    redis.call('HDEL', row, )lua" OA_FIELDS R"lua()
    redis.call('HSET', row, 've', ARGV[at + 1], 'gn', '1')
    redis.call('SREM', set, ARGV[at])
    if (r[5] or '') == '' then redis.call('PEXPIRE', row, )lua" OA_KEPT R"lua() end
  end
  redis.call('XADD', changes, 'MAXLEN', '~', '1000', '*', 'i', ARGV[at])
  redis.call('PEXPIRE', changes, '86400000')
end
for i = 3, #KEYS, 3 do pcall(take, KEYS[i - 2], KEYS[i - 1], KEYS[i], 6 * i - 15) end
return 1
)lua"};

// KEYS: row, owner's set, owner's changes. ARGV: thread id, then names and values.
const Script change{"change", k_number, R"lua(#!lua flags=allow-oom
if not redis.call('HGET', KEYS[1], 'th') then return 0 end
redis.call('HSET', KEYS[1], unpack(ARGV, 4))
)lua" OA_CHANGED R"lua(
if ARGV[4] == 'up' then return 1 end -- its last use alone makes no copy of it the newer one
)lua" OA_RAISED R"lua(
return ve
)lua"};

// KEYS: row, owner's set, owner's changes. ARGV: thread id, fence, the authority's thread or ''.
// Returns 0 if the row has another thread: a store that lost the row may have been offered a
// different one.
const Script erase{"erase", k_number, OA_STILL_HELD R"lua(
if ARGV[5] ~= '' and redis.call('HGET', KEYS[1], 'th') ~= ARGV[5] then return 0 end
redis.call('HDEL', KEYS[1], )lua" OA_FIELDS R"lua()
redis.call('HSET', KEYS[1], 'gn', '1')
redis.call('SREM', KEYS[2], ARGV[3])
if (redis.call('HGET', KEYS[1], 's') or '') == '' then
)lua" OA_NOT_FOR_EVER "end\n" OA_CHANGED OA_RAISED R"lua(
return ve
)lua"};

#undef OA_UNSURE
#undef OA_KEPT
#undef OA_NOT_FOR_EVER
#undef OA_CHANGED
#undef OA_RAISED
#undef OA_AWAITED
#undef OA_STILL_HELD
#undef OA_UNCHANGED
#undef OA_COUNTED

} // namespace oa_stream::store::scripts

// Requests of one session to the session that holds a row.
#include "scripts.hpp"

namespace oa_stream::store::scripts {

// KEYS: row. ARGV: fence, reason, the inbox' time to live, row's name. Stores the reason before it
// notifies the holder. A client's stop is also listed under "+", so that it is carried out even if
// the holder dies. An empty reason comes from the holder itself: the turn has a reader and does not
// end for the next message.
const Script want{"want", k_number, R"lua(#!lua flags=allow-oom
local p = ARGV[1]
local r = redis.call('HMGET', KEYS[1], 's', 'f', 'st', 'ti', 'sp')
if r[2] ~= ARGV[3] or (r[3] ~= 'live' and r[3] ~= 'starting') or (r[1] or '') == '' then return 0 end
if ARGV[4] == '' then
  if r[1] == ARGV[2] and r[5] == 'superseded' then redis.call('HSET', KEYS[1], 'sp', '') end
  return 1
end
if r[5] ~= 'stopped' then redis.call('HSET', KEYS[1], 'sp', ARGV[4]) end
if ARGV[4] == 'stopped' then redis.call('SADD', p..':o:+', ARGV[6]) end
local inbox = p..':in:'..r[1]
if r[1] ~= '-' then
  redis.call('XADD', inbox, 'MAXLEN', '~', '10000', '*', 't', r[4] or '', 'r', ARGV[4])
  redis.call('PEXPIRE', inbox, ARGV[5])
end
return 1
)lua"};

// KEYS: row. ARGV: fence, row's name. Not while a turn that has to stop is held, and not for a
// later turn than the one that was checked.
const Script stop_done{"stop_done", k_number, R"lua(#!lua flags=allow-oom
local r = redis.call('HMGET', KEYS[1], 's', 'f', 'sp')
if r[3] == 'stopped' then
  if (r[1] or '') ~= '' or r[2] ~= ARGV[3] then return 0 end
  redis.call('HSET', KEYS[1], 'sp', '')
end
redis.call('SREM', ARGV[1]..':o:+', ARGV[4])
return 1
)lua"};

// KEYS: row. ARGV: turn, reason, request, body, the inbox' time to live. Refused for a turn whose
// log is lost: only its own replica's readers could see the outcome.
const Script pass{"pass", k_number, R"lua(
local p, me = ARGV[1], ARGV[2]
local r = redis.call('HMGET', KEYS[1], 's', 'ti', 'st')
local s = r[1] or ''
if r[2] ~= ARGV[3] or r[3] ~= 'live' or redis.call('EXISTS', p..':s:'..s) == 0 then return 0 end
if redis.call('EXISTS', p..':l:'..ARGV[3]) == 0 then return 0 end
local inbox = p..':in:'..s
redis.call('XADD', inbox, 'MAXLEN', '~', '10000', '*',
  't', ARGV[3], 'r', ARGV[4], 'q', ARGV[5], 'f', me, 'b', ARGV[6])
redis.call('PEXPIRE', inbox, ARGV[7])
return 1
)lua"};

// ARGV: the authority's threads, the inbox' time to live. Sent to all living sessions except this
// one.
const Script tell_deleted{"tell_deleted", k_number, R"lua(#!lua flags=allow-oom
local p, me = ARGV[1], ARGV[2]
for _, s in ipairs(redis.call('SMEMBERS', p..':ss')) do
  if s ~= me and redis.call('EXISTS', p..':s:'..s) == 1 then
    redis.call('XADD', p..':in:'..s, 'MAXLEN', '~', '10000', '*', 't', '-', 'r', 'deleted', 'b', ARGV[3])
    redis.call('PEXPIRE', p..':in:'..s, ARGV[4])
  end
end
return 1
)lua"};

} // namespace oa_stream::store::scripts

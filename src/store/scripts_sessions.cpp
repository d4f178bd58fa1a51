// Sessions: registered, and missed when they are dead.
#include "scripts.hpp"

namespace oa_stream::store::scripts {

// ARGV of both: lease, value of the session's key, form of the keys, a new name for what the store
// has, the name that this session knows ('': none, '-': none, but it has rows), its authority, then
// fields of its counts and their values. A session that lives stands among those whose death is
// noticed.
#define OA_COUNT                                                                                   \
    R"lua(#!lua flags=allow-oom
local p, me = ARGV[1], ARGV[2]
local c = p..':c:'..me
redis.call('SADD', p..':ss', me)
redis.call('UNLINK', c)
for i = 9, #ARGV, 2 do redis.call('HSET', c, ARGV[i], ARGV[i + 1]) end
)lua"

const Script count{"count", k_number, OA_COUNT "return 1"};

// A store that lost its rows has them again once each session that lives has offered its own: those
// that have not been here since have a lease's time to come. Who starts later, within 30 days,
// offers them, too: the third item. What is deleted until then is known for as long.
const Script sign_on{"sign_on", list_of(3), OA_COUNT R"lua(
redis.call('SET', p..':s:'..me, ARGV[4], 'PX', ARGV[3])
local meta, healing, known = p..':meta', p..':healing', ARGV[7]
local m = redis.call('HMGET', meta, 'v', 'born', 'a')
if not m[3] and ARGV[8] ~= '' then redis.call('HSET', meta, 'a', ARGV[8]) end
local lost = known ~= '' and known ~= '-' and known ~= m[2]
if not m[2] then
  redis.call('HSET', meta, 'v', ARGV[5], 'born', ARGV[6])
  lost = lost or known == '-' and not m[1]
end
if lost and redis.call('EXISTS', healing) == 0 then
  redis.call('SET', healing, '1', 'PX', '2592000000')
  redis.call('SET', p..':lost', '1', 'PX', ARGV[3])
end
local offers = lost or known == '-' and redis.call('EXISTS', p..':lost') == 1
if offers then redis.call('HSET', c, 'w', '1') end
return {m[2] or ARGV[6], offers and '1' or '', redis.call('EXISTS', healing) == 1 and '1' or ''}
)lua"};

// What dead sessions held, and what was let go; sessions that held nothing are forgotten. Turns
// that wait to go on come before those that only are to be known as stopped. The first item counts
// the living sessions.
const Script orphans{"orphans", list_of(1), R"lua(
local p = ARGV[1]
local out, alive = {0}, 0
local dead = {'-'}
for _, x in ipairs(redis.call('SMEMBERS', p..':ss')) do
  if redis.call('EXISTS', p..':s:'..x) == 1 then alive = alive + 1 else dead[#dead + 1] = x end
end
dead[#dead + 1] = '+'
for _, x in ipairs(dead) do
  local held = redis.call('SMEMBERS', p..':o:'..x)
  for _, row in ipairs(held) do
    if #out < 2001 then out[#out + 1] = row end
  end
  if #held == 0 and #x > 1 then
    redis.call('SREM', p..':ss', x)
    redis.call('UNLINK', p..':c:'..x, p..':in:'..x)
  end
end
out[1] = alive
return out
)lua"};

#undef OA_COUNT

} // namespace oa_stream::store::scripts

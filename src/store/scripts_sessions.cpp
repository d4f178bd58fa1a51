// Sessions: registers them, and finds dead ones.
#include "scripts.hpp"

namespace oa_stream::store::scripts {

// ARGV of both scripts: lease, value of the session's key, layout of the keys, a new name for the
// store's data, the name that this session knows ('': none, '-': none, but it has rows), its
// authority, then fields of its counts and their values. The session is added to the set that
// orphans checks for dead ones.
#define OA_COUNT                                                                                   \
    R"lua(#!lua flags=allow-oom
local p, me = ARGV[1], ARGV[2]
local c = p..':c:'..me
redis.call('SADD', p..':ss', me)
redis.call('UNLINK', c)
for i = 9, #ARGV, 2 do redis.call('HSET', c, ARGV[i], ARGV[i + 1]) end
)lua"

const Script count{"count", k_number, OA_COUNT "return 1"};

// A store that lost its rows has them again once each living session has offered its own; sessions
// that have not registered since then have one lease's time for it. A session that starts within 30
// days offers its rows, too: the third item. Deletions are remembered as long as that.
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

// Rows of dead sessions and rows that were released. Dead sessions without rows are removed. Turns
// that wait for a new holder come before those that only have to be confirmed as stopped. The first
// item is the number of living sessions.
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

// Sessions: registered, and missed when they are dead.
#include "scripts.hpp"

namespace oa_stream::store::scripts {

// ARGV of both: lease, value of the session's key, then fields of its counts and their values. A
// session that lives stands among those whose death is noticed.
#define OA_COUNT                                                                                   \
    R"lua(#!lua flags=allow-oom
local p, me = ARGV[1], ARGV[2]
local c = p..':c:'..me
redis.call('SADD', p..':ss', me)
redis.call('UNLINK', c)
for i = 5, #ARGV, 2 do redis.call('HSET', c, ARGV[i], ARGV[i + 1]) end
)lua"

const Script count{"count", k_number, OA_COUNT "return 1"};

const Script sign_on{"sign_on", k_number, OA_COUNT R"lua(
redis.call('SET', p..':s:'..me, ARGV[4], 'PX', ARGV[3])
return 1
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

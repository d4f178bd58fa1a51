// Idempotency keys, over all sessions.
#include "scripts.hpp"

namespace oa_stream::store::scripts {

// KEYS: the key's hash. ARGV: digest, thread id, time to live, attempt.
const Script use_key{"use_key", list_of(4), R"lua(
local p, me = ARGV[1], ARGV[2]
local r = redis.call('HMGET', KEYS[1], 'd', 't', 'ti', 's', 'a')
if r[1] then
  local turn = r[3] or ''
  local again = r[4] == me and r[5] == ARGV[6]
  if turn ~= '' or r[1] ~= ARGV[3] or not again and redis.call('EXISTS', p..':s:'..(r[4] or '')) == 1 then
    return {0, r[1], r[2] or '', turn}
  end
end
redis.call('HSET', KEYS[1], 'd', ARGV[3], 't', ARGV[4], 'ti', '', 's', me, 'a', ARGV[6])
redis.call('PEXPIRE', KEYS[1], ARGV[5])
return {1, ARGV[3], ARGV[4], ''}
)lua"};

// KEYS: the key's hash. ARGV: attempt. A turn it led to was told to nobody.
const Script forget_key{"forget_key", k_number, R"lua(
local r = redis.call('HMGET', KEYS[1], 's', 'a')
if r[1] == ARGV[2] and r[2] == ARGV[3] then redis.call('UNLINK', KEYS[1]) end
return 1
)lua"};

} // namespace oa_stream::store::scripts

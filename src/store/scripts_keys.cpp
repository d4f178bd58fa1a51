// Idempotency keys, for all sessions.
#include "scripts.hpp"

namespace oa_stream::store::scripts {

// KEYS: the key's hash. ARGV: digest, thread id, time to live, attempt, the thread's newest turn
// after '=', or '': not known yet. If a user of the key died, this is remembered as long as the
// key, together with the newest turn before the first such user.
const Script use_key{"use_key", list_of(6), R"lua(
local p, me = ARGV[1], ARGV[2]
local r = redis.call('HMGET', KEYS[1], 'd', 't', 'ti', 's', 'a', 'un', 'b')
local left = r[6] or ''
local before = r[7] or ''
if r[1] then
  local turn = r[3] or ''
  local again = r[4] == me and r[5] == ARGV[6]
  if turn ~= '' or r[1] ~= ARGV[3] or not again and redis.call('EXISTS', p..':s:'..(r[4] or '')) == 1 then
    return {0, r[1], r[2] or '', turn, left, before}
  end
  if not again then left = '1' end
end
redis.call('HSET', KEYS[1], 'd', ARGV[3], 't', ARGV[4], 'ti', '', 's', me, 'a', ARGV[6], 'un', left,
  'b', before ~= '' and before or ARGV[7])
redis.call('PEXPIRE', KEYS[1], ARGV[5])
return {1, ARGV[3], ARGV[4], '', left, before}
)lua"};

// KEYS: the key's hash. ARGV: attempt. No client has received its turn.
const Script forget_key{"forget_key", k_number, R"lua(
local r = redis.call('HMGET', KEYS[1], 's', 'a', 'un')
if r[1] ~= ARGV[2] or r[2] ~= ARGV[3] then return 1 end
if (r[3] or '') == '' then
  redis.call('UNLINK', KEYS[1])
else
  redis.call('HSET', KEYS[1], 's', '', 'a', '', 'ti', '')
end
return 1
)lua"};

// KEYS: the key's hash. ARGV: attempt, turn.
const Script answer_key{"answer_key", k_number, R"lua(
local r = redis.call('HMGET', KEYS[1], 's', 'a')
if r[1] == ARGV[2] and r[2] == ARGV[3] then redis.call('HSET', KEYS[1], 'ti', ARGV[4]) end
return 1
)lua"};

} // namespace oa_stream::store::scripts

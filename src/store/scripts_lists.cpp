// Reads many rows at once, and the readers of a turn.
#include "scripts.hpp"

namespace oa_stream::store::scripts {

// KEYS: owner's changes. ARGV: where the last answer ended. Returns the end of this answer, then
// whether that place still exists, then ids. If the stream is empty, a first entry is made, so that
// the next request has a place to begin at.
const Script changes{"changes", list_of(2), R"lua(
local last = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)
if #last == 0 then
  local place = redis.pcall('XADD', KEYS[1], '*', 'i', '')
  if type(place) == 'table' then return {'', 0} end
  redis.call('PEXPIRE', KEYS[1], '86400000')
  return {place, 0}
end
if ARGV[3] == '' or #redis.call('XRANGE', KEYS[1], ARGV[3], ARGV[3]) == 0 then return {last[1][1], 0} end
local out = {last[1][1], 1}
for _, x in ipairs(redis.call('XRANGE', KEYS[1], '('..ARGV[3], '+')) do out[#out + 1] = x[2][2] end
return out
)lua"};

// KEYS: rows. Returns nine values for each.
const Script rows{"rows", list_of(0), R"lua(
local out = {}
for _, k in ipairs(KEYS) do
  local r = redis.call('HMGET', k, )lua" OA_FIELDS R"lua(, 've')
  for i = 1, 9 do out[#out + 1] = r[i] or '' end
end
return out
)lua"};

// KEYS: the turn's readers. Returns their number in all living sessions.
const Script readers{"readers", k_number, R"lua(
local n = 0
local all = redis.call('HGETALL', KEYS[1])
for i = 1, #all, 2 do
  if redis.call('EXISTS', ARGV[1]..':s:'..all[i]) == 1 then n = n + tonumber(all[i + 1]) end
end
return n
)lua"};

} // namespace oa_stream::store::scripts

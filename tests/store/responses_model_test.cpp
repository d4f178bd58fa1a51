// Stored responses under random questions: the counts say what is there.
#include "redis_rig.hpp"

#include <algorithm>
#include <array>
#include <random>
#include <sstream>

using namespace oa_stream;
using namespace oa_stream::store;
using namespace oa_stream::test;

namespace {

/// What does not add up, a line each; then 'n' of each owner.
constexpr std::string_view k_audit = R"lua(
local out, total = {}, {n = 0, b = 0}
local function wrong(text) out[#out + 1] = text end
local owners, uses = {}, {}
local function owner(name)
  local key = name:match('^[^/]*')
  owners[key] = owners[key] or {n = 0, b = 0, items = {}}
  return owners[key], key
end
local places = 0
for _, row in ipairs(redis.call('KEYS', 'oa:rs:*')) do
  local name = row:sub(7)
  local own, who = owner(name)
  local r = redis.call('HMGET', row, 'v', 'i', 'z', 'q', 'o')
  own.n, own.b = own.n + 1, own.b + #r[1] + #r[2]
  if tonumber(r[3]) ~= #r[1] + #r[2] then wrong('z of '..name) end
  for one in r[2]:gmatch('%S+') do uses[one] = (uses[one] or 0) + 1 end
  if redis.call('HGET', 'oa:rq', r[4]) ~= r[5]..' '..name then wrong('place of '..name) end
  if redis.call('HGET', 'oa:ro:'..who, r[5]) ~= r[4]..' '..name then wrong('own place of '..name) end
  places = places + 1
end
for _, key in ipairs(redis.call('KEYS', 'oa:ri:*')) do
  local name = key:sub(7)
  local own = owner(name)
  own.b = own.b + #redis.call('HGET', key, 'v')
  if tonumber(redis.call('HGET', key, 'n')) ~= uses[name] then wrong('uses of '..name) end
  uses[name] = nil
end
for name in pairs(uses) do wrong('no item '..name) end
local function counted(key, n, b)
  local c = redis.call('HMGET', key, 'n', 'b')
  if tonumber(c[1] or 0) ~= n or tonumber(c[2] or 0) ~= b then
    wrong(key..' counts '..tostring(c[1])..' '..tostring(c[2])..', there are '..n..' '..b)
  end
  local named = 0
  for _, field in ipairs(redis.call('HKEYS', key)) do
    if field:match('^%d+$') then named = named + 1 end
  end
  if named ~= n then wrong(key..' has '..named..' places') end
end
local queues = #redis.call('KEYS', 'oa:ro:*')
for key, own in pairs(owners) do
  counted('oa:ro:'..key, own.n, own.b)
  total.n, total.b, queues = total.n + own.n, total.b + own.b, queues - 1
end
if queues ~= 0 then wrong('queues of nobody: '..queues) end
counted('oa:rq', total.n, total.b)
return table.concat(out, '; ')
)lua";

std::string audit(RedisRig& rig) {
    auto text = redis_cli(rig, {"EVAL", std::string(k_audit), "0"});
    std::erase(text, '\n');
    return text;
}

std::string number(RedisRig& rig, std::string_view key, std::string_view field) {
    auto text = redis_cli(rig, {"HGET", std::string(key), std::string(field)});
    std::erase(text, '\n');
    return text;
}

} // namespace

TEST_CASE("responses: the counts say what is there, whatever is stored, continued and deleted") {
    RedisRig rig;
    const std::array<ResponseLimits, 3> limits{
        {{.most = 12, .bytes = 6'000}, {.most = 9, .bytes = 100'000}, {.most = 50, .bytes = 4'000}}
    };
    std::vector<Store*> lanes;
    for (const auto& one : limits) {
        auto options = rig.options();
        options.responses = one;
        lanes.push_back(&rig.open(options));
    }
    std::mt19937 random(7); // NOLINT(cert-msc32-c,cert-msc51-cpp): the same each time
    const auto below = [&](std::size_t n) { return random() % n; };
    struct Kept {
        ResponseKey key;
        std::vector<ResponseItem> items;
    };
    std::vector<Kept> kept;
    const std::array<std::string, 5> owners{"", "ann", "b/o b", "n", "most n"};
    for (int i = 0; i < 400; ++i) {
        CAPTURE(i);
        auto& lane = *lanes[below(lanes.size())];
        if (below(5) == 0 && !kept.empty()) {
            (void)rig.get(lane.drop_response(kept[below(kept.size())].key));
        } else {
            const auto id = "r" + std::to_string(i);
            ResponseRecord next{
                {owners[std::min(below(5), below(5))], id}, std::string(1 + below(400), 'x')
            };
            const auto before = kept.empty() ? Kept{} : kept[below(kept.size())];
            if (before.key.owner == next.key.owner) {
                next.items = before.items;
            }
            for (std::size_t more = below(4); more > 0; --more) {
                next.items.push_back(
                    {id + "." + std::to_string(more), std::string(1 + below(500), 'y')}
                );
            }
            auto named = next;
            for (auto& item : named.items) {
                item.value = item.key.starts_with(id) || below(2) == 0 ? item.value : "";
            }
            if (!rig.get(lane.keep_response(named)).empty()) {
                REQUIRE(rig.get(lane.keep_response(next)).empty());
            }
            kept.push_back({next.key, next.items});
        }
        REQUIRE(audit(rig) == "");
        REQUIRE(std::stoul(number(rig, "oa:rq", "n")) <= 50);
    }
    for (const auto& one : kept) {
        (void)rig.get(lanes[0]->drop_response(one.key));
    }
    CHECK(audit(rig) == "");
    CHECK(redis_cli(rig, {"KEYS", "oa:r[sio]:*"}) == "\n");
    CHECK(redis_cli(rig, {"HMGET", "oa:rq", "n", "b"}) == "0\n0\n");
}

TEST_CASE("responses: nobody loses one because somebody else stored and deleted many") {
    RedisRig rig;
    auto options = rig.options();
    options.responses = {.most = 4};
    auto& lane = rig.open(options);
    const auto keep = [&](const std::string& owner, const std::string& id) {
        rig.get(lane.keep_response({{owner, id}, "response"}));
    };
    keep("ann", "a1");
    keep("batch", "first");
    for (int i = 0; i < 1'100; ++i) {
        keep("batch", "gone");
        rig.get(lane.drop_response({"batch", "gone"}));
    }
    for (int i = 0; i < 6; ++i) {
        keep("batch", "r" + std::to_string(i));
    }
    CHECK(rig.get(lane.find_response({"ann", "a1"}, {})).response);
    CHECK(audit(rig) == "");
}

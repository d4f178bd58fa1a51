#include "haproxy/haproxy_shift.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <array>
#include <sstream>

using namespace oa_stream::traffic;

namespace {

HaproxySnapshot two(ServerSetting stable, ServerSetting canary) {
    HaproxySnapshot out;
    for (const auto& [name, setting] : {std::pair("stable", stable), std::pair("canary", canary)}) {
        HaproxyFacts server;
        server.name = name;
        server.weight = setting.weight;
        server.rotation = setting.rotation;
        server.status = "UP";
        out.servers.push_back(server);
    }
    return out;
}

/// Carries one command out as HAProxy does.
void obey(HaproxySnapshot& snapshot, const std::string& command) {
    std::istringstream words(command);
    std::string set;
    std::string kind;
    std::string name;
    std::string what;
    std::string value;
    words >> set >> kind >> name >> what >> value;
    REQUIRE((set == "set" && kind == "server" && name.starts_with("chat/")));
    const auto found = std::ranges::find(snapshot.servers, name.substr(5), &HaproxyFacts::name);
    REQUIRE(found != snapshot.servers.end());
    if (what == "weight") {
        found->weight = static_cast<unsigned>(std::stoul(value));
    } else {
        REQUIRE(what == "state");
        found->rotation = *parse_rotation(value); // NOLINT(bugprone-unchecked-optional-access)
    }
}

struct Shares {
    unsigned stable, canary;
    [[nodiscard]] bool none() const { return stable + canary == 0; }
    /// a/b ≤ c/d without fractions; a share of nothing is none
    [[nodiscard]] bool canary_at_most(const Shares& other) const {
        return canary * (other.stable + other.canary) <= other.canary * (stable + canary);
    }
};
Shares shares(const HaproxySnapshot& snapshot) {
    return {snapshot.servers[0].effective(), snapshot.servers[1].effective()};
}

constexpr std::array k_weights{0U, 1U, 5U, 50U, 95U, 100U, 256U};
constexpr std::array k_rotations{Rotation::ready, Rotation::drain, Rotation::maint};

void check_path(ServerSetting s, ServerSetting c, ServerSetting s2, ServerSetting c2) {
    HaproxySnapshot now = two(s, c);
    const Shares before = shares(now);
    const Shares after = shares(two(s2, c2));
    if (before.none() || after.none()) {
        return; // no such state is left or sought
    }
    INFO(before.stable << "/" << before.canary << " to " << after.stable << "/" << after.canary);
    const auto commands = shift_commands(now, "chat", "stable", {{"stable", s2}, {"canary", c2}});
    for (const std::string& command : commands) {
        INFO(command);
        obey(now, command);
        const Shares between = shares(now);
        REQUIRE_FALSE(between.none());
        REQUIRE((between.canary_at_most(before) || between.canary_at_most(after)));
    }
    REQUIRE(now.servers[0].weight == s2.weight);
    REQUIRE(now.servers[1].weight == c2.weight);
    REQUIRE(now.servers[0].rotation == s2.rotation);
    REQUIRE(now.servers[1].rotation == c2.rotation);
}

} // namespace

TEST_CASE("haproxy: between two writes somebody serves, and the canary's share is never above both "
          "ends") {
    for (const unsigned s : k_weights) {
        for (const unsigned c : k_weights) {
            for (const unsigned s2 : k_weights) {
                for (const unsigned c2 : k_weights) {
                    check_path({s}, {c}, {s2}, {c2});
                }
            }
        }
    }
}

TEST_CASE("haproxy: the same with servers that are drained or in maintenance at either end") {
    for (const Rotation canary : k_rotations) {
        for (const Rotation then : k_rotations) {
            for (const unsigned c : k_weights) {
                for (const unsigned c2 : k_weights) {
                    check_path({100}, {c, canary}, {95}, {c2, then});
                    check_path({50}, {c, canary}, {100}, {c2, then});
                    check_path({100, then}, {50, Rotation::ready}, {100}, {c2, canary});
                    check_path({0}, {c, canary}, {100, then}, {c2, Rotation::ready});
                }
            }
        }
    }
}

TEST_CASE("haproxy: forward the canary is raised first, back stable is; nothing is said twice") {
    struct Case {
        ServerSetting stable, canary, to_stable, to_canary;
        std::vector<std::string> commands;
    };
    const std::vector<Case> cases{
        {{95},
         {5},
         {75},
         {25},
         {"set server chat/canary weight 25", "set server chat/stable weight 75"}},
        {{75},
         {25},
         {100},
         {0},
         {"set server chat/stable weight 100", "set server chat/canary weight 0"}},
        {{100}, {0}, {100}, {0}, {}},
        {{0},
         {100},
         {100},
         {0},
         {"set server chat/stable weight 100", "set server chat/canary weight 0"}},
        {{100},
         {0},
         {100},
         {100, Rotation::drain},
         {"set server chat/canary state drain", "set server chat/canary weight 100"}},
        {{100},
         {100, Rotation::drain},
         {95},
         {5},
         {"set server chat/canary weight 5",
          "set server chat/canary state ready",
          "set server chat/stable weight 95"}},
    };
    for (const Case& one : cases) {
        CHECK(
            shift_commands(
                two(one.stable, one.canary),
                "chat",
                "stable",
                {{"stable", one.to_stable}, {"canary", one.to_canary}}
            ) == one.commands
        );
    }
}

// Looks at the route split: how many must agree, what ends them, and what they tell.
#include "rig.hpp"

#include <catch2/catch.hpp>

using namespace oa_stream;
using namespace oa_stream::routes;
using namespace oa_stream::routes::testing;

namespace {

const Overrides k_none{};
const Overrides k_right{{}, {{"auth_entry", "legacy"}}};
const RouteExpectation k_login{"/login", "legacy", "domain_override"};

/// The n-th request is answered by the process of that digit, all that follow by the last one's.
auto dealt(std::string digits) {
    return [digits = std::move(digits)](std::size_t nth, const RawRequest&) {
        return static_cast<std::size_t>(digits[std::min(nth, digits.size() - 1)] - '0');
    };
}

RouteVerified verified(
    ControlRig& rig,
    const std::optional<Overrides>& overrides,
    std::vector<RouteExpectation> paths,
    const RouteLooks& looks = quick_looks()
) {
    auto client = rig.client();
    auto out = rig.get(verify_routes(client, overrides, std::move(paths), "me", looks));
    REQUIRE(out.has_value());
    return *std::move(out);
}

} // namespace

TEST_CASE("route snapshot: as many looks as must agree, and no more, when all say the same") {
    ControlRig rig;
    rig.memories = {k_right};
    auto client = rig.client();
    const auto found = rig.get(snapshot_routes(client, quick_looks(3)));
    REQUIRE(found.has_value());
    CHECK(found->agreed);
    CHECK(found->looks == 3);
    CHECK(found->seen == std::vector<Overrides>{k_right});
    CHECK(overrides_of(found->status) == k_right);
    CHECK(found->text() == "auth_entry legacy");
    const Check check = memories_check(*found);
    CHECK(check.id == "route.memories");
    CHECK(check.verdict == Verdict::pass);
    CHECK(check.detail == "3 successive fresh connections remember: auth_entry legacy");
    CHECK(check.data["looks"] == 3);
    CHECK(check.data["memories"] == Json::array({to_json(k_right)}));
}

TEST_CASE("route snapshot: of a mixture, twice as many looks, and the common memory is its status"
) {
    struct Row {
        std::string dealt;
        Overrides common;
    };
    const auto row = GENERATE(values<Row>({
        {"1000", k_right},
        {"0100", k_right},
        {"0111", k_none},
        {"1011", k_none},
    }));
    CAPTURE(row.dealt);
    ControlRig rig;
    rig.memories = {k_right, k_none};
    rig.deal = dealt(row.dealt);
    auto client = rig.client();
    const auto found = rig.get(snapshot_routes(client, quick_looks(2)));
    REQUIRE(found.has_value());
    CHECK_FALSE(found->agreed);
    CHECK(found->looks == 4);
    CHECK(found->seen.size() == 2);
    CHECK(overrides_of(found->status) == row.common);
    const Check check = memories_check(*found);
    CHECK(check.verdict == Verdict::fail);
    CHECK(
        check.detail ==
        "the processes behind the address disagree; 4 fresh connections met: " + found->text()
    );
    CHECK(found->text().find(" | ") != std::string::npos);
}

TEST_CASE("route snapshot: time ends a mixture alone, and a failed look is the error") {
    ControlRig rig;
    auto client = rig.client();
    RouteLooks none = quick_looks(3);
    none.limit = Millis(0);
    const auto found = rig.get(snapshot_routes(client, none));
    REQUIRE(found.has_value());
    CHECK(found->agreed); // a service that limits its calls is slow, and right
    CHECK(found->looks == 3);
    rig.memories = {k_none, k_right};
    const auto mixture = rig.get(snapshot_routes(client, none));
    REQUIRE(mixture.has_value());
    CHECK_FALSE(mixture->agreed);
    CHECK(mixture->looks == 2);
    rig.log.clear();
    rig.instead = [](const RawRequest&) { return only(403); };
    const auto failed = rig.get(snapshot_routes(client, quick_looks()));
    REQUIRE_FALSE(failed.has_value());
    CHECK(failed.error().code == Code::credentials);
    CHECK(rig.log.size() == 1);
}

TEST_CASE("route verify: every other look asks the status twice, and none waits") {
    ControlRig rig;
    rig.memories = {k_right};
    RouteLooks looks = quick_looks(3);
    looks.pause = std::chrono::hours(1);
    const auto seen = verified(rig, k_right, {k_login, {"/chat", "", ""}}, looks);
    CHECK(seen.ok);
    CHECK(seen.looks == 3);
    CHECK(seen.row == 3);
    CHECK(seen.seen.empty());
    CHECK(seen.memories == std::vector<Overrides>{k_right});
    CHECK(
        rig.log ==
        std::vector<std::string>{
            "status",
            "evaluate /login",
            "evaluate /chat",
            "status",
            "status",
            "evaluate /login",
            "evaluate /chat",
            "status",
            "evaluate /login",
            "evaluate /chat",
        }
    );
    CHECK(parse_json(rig.requests()[1].body).value()["cohort_key"] == "me");
}

TEST_CASE("route verify: overrides that nobody asked about are not looked at") {
    ControlRig rig;
    rig.memories = {k_right};
    const auto seen = verified(rig, std::nullopt, {k_login});
    CHECK(seen.ok);
    CHECK(seen.memories.empty());
    CHECK(rig.log == std::vector<std::string>(2, "evaluate /login"));
}

TEST_CASE("route verify: a miss ends it, with what was seen") {
    ControlRig rig;
    const auto memory = verified(rig, k_right, {k_login}, quick_looks(3));
    CHECK_FALSE(memory.ok);
    CHECK(memory.looks == 1);
    CHECK(memory.row == 0);
    CHECK(memory.seen == "overrides are none, expected auth_entry legacy");
    CHECK(memory.memories == std::vector<Overrides>{k_none});
    CHECK(rig.log == std::vector<std::string>{"status"});
}

TEST_CASE("route verify: a path must be served as expected, by target and by reason") {
    struct Row {
        RouteExpectation wanted;
        std::string seen;
    };
    const auto row = GENERATE(values<Row>({
        {{"/login", "legacy", "domain_override"}, ""},
        {{"/login", "legacy", ""}, ""},
        {{"/login", "", "domain_override"}, ""},
        {{"/login", "", ""}, ""},
        {{"/login", "rust_shell", ""},
         "/login is served by legacy (domain_override), expected rust_shell"},
        {{"/login", "rust_shell", "domain_override"},
         "/login is served by legacy (domain_override), expected rust_shell (domain_override)"},
        {{"/login", "legacy", "force_legacy"},
         "/login is served by legacy (domain_override), expected legacy (force_legacy)"},
        {{"/login", "", "mode_cohort"},
         "/login is served by legacy (domain_override), expected the cohort's choice "
         "(mode_cohort)"},
    }));
    ControlRig rig;
    rig.memories = {k_right};
    const auto seen = verified(rig, k_right, {row.wanted});
    CHECK(seen.ok == row.seen.empty());
    CHECK(seen.seen == row.seen);
}

TEST_CASE("route verify: one process that differs is enough, however many agree before and after") {
    ControlRig rig;
    rig.memories = {k_right, k_none};
    rig.deal = dealt("01000");
    const auto seen = verified(rig, k_right, {});
    CHECK_FALSE(seen.ok);
    CHECK(seen.looks == 2);
    CHECK(seen.row == 0);
    CHECK(seen.seen == "overrides are none, expected auth_entry legacy");
    CHECK(seen.memories == std::vector<Overrides>{k_right, k_none});
}

TEST_CASE("route verify: a second status that differs is a miss, too") {
    ControlRig rig;
    rig.memories = {k_right, k_none};
    rig.deal = dealt("001000000");
    const auto seen = verified(rig, k_right, {});
    CHECK_FALSE(seen.ok);
    CHECK(seen.looks == 2);
}

TEST_CASE("route verify: time does not end it, and a failed look is the error") {
    ControlRig rig;
    RouteLooks none = quick_looks();
    none.limit = Millis(0);
    CHECK(verified(rig, k_none, {}, none).ok);
    rig.log.clear();
    auto client = rig.client();
    rig.instead = [](const RawRequest&) { return only(500); };
    const auto failed = rig.get(verify_routes(client, k_none, {}, "", quick_looks()));
    REQUIRE_FALSE(failed.has_value());
    CHECK(failed.error().code == Code::unavailable);
    const auto path = rig.get(verify_routes(client, std::nullopt, {k_login}, "", quick_looks()));
    REQUIRE_FALSE(path.has_value());
    CHECK(rig.log.size() == 2);
}

// The undo of a change of routes, and what somebody else set meanwhile.
#include "changing.hpp"

#include <catch2/catch.hpp>

using namespace oa_stream;
using namespace oa_stream::routes;
using namespace oa_stream::routes::testing;

namespace {

/// The first `count` calls of that name fail.
auto failing(std::string name, int count) {
    return [name = std::move(name), count](const RawRequest& request) mutable {
        return call_of(request) == name && count-- > 0 ? only(500) : Script{};
    };
}

} // namespace

TEST_CASE("route undo: nothing is written and recorded where all is as it was") {
    Changing it;
    const RouteOutcome out = it.undo();
    CHECK(out.restored);
    CHECK(out.back.ok);
    CHECK(out.back.row == 2);
    CHECK(out.writes == 0);
    CHECK(it.lines.empty());
    CHECK(
        it.rig.log ==
        std::vector<std::string>{"status", "evaluate /login", "status", "status", "evaluate /login"}
    );
}

TEST_CASE("route undo: what the run wrote is taken back, in reverse order, and verified") {
    Changing it(1, {"legacy", {{"auth_entry", "legacy"}, {"chat_pilot", "legacy"}}});
    it.rig.memories[0] = it.run.goal;
    const RouteOutcome out = it.undo();
    CHECK(out.restored);
    CHECK_FALSE(out.restore_error.has_value());
    CHECK(out.writes == 3);
    CHECK(it.rig.memories[0] == k_nothing);
    CHECK(
        it.said ==
        std::vector<std::string>{
            "back: global: clear",
            "back: chat_pilot: clear",
            "back: auth_entry: clear",
        }
    );
    for (const Json& line : it.lines) {
        CHECK(line["way"] == "back");
    }
    const Json done = it.lines_of("done").at(0);
    CHECK(done["from"] == to_json(it.run.goal));
    CHECK(done["to"] == to_json(k_nothing));
}

TEST_CASE("route undo: a process that began again has nothing that is somebody else's") {
    const Overrides both{{}, {{"auth_entry", "legacy"}, {"chat_pilot", "legacy"}}};
    Changing it(1, both);
    it.run.before = with_overrides(it.run.before, {"legacy", {}});
    it.rig.memories[0] = k_nothing;
    const RouteOutcome out = it.undo();
    CHECK(out.restored);
    CHECK(it.rig.memories[0] == Overrides{"legacy", {}});
}

TEST_CASE("route undo: a stop does not end it, nor does a journal that fails") {
    Changing it;
    it.rig.memories[0] = k_legacy_login;
    it.run.stop = [] { return true; };
    it.journal_fails = 1;
    const RouteOutcome out = it.undo();
    CHECK(out.back.ok);
    CHECK(it.rig.memories[0] == k_nothing);
}

TEST_CASE("route undo: looks that fail are tried again, twice and no more") {
    Changing it;
    it.rig.instead = failing("status", 2);
    const RouteOutcome out = it.undo();
    CHECK(out.restored);
    CHECK(out.writes == 0);
    CHECK(out.back.looks == 4);
    // The third failure ends the looks; then it is written, whatever is there.
    Changing other;
    other.rig.instead = failing("status", 3);
    const RouteOutcome late = other.undo();
    CHECK(late.restored);
    CHECK(late.writes == 1);
    CHECK(other.rig.count("override auth_entry clear") == 1);
}

TEST_CASE("route undo: a failed look begins the row again") {
    Changing it;
    it.rig.instead = [n = 0](const RawRequest& request) mutable {
        return call_of(request) == "evaluate" && ++n == 2 ? only(500) : Script{};
    };
    const RouteOutcome out = it.undo();
    CHECK(out.restored);
    CHECK(out.back.looks == 4); // one that agrees, one that fails, two that agree
    CHECK(out.back.row == 2);
}

TEST_CASE("route undo: a write that fails does not keep the others from being undone") {
    Changing it(1, {"legacy", {{"auth_entry", "legacy"}}});
    it.rig.memories[0] = it.run.goal;
    it.run.looks.most_writes = 4;
    it.rig.instead = [](const RawRequest& request) {
        const Json asked = parse_json(request.body).value_or(Json::object());
        return call_of(request) == "override" && !asked.contains("domain") ? only(422) : Script{};
    };
    const RouteOutcome out = it.undo();
    CHECK_FALSE(out.restored);
    CHECK(it.rig.memories[0] == Overrides{"legacy", {}});
    CHECK(out.restore_error.value().code == Code::timeout);
    CHECK(out.restore_error->message == "overrides are global legacy, expected none");
    CHECK(it.lines.back()["phase"] == "unverified");
    CHECK(it.lines.back()["detail"] == out.restore_error->text());
}

TEST_CASE("route undo: a service that does not answer is said, not taken for restored") {
    Changing it;
    it.rig.memories[0] = k_legacy_login;
    it.rig.instead = [](const RawRequest&) { return only(500); };
    const RouteOutcome out = it.undo();
    CHECK_FALSE(out.restored);
    CHECK(out.restore_error.value().code == Code::unavailable);
    CHECK(it.rig.count("override auth_entry clear") == 3);
}

TEST_CASE("route undo: what somebody else made of a domain of ours stays, the rest is undone") {
    Changing it(1, {"legacy", {{"auth_entry", "legacy"}}});
    it.rig.memories[0] = {"legacy", {{"auth_entry", "rust_shell"}}};
    const RouteOutcome out = it.undo();
    CHECK_FALSE(out.restored);
    CHECK(it.rig.memories[0] == Overrides{{}, {{"auth_entry", "rust_shell"}}});
    CHECK(out.restore_error.value().code == Code::conflict);
    CHECK(
        out.restore_error->message ==
        "somebody else set auth_entry rust_shell meanwhile; it was not changed"
    );
}

TEST_CASE("route undo: where nothing can be read, what the snapshot showed of theirs stays") {
    const Overrides both{{}, {{"auth_entry", "legacy"}, {"billing_l402", "legacy"}}};
    Changing it(1, both);
    it.rig.memories[0] = {{}, {{"auth_entry", "rust_shell"}, {"billing_l402", "legacy"}}};
    it.run.last_seen = it.rig.memories[0];
    it.rig.instead = [](const RawRequest& request) {
        return call_of(request) == "status" ? only(503) : Script{};
    };
    const RouteOutcome out = it.undo();
    CHECK_FALSE(out.restored);
    CHECK(it.rig.memories[0] == Overrides{{}, {{"auth_entry", "rust_shell"}}});
    CHECK(
        out.restore_error.value().message ==
        "somebody else set auth_entry rust_shell meanwhile; it was not changed"
    );
}

TEST_CASE("route undo: what somebody else set beside ours stays, and is said") {
    Changing it;
    it.rig.memories[0] = {"legacy", {{"auth_entry", "legacy"}}};
    const RouteOutcome out = it.undo();
    CHECK(it.rig.memories[0] == Overrides{"legacy", {}});
    CHECK_FALSE(out.restored);
    CHECK(out.restore_error.value().code == Code::conflict);
    CHECK(
        out.restore_error->message ==
        "somebody else set global legacy meanwhile; it was not changed"
    );
    CHECK(it.rig.count("override global clear") == 0);
}

TEST_CASE("route undo: what somebody else sets while an answer is lost stays, the rest is undone") {
    Changing it(1, {{}, {{"auth_entry", "legacy"}, {"billing_l402", "legacy"}}});
    it.rig.memories[0] = it.run.goal;
    it.rig.instead = [&, lost = false](const RawRequest& request) mutable {
        if (!is_write(request, "clear") || std::exchange(lost, true)) {
            return Script{};
        }
        it.rig.memories[0].domains["billing_l402"] = "rust_shell";
        return Script{probe::test::Reset{}};
    };
    const RouteOutcome out = it.undo();
    CHECK_FALSE(out.restored);
    CHECK(it.rig.memories[0] == Overrides{{}, {{"billing_l402", "rust_shell"}}});
    CHECK(out.writes == 2);
    CHECK(
        out.restore_error.value().message ==
        "somebody else set billing_l402 rust_shell meanwhile; it was not changed"
    );
}

TEST_CASE("route undo: what somebody else set in one process keeps no other from being undone") {
    Changing it(2, {{}, {{"auth_entry", "legacy"}, {"billing_l402", "legacy"}}});
    it.rig.memories = {it.run.goal, it.run.goal};
    // The first process is undone; then it answers the write that was meant for the second.
    it.rig.deal = [](std::size_t nth, const RawRequest&) {
        return nth == 4 || nth == 6 || nth == 7 ? std::size_t{1} : 0;
    };
    it.rig.instead = [&, set = false](const RawRequest& request) mutable {
        if (call_of(request) == "status" && it.rig.memories[0] == k_nothing &&
            !std::exchange(set, true)) {
            it.rig.memories[0].domains["billing_l402"] = "rust_shell";
        }
        return Script{};
    };
    const RouteOutcome out = it.undo();
    CHECK_FALSE(out.restored);
    CHECK(it.rig.memories[0] == Overrides{{}, {{"billing_l402", "rust_shell"}}});
    CHECK(it.rig.memories[1] == k_nothing);
    CHECK(
        out.restore_error.value().message ==
        "somebody else set billing_l402 rust_shell meanwhile; it was not changed"
    );
}

TEST_CASE("route change: somebody else's hand ends it; ours is undone, theirs stays") {
    Changing it;
    it.rig.instead = [&](const RawRequest& request) {
        if (call_of(request) == "status" && it.rig.count("override auth_entry clear") == 0) {
            it.rig.memories[0].domains["chat_pilot"] = "legacy";
        }
        return Script{};
    };
    const RouteOutcome out = it.change();
    CHECK_FALSE(out.changed);
    CHECK_FALSE(out.interrupted);
    CHECK(out.error.value().code == Code::conflict);
    CHECK(
        out.error->message ==
        "somebody else is changing the routes: auth_entry legacy, chat_pilot legacy"
    );
    CHECK(it.rig.memories[0] == Overrides{{}, {{"chat_pilot", "legacy"}}});
    CHECK(it.rig.count("override chat_pilot clear") == 0);
}

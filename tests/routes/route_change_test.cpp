// A change of routes: what is written, recorded and said, and what ends it.
#include "changing.hpp"

#include <catch2/catch.hpp>

using namespace oa_stream;
using namespace oa_stream::routes;
using namespace oa_stream::routes::testing;

namespace {

using Log = std::vector<std::string>;

/// Nothing was done, so there is nothing to undo.
void untouched(const Changing& it, const RouteOutcome& out) {
    CHECK_FALSE(out.changed);
    CHECK_FALSE(out.mutated);
    CHECK_FALSE(out.restored);
    CHECK_FALSE(out.restore_error.has_value());
    CHECK(it.rig.memories[0] == k_nothing);
    CHECK(it.rig.count("override auth_entry clear") == 0);
}

} // namespace

TEST_CASE("route change: each write is on disk before it is sent and after it is answered") {
    Changing it;
    const RouteOutcome out = it.change();
    CHECK(out.changed);
    CHECK(out.mutated);
    CHECK_FALSE(out.restored);
    CHECK_FALSE(out.interrupted);
    CHECK_FALSE(out.error.has_value());
    CHECK(out.writes == 1);
    CHECK(out.verified.ok);
    CHECK(out.verified.looks == 2);
    CHECK(out.verified.row == 2);
    CHECK(out.verified.memories == std::vector<Overrides>{k_legacy_login});
    CHECK(it.rig.memories[0] == k_legacy_login);
    CHECK(it.said == Log{"auth_entry: legacy"});
    CHECK(
        it.rig.log ==
        Log{
            "forth begin route",
            "forth intent route:auth_entry",
            "override auth_entry legacy",
            "forth written route:auth_entry",
            "status",
            "evaluate /login",
            "status",
            "status",
            "evaluate /login",
            "forth done route",
        }
    );
    const Json from = to_json(k_nothing);
    const Json to = to_json(k_legacy_login);
    const Json domain = "auth_entry";
    const Json begin{
        {"phase", "begin"},
        {"step", "route"},
        {"from", from},
        {"to", to},
        {"detail", it.rig.options.base_url},
        {"way", "forth"},
    };
    const Json intent{
        {"phase", "intent"},
        {"step", "route:auth_entry"},
        {"from", from},
        {"to", to},
        {"way", "forth"},
        {"domain", domain},
        {"target", "legacy"},
    };
    const Json written{
        {"phase", "written"},
        {"step", "route:auth_entry"},
        {"way", "forth"},
        {"domain", domain},
        {"target", "legacy"},
    };
    const Json done{
        {"phase", "done"}, {"step", "route"}, {"from", from}, {"to", to}, {"way", "forth"}
    };
    CHECK(it.lines == std::vector<Json>{begin, intent, written, done});
}

TEST_CASE("route change: without a journal and a listener it is made all the same") {
    Changing it;
    it.run.journal = nullptr;
    it.run.say = {};
    CHECK(it.change().changed);
    CHECK(it.lines.empty());
    CHECK(it.rig.memories[0] == k_legacy_login);
}

TEST_CASE("route change: domains in order, the global override last") {
    Changing it(1, {"legacy", {{"chat_pilot", "legacy"}, {"auth_entry", "rust_shell"}}});
    it.run.paths = {};
    const RouteOutcome out = it.change();
    CHECK(out.changed);
    CHECK(out.writes == 3);
    CHECK(it.said == Log{"auth_entry: rust", "chat_pilot: legacy", "global: legacy"});
    const Json global = it.lines_of("written").back();
    CHECK(global["step"] == "route:global");
    CHECK(global["domain"].is_null());
    CHECK(global["target"] == "legacy");
}

TEST_CASE("route change: nothing is written when nothing differs, and it is verified") {
    Changing it(1, k_nothing);
    const RouteOutcome out = it.change();
    CHECK(out.changed);
    CHECK_FALSE(out.mutated);
    CHECK(out.writes == 0);
    CHECK(out.verified.row == 2);
}

TEST_CASE("route change: a journal that fails before the first write ends it there") {
    const auto fails = GENERATE(std::size_t{1}, std::size_t{2});
    Changing it;
    it.journal_fails = fails;
    const RouteOutcome out = it.change();
    untouched(it, out);
    CHECK(out.writes == 0);
    CHECK(out.error.value().code == Code::io);
    CHECK_FALSE(out.interrupted);
    CHECK(it.rig.count("override auth_entry legacy") == 0);
}

TEST_CASE("route change: a journal that fails after a write does not stop the undo") {
    Changing it;
    it.journal_fails = 3;
    const RouteOutcome out = it.change();
    CHECK_FALSE(out.changed);
    CHECK(out.mutated);
    CHECK(out.error.value().code == Code::io);
    CHECK(out.writes == 2);
    CHECK(it.rig.count("override auth_entry legacy") == 1);
    CHECK(it.rig.memories[0] == k_nothing);
    CHECK(it.said == Log{"auth_entry: legacy", "back: auth_entry: clear"});
    CHECK(out.back.ok);
}

TEST_CASE("route change: a refused write is asked for once, and nothing is undone") {
    const auto status = GENERATE(401, 403, 404, 422, 426);
    Changing it;
    it.rig.instead = [&](const RawRequest& request) {
        return call_of(request) == "override" ? only(status) : Script{};
    };
    const RouteOutcome out = it.change();
    untouched(it, out);
    CHECK(out.writes == 1);
    CHECK_FALSE(is_ambiguous(out.error.value()));
    CHECK(
        it.rig.log ==
        Log{
            "forth begin route",
            "forth intent route:auth_entry",
            "override auth_entry legacy",
            "forth refused route:auth_entry",
            "forth unverified route",
        }
    );
    CHECK(it.lines_of("refused")[0]["detail"] == out.error->text());
    CHECK(it.lines_of("unverified")[0]["detail"] == out.error->text());
}

TEST_CASE("route change: a write whose answer is lost is looked for before it is repeated") {
    Changing it;
    it.rig.instead = [&](const RawRequest& request) {
        return is_write(request, "legacy") ? carried_out_and_lost(it.rig, request) : Script{};
    };
    const RouteOutcome out = it.change();
    CHECK(out.changed);
    CHECK(out.mutated);
    CHECK(out.writes == 1);
    CHECK(it.lines_of("ambiguous").size() == 1);
    CHECK(it.lines_of("written").empty());
    REQUIRE(it.lines_of("seen").size() == 1);
    CHECK(it.lines_of("seen")[0]["detail"] == "it was carried out");
    CHECK(it.lines_of("seen")[0]["target"] == "legacy");
}

TEST_CASE("route change: what somebody else sets while an answer is lost, or a write waits, stays"
) {
    const bool waits = GENERATE(false, true);
    CAPTURE(waits);
    Changing it;
    it.rig.instead = [&, first = true](const RawRequest& request) mutable {
        if (!is_write(request, "legacy") || !std::exchange(first, false)) {
            return Script{};
        }
        it.rig.memories[0].domains["auth_entry"] = "rust_shell";
        return waits ? only(429) : Script{probe::test::Reset{}};
    };
    const RouteOutcome out = it.change();
    CHECK_FALSE(out.changed);
    CHECK(out.mutated != waits);
    CHECK(out.writes == 1);
    CHECK(
        out.error.value().message == "somebody else is changing the routes: auth_entry rust_shell"
    );
    CHECK(it.rig.memories[0] == Overrides{{}, {{"auth_entry", "rust_shell"}}});
    CHECK(it.rig.count("override auth_entry clear") == 0);
}

TEST_CASE("route change: what an answer shows of somebody else's ends it before the next write") {
    Changing it(1, {{}, {{"auth_entry", "legacy"}, {"billing_l402", "legacy"}}});
    it.rig.instead = [&](const RawRequest& request) {
        if (is_write(request, "legacy")) {
            it.rig.memories[0].domains["billing_l402"] = "rust_shell";
        }
        return Script{};
    };
    const RouteOutcome out = it.change();
    CHECK_FALSE(out.changed);
    CHECK(out.error.value().code == Code::conflict);
    CHECK(it.rig.memories[0] == Overrides{{}, {{"billing_l402", "rust_shell"}}});
    CHECK(it.said == Log{"auth_entry: legacy", "back: auth_entry: clear"});
}

TEST_CASE("route change: a write that is lost again and again is tried three times, then undone") {
    Changing it;
    it.rig.instead = [&](const RawRequest& request) {
        return is_write(request, "legacy") ? Script{probe::test::Reset{}} : Script{};
    };
    const RouteOutcome out = it.change();
    CHECK_FALSE(out.changed);
    CHECK(out.mutated);
    CHECK_FALSE(out.interrupted);
    CHECK(out.error.value().code == Code::network);
    CHECK(it.rig.count("override auth_entry legacy") == 3);
    CHECK(it.rig.count("override auth_entry clear") == 1);
    CHECK(it.lines_of("ambiguous").size() == 3);
    REQUIRE(it.lines_of("seen").size() == 3);
    for (const Json& line : it.lines_of("seen")) {
        CHECK(line["detail"] == "it was not carried out there");
    }
    CHECK(out.restored);
    CHECK(out.back.row == 2);
    CHECK(out.writes == 4);
}

TEST_CASE("route change: a second try that is answered ends the tries") {
    Changing it;
    it.rig.instead = [&, lost = false](const RawRequest& request) mutable {
        if (is_write(request, "legacy") && !std::exchange(lost, true)) {
            return Script{probe::test::Reset{}};
        }
        return Script{};
    };
    const RouteOutcome out = it.change();
    CHECK(out.changed);
    CHECK(out.writes == 2);
    CHECK(it.rig.count("override auth_entry legacy") == 2);
}

TEST_CASE("route change: a look that fails after a lost answer is recorded, and the write repeated"
) {
    Changing it;
    it.rig.instead = [&, calls = 0](const RawRequest&) mutable {
        ++calls;
        return calls == 1 ? Script{probe::test::Reset{}} : calls == 2 ? only(503) : Script{};
    };
    const RouteOutcome out = it.change();
    CHECK(out.changed);
    CHECK(out.writes == 2);
    REQUIRE(it.lines_of("seen").size() == 1);
    CHECK(
        it.lines_of("seen")[0]["detail"].get<std::string>().find("HTTP 503") != std::string::npos
    );
}

TEST_CASE("route change: an answer that does not show the new override is no success") {
    Changing it;
    it.rig.instead = [&](const RawRequest& request) {
        return is_write(request, "legacy")
                   ? Script{probe::test::Send{data_answer(to_json(it.rig.status))}}
                   : Script{};
    };
    const RouteOutcome out = it.change();
    CHECK_FALSE(out.changed);
    CHECK(out.mutated);
    CHECK(out.error.value().code == Code::protocol);
    CHECK(out.error->message == "the answer does not show the new override");
    CHECK(it.rig.count("override auth_entry legacy") == 3);
    CHECK(it.lines_of("ambiguous").size() == 3);
    CHECK(it.lines_of("refused").empty());
    CHECK(out.restored);
}

TEST_CASE("route change: it is written until each process behind the address has it") {
    Changing it(3);
    const RouteOutcome out = it.change();
    CHECK(out.changed);
    CHECK(out.verified.row == 2);
    CHECK(out.writes <= it.run.looks.most_writes);
    // The first look met another process: what it remembers is in the journal.
    CHECK(it.lines_of("seen").at(0)["detail"] == "overrides are none, expected auth_entry legacy");
    CHECK(out.verified.seen.empty());
    CHECK(out.verified.memories.size() == 2);
}

TEST_CASE("route change: ever more writes in a row, up to the most, then it is undone") {
    Changing it(2);
    // Writes never come to the process that is looked at.
    it.rig.deal = [](std::size_t, const RawRequest& request) {
        return call_of(request) == "override" ? 0U : 1U;
    };
    // 1, then 2 + 3 + 4 more: just as many as may be.
    it.run.looks.most_writes = 9;
    const RouteOutcome out = it.change();
    CHECK_FALSE(out.changed);
    CHECK(out.mutated);
    CHECK(it.rig.count("override auth_entry legacy") == 10);
    CHECK(out.error.value().code == Code::timeout);
    CHECK(
        out.error->message == "2 successive fresh connections never agreed: overrides are none, "
                              "expected auth_entry legacy"
    );
    CHECK(out.verified.looks == 4);
    CHECK(out.restored);
    CHECK(it.rig.memories == std::vector<Overrides>{k_nothing, k_nothing});
}

TEST_CASE("route change: its time ends the writing, too") {
    Changing it(2);
    it.rig.deal = [](std::size_t, const RawRequest& request) {
        return call_of(request) == "override" ? 0U : 1U;
    };
    it.run.looks.limit = Millis(0);
    const RouteOutcome out = it.change();
    CHECK(out.error.value().code == Code::timeout);
    CHECK(it.rig.count("override auth_entry legacy") == 1);
    CHECK(out.restored);
}

TEST_CASE("route change: a path that is served otherwise is written for, and then given up") {
    Changing it;
    it.run.paths = {{"/login", "rust_shell", ""}};
    it.run.looks.most_writes = 2;
    const RouteOutcome out = it.change();
    CHECK_FALSE(out.changed);
    CHECK(it.rig.count("override auth_entry legacy") == 3);
    CHECK(out.verified.seen == "/login is served by legacy (domain_override), expected rust_shell");
    CHECK(out.restored);
    // With nothing to write there is nothing to try again.
    Changing none(1, k_nothing);
    none.run.paths = {{"/login", "legacy", ""}};
    const RouteOutcome nothing = none.change();
    CHECK_FALSE(nothing.changed);
    CHECK(nothing.error.value().code == Code::timeout);
    CHECK(nothing.writes == 0);
    CHECK_FALSE(nothing.restored);
}

TEST_CASE("route change: what a known memory has besides is written from the start") {
    const Overrides other{"legacy", {{"auth_entry", "rust_shell"}, {"chat_pilot", "legacy"}}};
    Changing it(2);
    it.rig.memories[1] = other;
    it.run.known = {k_nothing, other};
    const RouteOutcome out = it.change();
    CHECK(out.changed);
    REQUIRE(it.said.size() >= 3);
    it.said.resize(3);
    CHECK(it.said == Log{"auth_entry: legacy", "chat_pilot: clear", "global: clear"});
    CHECK(it.rig.memories == std::vector<Overrides>{k_legacy_login, k_legacy_login});
}

TEST_CASE("route change: of a process that is met later, all that it remembers is mended") {
    const Overrides other{{}, {{"chat_pilot", "legacy"}}};
    Changing it(2);
    it.rig.memories[1] = other;
    it.run.known = {other};
    it.rig.deal = [n = 0](std::size_t, const RawRequest& request) mutable {
        // The first round of writes meets one process, all that follows the other.
        return call_of(request) == "override" && n++ < 2 ? 0U : 1U;
    };
    const RouteOutcome out = it.change();
    CHECK(out.changed);
    CHECK(it.rig.memories[1] == k_legacy_login);
    CHECK(out.writes == 6); // two, and both twice
}

TEST_CASE("route change: a look that fails ends it, and it is undone") {
    Changing it;
    it.rig.instead = [&](const RawRequest& request) {
        return call_of(request) == "evaluate" && it.rig.count("override auth_entry clear") == 0
                   ? only(500)
                   : Script{};
    };
    const RouteOutcome out = it.change();
    CHECK_FALSE(out.changed);
    CHECK(out.error.value().code == Code::unavailable);
    CHECK_FALSE(out.verified.ok);
    CHECK(it.rig.count("evaluate /login") == 3); // one forth, two back
    CHECK(out.restored);
}

TEST_CASE("route change: a stop before the first write leaves all as it is") {
    Changing it;
    it.run.stop = [] { return true; };
    const RouteOutcome out = it.change();
    untouched(it, out);
    CHECK(out.interrupted);
    CHECK(out.error.value().code == Code::cancelled);
    CHECK(out.writes == 0);
}

TEST_CASE("route change: a stop between writes and looks undoes what was done") {
    // Asked before each of two writes, before each of two looks, and at the end.
    const auto [stops_at, writes] = GENERATE(table<int, int>({{2, 1}, {3, 2}, {4, 2}, {5, 2}}));
    const Overrides both{{}, {{"auth_entry", "legacy"}, {"billing_l402", "legacy"}}};
    Changing it(1, both);
    it.run.stop = [n = 0, at = stops_at]() mutable { return ++n >= at; };
    const RouteOutcome out = it.change();
    CHECK_FALSE(out.changed);
    CHECK(out.interrupted);
    CHECK(out.mutated);
    CHECK(it.lines_of("intent").size() == static_cast<std::size_t>(writes) + 2);
    CHECK(it.rig.count("override billing_l402 legacy") == static_cast<std::size_t>(writes - 1));
    CHECK(out.restored);
    CHECK(it.rig.memories[0] == k_nothing);
}

TEST_CASE("route change: once another process took the run over, nothing more is written") {
    const Overrides both{{}, {{"auth_entry", "legacy"}, {"billing_l402", "legacy"}}};
    Changing it(1, both);
    it.run.may_write = [&it]() -> Result<void> {
        if (it.rig.count("override auth_entry legacy") == 0) {
            return {};
        }
        return fail(Code::conflict, "taken over");
    };
    const RouteOutcome out = it.change();
    CHECK_FALSE(out.changed);
    REQUIRE(out.error.has_value());
    CHECK(out.error->code == Code::conflict);
    CHECK(out.restore_error->code == Code::conflict);
    CHECK(it.rig.memories[0] == k_legacy_login); // no undo either: that is the other one's
}

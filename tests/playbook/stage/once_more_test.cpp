// A stage that is measured once more after a pause.
#include "oa_stream/base/file.hpp"
#include "oa_stream/base/json_members.hpp"

#include "../world.hpp"

#include <catch2/catch.hpp>

#include <functional>
#include <string>
#include <string_view>

using namespace oa_stream;
using namespace oa_stream::playbook;
using namespace oa_stream::playbook::testing;
using run::Action;

namespace {

/// Continues the first pause once `cured` was called, and aborts in a second one.
std::function<void(run::Steering&)>
continue_once(const World& world, int& pauses, std::function<void()> cured) {
    return [&world, &pauses, cured = std::move(cured), flows = 0](run::Steering& steering) mutable {
        if (!steering.position().paused) {
            return;
        }
        if (pauses == 0) {
            pauses = 1;
            flows = world.instruments.flows;
            cured();
            REQUIRE(steering.give({Action::go_on, "alice", {}}).has_value());
        } else if (pauses == 1 && world.instruments.flows > flows) {
            pauses = 2;
            REQUIRE(steering.give({Action::abort, "alice", {}}).has_value());
        }
    };
}

/// Of gates.ndjson, the last line of the gate at 25%.
Json last_look(const World& world, std::string_view id) {
    Json out;
    const std::string text = read_file(world.folder / "measure/gates.ndjson").value_or("");
    for (std::size_t at = 0; at < text.size(); at = text.find('\n', at) + 1) {
        const auto line = parse_json(std::string_view(text).substr(at, text.find('\n', at) - at));
        REQUIRE(line.has_value());
        if (text_in(*line, "stage") == "25%" && text_in(*line, "id") == id) {
            out = *line;
        }
    }
    return out;
}

} // namespace

TEST_CASE("pause: after a hold only what is measured then decides") {
    struct Row {
        std::string_view name;
        void (*broken)(FakeInstruments&);
        void (*cured)(FakeInstruments&);
    };
    const auto row = GENERATE(
        Row{"pinned probes fail",
            [](FakeInstruments& probes) { probes.bad_at[25] = 60; },
            [](FakeInstruments& probes) { probes.bad_at.clear(); }},
        Row{"users' probes fail",
            [](FakeInstruments& probes) { probes.bad_users["canary"] = 20; },
            [](FakeInstruments& probes) { probes.bad_users.clear(); }},
        Row{"another revision answers",
            [](FakeInstruments& probes) { probes.answered_by[25] = "stable"; },
            [](FakeInstruments& probes) { probes.answered_by.clear(); }}
    );
    DYNAMIC_SECTION(row.name) {
        World world;
        world.make_cutover();
        world.playbook.stages = {25};
        world.playbook.run_gates.clear();
        world.playbook.on_failure = Then::hold;
        world.playbook.stage.inconclusive_then = Then::hold;
        row.broken(world.instruments);
        int pauses = 0;
        world.person = continue_once(world, pauses, [&] { row.cured(world.instruments); });
        const RunOutcome outcome = world.run();
        INFO(outcome.headline);
        CHECK(pauses == 1);
        CHECK(outcome.exit == ExitCode::ok);
        CHECK(world.driver.serving == World::split(25));
        CHECK(check_of(outcome, "gate.error-rate@25%").verdict == Verdict::pass);
        // What decides is known to whoever judges the gate again; the report has all of it.
        const Json look = last_look(world, "error-rate");
        const Json& basis = object_in(look, "basis");
        const auto now = count_in(object_in(basis, "samples"), "canary").value_or(0);
        const auto before = count_in(object_in(basis, "earlier"), "canary").value_or(0);
        CHECK(now > 0);
        CHECK(before > 0);
        REQUIRE_FALSE(outcome.stages.empty());
        CHECK(outcome.stages.back().canary.size() == before + now);
    }
}

TEST_CASE("pause: a stage that fails once more after a hold is not passed") {
    World world;
    world.make_cutover();
    world.playbook.on_failure = Then::hold;
    world.instruments.bad_at[25] = 60;
    int pauses = 0;
    world.person = continue_once(world, pauses, [] {});
    const RunOutcome outcome = world.run();
    CHECK(pauses == 2);
    CHECK(outcome.verdict == Verdict::fail);
    check_rolled_back(world, outcome);
}

// Stages judged by what a source tells of users' requests.
#include "oa_stream/base/file.hpp"

#include "world.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <csignal>

using namespace oa_stream;
using namespace oa_stream::playbook;
using namespace oa_stream::playbook::testing;
using Catch::Matchers::Contains;
using measure::Question;
using measure::SourceReading;

namespace {

SourceReading counted(std::uint64_t bad, std::uint64_t total) {
    SourceReading out;
    out.state = SourceReading::State::measured;
    out.tally.requests = {bad, total};
    out.source = "prometheus http://p";
    out.query = "sum(increase(x[1m]))";
    out.covered_s = 1e9;
    return out;
}

/// The same whenever it is asked.
FakeSource::Answer standing(std::uint64_t canary, std::uint64_t stable) {
    return [=](const Question& question) -> Result<SourceReading> {
        return counted(0, question.revision == "canary" ? canary : stable);
    };
}

/// Ever more users, many more than there are probes; so many in a thousand of the canary's badly.
FakeSource::Answer users(std::uint64_t bad_of_1000) {
    return [=](const Question& question) -> Result<SourceReading> {
        const auto n = 5000 + static_cast<std::uint64_t>(question.window.seconds() * 500'000);
        return counted(question.revision == "canary" ? n * bad_of_1000 / 1000 : 0, n);
    };
}

struct Measured {
    World world;
    FakeSource source;

    explicit Measured(FakeSource::Answer answer) : source(std::move(answer)) {
        world.playbook.kind = Kind::cutover;
        world.playbook.afterwards = Afterwards::stay;
        world.playbook.sources = {
            measure::source_settings("prometheus", {.places = {"http://p"}}),
            measure::source_settings("probe", {}),
        };
        world.playbook.stage.gates = {
            {.id = "error-rate", .limit = 0.02, .events = "http_5xx | terminal_error"}
        };
        world.playbook.run_gates.clear();
        world.playbook.stages = {0, 50, 100};
        world.playbook.target.base_url = "http://127.0.0.1:1";
        world.sources["prometheus"] = &source;
        world.instruments.per_flow = 400;
    }
    [[nodiscard]] std::vector<Json> looks() const {
        std::vector<Json> out;
        const std::string text = read_file(world.folder / "measure/gates.ndjson").value_or("");
        for (std::size_t at = 0; at < text.size();) {
            const std::size_t end = text.find('\n', at);
            out.push_back(*parse_json(std::string_view(text).substr(at, end - at)));
            at = end + 1;
        }
        return out;
    }
};

const Check* gate_at(const RunOutcome& outcome, std::string_view stage) {
    return find_check(outcome, "gate.error-rate@" + std::string(stage));
}

} // namespace

TEST_CASE("source gates: users' requests decide, by revision, and every look is kept") {
    Measured run(users(0));
    run.world.playbook.stage.bake = Millis(300); // for a look before its end, on a busy machine too
    const RunOutcome outcome = run.world.run();
    CHECK(outcome.verdict == Verdict::pass);
    REQUIRE(gate_at(outcome, "50%") != nullptr);
    CHECK_THAT(gate_at(outcome, "50%")->detail, Contains("(0 of "));
    CHECK_THAT(gate_at(outcome, "50%")->detail, Contains("by prometheus http://p"));
    CHECK_THAT(gate_at(outcome, "0%")->detail, Contains("by the run's own probes: at 0%"));
    const auto looks = run.looks();
    CHECK(std::ranges::any_of(looks, [](const Json& look) {
        return look["look"]["interim"] == true && look["query"] == "sum(increase(x[1m]))";
    }));
    // Each window begins when the split was read back, and stable is asked for the same one.
    for (const Question& question : run.source.asked) {
        CHECK(question.window.seconds() >= 0);
        CHECK(question.window.seconds() < 20);
    }
}

TEST_CASE("source gates: a canary with 5 % errors fails though its probes and the total are fine") {
    Measured run(users(50));
    run.world.playbook.stages = {50};
    const RunOutcome outcome = run.world.run();
    CHECK(outcome.verdict == Verdict::fail);
    CHECK(outcome.exit == ExitCode::rolled_back);
    CHECK(run.world.driver.serving == World::split(0));
}

TEST_CASE("source gates: the run's own probes may fail a canary that its source finds good") {
    Measured run(users(0));
    run.world.instruments.bad_at[50] = 100;
    const RunOutcome outcome = run.world.run();
    CHECK(outcome.verdict == Verdict::fail);
    REQUIRE(gate_at(outcome, "50%") != nullptr);
    CHECK_THAT(gate_at(outcome, "50%")->detail, Contains("beside prometheus"));
}

TEST_CASE("source gates: what cannot be measured is never a PASS, and goes back") {
    struct Row {
        std::string_view name;
        FakeSource::Answer answer;
        Verdict want;
        std::string_view why;
    };
    const auto missing = [](const Question& question) -> Result<SourceReading> {
        if (question.revision == "stable") {
            return counted(0, 900);
        }
        SourceReading out;
        out.source = "prometheus http://p";
        out.why = "requests: no series match";
        return out;
    };
    const auto refused = [](const Question&) -> Result<SourceReading> {
        return fail(Code::network, "connection refused");
    };
    const auto row = GENERATE_COPY(
        Row{"missing", missing, Verdict::inconclusive, "no series match"},
        Row{"refused", refused, Verdict::error, "connection refused"}
    );
    DYNAMIC_SECTION(row.name) {
        Measured run(row.answer);
        run.world.playbook.stages = {50};
        const RunOutcome outcome = run.world.run();
        CHECK(outcome.verdict == row.want);
        CHECK(outcome.exit == ExitCode::rolled_back);
        CHECK(run.world.driver.serving == World::split(0));
        REQUIRE(gate_at(outcome, "50%") != nullptr);
        CHECK_THAT(gate_at(outcome, "50%")->detail, Contains(std::string(row.why)));
    }
}

TEST_CASE("source gates: one that hangs is an error within its patience, and nobody waits longer") {
    Measured run(users(0));
    run.world.playbook.stages = {50};
    run.source.hangs = true;
    run.world.source_call = Millis(30);
    const RunOutcome outcome = run.world.run();
    CHECK(outcome.verdict == Verdict::error);
    CHECK(outcome.exit == ExitCode::rolled_back);
    REQUIRE(gate_at(outcome, "50%") != nullptr);
    CHECK_THAT(gate_at(outcome, "50%")->detail, Contains("no answer within 30ms"));
}

TEST_CASE("source gates: on_error waits for a source, and holds where the playbook says so") {
    int asked = 0;
    Measured back([&](const Question& question) -> Result<SourceReading> {
        if (++asked < 6) {
            return fail(Code::network, "connection refused");
        }
        return users(0)(question);
    });
    back.world.playbook.stage.error_hold_at_most = Millis(2000);
    CHECK(back.world.run().verdict == Verdict::pass);

    Measured held([](const Question&) -> Result<SourceReading> {
        return fail(Code::network, "connection refused");
    });
    held.world.playbook.stages = {50};
    held.world.playbook.stage.error_then = Then::hold;
    const RunOutcome outcome = held.world.run();
    CHECK(outcome.verdict == Verdict::error);
    CHECK(outcome.held);
    CHECK(held.world.driver.serving == World::split(50));
}

namespace {

/// Only a gate of the run asks the source.
void ask_at_end(Measured& run, measure::GateMode mode) {
    run.world.playbook.stages = {50};
    run.world.playbook.stage.gates = {{.id = "probes", .limit = 0.05, .from = "probe"}};
    run.world.playbook.run_gates = {
        {.id = "whole", .limit = 0.02, .mode = mode, .events = "http_5xx"},
        {.id = "second", .limit = 0.05, .mode = mode, .events = "http_5xx"},
    };
}

} // namespace

TEST_CASE("source gates: a gate of the run waits for its source, too") {
    using measure::GateMode;
    const auto away = [](const Question&) -> Result<SourceReading> {
        return fail(Code::network, "connection refused");
    };
    int asked = 0;
    Measured back([&](const Question& question) -> Result<SourceReading> {
        return ++asked < 6 ? away(question) : users(0)(question);
    });
    ask_at_end(back, GateMode::decide);
    back.world.playbook.stage.error_hold_at_most = Millis(20'000);
    CHECK(back.world.run().exit == ExitCode::ok);
    CHECK(std::ranges::count_if(back.world.said, [](const std::string& line) {
              return line.starts_with("  waiting for prometheus, which does not answer: ");
          }) == 1);

    Measured gone(away);
    ask_at_end(gone, GateMode::decide);
    gone.world.playbook.stage.error_hold_at_most = Millis(50);
    const RunOutcome outcome = gone.world.run();
    CHECK(check_of(outcome, "gate.whole@run").verdict == Verdict::error);
    CHECK(outcome.exit == ExitCode::rolled_back);

    Measured failed([&](const Question& question) -> Result<SourceReading> {
        return failed.source.reads <= 2 ? users(50)(question) : away(question);
    });
    ask_at_end(failed, GateMode::decide); // the other one cannot make it better
    failed.world.playbook.stage.error_hold_at_most = Millis(20'000);
    const RunOutcome bad = failed.world.run();
    CHECK(check_of(bad, "gate.whole@run").verdict == Verdict::fail);
    CHECK(check_of(bad, "gate.second@run").verdict == Verdict::error);
    CHECK(failed.source.reads == 3);
    CHECK(bad.exit == ExitCode::rolled_back);

    Measured own(away); // what is known without it is looked at first
    ask_at_end(own, GateMode::decide);
    own.world.playbook.run_gates.push_back(
        {.id = "own", .metric = measure::Metric::quantile, .limit = 0.05, .from = "probe"}
    );
    own.world.playbook.stage.error_hold_at_most = Millis(20'000);
    const RunOutcome slow = own.world.run();
    CHECK(check_of(slow, "gate.own@run").verdict == Verdict::fail);
    CHECK(own.source.reads == 2);
    CHECK(slow.exit == ExitCode::rolled_back);

    Measured observed(away); // who does not decide is neither waited for nor missed
    ask_at_end(observed, GateMode::observe);
    observed.world.playbook.stage.error_hold_at_most = Millis(20'000);
    CHECK(observed.world.run().exit == ExitCode::ok);
    CHECK(observed.source.reads == 2);

    Measured stopped([&](const Question& question) -> Result<SourceReading> {
        if (stopped.source.reads == 3) {
            stopped.world.stop.request(SIGINT);
        }
        return away(question);
    });
    ask_at_end(stopped, GateMode::decide);
    stopped.world.playbook.stage.error_hold_at_most = Millis(60'000);
    const RunOutcome ended = stopped.world.run();
    CHECK(check_of(ended, "interrupted").verdict == Verdict::inconclusive);
    CHECK(find_check(ended, "gate.whole@run") == nullptr);
    CHECK(ended.exit == ExitCode::rolled_back);
}

TEST_CASE("source gates: without users the probes fill in and say so, or the stage is not decided"
) {
    // What the source counts are the run's own probes.
    Measured fill(standing(600, 600));
    const RunOutcome filled = fill.world.run();
    CHECK(filled.verdict == Verdict::pass);
    REQUIRE(gate_at(filled, "50%") != nullptr);
    CHECK_THAT(gate_at(filled, "50%")->detail, Contains("saw no user's request at the canary"));

    Measured waiting(standing(600, 600));
    waiting.world.playbook.stage.on_no_traffic = NoTraffic::hold;
    waiting.world.playbook.stages = {50};
    waiting.world.driver.streams = {{"stable", {.finished = 1}}, {"canary", {.finished = 1}}};
    CHECK(waiting.world.run().verdict == Verdict::inconclusive);
}

TEST_CASE("source gates: a run's own requests that it gave up are no users") {
    Measured run(standing(640, 640)
    ); // 600 that were answered, 30 pinned and up to 30 others that were not
    run.world.instruments.given_up = 30;
    run.world.playbook.stage.extend_at_most = Millis(0);
    run.world.playbook.stages = {50};
    const RunOutcome outcome = run.world.run();
    REQUIRE(gate_at(outcome, "50%") != nullptr);
    CHECK_THAT(gate_at(outcome, "50%")->detail, Contains("saw no user's request at the canary"));
}

TEST_CASE("source gates: an own request that stable answers is not taken off the canary's users") {
    Measured run(standing(640, 640)); // 600 probes, 30 pinned ones that were given up, ten users
    run.world.instruments.given_up = 30;
    run.world.instruments.given_up_by = "stable";
    run.world.playbook.stage.extend_at_most = Millis(0);
    run.world.playbook.stages = {50};
    const RunOutcome outcome = run.world.run();
    REQUIRE(gate_at(outcome, "50%") != nullptr);
    CHECK_THAT(gate_at(outcome, "50%")->detail, !Contains("saw no user's request"));
}

TEST_CASE("source gates: probes are not taken off a count that has none") {
    // As many users as there are probes: a source that leaves probes out saw them all.
    Measured run([](const Question&) -> Result<SourceReading> {
        SourceReading reading = counted(0, 600);
        reading.counts_probes = false;
        return reading;
    });
    run.world.playbook.stages = {50};
    const RunOutcome outcome = run.world.run();
    REQUIRE(gate_at(outcome, "50%") != nullptr);
    CHECK_THAT(gate_at(outcome, "50%")->detail, !Contains("saw no user's request"));
}

TEST_CASE("source gates: traffic that ends in mid-bake is not decided, whatever came before") {
    std::optional<double> first;
    Measured run([&](const Question& question) -> Result<SourceReading> {
        first = first.value_or(question.window.to_s);
        const double since = std::min(question.window.to_s - *first, 0.1);
        return counted(0, 1000 + static_cast<std::uint64_t>(since * 100'000));
    });
    run.world.playbook.stages = {50};
    run.world.playbook.stage.bake = Millis(2000); // whose first half has a look after the end
    run.world.playbook.stage.extend_at_most = Millis(0);
    const RunOutcome outcome = run.world.run();
    CHECK(outcome.verdict == Verdict::inconclusive);
    REQUIRE(gate_at(outcome, "50%") != nullptr);
    CHECK_THAT(gate_at(outcome, "50%")->detail, Contains("have ended"));
}

TEST_CASE("source gates: too little traffic is not decided, and an observer never decides") {
    Measured few(users(0));
    few.world.playbook.stages = {50};
    few.world.playbook.stage.gates[0].min_n = 1'000'000'000;
    const RunOutcome outcome = few.world.run();
    CHECK(outcome.verdict == Verdict::inconclusive);
    CHECK_THAT(gate_at(outcome, "50%")->detail, Contains("1000000000"));

    Measured observed([](const Question&) -> Result<SourceReading> {
        return fail(Code::network, "connection refused");
    });
    observed.world.playbook.stage.gates[0].mode = measure::GateMode::observe;
    observed.world.playbook.stage.gates.push_back({.id = "any", .limit = 0.05, .from = "probe"});
    const RunOutcome fine = observed.world.run();
    CHECK(fine.verdict == Verdict::pass);
    CHECK_THAT(gate_at(fine, "50%")->detail, Contains("would be ERROR"));
}

TEST_CASE(
    "source gates: at 0% a gate waits for users only when its numbers are theirs and none came"
) {
    using measure::Metric;
    struct Row {
        std::string_view name;
        Metric metric;
        std::string_view promql;
        bool missing; ///< at the canary
        std::uint64_t requests; ///< at the canary
        Verdict want;
        std::string_view why;
    };
    constexpr std::string_view k_revisions = "sum(increase(x{revision=\"$revision\"}[$window]))";
    constexpr std::string_view k_fleet = "sum(increase(x[$window]))";
    constexpr std::string_view k_waits = "at 0% no user reaches the canary";
    const auto row = GENERATE_COPY(
        Row{"a spike, no request", Metric::spike, "", false, 0, Verdict::skipped, k_waits},
        Row{"a spike by revision, no series",
            Metric::spike,
            k_revisions,
            true,
            0,
            Verdict::skipped,
            k_waits},
        Row{"a spike, some requests",
            Metric::spike,
            "",
            false,
            900,
            Verdict::pass,
            "within the limit"},
        Row{"a spike of all revisions, no request",
            Metric::spike,
            k_fleet,
            false,
            0,
            Verdict::inconclusive,
            "no request"},
        Row{"a value, no series",
            Metric::expression,
            k_revisions,
            true,
            0,
            Verdict::skipped,
            k_waits},
        Row{"a value", Metric::expression, k_revisions, false, 0, Verdict::pass, "within the limit"
        },
        Row{"a value of all revisions, no series",
            Metric::expression,
            k_fleet,
            true,
            0,
            Verdict::inconclusive,
            "no series match"}
    );
    DYNAMIC_SECTION(row.name) {
        Measured run([&](const Question& question) -> Result<SourceReading> {
            const bool canary = question.revision == "canary";
            SourceReading out = counted(0, canary ? row.requests : 900);
            if (row.metric == Metric::expression) {
                out.tally = {.value = 3};
            }
            if (canary && row.missing) {
                out.state = SourceReading::State::missing;
                out.why = "no series match";
            }
            return out;
        });
        run.world.playbook.stage.gates = {
            {.id = "error-rate",
             .metric = row.metric,
             .against =
                 row.metric == Metric::spike ? measure::Against::stable : measure::Against::limit,
             .limit = 5,
             .from = "prometheus",
             .signal = row.metric == Metric::spike ? "auth_errors" : "",
             .promql = std::string(row.promql)}
        };
        run.world.playbook.stages = {0, 50};
        const RunOutcome outcome = run.world.run();
        REQUIRE(gate_at(outcome, "0%") != nullptr);
        CHECK(gate_at(outcome, "0%")->verdict == row.want);
        CHECK_THAT(gate_at(outcome, "0%")->detail, Contains(std::string(row.why)));
        CHECK((gate_at(outcome, "50%") == nullptr) == (row.want == Verdict::inconclusive));
    }
}

TEST_CASE("source gates: a gate goes to the first source that can measure it") {
    using measure::Against;
    using measure::Metric;
    Playbook book;
    book.sources = {
        measure::source_settings("prometheus", {}),
        measure::source_settings("access_log", {}),
        measure::source_settings("probe", {}),
    };
    const auto by = [&](measure::GateSpec gate) { return judged_by(book, gate).name(); };
    CHECK(by({.id = "g", .events = "http_5xx"}) == "prometheus");
    CHECK(by({.id = "g"}) == "probe"); // bad: any
    CHECK(by({.id = "g", .metric = Metric::quantile, .limit = 2.5}) == "prometheus");
    CHECK(by({.id = "g", .metric = Metric::quantile, .limit = 2}) == "access_log");
    CHECK(
        by({.id = "g", .metric = Metric::quantile, .against = Against::stable, .limit = 0.2}) ==
        "access_log"
    );
    CHECK(by({.id = "g", .events = "http_5xx", .from = "probe"}) == "probe");
    CHECK(by({.id = "g", .metric = Metric::spike}) == "asserted");
    book.sources.clear();
    CHECK(by({.id = "g", .events = "http_5xx"}) == "probe");
}

#include "world.hpp"

#include "oa_stream/base/file.hpp"
#include "oa_stream/base/lists.hpp"

#include <boost/asio/detached.hpp>
#include <catch2/catch.hpp>

#include <unistd.h>

#include <algorithm>

namespace oa_stream::playbook::testing {

using traffic::Split;
using traffic::TrafficState;

Split World::split(int canary) {
    return *Split::between("stable", "canary", canary);
}

FakeDriver::FakeDriver() : serving(World::split(0)) {
}

void FakeDriver::call(bool after) {
    if (!after) {
        ++calls;
    }
    if (calls == crash_at && after == crash_after) {
        throw Crash{};
    }
}

Task<Result<TrafficState>> FakeDriver::read() {
    call(false);
    ++reads;
    if (on_read) {
        on_read();
    }
    const bool fails =
        failing_reads.contains(reads) || (away_from > 0 && reads >= away_from && reads < away_to);
    call(true);
    if (fails) {
        co_return fail(Code::network, "the driver is away");
    }
    TrafficState state;
    state.wanted = serving;
    state.serving = serving;
    state.wanted = wanted.value_or(serving);
    state.etag = std::to_string(etag_);
    state.extra = extra;
    state.process = process;
    state.streams = streams;
    co_return state;
}

Task<Result<void>> FakeDriver::preview(Split target) {
    previews.push_back(std::move(target));
    if (preview_error) {
        co_return std::unexpected(*preview_error);
    }
    co_return Result<void>{};
}

Task<Result<void>> FakeDriver::set(Split target, std::string etag) {
    call(false);
    const auto found = answers.find(++writes_seen);
    const Answer answer = found == answers.end() ? Answer::good : found->second;
    switch (answer) {
    case Answer::refused:
        co_return fail(Code::precondition, "not ready");
    case Answer::conflict:
        ++etag_;
        co_return fail(Code::conflict, "etag is old");
    case Answer::raced:
        serving = target;
        ++etag_;
        co_return fail(Code::conflict, "etag is old");
    case Answer::in_part:
    case Answer::yes_in_part: {
        const int half = (serving.percent_of("canary") + target.percent_of("canary")) / 2;
        serving = World::split(half);
        ++etag_;
        co_return answer == Answer::in_part ? fail(Code::unavailable, "half done") : Result<void>{};
    }
    case Answer::false_no:
        serving = target;
        ++etag_;
        co_return fail(Code::precondition, "not ready");
    case Answer::lost_before:
        co_return fail(Code::network, "connection reset");
    case Answer::hangs:
        (void)co_await sleep_for(std::chrono::hours(1));
        co_return fail(Code::cancelled, "given up");
    case Answer::ignored:
        ++etag_;
        co_return Result<void>{};
    case Answer::good:
    case Answer::lost_after:
    case Answer::not_kept:
        break;
    }
    if (etag != std::to_string(etag_)) {
        co_return fail(Code::conflict, "etag is old");
    }
    serving = target;
    wanted.reset(); // a write is a request, too
    applied.push_back(target);
    ++etag_;
    if (after_write) {
        after_write();
    }
    call(true);
    if (answer == Answer::lost_after) {
        co_return fail(Code::timeout, "no answer");
    }
    if (answer == Answer::not_kept) {
        co_return fail(Code::io, "a reload would lose it");
    }
    co_return Result<void>{};
}

Task<Result<TrafficState>> FakeDriver::verify(Split target, Millis limit) {
    return traffic::poll_until(*this, std::move(target), limit, Millis(5));
}

Result<traffic::ArmAddress> FakeDriver::address(std::string_view) const {
    return traffic::ArmAddress{
        .base_url = "http://127.0.0.1:1", .connect_to = {}, .direct = direct
    };
}

Task<Result<measure::SourceReading>> FakeSource::read(measure::Question question) {
    ++reads;
    if (hangs) {
        (void)co_await sleep_for(std::chrono::hours(1));
        co_return fail(Code::cancelled, "given up");
    }
    asked.push_back(question);
    co_return answer_(question);
}

std::vector<int> FakeDriver::shares() const {
    return mapped(applied, [](const Split& split) { return split.percent_of("canary"); });
}

int FakeDriver::most_canary() const {
    return applied.empty() ? 0 : std::ranges::max(shares());
}

World::World() {
    playbook.kind = Kind::rehearsal;
    playbook.name = "test";
    playbook.traffic = {.driver = "fake", .stable = "stable", .canary = "canary"};
    playbook.preflight = {
        {"preflight.stable", Through::stable}, {"preflight.canary", Through::canary}
    };
    playbook.stages = {0, 5, 25, 50, 100};
    playbook.stage.bake = Millis(10);
    playbook.stage.extend_at_most = Millis(10);
    playbook.stage.gates = {
        {.id = "error-rate", .limit = 0.05},
        {.id = "slow",
         .metric = measure::Metric::quantile,
         .against = measure::Against::stable,
         .limit = 0.5},
    };
    playbook.run_gates = {{.id = "error-rate", .limit = 0.01}};
    playbook.postflight = {{"postflight.users", Through::users}};
    playbook.afterwards = Afterwards::restore;
    playbook.fresh_row = 5;
    playbook.restore_limit = Millis(400);
    playbook.driver_limit = Millis(300);
}

namespace {

Task<void> let_steer(std::function<void(run::Steering&)>* person, run::Steering* steering) {
    while (co_await sleep_for(Millis(1))) {
        (*person)(*steering);
    }
}

} // namespace

RunOutcome World::run() {
    Heard heard(said);
    auto session =
        run::RunSession::begin(state, {.kind = run::RunKind::cutover}, Redactor{}, &heard);
    REQUIRE(session.has_value());
    folder = session->folder().path();
    traffic::TrafficState live;
    live.wanted = live.serving = driver.serving;
    if (playbook.kind == Kind::rollback) {
        live.wanted = driver.wanted.value_or(live.serving);
    }
    const auto plan = make_plan(playbook, "fake", driver.target(), live);
    INFO((plan ? std::string() : plan.error().text()));
    REQUIRE(plan.has_value());

    RunInput input;
    input.plan = &*plan;
    input.driver = &driver;
    input.instruments = &instruments;
    input.session = &*session;
    input.stop = &stop;
    input.mode = mode;
    input.probes = probes;
    input.asserted = asserted;
    input.sources = sources;
    input.timing = {
        .tick = Millis(1),
        .view_every = Millis(5),
        .interim_every = Millis(3),
        .drift_every = drift_every,
        .in_flight = Millis(10),
        .silent = Millis(50),
        .driver_call = Millis(100),
        .retry_pause = Millis(5),
        .source_every = source_every,
        .source_call = source_call
    };
    input.journal = [&](const Json& line) -> Result<void> {
        ++journal_writes;
        if (journal_full_at != 0 && journal_writes >= journal_full_at) {
            return fail(Code::io, "no space left on device");
        }
        if (journal_writes == crash_at_write && !crash_after_write) {
            throw Crash{};
        }
        OA_CHECK(session->folder().journal(line));
        if (journal_writes == crash_at_write) {
            throw Crash{};
        }
        return {};
    };

    asio::io_context io;
    run::Steering steering(stop);
    if (person) {
        input.steering = &steering;
        asio::co_spawn(io, let_steer(&person, &steering), asio::detached);
    }
    if (prepare) {
        prepare(input, io.get_executor());
    }
    instruments.executor = io.get_executor();
    instruments.now = [&] { return session->folder().seconds_since_start(); };
    struct AtEnd { // also of a run that throws: hooks that hold `io` must not outlive it
        const std::function<void()>& call;
        ~AtEnd() {
            if (call) {
                call();
            }
        }
    } const at_end{finished};
    return test::run_task(io, run_plan(std::move(input)));
}

void World::make_cutover() {
    playbook.kind = Kind::cutover;
    playbook.target.base_url = "http://127.0.0.1:1";
    playbook.afterwards = Afterwards::stay;
}

void World::make_small() {
    playbook.stages = {0, 50, 100};
    playbook.stage.gates = {{.id = "error-rate", .limit = 0.5}};
    playbook.run_gates.clear();
    instruments.per_flow = 20;
}

std::string World::journal_text() const {
    return read_file(folder / "journal.ndjson").value_or("");
}

const Check* find_check(const RunOutcome& outcome, std::string_view id) {
    return find_or_null(outcome.checks, id, &Check::id);
}

const Check& check_of(const RunOutcome& outcome, std::string_view id) {
    const Check* const found = find_check(outcome, id);
    INFO("check " << id);
    REQUIRE(found != nullptr);
    return *found;
}

void check_rolled_back(const World& world, const RunOutcome& outcome) {
    CHECK(world.driver.serving == World::split(0));
    CHECK(outcome.exit == ExitCode::rolled_back);
    REQUIRE(outcome.rollback.has_value());
    CHECK(outcome.rollback->verified);
}

int die_everywhere(
    bool failing,
    const std::function<void(World&)>& check,
    const std::function<void(World&, int point)>& arm
) {
    for (int point = 1;; ++point) {
        CAPTURE(point);
        World world;
        world.make_small();
        if (failing) {
            world.instruments.bad_at[50] = 20;
        }
        arm(world, point);
        try {
            (void)world.run();
            return point - 1;
        } catch (const Crash&) {
            check(world);
        }
    }
}

} // namespace oa_stream::playbook::testing

// The test dialect of the replay authority: scenario:NAME in a prompt.
#include "oa_stream/authority/replay.hpp"
#include "oa_stream/base/text.hpp"

#include "harness.hpp"

#include <algorithm>

using namespace oa_test;

namespace {

struct Stage {
    explicit Stage(bool at_once = true) {
        ReplayOptions options;
        options.pace.immediate = at_once;
        replay = must(make_replay_authority(io.get_executor(), std::move(options)));
    }
    Transcript play(TurnRequest request) {
        auto turn = must(run(io, replay->start(std::move(request))));
        return run(io, drain(turn.get()));
    }
    Transcript play(const std::string& prompt) { return play(ask(prompt)); }

    asio::io_context io{};
    std::unique_ptr<ReplayAuthority> replay;
};

std::optional<turn::Usage> usage_of(const Transcript& transcript) {
    for (const auto& event : transcript.events) {
        if (const auto* usage = std::get_if<turn::UsageKnown>(&event)) {
            return usage->usage;
        }
    }
    return std::nullopt;
}

std::size_t deltas_of(const Transcript& transcript) {
    return static_cast<std::size_t>(std::ranges::count_if(transcript.events, [](const auto& event) {
        return std::holds_alternative<turn::PartDelta>(event);
    }));
}

} // namespace

TEST_CASE("scenario: what each says, and how it ends") {
    struct Row {
        const char* prompt;
        const char* text;
        std::size_t deltas;
        turn::Finish finish = turn::Finish::stop;
        const char* outcome = "completed";
    };
    const auto row = GENERATE(
        Row{"scenario:echo", "ok", 1},
        Row{"scenario:echo;text=a%20b%3Bc", "a b;c", 1},
        Row{"scenario:words;delay=0", "w1 w2 w3", 3},
        Row{"please scenario:words;n=1 now", "w1", 1},
        Row{"scenario:words;n=many;delay=0", "w1 w2 w3", 3},
        Row{"scenario:empty", "", 0},
        Row{"scenario:truncate;n=2", "w1 w2", 2, turn::Finish::length},
        Row{"scenario:fail-mid;n=2", "w1 w2", 2, turn::Finish::error, "failed"},
        Row{"scenario:stall;n=1;ms=1", "w1", 1},
        Row{"scenario:echo;text=first scenario:echo;text=last", "last", 1},
        Row{"scenario:echo;text=known scenario:unknown;text=x", "known", 1}
    );
    CAPTURE(row.prompt);
    Stage stage;
    const auto transcript = stage.play(row.prompt);
    CHECK(transcript.text() == row.text);
    CHECK(deltas_of(transcript) == row.deltas);
    CHECK(transcript.outcome() == row.outcome);
    REQUIRE(transcript.ended() != nullptr);
    CHECK(transcript.ended()->finish == row.finish);
    const auto usage = usage_of(transcript);
    CHECK(usage == turn::Usage{.input = 10, .output = static_cast<std::int64_t>(row.deltas)});
    CHECK(transcript.ended()->usage == usage);
}

TEST_CASE("scenario: the counts are as asked, or none") {
    Stage stage;
    CHECK(
        usage_of(stage.play("scenario:words;n=1;in=123;out=45;cached=100;reasoning=7")) ==
        turn::Usage{.input = 123, .cached_input = 100, .output = 45, .reasoning_output = 7}
    );
    CHECK(usage_of(stage.play("scenario:words;n=1;in=0;out=0")) == turn::Usage{});
    CHECK_FALSE(usage_of(stage.play("scenario:words;n=1;nousage=1")).has_value());
}

TEST_CASE("scenario: the same prompt always plays the same turn") {
    Stage stage;
    for (const auto* prompt :
         {"scenario:unicode", "scenario:tricky", "scenario:words;n=40;delay=0"}) {
        const auto once = stage.play(prompt);
        const auto again = stage.play(prompt);
        CHECK(once.text() == again.text());
        CHECK(deltas_of(once) == deltas_of(again));
        CHECK_FALSE(invalid_utf8(once.text()).has_value());
    }
    CHECK(deltas_of(stage.play("scenario:tricky")) == 2);
    CHECK(deltas_of(stage.play("scenario:unicode")) > 30);
}

TEST_CASE("scenario: its times are as asked, whatever the pace") {
    Stage stage;
    const auto began = Clock::now();
    CHECK(stage.play("scenario:words;n=3;first=40;delay=30").text() == "w1 w2 w3");
    CHECK(Clock::now() - began >= Millis(99));
}

TEST_CASE("scenario: an early end of the events comes after text and counts") {
    Stage stage;
    const auto transcript = stage.play("scenario:eof;n=2;in=5");
    CHECK(transcript.text() == "w1 w2");
    CHECK(usage_of(transcript) == turn::Usage{.input = 5, .output = 2});
    REQUIRE(transcript.error.has_value());
    CHECK(transcript.error->code == Code::unavailable);
    CHECK(transcript.error->where == "eof");
}

TEST_CASE("scenario: a refusal comes before the turn is accepted") {
    Stage stage;
    const auto failed = run(stage.io, stage.replay->start(ask("scenario:http-500")));
    REQUIRE_FALSE(failed.has_value());
    CHECK(failed.error().code == Code::protocol);
    const auto limited = run(stage.io, stage.replay->start(ask("scenario:http-429")));
    REQUIRE_FALSE(limited.has_value());
    CHECK(limited.error().code == Code::unavailable);
    CHECK(limited.error().where == "rate_limited");
    CHECK(stage.play("scenario:stats").text() == "started=0 interrupted=0 completed=0");
}

TEST_CASE("scenario: find looks through everything the turn was given") {
    Stage stage;
    const auto found = [&](TurnRequest request) {
        request.input.emplace_back(InputText{"scenario:find;a=nee;b=dle"});
        return stage.play(std::move(request)).text();
    };
    CHECK(found({}) == "missing");
    TurnRequest seeded;
    seeded.seed.push_back({SeedMessage::Role::assistant, "a needle"});
    CHECK(found(std::move(seeded)) == "found");
    TurnRequest transcript;
    transcript.instructions = "a needle";
    CHECK(found(std::move(transcript)) == "found");
    TurnRequest given;
    given.input.emplace_back(InputText{"a needle"});
    CHECK(found(std::move(given)) == "found");
}

TEST_CASE("scenario: stats count turns by their end, without stats and capabilities") {
    Stage stage;
    CHECK(stage.play("scenario:capabilities").text().starts_with("scenarios: capabilities echo "));
    (void)stage.play("scenario:echo");
    (void)stage.play("scenario:fail-mid");
    (void)stage.play("anything else");
    {
        auto dropped = must(run(stage.io, stage.replay->start(ask("scenario:stall;ms=60000"))));
    }
    auto stopped = must(run(stage.io, stage.replay->start(ask("scenario:stall;ms=60000"))));
    stopped->interrupt();
    (void)run(stage.io, drain(stopped.get()));
    CHECK(stage.play("scenario:stats").text() == "started=5 interrupted=2 completed=2");
}

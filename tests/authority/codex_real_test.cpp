// Turns and threads of the real codex: unit_authority "[codex]".
#include "real_stage.hpp"

using namespace oa_test;

TEST_CASE("real codex: a turn, its model, its usage and its history", "[.codex]") {
    RealStage stage;
    stage.opened();
    CHECK(stage.authority->health().ready);
    CHECK(stage.authority->health().reason.empty()); // a tested version
    TurnRequest request = ask("scenario:text;words=20;in=1234;out=56;cached=1000;reason=40");
    request.client_message_id = "client-1";
    request.traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    const Transcript transcript = stage.play(std::move(request));
    CHECK(transcript.outcome() == "completed");
    CHECK_THAT(transcript.text(), Catch::StartsWith("alpha bravo charlie"));
    CHECK(transcript.first<turn::TurnStarted>()->model == "mock-model");
    const turn::Usage want{
        .input = 1234, .cached_input = 1000, .output = 56, .reasoning_output = 40
    };
    CHECK(transcript.ended()->usage == want);

    const auto turns = stage.turns(stage.last->thread_id());
    REQUIRE(turns.size() == 1);
    CHECK(turns[0].id == stage.last->turn_id());
    CHECK(turns[0].client_message_id == "client-1");
    CHECK_THAT(turns[0].user_text, Catch::StartsWith("scenario:text"));
    CHECK(Transcript{.events = turns[0].events}.text() == transcript.text());
}

TEST_CASE("real codex: the second turn of a thread knows the first", "[.codex]") {
    RealStage stage;
    stage.opened();
    stage.play(ask("first prompt"));
    const Transcript second = stage.play(ask("second prompt", stage.last->thread_id()));
    CHECK(second.text() == "second prompt");
    CHECK(second.ended()->usage->input == 100); // its own, not the thread's
    const std::vector<std::string> want{
        "user:first prompt", "assistant:first prompt", "user:second prompt"
    };
    auto sent = stage.sent();
    sent.erase(sent.begin()); // the base prompt
    CHECK(sent == want);
}

TEST_CASE("real codex: seed, instructions, effort and schema reach the model", "[.codex]") {
    RealStage stage;
    stage.opened();
    TurnRequest request = ask("now");
    request.seed = {
        {SeedMessage::Role::user, "before?"}, {SeedMessage::Role::assistant, "before!"}
    };
    request.instructions = "Speak like a test.";
    request.effort = "high";
    request.output_schema =
        must(parse_json(R"({"type":"object","properties":{},"additionalProperties":false})"));
    CHECK(stage.play(std::move(request)).outcome() == "completed");
    const std::vector<std::string> want{
        "developer:Speak like a test.", "user:before?", "assistant:before!", "user:now"
    };
    CHECK(stage.sent() == want);
    const Json body = stage.model.requests().back();
    CHECK(body["text"]["format"]["type"] == "json_schema");
}

TEST_CASE("real codex: regenerate and edit drop the tail and keep the thread", "[.codex]") {
    RealStage stage;
    stage.opened();
    TurnRequest first = ask("one");
    first.seed = {{SeedMessage::Role::user, "seed"}};
    stage.play(std::move(first));
    const std::string thread = stage.last->thread_id();
    const std::string turn_one = stage.last->turn_id();
    stage.play(ask("two", thread));
    const std::string turn_two = stage.last->turn_id();
    stage.play(ask("three", thread));

    TurnRequest edit = ask("two, edited", thread);
    edit.revert_from_turn = turn_two;
    const Transcript edited = stage.play(std::move(edit));
    CHECK(edited.text() == "two, edited");
    CHECK(edited.ended()->usage->input == 100);
    CHECK(stage.last->thread_id() == thread);
    auto sent = stage.sent();
    sent.erase(sent.begin());
    CHECK(
        sent ==
        std::vector<std::string>{"user:seed", "user:one", "assistant:one", "user:two, edited"}
    );
    CHECK(stage.turns(thread).size() == 2);

    TurnRequest gone = ask("x", thread);
    gone.revert_from_turn = turn_two;
    const auto refused = run(stage.io, stage.authority->start(std::move(gone)));
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().code == Code::precondition);

    stage.close(); // also after a restart, where the thread must be loaded first
    stage.opened();
    TurnRequest regenerate = ask("one", thread);
    regenerate.revert_from_turn = turn_one;
    CHECK(stage.play(std::move(regenerate)).text() == "one");
    sent = stage.sent();
    sent.erase(sent.begin());
    CHECK(sent == std::vector<std::string>{"user:seed", "user:one"});
    CHECK(stage.turns(thread).size() == 1);
}

TEST_CASE("real codex: an interrupt works in every phase, and the thread goes on", "[.codex]") {
    const auto phase = GENERATE(as<std::string>{}, "at once", "waiting", "streaming", "ended");
    CAPTURE(phase);
    RealStage stage;
    stage.opened();
    const char* prompt =
        phase == "waiting" ? "scenario:slow-first;first=20000" : "scenario:text;words=200;delay=20";
    auto turn =
        must(run(stage.io, stage.authority->start(ask(phase == "ended" ? "short" : prompt))));
    Transcript transcript;
    if (phase == "waiting") {
        transcript = run(stage.io, drain_until<turn::TurnStarted>(turn.get()));
    } else if (phase == "streaming") {
        transcript = run(stage.io, drain_until<turn::PartDelta>(turn.get()));
    } else if (phase == "ended") {
        transcript = run(stage.io, drain(turn.get()));
    }
    turn->interrupt();
    if (phase != "ended") {
        transcript = run(stage.io, drain(turn.get()), Millis(10'000));
        CHECK(transcript.outcome() == "interrupted");
    }
    CHECK(stage.play(ask("next", turn->thread_id())).text() == "next");
}

TEST_CASE("real codex: interrupting at once works every time", "[.codex]") {
    RealStage stage;
    stage.opened();
    for (int i = 0; i < 20; ++i) {
        TurnRequest request = ask("scenario:text;words=200;delay=20");
        request.ephemeral = i % 2 == 1;
        const auto turn = must(run(stage.io, stage.authority->start(std::move(request))));
        turn->interrupt();
        CHECK(run(stage.io, drain(turn.get()), Millis(10'000)).outcome() == "interrupted");
    }
}

TEST_CASE("real codex: an ephemeral turn leaves no thread behind", "[.codex]") {
    RealStage stage;
    stage.opened();
    TurnRequest request = ask("gone soon");
    request.ephemeral = true;
    request.seed = {{SeedMessage::Role::user, "seeded"}};
    CHECK(stage.play(std::move(request)).text() == "gone soon");
    const auto turns = run(stage.io, stage.authority->turns(stage.last->thread_id()));
    REQUIRE_FALSE(turns.has_value());
    CHECK(turns.error().code == Code::not_found);
}

TEST_CASE("real codex: threads it never heard of are not found", "[.codex]") {
    const auto id =
        GENERATE(as<std::string>{}, "01a1f7f9-1a73-7ed0-93aa-25269b5ffaa0", "not-even-an-id");
    CAPTURE(id);
    RealStage stage;
    stage.opened();
    CHECK(run(stage.io, stage.authority->start(ask("x", id))).error().code == Code::not_found);
    CHECK(run(stage.io, stage.authority->turns(id)).error().code == Code::not_found);
}

TEST_CASE("real codex: many threads at once", "[.codex]") {
    RealStage stage;
    stage.opened();
    const auto one = [](Authority* authority, int number, int* done) -> Task<void> {
        TurnRequest request = ask(fmt::format("number {}", number));
        request.ephemeral = number % 2 == 0;
        auto turn = co_await authority->start(std::move(request));
        if (!turn) {
            throw std::runtime_error(turn.error().text());
        }
        const Transcript transcript = co_await drain(turn->get());
        *done += transcript.text() == fmt::format("number {}", number) ? 1 : 0;
    };
    int done = 0;
    for (int i = 0; i < 60; ++i) {
        asio::co_spawn(stage.io, one(stage.authority.get(), i, &done), asio::detached);
    }
    const auto deadline = Clock::now() + Millis(20'000);
    while (done < 60) {
        REQUIRE(Clock::now() < deadline);
        stage.io.restart();
        stage.io.run_one_for(Millis(50));
    }
}

TEST_CASE("real codex: truncation by the model is an end with finish length", "[.codex]") {
    RealStage stage;
    stage.opened();
    const Transcript transcript = stage.play(ask("scenario:incomplete;words=5"));
    CHECK(transcript.outcome() == "completed");
    CHECK(transcript.ended()->finish == turn::Finish::length);
    CHECK(stage.turns(stage.last->thread_id())[0].outcome == turn::Outcome::completed);
}

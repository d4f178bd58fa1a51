// Turns of the codex authority, on a child that misbehaves by script.
#include "oa_stream/authority/capture.hpp"

#include "codex/running_turn.hpp"
#include "fake_stage.hpp"

#include <thread>

using namespace oa_test;

TEST_CASE("codex: a turn is accepted, told and ended; its thread goes on") {
    FakeStage stage;
    stage.opened();
    CHECK(stage.authority->health().ready);
    CHECK(stage.authority->capabilities().version == "0.169.0");
    const Transcript first = stage.play(ask("one"));
    CHECK(first.outcome() == "completed");
    CHECK(first.text() == "you said one");
    CHECK(first.first<turn::TurnStarted>()->model == "fake-model");
    CHECK(first.first<turn::TurnStarted>()->turn == stage.last->turn_id());
    CHECK(first.ended()->usage->input == 100);
    const std::string thread = stage.last->thread_id();
    CHECK(stage.play(ask("two", thread)).text() == "you said two");
    CHECK(stage.last->thread_id() == thread);
    CHECK(stage.received("thread/resume") == 0);
}

TEST_CASE("codex: turn/started may overtake the response of turn/start") {
    FakeStage stage;
    const Transcript transcript = stage.opened().play(ask("early-start"));
    CHECK(transcript.outcome() == "completed");
    CHECK(transcript.text() == "early");
    CHECK(std::holds_alternative<turn::TurnStarted>(transcript.events.front()));
}

TEST_CASE("codex: a turn of which too much arrives before its id fails") {
    asio::io_context io;
    RunningTurn turn(io.get_executor(), CodexOptions{}, "t", "m", {}, std::nullopt);
    const Json message = Json::object({{"method", "item/started"}});
    for (int transcript = 0; transcript < 10'000; ++transcript) {
        turn.deliver("item/started", message);
    }
    CHECK_FALSE(turn.failed());
    turn.deliver("item/started", message);
    CHECK(turn.failed());
}

TEST_CASE("codex: nonsense between the lines is counted and harms no turn") {
    FakeStage stage;
    const Transcript transcript = stage.opened().play(ask("garbage"));
    CHECK(transcript.outcome() == "completed");
    CHECK(transcript.text() == "clean");
    CHECK(stage.reading("codex_nonsense_lines_total") == 5);
}

TEST_CASE("codex: a text that came with a hole is counted") {
    FakeStage stage;
    CHECK(stage.opened().play(ask("lost-word")).text() == "one");
    CHECK(stage.reading("codex_nonsense_lines_total") == 1);
    CHECK(stage.reading("codex_text_mismatches_total") == 1);
    CHECK(stage.play(ask("garbage")).text() == "clean");
    CHECK(stage.reading("codex_text_mismatches_total") == 1);
}

TEST_CASE("codex: questions are answered, id 0 and unknown ones included") {
    FakeStage stage;
    stage.opened();
    CHECK(stage.play(ask("question")).text() == R"({"decision":"decline"})");
    CHECK(
        stage.play(ask("unknown-question")).text() ==
        R"({"code":-32601,"message":"unknown method"})"
    );
    CHECK(stage.reading("codex_declined_requests_total") == 1);
    CHECK(stage.reading("codex_unknown_requests_total") == 1);
}

TEST_CASE("codex: a turn that ends without a word is looked up in history") {
    FakeStage stage;
    stage.options.deadlines.reconcile = Millis(40);
    stage.opened();
    const Transcript transcript = stage.play(ask("silent-end"));
    CHECK(transcript.outcome() == "completed");
    CHECK(transcript.text() == "quiet");
    CHECK(stage.reading("codex_reconciled_total") == 1);
    CHECK(stage.play(ask("next", stage.last->thread_id())).outcome() == "completed");
}

TEST_CASE("codex: a turn that history does not know as ended times out, never as success") {
    FakeStage stage;
    stage.options.deadlines.reconcile = Millis(40);
    stage.opened();
    const Transcript transcript = stage.play(ask("silent-lost"));
    CHECK(transcript.outcome() == "timeout");
    CHECK(failure_code_of(*transcript.error) == turn::FailureCode::authority_timeout);
    CHECK(stage.play(ask("next", stage.last->thread_id())).outcome() == "completed");
}

TEST_CASE("codex: a turn whose end is still to come is listed as running, never as interrupted") {
    FakeStage stage;
    stage.options.deadlines.reconcile = Millis(60'000);
    stage.opened();
    const auto turn = must(stage.start(ask("silent-cut")));
    const TurnsQuery query{.thread = turn->thread_id(), .limit = 1, .newest_first = true};
    const auto page = must(run(stage.io, stage.authority->turns_page(query)));
    REQUIRE(page.turns.size() == 1);
    CHECK(page.turns.front().running);
}

TEST_CASE("codex: events after the end of a turn reach nobody") {
    FakeStage stage;
    stage.opened();
    CHECK(stage.play(ask("late-events")).text() == "on time");
    CHECK(stage.play(ask("next", stage.last->thread_id())).text() == "you said next");
}

TEST_CASE("codex: a turn/start without a reply is ambiguous: stopped, and never sent again") {
    FakeStage stage;
    stage.options.deadlines.request = Millis(1'000);
    stage.opened();
    const auto turn = stage.start(ask("no-reply"));
    REQUIRE_FALSE(turn.has_value());
    CHECK(turn.error().code == Code::timeout);
    stage.until([&] { return stage.received("turn/interrupt", "\"turnId\":\"\"") == 1; });
    CHECK(stage.received("turn/start") == 1);
    CHECK(stage.play(ask("other")).outcome() == "completed");
}

TEST_CASE("codex: a given-up turn that begins after all is interrupted, and nobody hears of it") {
    FakeStage stage;
    stage.options.deadlines.request = Millis(1'000);
    stage.opened();
    CHECK(stage.start(ask("late-accept")).error().code == Code::timeout);
    stage.until([&] { return stage.received("turn/interrupt", "\"turnId\":\"turn-") == 1; });
    CHECK(stage.play(ask("other")).outcome() == "completed");
}

TEST_CASE("codex: the interrupt of a given-up turn that finds codex overloaded is sent again") {
    const Mode mode("busy-interrupt");
    FakeStage stage;
    stage.options.deadlines.request = Millis(1'000);
    stage.opened();
    CHECK(stage.start(ask("late-accept")).error().code == Code::timeout);
    stage.until([&] { return stage.received("turn/interrupt", "\"turnId\":\"turn-") == 2; });
    stage.until([&] { return stage.reading("codex_busy_threads") == 0; });
}

TEST_CASE("codex: accepted but never started is a timeout") {
    FakeStage stage;
    stage.options.deadlines.request = Millis(1'000);
    stage.opened();
    const auto turn = stage.start(ask("never-starts"));
    REQUIRE_FALSE(turn.has_value());
    CHECK(turn.error().code == Code::timeout);
}

TEST_CASE("codex: interrupt is idempotent and ends the turn as interrupted") {
    FakeStage stage;
    stage.opened();
    const auto turn = must(stage.start(ask("stall-after")));
    run(stage.io, drain_until<turn::PartDelta>(turn.get()));
    turn->interrupt();
    turn->interrupt();
    CHECK(run(stage.io, drain(turn.get())).outcome() == "interrupted");
    turn->interrupt();
    CHECK(stage.play(ask("next", turn->thread_id())).outcome() == "completed");
    CHECK(stage.received("turn/interrupt") == 1);
}

TEST_CASE("codex: an interrupt that is ignored ends in a timeout and frees the thread") {
    FakeStage stage;
    stage.options.deadlines.interrupt = Millis(300);
    stage.opened();
    const auto turn = must(stage.start(ask("ignores-interrupt")));
    run(stage.io, drain_until<turn::PartDelta>(turn.get()));
    turn->interrupt();
    CHECK(run(stage.io, drain(turn.get())).outcome() == "timeout");
    const Transcript next = stage.play(ask("usage-of-old-thread", turn->thread_id()));
    CHECK(next.outcome() == "completed");
    REQUIRE(next.ended()->usage.has_value());
    CHECK(next.ended()->usage->input == 40); // without what the other one cost
}

TEST_CASE("codex: dropping a turn interrupts it, and its thread is free when it has ended") {
    FakeStage stage;
    stage.opened();
    auto turn = must(stage.start(ask("stall-after")));
    const std::string thread = turn->thread_id();
    turn.reset();
    CHECK(stage.play(ask("next", thread)).text() == "you said next");
    CHECK(stage.received("turn/interrupt") == 1);
}

TEST_CASE("codex: a second turn on a busy thread is refused, for codex would steer the first") {
    FakeStage stage;
    stage.opened();
    const auto turn = must(stage.start(ask("stall-after")));
    const auto began = Clock::now();
    const auto second = stage.start(ask("next", turn->thread_id()));
    CHECK(Clock::now() - began < Millis(1'000));
    REQUIRE_FALSE(second.has_value());
    CHECK(second.error().code == Code::conflict);
    CHECK(stage.received("turn/start") == 1);
}

TEST_CASE("codex: a turn nobody fetches fails alone, and the pipe goes on") {
    FakeStage stage;
    stage.options.limits.queue_bytes = 1U << 20U;
    stage.opened();
    const auto flooded = must(stage.start(ask("flood")));
    CHECK(stage.play(ask("other")).outcome() == "completed");
    CHECK(run(stage.io, drain(flooded.get())).outcome() == "too_large");
}

TEST_CASE("codex: overloaded is asked again, other refusals are not") {
    FakeStage stage;
    stage.opened();
    CHECK(stage.play(ask("overloaded")).outcome() == "completed");
    CHECK(stage.reading("codex_overloaded_total") == 2);
    const auto refused = stage.start(ask("refused"));
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().code == Code::protocol);
    CHECK(stage.received("turn/start", "refused") == 1);
}

TEST_CASE("codex: a thread nobody knows is not found") {
    FakeStage stage;
    stage.opened();
    CHECK(stage.start(ask("x", "missing-1")).error().code == Code::not_found);
    CHECK(run(stage.io, stage.authority->turns("missing-1")).error().code == Code::not_found);
}

TEST_CASE("codex: usage of a thread with a past is the difference, learned from its first report") {
    FakeStage stage;
    stage.opened();
    const Transcript transcript = stage.play(ask("usage-of-old-thread", "thread-of-before"));
    REQUIRE(transcript.ended()->usage.has_value());
    CHECK(transcript.ended()->usage->input == 40);
    CHECK(transcript.ended()->usage->output == 4);
}

TEST_CASE("codex: a turn that failed uncounted leaves the next one its own usage") {
    FakeStage stage;
    stage.opened();
    CHECK(stage.play(ask("fails-uncounted", "thread-of-before")).outcome() == "failed");
    const Transcript transcript = stage.play(ask("usage-of-old-thread", "thread-of-before"));
    REQUIRE(transcript.ended()->usage.has_value());
    CHECK(transcript.ended()->usage->input == 40);
}

TEST_CASE("codex: revert comes before the turn, an unknown turn is a precondition") {
    FakeStage stage;
    stage.opened();
    stage.play(ask("one"));
    const std::string thread = stage.last->thread_id();
    const std::string first = stage.last->turn_id();
    stage.play(ask("two", thread));
    TurnRequest again = ask("three", thread);
    again.revert_from_turn = first;
    CHECK(stage.play(std::move(again)).outcome() == "completed");
    const auto turns = must(run(stage.io, stage.authority->turns(thread)));
    REQUIRE(turns.size() == 1);
    CHECK(turns[0].user_text == "three");
    TurnRequest unknown = ask("four", thread);
    unknown.revert_from_turn = first;
    CHECK(stage.start(std::move(unknown)).error().code == Code::precondition);
    CHECK(stage.play(ask("five", thread)).outcome() == "completed");
}

TEST_CASE("codex: a thread that went to somebody else meanwhile is left as it is") {
    FakeStage stage;
    stage.opened();
    stage.play(ask("one"));
    const std::string thread = stage.last->thread_id();
    TurnRequest late = ask("two", thread);
    late.revert_from_turn = stage.last->turn_id();
    late.developer = "be brief";
    bool ours = false;
    late.ours = [&ours] { return ours; };
    const auto refused = stage.start(late);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == Code::conflict);
    CHECK(refused.error().hint.empty());
    CHECK(stage.received("thread/revert") == 0);
    CHECK(stage.received("thread/inject_items") == 0);
    CHECK(stage.received("turn/start") == 1);
    int asked = 0; // it goes after the last step before the turn
    late.ours = [&asked] { return ++asked < 4; };
    const auto reverted = stage.start(late).error();
    CHECK(reverted.code == Code::conflict);
    CHECK(reverted.hint == k_replaced_is_gone);
    CHECK(stage.received("thread/inject_items") == 1);
    CHECK(stage.received("turn/start") == 1);
    ours = true;
    late.revert_from_turn.reset();
    late.ours = [&ours] { return ours; };
    CHECK(stage.play(late).text() == "you said two");
}

TEST_CASE("codex: history is read over as many pages as there are") {
    FakeStage stage;
    stage.opened();
    stage.play(ask("turn 1"));
    const std::string thread = stage.last->thread_id();
    for (int i = 2; i <= 5; ++i) {
        stage.play(ask(fmt::format("turn {}", i), thread));
    }
    const auto turns = must(run(stage.io, stage.authority->turns(thread)));
    REQUIRE(turns.size() == 5);
    for (std::size_t i = 0; i < 5; ++i) {
        CHECK(turns[i].user_text == fmt::format("turn {}", i + 1));
        CHECK(turns[i].client_message_id == "c");
    }
    CHECK(stage.received("thread/turns/list", "\"asc\"") == 3);
}

TEST_CASE("codex: requests that make no sense are refused before codex hears of them") {
    FakeStage stage;
    stage.opened();
    TurnRequest seeded = ask("x", "t");
    seeded.seed.push_back({SeedMessage::Role::user, "s"});
    CHECK(stage.start(std::move(seeded)).error().code == Code::usage);
    TurnRequest reverted = ask("x");
    reverted.revert_from_turn = "t";
    CHECK(stage.start(std::move(reverted)).error().code == Code::usage);
    CHECK(stage.start(TurnRequest{}).error().code == Code::usage);
    TurnRequest local = ask("x");
    local.input.emplace_back(InputImage{"file:///etc/passwd"});
    CHECK(stage.start(std::move(local)).error().code == Code::usage);
    CHECK(stage.received("turn/start") == 0);
}

TEST_CASE("codex: many threads at once keep their own turns") {
    FakeStage stage;
    stage.opened();
    const auto one = [](Authority* authority, int number, std::vector<std::string>* out
                     ) -> Task<void> {
        auto turn = co_await authority->start(ask(fmt::format("number {}", number)));
        const Transcript transcript = co_await drain(turn->get());
        (*out)[static_cast<std::size_t>(number)] = transcript.text();
    };
    std::vector<std::string> texts(50);
    for (int i = 0; i < 50; ++i) {
        asio::co_spawn(stage.io, one(stage.authority.get(), i, &texts), asio::detached);
    }
    stage.until([&] {
        return std::ranges::none_of(texts, [](const std::string& text) { return text.empty(); });
    });
    for (int i = 0; i < 50; ++i) {
        CHECK(texts[static_cast<std::size_t>(i)] == fmt::format("you said number {}", i));
    }
}

TEST_CASE("codex: a turn that waits for too many others is refused before codex hears of it") {
    FakeStage stage;
    stage.options.deadlines.start_wait = Millis(50);
    stage.opened();
    const std::size_t most = std::max<std::size_t>(2, std::thread::hardware_concurrency());
    std::vector<Error> refused;
    const auto one = [](Authority* authority, std::vector<Error>* errors) -> Task<void> {
        auto turn = co_await authority->start(ask("no-reply"));
        if (!turn) {
            errors->push_back(std::move(turn).error());
        }
    };
    for (std::size_t i = 0; i < most + 3; ++i) {
        asio::co_spawn(stage.io, one(stage.authority.get(), &refused), asio::detached);
    }
    stage.until([&] { return refused.size() == 3; });
    for (const Error& error : refused) {
        CHECK(error.code == Code::unavailable);
        CHECK(error.where == "retry_after:1");
    }
    stage.until([&] { return stage.received("turn/start") == most; });
    run(stage.io, stage.authority->close(Millis(2'000)));
    stage.until([&] { return refused.size() == most + 3; });
    CHECK(stage.received("turn/start") == most);
}

TEST_CASE("codex: a turn that is refused while others start has not cut its thread before") {
    FakeStage stage;
    stage.options.deadlines.start_wait = Millis(50);
    stage.opened();
    const std::size_t most = std::max<std::size_t>(2, std::thread::hardware_concurrency());
    std::size_t over = 0;
    const auto one = [](Authority* authority, std::size_t* done) -> Task<void> {
        std::ignore = co_await authority->start(ask("no-reply"));
        ++*done;
    };
    for (std::size_t i = 0; i < most; ++i) {
        asio::co_spawn(stage.io, one(stage.authority.get(), &over), asio::detached);
    }
    stage.until([&] { return stage.received("turn/start") == most; });
    TurnRequest again = ask("again", "stored");
    again.revert_from_turn = "turn-of-before";
    const auto refused = stage.start(std::move(again));
    REQUIRE_FALSE(refused);
    CHECK(refused.error().where == "retry_after:1");
    CHECK(stage.received("thread/resume") == 1);
    CHECK(stage.received("thread/revert") == 0);
    run(stage.io, stage.authority->close(Millis(2'000)));
    stage.until([&] { return over == most; });
}

TEST_CASE("codex: when a used up account may be used again is told with the failure") {
    FakeStage stage;
    stage.opened();
    const Transcript transcript = stage.play(ask("used-up"));
    CHECK(transcript.outcome() == "failed");
    const turn::Failure failure = transcript.ended()->failure.value();
    CHECK(failure.cause == turn::FailureCause::usage_limit);
    REQUIRE(failure.retry_after);
    CHECK(*failure.retry_after > 3'500);
    CHECK(*failure.retry_after <= 3'600);
}

TEST_CASE("codex: a recorded turn plays back as it was told, without key or folders") {
    ::setenv("OA_TEST_KEY", "sk-secret-key-of-the-provider", 1);
    FakeStage stage;
    must(write_file_atomic(
        stage.folder.path / "config.toml",
        std::string(k_fake_config) + "[model_providers.fake]\nenv_key = \"OA_TEST_KEY\"\n"
    ));
    stage.options.record.directory = stage.folder.path / "record";
    stage.opened();
    const std::string prompt = fmt::format(
        "sk-secret-key-of-the-provider in {}", (stage.folder.path / "state/codex/work").string()
    );
    const Transcript transcript = stage.play(ask(prompt));
    stage.play(ask("late-events"));
    ::unsetenv("OA_TEST_KEY");

    std::vector<Capture> captures;
    for (const auto& entry : std::filesystem::directory_iterator(stage.options.record.directory)) {
        CHECK_FALSE(must(read_file(entry.path())).contains("sk-secret"));
        captures.push_back(must(read_capture(entry.path())));
    }
    REQUIRE(captures.size() == 2);
    const bool second = captures[0].prompt == "late-events";
    const Capture& capture = captures[second ? 1 : 0];
    CHECK_THAT(capture.prompt, Catch::EndsWith(" in /WORK"));
    CHECK(capture.model == "fake-model");
    REQUIRE(capture.events.size() == transcript.events.size());
    CHECK(std::holds_alternative<turn::TurnEnded>(capture.events.back().event));
}

TEST_CASE("codex: a recording has no secret that came in pieces, each of them harmless") {
    const Folder folder;
    const std::string key = "ghp_A1b2C3d4E5f6G7h8I9j0K1l2M3n4O5p6Q7r8";
    {
        const auto recorder =
            must(CaptureRecorder::begin(folder.path / "record", "t", {}, 8U << 20U));
        const auto transcript = [&](const char* method, Json params) {
            params["turnId"] = "t";
            recorder->write("s2c", {{"method", method}, {"params", std::move(params)}});
        };
        for (const char c : "say " + key + " now") {
            transcript("item/agentMessage/delta", {{"itemId", "m"}, {"delta", std::string(1, c)}});
            transcript("item/reasoning/textDelta", {{"itemId", "r"}, {"delta", "x"}});
        }
        transcript("turn/completed", Json::object());
        transcript("thread/closed", Json::object()); // behind its end
    }
    const auto files = std::filesystem::directory_iterator(folder.path / "record");
    const std::string text = must(read_file(begin(files)->path()));
    std::string joined;
    std::size_t at = 0;
    while (at < text.size()) {
        const auto line = must(parse_json(text.substr(at, text.find('\n', at) - at)));
        at = text.find('\n', at) + 1;
        if (line["msg"]["method"] == "item/agentMessage/delta") {
            joined += line["msg"]["params"]["delta"].get<std::string>();
        }
    }
    CHECK(joined == "say " + std::string(key.size(), '*') + " now");
    CHECK(text.ends_with("\"thread/closed\",\"params\":{\"turnId\":\"t\"}}}\n"));
}

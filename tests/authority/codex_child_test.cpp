// The child of the codex authority: started, checked, replaced, kept small, let go.
#include "fake_stage.hpp"

#include <sys/stat.h>

using namespace oa_test;

TEST_CASE("codex: its folder is private, its own, and held by one process") {
    FakeStage stage;
    stage.opened();
    struct stat info{};
    REQUIRE(::stat((stage.folder.path / "state/codex/home").c_str(), &info) == 0);
    CHECK((info.st_mode & 0777U) == 0700U);
    REQUIRE(::stat((stage.folder.path / "state/codex/home/config.toml").c_str(), &info) == 0);
    CHECK((info.st_mode & 0777U) == 0600U);
    for (const char* skills : {"skills", ".agents/skills"}) { // watched instead of the home
        CHECK(std::filesystem::is_directory(stage.folder.path / "state/codex/home" / skills));
    }
    const auto second = make_codex_authority(stage.io.get_executor(), stage.options);
    const auto refused = run(stage.io, second->open());
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().code == Code::conflict);
}

TEST_CASE("codex: what keeps it from starting is said by its kind") {
    struct Row {
        const char* mode;
        Code code;
        const char* says;
    };
    const auto row = GENERATE(
        Row{"refuses-config", Code::config, "unknown field `shel_tool`"},
        Row{"dies-at-once", Code::unavailable, "exit 70"},
        Row{"silent", Code::timeout, "did not answer in time"},
        Row{"wrong-sandbox", Code::precondition, "sandbox dangerFullAccess"}
    );
    CAPTURE(row.mode);
    Mode mode(row.mode);
    FakeStage stage;
    if (std::string_view(row.mode) == "silent") {
        stage.options.deadlines.handshake = Millis(400);
    }
    const auto opened = stage.open();
    REQUIRE_FALSE(opened.has_value());
    CHECK(opened.error().code == row.code);
    CHECK_THAT(opened.error().message, Catch::Contains(row.says));
    CHECK_FALSE(stage.authority->health().ready);
}

TEST_CASE("codex: a missing program, key or state folder is refused before anything runs") {
    FakeStage stage;
    stage.options.program = "/nowhere/codex";
    CHECK(stage.open().error().code == Code::unavailable);
    stage.options.program = OA_FAKE_CODEX;
    stage.options.config_file.reset();
    stage.options.provider_env_key = "OA_TEST_KEY_THAT_IS_NOT_SET";
    const auto keyless = stage.open();
    REQUIRE_FALSE(keyless.has_value());
    CHECK(keyless.error().code == Code::credentials);
    CHECK_THAT(keyless.error().message, Catch::Contains("OA_TEST_KEY_THAT_IS_NOT_SET"));
    stage.options.state_dir.clear();
    CHECK(stage.open().error().code == Code::usage);
}

TEST_CASE("codex: an untested version runs, with a word about it") {
    Mode mode("untested");
    FakeStage stage;
    stage.opened();
    CHECK(stage.authority->health().ready);
    CHECK_THAT(stage.authority->health().reason, Catch::Contains("0.201.4"));
}

TEST_CASE("codex: the provider's key reaches the child but no log line") {
    ::setenv("OA_TEST_KEY", "sk-secret-key-of-the-provider", 1);
    FakeStage stage;
    must(write_file_atomic(
        stage.folder.path / "config.toml",
        std::string(k_fake_config) + "[model_providers.fake]\nenv_key = \"OA_TEST_KEY\"\n"
    ));
    stage.opened();
    stage.until([&] { return stage.log.contains("stderr of codex: 51 bytes"); });
    CHECK_FALSE(stage.log.contains("sk-secret"));
    ::unsetenv("OA_TEST_KEY");
}

TEST_CASE("codex: a built-in model gets the tool-free catalogue, and no start without it") {
    FakeStage stage;
    stage.options.config_file.reset();
    stage.options.provider_env_key.clear();
    stage.options.model = "built-in";
    // The fake child runs with another provider than the profile names, so open() ends there.
    CHECK(stage.open().error().code == Code::precondition);
    const auto home = stage.folder.path / "state/codex/home";
    const Json catalog = must(parse_json(must(read_file(home / "chat-catalog.json"))));
    CHECK(catalog["models"][0]["tool_mode"] == "direct");
    CHECK(must(read_file(home / "config.toml")).contains("chat-catalog.json"));
    stage.authority.reset();
    Mode mode("models-fail");
    CHECK(stage.open().error().code == Code::unavailable);
}

TEST_CASE("codex: when the child dies mid-turn the turn ends at once and the next one works") {
    struct Row {
        const char* prompt;
        const char* where;
    };
    const auto row = GENERATE(Row{"killed", ""}, Row{"exits", "eof"});
    CAPTURE(row.prompt);
    FakeStage stage;
    stage.opened();
    const auto began = Clock::now();
    const Transcript transcript = stage.play(ask(row.prompt));
    CHECK(transcript.text() == "half");
    CHECK(transcript.outcome() == "unavailable");
    CHECK(transcript.error->where == row.where);
    CHECK(Clock::now() - began < Millis(1'500));
    const std::string thread = stage.last->thread_id();
    CHECK(stage.play(ask("again", thread)).text() == "you said again");
    CHECK(stage.received("thread/resume", thread) == 1);
    CHECK(stage.reading("codex_restarts_total") == 1);
}

TEST_CASE("codex: while the child is down health says why, and start waits only so long") {
    FakeStage stage;
    stage.options.deadlines.backoff_first = Millis(60'000);
    stage.options.deadlines.restart_wait = Millis(100);
    stage.opened();
    CHECK(stage.play(ask("killed")).outcome() == "unavailable");
    CHECK_FALSE(stage.authority->health().ready);
    CHECK_THAT(stage.authority->health().reason, Catch::Contains("signal 9"));
    const auto refused = stage.start(ask("again"));
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().code == Code::unavailable);
}

TEST_CASE("codex: a child that cannot start again is tried with growing pauses, until it can") {
    FakeStage stage;
    stage.options.deadlines.backoff_first = Millis(30);
    stage.options.program = stage.folder.path / "codex";
    std::filesystem::create_symlink(OA_FAKE_CODEX, stage.options.program);
    stage.opened();
    std::filesystem::remove(stage.options.program);
    CHECK(stage.play(ask("killed")).outcome() == "unavailable");
    const auto began = Clock::now();
    stage.until([&] { return stage.reading("codex_restarts_total") >= 4; });
    CHECK(Clock::now() - began >= Millis(30 + 60 + 120 + 240) * 3 / 4);
    CHECK_FALSE(stage.authority->health().ready);
    CHECK_THAT(stage.authority->health().reason, Catch::Contains("cannot start"));
    std::filesystem::create_symlink(OA_FAKE_CODEX, stage.options.program);
    CHECK(stage.play(ask("one more")).outcome() == "completed");
}

TEST_CASE("codex: a child that dies over a new thread is asked once more, and not for ever") {
    const Mode mode("dies-on-thread");
    FakeStage stage;
    stage.opened();
    const auto started = stage.start(ask("one"));
    REQUIRE_FALSE(started);
    CHECK(started.error().code == Code::unavailable);
    // Each child is tried with an ephemeral one before it is ready.
    const auto tried = stage.received("thread/start", "\"ephemeral\":true");
    CHECK(stage.received("thread/start") - tried == 2);
}

TEST_CASE("codex: a child that dies when it has cut a thread: the next one takes the question") {
    const Mode mode("dies-on-revert");
    FakeStage stage;
    stage.opened();
    stage.play(ask("one"));
    TurnRequest again = ask("two", stage.last->thread_id());
    again.revert_from_turn = stage.last->turn_id();
    CHECK(stage.play(again).text() == "you said two");
    CHECK(stage.received("thread/revert") == 2);
    CHECK(stage.start(again).error().code == Code::precondition); // in one life it is wrong
}

TEST_CASE("codex: lines of many megabytes pass, beyond the limit the child is replaced") {
    FakeStage stage;
    stage.options.limits.line_bytes = 32U << 20U;
    stage.options.limits.queue_bytes = 64U << 20U;
    stage.opened();
    CHECK(stage.play(ask("huge")).text().size() == (3U << 20U));

    FakeStage narrow;
    narrow.options.limits.line_bytes = 1U << 20U;
    narrow.opened();
    const Transcript transcript = narrow.play(ask("huge"));
    CHECK(transcript.outcome() == "unavailable");
    CHECK_THAT(transcript.error->message, Catch::Contains("beyond 1048576 bytes"));
    CHECK(narrow.play(ask("small")).outcome() == "completed");
}

TEST_CASE("codex: a deaf child is replaced") {
    FakeStage stage;
    stage.options.deadlines.request = Millis(1'000);
    stage.opened();
    CHECK(stage.start(ask("deaf")).error().code == Code::timeout);
    stage.until([&] { return stage.reading("codex_restarts_total") == 1; });
    CHECK(stage.play(ask("other")).outcome() == "completed");
}

TEST_CASE("codex: an idle thread is let go and resumed when asked again") {
    FakeStage stage;
    stage.options.deadlines.linger = Millis(50);
    stage.opened();
    stage.play(ask("one"));
    const std::string thread = stage.last->thread_id();
    stage.until([&] { return stage.received("thread/unsubscribe", thread) == 1; });
    CHECK(stage.play(ask("two", thread)).outcome() == "completed");
    CHECK(stage.received("thread/resume", thread) == 1);
}

TEST_CASE("codex: an ephemeral thread is let go when its turn ends") {
    FakeStage stage;
    stage.opened();
    TurnRequest request = ask("one");
    request.ephemeral = true;
    stage.play(std::move(request));
    stage.until([&] { return stage.received("thread/unsubscribe", stage.last->thread_id()) == 1; });
    CHECK(stage.received("thread/start", "\"ephemeral\":true") == 2); // the check at open, and this
}

TEST_CASE("codex: a turn does not wait for all threads that are let go at once") {
    Mode mode("slow-unsubscribe"); // 50 ms each, and what is asked behind it waits
    FakeStage stage;
    stage.options.deadlines.linger = Millis(2'000);
    stage.opened();
    for (int i = 0; i < 12; ++i) {
        stage.play(ask("one"));
    }
    const auto asked = [&stage] { return stage.received("thread/unsubscribe", ""); };
    const auto before = asked();
    stage.until([&] { return asked() > before; });
    CHECK(stage.play(ask("another")).outcome() == "completed");
    CHECK(asked() - before < 8); // one before each request of the turn
    stage.until([&] { return asked() - before >= 12; });
}

TEST_CASE("codex: a failed open can be tried again") {
    FakeStage stage;
    must(
        write_file_atomic(stage.folder.path / "config.toml", "sandbox_mode = \"workspace-write\"\n")
    );
    CHECK(stage.open().error().code == Code::precondition);
    must(write_file_atomic(stage.folder.path / "config.toml", k_fake_config));
    must(run(stage.io, stage.authority->open()));
    CHECK(stage.play(ask("one")).outcome() == "completed");
    CHECK(run(stage.io, stage.authority->open()).error().code == Code::usage);
}

TEST_CASE("codex: a large idle child is replaced without a failed turn") {
    FakeStage stage;
    stage.options.limits.resident_bytes = 1;
    stage.options.deadlines.linger = Millis(80);
    stage.opened();
    stage.until([&] { return stage.reading("codex_restarts_total") >= 1; });
    CHECK(stage.log.contains("grew beyond its limit"));
}

TEST_CASE("codex: closing ends the child within its grace, dropping the authority at once") {
    FakeStage stage;
    stage.opened();
    const auto turn = must(stage.start(ask("stall-after")));
    const auto began = Clock::now();
    run(stage.io, stage.authority->close(Millis(2'000)));
    CHECK(Clock::now() - began < Millis(2'100));
    CHECK(run(stage.io, drain(turn.get())).outcome() == "unavailable");
    CHECK(stage.start(ask("x")).error().code == Code::unavailable);
    CHECK_FALSE(stage.authority->health().ready);
}

TEST_CASE("codex: closing does not wait for a child that is still starting") {
    Mode mode("silent");
    FakeStage stage;
    stage.authority = make_codex_authority(stage.io.get_executor(), stage.options);
    std::optional<Result<void>> opened;
    const auto open = [](Authority* authority, std::optional<Result<void>>* out) -> Task<void> {
        *out = co_await authority->open();
    };
    asio::co_spawn(stage.io, open(stage.authority.get(), &opened), asio::detached);
    stage.until([&] { return stage.authority->health().reason.contains("starting"); });
    const auto began = Clock::now();
    run(stage.io, stage.authority->close(Millis(1'000)));
    stage.until([&] { return opened.has_value(); });
    CHECK(Clock::now() - began < Millis(5'000)); // the handshake would have had 15 s
    CHECK(opened->error().code == Code::unavailable);
}

// Profiles, restarts and refusals of the real codex: unit_authority "[codex]".
#include "real_stage.hpp"

#include <csignal>

using namespace oa_test;

TEST_CASE("real codex: the chat profile offers no tool, built-in models included", "[.codex]") {
    if (!available()) {
        return;
    }
    const auto name = GENERATE(
        as<std::string>{}, "mock-model", "gpt-5.5", "gpt-5.6-sol", "gpt-6-astra", "gpt-6-luna"
    );
    CAPTURE(name);
    RealStage stage;
    stage.options.model = name;
    stage.opened();
    const Told told = stage.play(ask("scenario:exec;cmd=id"));
    CHECK(told.first<turn::ToolOpened>() == nullptr);
    CHECK(offered_tools(stage.model.requests()) == 0);
    CHECK(told.outcome() == "completed");
}

TEST_CASE("real codex: kill -9 mid-turn ends the turn at once, the thread lives on", "[.codex]") {
    if (!available()) {
        return;
    }
    RealStage stage;
    stage.opened();
    stage.play(ask("remember me"));
    const std::string thread = stage.last->thread_id();
    auto turn =
        must(run(stage.io, stage.authority->start(ask("scenario:text;words=200;delay=20", thread)))
        );
    run(stage.io, drain_until<turn::PartDelta>(turn.get()));
    const int former = stage.pid();
    ::kill(former, SIGKILL);
    const auto began = Clock::now();
    const Told told = run(stage.io, drain(turn.get()));
    CHECK(told.outcome() == "unavailable");
    CHECK(told.error->where.empty()); // by a signal: no end of file to be trusted
    CHECK(Clock::now() - began < Millis(1'000));
    const Told next = stage.play(ask("next", thread));
    CHECK(next.text() == "next");
    CHECK(next.ended()->usage->input == 100);
    CHECK(stage.pid() != former);
    const auto turns = stage.turns(thread);
    REQUIRE(turns.size() == 3);
    CHECK(turns[1].outcome == turn::Outcome::interrupted);
}

TEST_CASE("real codex: a new process continues the threads of the old one", "[.codex]") {
    if (!available()) {
        return;
    }
    RealStage stage;
    stage.opened();
    stage.play(ask("remember me"));
    const std::string thread = stage.last->thread_id();
    stage.last.reset();
    stage.close();
    stage.opened();
    CHECK(stage.turns(thread).size() == 1);
    CHECK(stage.play(ask("next", thread)).text() == "next");
    CHECK(stage.turns(thread).size() == 2);
}

TEST_CASE("real codex: approvals are declined and the turn goes on", "[.codex]") {
    if (!available()) {
        return;
    }
    RealStage stage;
    stage.options.profile = CodexProfile::agent;
    stage.opened();
    const Told told =
        stage.play(ask("scenario:exec;escalate=1;cmd=touch%20/oa-stream-must-not-exist"));
    CHECK(told.outcome() == "completed");
    REQUIRE(told.first<turn::ToolOpened>() != nullptr);
    CHECK(told.first<turn::ToolOutput>() == nullptr);
    CHECK(told.first<turn::ToolFailed>() != nullptr);
    CHECK_FALSE(std::filesystem::exists("/oa-stream-must-not-exist"));
    CHECK(told.text() == "Command finished.");
}

TEST_CASE(
    "real codex: the agent profile runs commands in its sandbox, without our key", "[.codex]"
) {
    if (!available()) {
        return;
    }
    RealStage stage;
    stage.options.profile = CodexProfile::agent;
    stage.opened();
    const Told told = stage.play(ask("scenario:exec;cmd=echo%20hi%3B%20env"));
    CHECK(told.outcome() == "completed");
    const auto* output = told.first<turn::ToolOutput>();
    REQUIRE(output != nullptr);
    const std::string text = dump_json(output->output);
    CHECK_THAT(text, Catch::Contains("hi\\n"));
    CHECK_FALSE(text.contains("sk-mock"));
    CHECK(offered_tools(stage.model.requests()) > 0);
    const auto turns = stage.turns(stage.last->thread_id());
    const Told history{.events = turns[0].events};
    const auto* kept = history.first<turn::ToolOutput>();
    REQUIRE(kept != nullptr);
    CHECK(kept->call == output->call);
    CHECK(kept->output == output->output);
}

TEST_CASE("real codex: an unreachable provider fails the turn soon", "[.codex]") {
    if (!available()) {
        return;
    }
    RealStage stage;
    stage.options.provider_base_url = "http://127.0.0.1:1/v1";
    stage.opened();
    const Told told = run(
        stage.io,
        [](Authority* authority) -> Task<Told> {
            auto turn = co_await authority->start(ask("anybody there?"));
            co_return co_await drain(turn->get());
        }(stage.authority.get()),
        Millis(15'000)
    );
    CHECK(told.outcome() == "failed");
    CHECK(told.ended()->failure->retryable);
}

TEST_CASE("real codex: a thread let go from memory is resumed with the right usage", "[.codex]") {
    if (!available()) {
        return;
    }
    RealStage stage;
    stage.options.deadlines.linger = Millis(50);
    stage.opened();
    stage.play(ask("one"));
    const std::string thread = stage.last->thread_id();
    const auto loaded = [&] {
        for (const Reading& one : stage.authority->readings()) {
            if (one.name == "codex_loaded_threads") {
                return one.value;
            }
        }
        return -1.0;
    };
    const auto deadline = Clock::now() + Millis(5'000);
    while (loaded() > 0) {
        REQUIRE(Clock::now() < deadline);
        stage.io.restart();
        stage.io.run_one_for(Millis(20));
    }
    const Told told = stage.play(ask("two", thread));
    CHECK(told.text() == "two");
    CHECK(told.ended()->usage->input == 100);
}

TEST_CASE("real codex: a misspelt setting and a wrong promise are refused at open", "[.codex]") {
    if (!available()) {
        return;
    }
    struct Row {
        const char* config;
        Code code;
    };
    const auto row = GENERATE(
        Row{"model = \"m\"\nshel_tool = true\n", Code::config},
        Row{"model = \"m\"\n[features]\nshel_tool = true\n", Code::config},
        Row{"model = = 3\n", Code::config}
    );
    CAPTURE(row.config);
    RealStage stage;
    must(write_file_atomic(stage.folder.path() / "config.toml", row.config));
    stage.options.config_file = stage.folder.path() / "config.toml";
    const auto opened = stage.open();
    REQUIRE_FALSE(opened.has_value());
    CAPTURE(opened.error().text());
    CHECK(opened.error().code == row.code);
}

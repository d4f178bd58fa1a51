// Profiles, restarts and refusals of the real codex: unit_authority "[codex]".
#include "codex/health/codex_rollouts.hpp"
#include "real_stage.hpp"

#include <sqlite3.h>

#include <csignal>
#include <map>
#include <memory>

using namespace oa_test;

TEST_CASE("real codex: the chat profile offers no tool, built-in models included", "[.codex]") {
    const auto name = GENERATE(
        as<std::string>{}, "mock-model", "gpt-5.5", "gpt-5.6-sol", "gpt-6-astra", "gpt-6-luna"
    );
    CAPTURE(name);
    RealStage stage;
    stage.options.model = name;
    stage.opened();
    const Transcript transcript = stage.play(ask("scenario:exec;cmd=id"));
    CHECK(transcript.first<turn::ToolOpened>() == nullptr);
    CHECK(offered_tools(stage.model.requests()) == 0);
    CHECK(transcript.outcome() == "completed");
}

TEST_CASE("real codex: kill -9 mid-turn ends the turn at once, the thread lives on", "[.codex]") {
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
    const Transcript transcript = run(stage.io, drain(turn.get()));
    CHECK(transcript.outcome() == "unavailable");
    CHECK(transcript.error->where.empty()); // by a signal: no end of file to be trusted
    CHECK(Clock::now() - began < Millis(1'000));
    const Transcript next = stage.play(ask("next", thread));
    CHECK(next.text() == "next");
    CHECK(next.ended()->usage->input == 100);
    CHECK(stage.pid() != former);
    const auto turns = stage.turns(thread);
    REQUIRE(turns.size() == 3);
    CHECK(turns[1].outcome == turn::Outcome::interrupted);
}

TEST_CASE("real codex: a new process continues the threads of the old one", "[.codex]") {
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
    RealStage stage;
    stage.options.profile = CodexProfile::agent;
    stage.opened();
    const Transcript transcript =
        stage.play(ask("scenario:exec;escalate=1;cmd=touch%20/oa-stream-must-not-exist"));
    CHECK(transcript.outcome() == "completed");
    REQUIRE(transcript.first<turn::ToolOpened>() != nullptr);
    CHECK(transcript.first<turn::ToolOutput>() == nullptr);
    CHECK(transcript.first<turn::ToolFailed>() != nullptr);
    CHECK_FALSE(std::filesystem::exists("/oa-stream-must-not-exist"));
    CHECK(transcript.text() == "Command finished.");
}

TEST_CASE(
    "real codex: the agent profile runs commands in its sandbox, without our key", "[.codex]"
) {
    RealStage stage;
    stage.options.profile = CodexProfile::agent;
    stage.opened();
    const Transcript transcript = stage.play(ask("scenario:exec;cmd=echo%20hi%3B%20env"));
    CHECK(transcript.outcome() == "completed");
    const auto* output = transcript.first<turn::ToolOutput>();
    REQUIRE(output != nullptr);
    const std::string text = dump_json(output->output);
    CHECK_THAT(text, Catch::Contains("hi\\n"));
    CHECK_FALSE(text.contains("sk-mock"));
    CHECK(offered_tools(stage.model.requests()) > 0);
    const auto turns = stage.turns(stage.last->thread_id());
    const Transcript history{.events = turns[0].events};
    const auto* kept = history.first<turn::ToolOutput>();
    REQUIRE(kept != nullptr);
    CHECK(kept->call == output->call);
    CHECK(kept->output == output->output);
}

TEST_CASE("real codex: an unreachable provider fails the turn soon", "[.codex]") {
    RealStage stage;
    stage.options.provider_base_url = "http://127.0.0.1:1/v1";
    stage.opened();
    const Transcript transcript = run(
        stage.io,
        [](Authority* authority) -> Task<Transcript> {
            auto turn = co_await authority->start(ask("anybody there?"));
            co_return co_await drain(turn->get());
        }(stage.authority.get()),
        Millis(15'000)
    );
    CHECK(transcript.outcome() == "failed");
    CHECK(transcript.ended()->failure->retryable);
}

TEST_CASE("real codex: a thread let go from memory is resumed with the right usage", "[.codex]") {
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
    const Transcript transcript = stage.play(ask("two", thread));
    CHECK(transcript.text() == "two");
    CHECK(transcript.ended()->usage->input == 100);
}

TEST_CASE("real codex: a misspelt setting and a wrong promise are refused at open", "[.codex]") {
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
    must(write_file_atomic(stage.folder.path / "config.toml", row.config));
    stage.options.config_file = stage.folder.path / "config.toml";
    const auto opened = stage.open();
    REQUIRE_FALSE(opened.has_value());
    CAPTURE(opened.error().text());
    CHECK(opened.error().code == row.code);
}

namespace {

/// Bytes of every file below `folder` whose name begins so.
std::uint64_t bytes_of(const std::filesystem::path& folder, std::string_view prefix = "") {
    std::uint64_t sum = 0;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
        if (entry.is_regular_file() && entry.path().filename().string().starts_with(prefix)) {
            sum += entry.file_size();
        }
    }
    return sum;
}

bool contains_anywhere(const std::filesystem::path& folder, std::string_view text) {
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
        if (entry.is_regular_file() && must(read_file(entry.path(), 1U << 30U)).contains(text)) {
            return true;
        }
    }
    return false;
}

} // namespace

namespace {

double reading(const RealStage& stage, std::string_view name) {
    for (const Reading& one : stage.authority->readings()) {
        if (one.name == name) {
            return one.value;
        }
    }
    return -1;
}

void wait_for(RealStage& stage, std::string_view name, double value) {
    const auto deadline = Clock::now() + Millis(20'000);
    while (reading(stage, name) < value) {
        REQUIRE(Clock::now() < deadline);
        stage.io.restart();
        stage.io.run_one_for(Millis(20));
    }
}

/// Pages of a database, what still stands in its -wal included.
std::uint64_t pages_of(const std::filesystem::path& file) {
    sqlite3* raw = nullptr;
    sqlite3_open_v2(file.c_str(), &raw, SQLITE_OPEN_READWRITE, nullptr);
    const std::unique_ptr<sqlite3, int (*)(sqlite3*)> database(raw, sqlite3_close);
    sqlite3_stmt* statement = nullptr;
    sqlite3_prepare_v2(raw, "PRAGMA page_count", -1, &statement, nullptr);
    const std::unique_ptr<sqlite3_stmt, int (*)(sqlite3_stmt*)> query(statement, sqlite3_finalize);
    REQUIRE(sqlite3_step(statement) == SQLITE_ROW);
    return static_cast<std::uint64_t>(sqlite3_column_int64(statement, 0)) * 4096;
}

/// What is kept of conversations: their rollouts and the rows of both databases.
std::uint64_t kept_in(const std::filesystem::path& home) {
    return bytes_of(home, "rollout-") + pages_of(home / "thread_history_1.sqlite") +
           pages_of(home / "state_5.sqlite");
}

/// Name without suffix → time of the last change.
std::map<std::string, std::filesystem::file_time_type>
times_of(const std::filesystem::path& sessions) {
    std::map<std::string, std::filesystem::file_time_type> out;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(sessions)) {
        if (entry.is_regular_file()) {
            const std::string name = entry.path().filename().string();
            out[name.substr(0, name.find('.'))] = entry.last_write_time();
        }
    }
    return out;
}

} // namespace

TEST_CASE("real codex: at rest, a turn takes 3 kB of its home beyond the text", "[.codex]") {
    constexpr int k_turns = 200;
    RealStage stage;
    stage.options.deadlines.compress_after = Millis(0);
    stage.opened();
    const auto home = stage.options.state_dir / "codex/home";
    stage.play(ask("the first turn makes the databases"));
    const auto empty = kept_in(home);
    std::uint64_t text = 0;
    std::optional<std::string> thread;
    for (int i = 0; i < k_turns; ++i) {
        const std::string prompt = "scenario:text;words=20 a word for the logs";
        const Transcript transcript = stage.play(ask(prompt, thread));
        REQUIRE(transcript.outcome() == "completed");
        text += prompt.size() + transcript.text().size();
        thread = i % 10 == 9 ? std::nullopt : std::optional(stage.last->thread_id());
    }
    stage.last.reset();
    const auto logs = bytes_of(home, "logs_");
    stage.close();
    const auto fresh = kept_in(home) - empty - text;
    const auto times = times_of(home / "sessions");
    REQUIRE(times.size() == 1 + (k_turns / 10));
    stage.options.deadlines.compress_after = Millis(1);
    stage.opened();
    wait_for(stage, "codex_compressed_rollouts_total", 1 + (k_turns / 10));
    CHECK(times_of(home / "sessions") == times); // codex shows them as a thread's updatedAt
    stage.close();
    const auto rested = kept_in(home) - empty - text;
    WARN(
        "bytes a turn beyond its text: logs " << logs / k_turns << ", fresh " << fresh / k_turns
                                              << ", at rest " << rested / k_turns
    );
    CHECK(logs < 1'000 * k_turns); // measured without the trigger: 86,000 a turn
    CHECK(fresh < 12'000 * k_turns);
    CHECK(rested <= 3'000 * k_turns);
}

TEST_CASE(
    "real codex: rollouts that a killed lane made seem old are as old as they are", "[.codex]"
) {
    RealStage stage;
    stage.options.deadlines.compress_after = Millis(0);
    stage.opened();
    stage.play(ask("remember me"));
    const std::string thread = stage.last->thread_id();
    stage.last.reset();
    stage.close();
    const auto home = stage.options.state_dir / "codex/home";
    const auto times = times_of(home / "sessions");
    const auto path =
        must(run(stage.io, [](std::filesystem::path folder) -> Task<Result<std::string>> {
            const auto found =
                co_await find_resting(folder, FileTime::clock::now(), 10, [](std::string_view) {
                    return false;
                });
            OA_CO_CHECK(age_rollouts(folder, found));
            co_return found.at(0).path;
        }(home)));
    REQUIRE(times_of(home / "sessions") != times);
    stage.opened();
    CHECK(times_of(home / "sessions") == times);
    stage.play(ask("and on", thread)); // written since: its time stays, were it aged once more
    stage.last.reset();
    CHECK(times_of(home / "sessions") != times);
}

TEST_CASE("real codex: a thread that nobody used is deleted with every word of it", "[.codex]") {
    RealStage stage;
    stage.options.deadlines.keep_threads = Millis(2'000);
    std::vector<std::string> forgotten;
    stage.options.forgotten = [&](std::vector<std::string> threads) { forgotten = threads; };
    stage.opened();
    const auto home = stage.options.state_dir / "codex/home";
    stage.play(ask("remember the word xylograph"));
    const std::string thread = stage.last->thread_id();
    stage.last.reset();
    CHECK(contains_anywhere(home, "xylograph"));
    wait_for(stage, "codex_deleted_threads_total", 1);
    CHECK(reading(stage, "codex_deleted_threads_total") == 1);
    CHECK(forgotten == std::vector<std::string>{thread});
    CHECK(run(stage.io, stage.authority->turns(thread)).error().code == Code::not_found);
    stage.close();
    stage.opened(); // what SQLite has freed is overwritten or cut off at the latest now
    CHECK_FALSE(contains_anywhere(home / "sessions", "xylograph"));
}

TEST_CASE("real codex: what an owner left who stays away is deleted as well", "[.codex]") {
    RealStage stage;
    stage.options.deadlines.keep_threads = Millis(4'000);
    std::vector<std::string> forgotten;
    stage.options.forgotten = [&](std::vector<std::string> threads) { forgotten = threads; };
    stage.authority = make_codex_owner_pool(
        stage.io.get_executor(),
        stage.options,
        {.work_template = stage.folder.path / "work/{owner}", .idle = Millis(200)}
    );
    must(run(stage.io, stage.authority->open()));
    TurnRequest request = ask("remember the word xylograph");
    request.owner = "alice";
    stage.play(std::move(request)); // her Codex ends long before its first look, after a second
    const std::string thread = stage.last->thread_id();
    stage.last.reset();
    const auto home = stage.options.state_dir / "codex/owners/alice/home";
    CHECK(contains_anywhere(home / "sessions", "xylograph"));
    wait_for(stage, "codex_deleted_threads_total", 1);
    CHECK(forgotten == std::vector<std::string>{thread});
    CHECK(thread.starts_with("alice:"));
    CHECK_FALSE(contains_anywhere(home / "sessions", "xylograph"));
}

TEST_CASE("real codex: a thread that rested for long is stored small and goes on", "[.codex]") {
    RealStage stage;
    stage.opened();
    std::optional<std::string> thread;
    for (int i = 0; i < 10; ++i) {
        REQUIRE(stage.play(ask("scenario:text;words=20", thread)).outcome() == "completed");
        thread = stage.last->thread_id();
    }
    stage.last.reset();
    stage.close();
    const auto sessions = stage.options.state_dir / "codex/home/sessions";
    const auto before = bytes_of(sessions);
    const auto aged = std::filesystem::file_time_type::clock::now() - std::chrono::days(30);
    for (const auto& entry : std::filesystem::recursive_directory_iterator(sessions)) {
        if (entry.is_regular_file()) {
            std::filesystem::last_write_time(entry.path(), aged);
        }
    }
    stage.opened();
    const auto deadline = Clock::now() + Millis(20'000);
    while (bytes_of(sessions) * 4 > before) {
        REQUIRE(Clock::now() < deadline);
        stage.io.restart();
        stage.io.run_one_for(Millis(50));
    }
    WARN("bytes of ten turns at rest: " << bytes_of(sessions) << " of " << before);
    CHECK(stage.turns(*thread).size() == 10);
    CHECK(stage.play(ask("and on", thread)).text() == "and on");
    stage.last.reset();
    CHECK(stage.turns(*thread).size() == 11);
}

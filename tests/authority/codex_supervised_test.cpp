// The codex authority against a child that misbehaves by script (fake_codex.cpp).
#include "oa_stream/authority/codex.hpp"
#include "oa_stream/base/file.hpp"

#include "harness.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>

using namespace oa_test;

namespace {

constexpr const char* k_config = R"(model_provider = "fake"
approval_policy = "never"
sandbox_mode = "read-only"
)";

/// Sets FAKE_MODE for the child only as long as it lives.
struct Mode {
    explicit Mode(const char* mode) { ::setenv("FAKE_MODE", mode, 1); }
    Mode(const Mode&) = delete;
    Mode& operator=(const Mode&) = delete;
    ~Mode() { ::unsetenv("FAKE_MODE"); }
};

struct Stage {
    Stage() {
        must(write_file_atomic(folder.path() / "config.toml", k_config));
        options.program = OA_FAKE_CODEX;
        options.config_file = folder.path() / "config.toml";
        options.state_dir = folder.path() / "state";
        options.env_allow = {"FAKE_MODE"};
        options.deadlines.backoff_first = Millis(10);
        options.log = [this](LogLevel, std::string_view line) { log += std::string(line) + "\n"; };
    }
    Stage(const Stage&) = delete;
    Stage& operator=(const Stage&) = delete;
    ~Stage() {
        if (authority) {
            run(io, authority->close(Millis(2'000)));
        }
    }

    Result<void> open() {
        authority = make_codex_authority(io.get_executor(), options);
        return run(io, authority->open());
    }
    Stage& opened() {
        must(open());
        return *this;
    }
    Result<std::unique_ptr<Turn>> start(TurnRequest request) {
        return run(io, authority->start(std::move(request)));
    }
    Told play(TurnRequest request) {
        last = must(start(std::move(request)));
        return run(io, drain(last.get()));
    }
    /// How many lines the child received with this method, or any other text in them.
    std::size_t received(std::string_view method, std::string_view text = {}) {
        const auto log_text = read_file(folder.path() / "state/codex/home/received.jsonl");
        std::size_t count = 0;
        std::string_view rest = log_text ? std::string_view(*log_text) : std::string_view{};
        while (!rest.empty()) {
            const std::string_view line = rest.substr(0, rest.find('\n'));
            rest.remove_prefix(std::min(rest.size(), line.size() + 1));
            count += line.contains(fmt::format("\"method\":\"{}\"", method)) && line.contains(text);
        }
        return count;
    }
    /// Runs the loop until `done`, or fails.
    template <class Done> void until(Done done) {
        const auto deadline = Clock::now() + Millis(15'000);
        while (!done()) {
            REQUIRE(Clock::now() < deadline);
            io.restart();
            io.run_one_for(Millis(20));
        }
    }
    double reading(std::string_view name) {
        for (const Reading& one : authority->readings()) {
            if (one.name == name) {
                return one.value;
            }
        }
        FAIL("no reading " << name);
        return 0;
    }

    Folder folder{};
    asio::io_context io{};
    CodexOptions options{};
    std::string log{};
    std::unique_ptr<Authority> authority{};
    std::unique_ptr<Turn> last{};
};

} // namespace

TEST_CASE("codex: a turn is accepted, told and ended; its thread goes on") {
    Stage stage;
    stage.opened();
    CHECK(stage.authority->health().ready);
    CHECK(stage.authority->capabilities().version == "0.169.0");
    const Told first = stage.play(ask("one"));
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

TEST_CASE("codex: its folder is private, its own, and held by one process") {
    Stage stage;
    stage.opened();
    struct stat info{};
    REQUIRE(::stat((stage.folder.path() / "state/codex/home").c_str(), &info) == 0);
    CHECK((info.st_mode & 0777U) == 0700U);
    REQUIRE(::stat((stage.folder.path() / "state/codex/home/config.toml").c_str(), &info) == 0);
    CHECK((info.st_mode & 0777U) == 0600U);
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
    Stage stage;
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
    Stage stage;
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
    Stage stage;
    stage.opened();
    CHECK(stage.authority->health().ready);
    CHECK_THAT(stage.authority->health().reason, Catch::Contains("0.201.4"));
}

TEST_CASE("codex: the provider's key reaches the child but no log line") {
    ::setenv("OA_TEST_KEY", "sk-secret-key-of-the-provider", 1);
    Stage stage;
    must(write_file_atomic(
        stage.folder.path() / "config.toml",
        std::string(k_config) + "[model_providers.fake]\nenv_key = \"OA_TEST_KEY\"\n"
    ));
    stage.opened();
    stage.until([&] { return stage.log.contains("a log line with"); });
    CHECK_FALSE(stage.log.contains("sk-secret"));
    ::unsetenv("OA_TEST_KEY");
}

TEST_CASE("codex: a built-in model gets the tool-free catalogue, and no start without it") {
    Stage stage;
    stage.options.config_file.reset();
    stage.options.provider_env_key.clear();
    stage.options.model = "built-in";
    // The fake child runs with another provider than the profile names, so open() ends there.
    CHECK(stage.open().error().code == Code::precondition);
    const auto home = stage.folder.path() / "state/codex/home";
    const Json catalog = must(parse_json(must(read_file(home / "chat-catalog.json"))));
    CHECK(catalog["models"][0]["tool_mode"] == "direct");
    CHECK(must(read_file(home / "config.toml")).contains("chat-catalog.json"));
    stage.authority.reset();
    Mode mode("models-fail");
    CHECK(stage.open().error().code == Code::unavailable);
}

TEST_CASE("codex: turn/started may overtake the response of turn/start") {
    Stage stage;
    const Told told = stage.opened().play(ask("early-start"));
    CHECK(told.outcome() == "completed");
    CHECK(told.text() == "early");
    CHECK(std::holds_alternative<turn::TurnStarted>(told.events.front()));
}

TEST_CASE("codex: nonsense between the lines is counted and harms no turn") {
    Stage stage;
    const Told told = stage.opened().play(ask("garbage"));
    CHECK(told.outcome() == "completed");
    CHECK(told.text() == "clean");
    CHECK(stage.reading("codex_nonsense_lines_total") == 5);
}

TEST_CASE("codex: when the child dies mid-turn the turn ends at once and the next one works") {
    struct Row {
        const char* prompt;
        const char* where;
    };
    const auto row = GENERATE(Row{"killed", ""}, Row{"exits", "eof"});
    CAPTURE(row.prompt);
    Stage stage;
    stage.opened();
    const auto began = Clock::now();
    const Told told = stage.play(ask(row.prompt));
    CHECK(told.text() == "half");
    CHECK(told.outcome() == "unavailable");
    CHECK(told.error->where == row.where);
    CHECK(Clock::now() - began < Millis(1'500));
    const std::string thread = stage.last->thread_id();
    CHECK(stage.play(ask("again", thread)).text() == "you said again");
    CHECK(stage.received("thread/resume", thread) == 1);
    CHECK(stage.reading("codex_restarts_total") == 1);
}

TEST_CASE("codex: while the child is down health says why, and start waits only so long") {
    Stage stage;
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
    Stage stage;
    stage.options.deadlines.backoff_first = Millis(30);
    stage.options.program = stage.folder.path() / "codex";
    std::filesystem::create_symlink(OA_FAKE_CODEX, stage.options.program);
    stage.opened();
    std::filesystem::remove(stage.options.program);
    CHECK(stage.play(ask("killed")).outcome() == "unavailable");
    const auto began = Clock::now();
    stage.until([&] { return stage.reading("codex_restarts_total") >= 4; });
    CHECK(Clock::now() - began >= Millis(30 + 60 + 120 + 240));
    CHECK_FALSE(stage.authority->health().ready);
    CHECK_THAT(stage.authority->health().reason, Catch::Contains("cannot start"));
    std::filesystem::create_symlink(OA_FAKE_CODEX, stage.options.program);
    CHECK(stage.play(ask("one more")).outcome() == "completed");
}

TEST_CASE("codex: questions are answered, id 0 and unknown ones included") {
    Stage stage;
    stage.opened();
    CHECK(stage.play(ask("question")).text() == R"({"decision":"decline"})");
    CHECK(
        stage.play(ask("unknown-question")).text() ==
        R"({"code":-32601,"message":"unknown method"})"
    );
    CHECK(stage.reading("codex_declined_requests_total") == 1);
    CHECK(stage.reading("codex_unknown_requests_total") == 1);
}

TEST_CASE("codex: lines of many megabytes pass, beyond the limit the child is replaced") {
    Stage stage;
    stage.options.limits.line_bytes = 32U << 20U;
    stage.options.limits.queue_bytes = 64U << 20U;
    stage.opened();
    CHECK(stage.play(ask("huge")).text().size() == (3U << 20U));

    Stage narrow;
    narrow.options.limits.line_bytes = 1U << 20U;
    narrow.opened();
    const Told told = narrow.play(ask("huge"));
    CHECK(told.outcome() == "unavailable");
    CHECK_THAT(told.error->message, Catch::Contains("beyond 1048576 bytes"));
    CHECK(narrow.play(ask("small")).outcome() == "completed");
}

TEST_CASE("codex: a turn that ends without a word is looked up in history") {
    Stage stage;
    stage.options.deadlines.reconcile = Millis(40);
    stage.opened();
    const Told told = stage.play(ask("silent-end"));
    CHECK(told.outcome() == "completed");
    CHECK(told.text() == "quiet");
    CHECK(stage.reading("codex_reconciled_total") == 1);
    CHECK(stage.play(ask("next", stage.last->thread_id())).outcome() == "completed");
}

TEST_CASE("codex: a turn that history does not know as ended times out, never as success") {
    Stage stage;
    stage.options.deadlines.reconcile = Millis(40);
    stage.opened();
    const Told told = stage.play(ask("silent-lost"));
    CHECK(told.outcome() == "timeout");
    CHECK(failure_code_of(*told.error) == turn::FailureCode::authority_timeout);
    CHECK(stage.play(ask("next", stage.last->thread_id())).outcome() == "completed");
}

TEST_CASE("codex: events after the end of a turn reach nobody") {
    Stage stage;
    stage.opened();
    CHECK(stage.play(ask("late-events")).text() == "on time");
    CHECK(stage.play(ask("next", stage.last->thread_id())).text() == "you said next");
}

TEST_CASE("codex: each deadline of a turn ends it with its own name and interrupts it") {
    struct Row {
        const char* prompt;
        Millis first_event, idle, turn;
        const char* where;
    };
    constexpr Millis k_long{60'000};
    const auto row = GENERATE_COPY(
        Row{"stall", Millis(60), k_long, k_long, "first_event"},
        Row{"stall-after", k_long, Millis(60), k_long, "idle"},
        Row{"stall-after", k_long, k_long, Millis(60), "turn"}
    );
    CAPTURE(row.where);
    Stage stage;
    stage.options.deadlines.first_event = row.first_event;
    stage.options.deadlines.idle = row.idle;
    stage.options.deadlines.turn = row.turn;
    stage.opened();
    const Told told = stage.play(ask(row.prompt));
    CHECK(told.outcome() == "timeout");
    CHECK(told.error->where == row.where);
    CHECK(stage.play(ask("next", stage.last->thread_id())).outcome() == "completed");
    CHECK(stage.received("turn/interrupt") == 1);
}

TEST_CASE("codex: a turn/start without a reply is ambiguous: stopped, and never sent again") {
    Stage stage;
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
    Stage stage;
    stage.options.deadlines.request = Millis(1'000);
    stage.opened();
    CHECK(stage.start(ask("late-accept")).error().code == Code::timeout);
    stage.until([&] { return stage.received("turn/interrupt", "\"turnId\":\"turn-") == 1; });
    CHECK(stage.play(ask("other")).outcome() == "completed");
}

TEST_CASE("codex: accepted but never started is a timeout") {
    Stage stage;
    stage.options.deadlines.request = Millis(1'000);
    stage.opened();
    const auto turn = stage.start(ask("never-starts"));
    REQUIRE_FALSE(turn.has_value());
    CHECK(turn.error().code == Code::timeout);
}

TEST_CASE("codex: a deaf child is replaced") {
    Stage stage;
    stage.options.deadlines.request = Millis(1'000);
    stage.opened();
    CHECK(stage.start(ask("deaf")).error().code == Code::timeout);
    stage.until([&] { return stage.reading("codex_restarts_total") == 1; });
    CHECK(stage.play(ask("other")).outcome() == "completed");
}

TEST_CASE("codex: interrupt is idempotent and ends the turn as interrupted") {
    Stage stage;
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
    Stage stage;
    stage.options.deadlines.interrupt = Millis(300);
    stage.opened();
    const auto turn = must(stage.start(ask("ignores-interrupt")));
    run(stage.io, drain_until<turn::PartDelta>(turn.get()));
    turn->interrupt();
    CHECK(run(stage.io, drain(turn.get())).outcome() == "timeout");
    CHECK(stage.play(ask("next", turn->thread_id())).outcome() == "completed");
}

TEST_CASE("codex: dropping a turn interrupts it, and its thread is free when it has ended") {
    Stage stage;
    stage.opened();
    auto turn = must(stage.start(ask("stall-after")));
    const std::string thread = turn->thread_id();
    turn.reset();
    CHECK(stage.play(ask("next", thread)).text() == "you said next");
    CHECK(stage.received("turn/interrupt") == 1);
}

TEST_CASE("codex: a second turn on a busy thread is refused, for codex would steer the first") {
    Stage stage;
    stage.opened();
    const auto turn = must(stage.start(ask("stall-after")));
    const auto second = stage.start(ask("next", turn->thread_id()));
    REQUIRE_FALSE(second.has_value());
    CHECK(second.error().code == Code::conflict);
    CHECK(stage.received("turn/start") == 1);
}

TEST_CASE("codex: a turn nobody fetches fails alone, and the pipe goes on") {
    Stage stage;
    stage.options.limits.queue_bytes = 1U << 20U;
    stage.opened();
    const auto flooded = must(stage.start(ask("flood")));
    CHECK(stage.play(ask("other")).outcome() == "completed");
    CHECK(run(stage.io, drain(flooded.get())).outcome() == "too_large");
}

TEST_CASE("codex: overloaded is asked again, other refusals are not") {
    Stage stage;
    stage.opened();
    CHECK(stage.play(ask("overloaded")).outcome() == "completed");
    CHECK(stage.reading("codex_overloaded_total") == 2);
    const auto refused = stage.start(ask("refused"));
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().code == Code::protocol);
    CHECK(stage.received("turn/start", "refused") == 1);
}

TEST_CASE("codex: an idle thread is let go and resumed when asked again") {
    Stage stage;
    stage.options.deadlines.linger = Millis(50);
    stage.opened();
    stage.play(ask("one"));
    const std::string thread = stage.last->thread_id();
    stage.until([&] { return stage.received("thread/unsubscribe", thread) == 1; });
    CHECK(stage.play(ask("two", thread)).outcome() == "completed");
    CHECK(stage.received("thread/resume", thread) == 1);
}

TEST_CASE("codex: an ephemeral thread is let go when its turn ends") {
    Stage stage;
    stage.opened();
    TurnRequest request = ask("one");
    request.ephemeral = true;
    stage.play(std::move(request));
    stage.until([&] { return stage.received("thread/unsubscribe", stage.last->thread_id()) == 1; });
    CHECK(stage.received("thread/start", "\"ephemeral\":true") == 2); // the check at open, and this
}

TEST_CASE("codex: a thread nobody knows is not found") {
    Stage stage;
    stage.opened();
    CHECK(stage.start(ask("x", "missing-1")).error().code == Code::not_found);
    CHECK(run(stage.io, stage.authority->turns("missing-1")).error().code == Code::not_found);
}

TEST_CASE("codex: usage of a thread with a past is the difference, learned from its first report") {
    Stage stage;
    stage.opened();
    const Told told = stage.play(ask("usage-of-old-thread", "thread-of-before"));
    REQUIRE(told.ended()->usage.has_value());
    CHECK(told.ended()->usage->input == 40);
    CHECK(told.ended()->usage->output == 4);
}

TEST_CASE("codex: a turn that failed uncounted leaves the next one its own usage") {
    Stage stage;
    stage.opened();
    CHECK(stage.play(ask("fails-uncounted", "thread-of-before")).outcome() == "failed");
    const Told told = stage.play(ask("usage-of-old-thread", "thread-of-before"));
    REQUIRE(told.ended()->usage.has_value());
    CHECK(told.ended()->usage->input == 40);
}

TEST_CASE("codex: a failed open can be tried again") {
    Stage stage;
    must(write_file_atomic(
        stage.folder.path() / "config.toml", "sandbox_mode = \"workspace-write\"\n"
    ));
    CHECK(stage.open().error().code == Code::precondition);
    must(write_file_atomic(stage.folder.path() / "config.toml", k_config));
    must(run(stage.io, stage.authority->open()));
    CHECK(stage.play(ask("one")).outcome() == "completed");
    CHECK(run(stage.io, stage.authority->open()).error().code == Code::usage);
}

TEST_CASE("codex: revert comes before the turn, an unknown turn is a precondition") {
    Stage stage;
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

TEST_CASE("codex: history is read over as many pages as there are") {
    Stage stage;
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
    CHECK(stage.received("thread/turns/list") == 3);
}

TEST_CASE("codex: requests that make no sense are refused before codex hears of them") {
    Stage stage;
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

TEST_CASE("codex: a large idle child is replaced without a failed turn") {
    Stage stage;
    stage.options.limits.resident_bytes = 1;
    stage.options.deadlines.linger = Millis(80);
    stage.opened();
    stage.until([&] { return stage.reading("codex_restarts_total") >= 1; });
    CHECK(stage.log.contains("grew beyond its limit"));
}

TEST_CASE("codex: closing ends the child within its grace, dropping the authority at once") {
    Stage stage;
    stage.opened();
    const auto turn = must(stage.start(ask("stall-after")));
    const auto began = Clock::now();
    run(stage.io, stage.authority->close(Millis(2'000)));
    CHECK(Clock::now() - began < Millis(2'100));
    CHECK(run(stage.io, drain(turn.get())).outcome() == "unavailable");
    CHECK(stage.start(ask("x")).error().code == Code::unavailable);
    CHECK_FALSE(stage.authority->health().ready);
}

TEST_CASE("codex: many threads at once keep their own turns") {
    Stage stage;
    stage.opened();
    const auto one = [](Authority* authority, int number, std::vector<std::string>* out
                     ) -> Task<void> {
        auto turn = co_await authority->start(ask(fmt::format("number {}", number)));
        const Told told = co_await drain(turn->get());
        (*out)[static_cast<std::size_t>(number)] = told.text();
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

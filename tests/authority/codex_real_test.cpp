// The codex authority against the real program and a fake model. Runs where OA_CODEX_BIN (the
// native executable) and OA_NODE are set: unit_authority "[codex]".
#include "oa_stream/authority/codex.hpp"
#include "oa_stream/base/child.hpp"
#include "oa_stream/base/file.hpp"

#include "harness.hpp"

#include <boost/asio/connect.hpp>
#include <boost/asio/ip/tcp.hpp>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <set>

using namespace oa_test;

namespace {

std::string environment(const char* name) {
    const char* value = std::getenv(name);
    return value == nullptr ? "" : value;
}

constexpr const char* k_key = "OA_TEST_PROVIDER_KEY";

/// tests/e2e/codex/mock-responses.mjs on a free port, its requests kept in a file.
class Model {
public:
    Model(asio::io_context& io, std::filesystem::path log) : log_(std::move(log)) {
        ChildOptions options;
        options.program = environment("OA_NODE");
        options.args = {
            std::string(OA_SOURCE_DIR) + "/tests/e2e/codex/mock-responses.mjs",
            "--port",
            "0",
            "--quiet",
            "--log",
            log_
        };
        options.env = {{"PATH", environment("PATH")}};
        child_ = must(Child::start(io.get_executor(), std::move(options)));
        const std::string line = must(run(io, child_->read_stdout()));
        port_ = std::stoi(line.substr(line.find(' ') + 1));
    }
    [[nodiscard]] std::string url() const { return fmt::format("http://127.0.0.1:{}/v1", port_); }
    /// The bodies of the requests so far.
    [[nodiscard]] std::vector<Json> requests() const {
        std::vector<Json> out;
        const auto text = read_file(log_);
        std::string_view rest = text ? std::string_view(*text) : std::string_view{};
        while (!rest.empty()) {
            const std::string_view line = rest.substr(0, rest.find('\n'));
            rest.remove_prefix(std::min(rest.size(), line.size() + 1));
            out.push_back(must(parse_json(line, {.depth = 200}))["body"]);
        }
        return out;
    }

private:
    std::filesystem::path log_;
    std::unique_ptr<Child> child_{};
    int port_ = 0;
};

struct Stage {
    Stage() : model(io, folder.path() / "model.log") {
        ::setenv(k_key, "sk-mock-0123456789", 1);
        options.program = environment("OA_CODEX_BIN");
        options.model = "mock-model";
        options.provider_base_url = model.url();
        options.provider_env_key = k_key;
        options.state_dir = folder.path() / "state";
        options.deadlines.backoff_first = Millis(20);
        options.log = [this](LogLevel, std::string_view line) { log += std::string(line) + "\n"; };
    }
    Stage(const Stage&) = delete;
    Stage& operator=(const Stage&) = delete;
    ~Stage() { close(); }

    void close() {
        if (authority) {
            run(io, authority->close(Millis(3'000)));
            authority.reset();
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
    Told play(TurnRequest request) {
        last = must(run(io, authority->start(std::move(request))));
        return run(io, drain(last.get()));
    }
    std::vector<PastTurn> turns(const std::string& thread) {
        return must(run(io, authority->turns(thread)));
    }
    /// "role:text" of every message of the newest request.
    std::vector<std::string> sent() {
        std::vector<std::string> out;
        for (const Json& item : model.requests().back()["input"]) {
            std::string text;
            if (const Json* content = member(item, "content"); content != nullptr) {
                for (const Json& part : *content) {
                    text += string_member(part, "text").value_or("");
                }
            }
            out.push_back(fmt::format("{}:{}", string_member(item, "role").value_or("?"), text));
        }
        return out;
    }
    int pid() {
        const std::string word = "is ready, pid ";
        return std::stoi(log.substr(log.rfind(word) + word.size()));
    }

    Folder folder{};
    asio::io_context io{};
    Model model;
    CodexOptions options{};
    std::string log{};
    std::unique_ptr<Authority> authority{};
    std::unique_ptr<Turn> last{};
};

/// How many tools the model was offered: in "tools", or in an additional_tools item of the input.
std::size_t offered_tools(const std::vector<Json>& requests) {
    std::size_t count = 0;
    for (const Json& request : requests) {
        if (const Json* tools = member(request, "tools")) {
            count += tools->size();
        }
        if (const Json* input = member(request, "input")) {
            for (const Json& item : *input) {
                const Json* tools = member(item, "tools");
                count += tools == nullptr ? 0 : tools->size();
            }
        }
    }
    return count;
}

bool available() {
    if (environment("OA_CODEX_BIN").empty() || environment("OA_NODE").empty()) {
        WARN("skipped: OA_CODEX_BIN and OA_NODE are not set");
        return false;
    }
    return true;
}

} // namespace

TEST_CASE("real codex: a turn, its model, its usage and its history", "[.codex]") {
    if (!available()) {
        return;
    }
    Stage stage;
    stage.opened();
    CHECK(stage.authority->health().ready);
    CHECK(stage.authority->health().reason.empty()); // a tested version
    TurnRequest request = ask("scenario:text;words=20;in=1234;out=56;cached=1000;reason=40");
    request.client_message_id = "client-1";
    request.traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    const Told told = stage.play(std::move(request));
    CHECK(told.outcome() == "completed");
    CHECK_THAT(told.text(), Catch::StartsWith("alpha bravo charlie"));
    CHECK(told.first<turn::TurnStarted>()->model == "mock-model");
    const turn::Usage want{
        .input = 1234, .cached_input = 1000, .output = 56, .reasoning_output = 40
    };
    CHECK(told.ended()->usage == want);

    const auto turns = stage.turns(stage.last->thread_id());
    REQUIRE(turns.size() == 1);
    CHECK(turns[0].id == stage.last->turn_id());
    CHECK(turns[0].client_message_id == "client-1");
    CHECK_THAT(turns[0].user_text, Catch::StartsWith("scenario:text"));
    CHECK(Told{.events = turns[0].events}.text() == told.text());
}

TEST_CASE("real codex: the second turn of a thread knows the first", "[.codex]") {
    if (!available()) {
        return;
    }
    Stage stage;
    stage.opened();
    stage.play(ask("first prompt"));
    const Told second = stage.play(ask("second prompt", stage.last->thread_id()));
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
    if (!available()) {
        return;
    }
    Stage stage;
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

TEST_CASE("real codex: the chat profile offers no tool, built-in models included", "[.codex]") {
    if (!available()) {
        return;
    }
    const auto name = GENERATE(
        as<std::string>{}, "mock-model", "gpt-5.5", "gpt-5.6-sol", "gpt-6-astra", "gpt-6-luna"
    );
    CAPTURE(name);
    Stage stage;
    stage.options.model = name;
    stage.opened();
    const Told told = stage.play(ask("scenario:exec;cmd=id"));
    CHECK(told.first<turn::ToolOpened>() == nullptr);
    CHECK(offered_tools(stage.model.requests()) == 0);
    CHECK(told.outcome() == "completed");
}

TEST_CASE("real codex: regenerate and edit drop the tail and keep the thread", "[.codex]") {
    if (!available()) {
        return;
    }
    Stage stage;
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
    const Told edited = stage.play(std::move(edit));
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
    if (!available()) {
        return;
    }
    const auto phase = GENERATE(as<std::string>{}, "at once", "waiting", "streaming", "ended");
    CAPTURE(phase);
    Stage stage;
    stage.opened();
    const char* prompt =
        phase == "waiting" ? "scenario:slow-first;first=20000" : "scenario:text;words=200;delay=20";
    auto turn =
        must(run(stage.io, stage.authority->start(ask(phase == "ended" ? "short" : prompt))));
    Told told;
    if (phase == "waiting") {
        told = run(stage.io, drain_until<turn::TurnStarted>(turn.get()));
    } else if (phase == "streaming") {
        told = run(stage.io, drain_until<turn::PartDelta>(turn.get()));
    } else if (phase == "ended") {
        told = run(stage.io, drain(turn.get()));
    }
    turn->interrupt();
    if (phase != "ended") {
        told = run(stage.io, drain(turn.get()), Millis(10'000));
        CHECK(told.outcome() == "interrupted");
    }
    CHECK(stage.play(ask("next", turn->thread_id())).text() == "next");
}

TEST_CASE("real codex: interrupting at once works every time", "[.codex]") {
    if (!available()) {
        return;
    }
    Stage stage;
    stage.opened();
    for (int i = 0; i < 20; ++i) {
        TurnRequest request = ask("scenario:text;words=200;delay=20");
        request.ephemeral = i % 2 == 1;
        const auto turn = must(run(stage.io, stage.authority->start(std::move(request))));
        turn->interrupt();
        CHECK(run(stage.io, drain(turn.get()), Millis(10'000)).outcome() == "interrupted");
    }
}

TEST_CASE("real codex: kill -9 mid-turn ends the turn at once, the thread lives on", "[.codex]") {
    if (!available()) {
        return;
    }
    Stage stage;
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
    Stage stage;
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
    Stage stage;
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
    Stage stage;
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
    Stage stage;
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

TEST_CASE("real codex: an ephemeral turn leaves no thread behind", "[.codex]") {
    if (!available()) {
        return;
    }
    Stage stage;
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
    if (!available()) {
        return;
    }
    const auto id =
        GENERATE(as<std::string>{}, "01a1f7f9-1a73-7ed0-93aa-25269b5ffaa0", "not-even-an-id");
    CAPTURE(id);
    Stage stage;
    stage.opened();
    CHECK(run(stage.io, stage.authority->start(ask("x", id))).error().code == Code::not_found);
    CHECK(run(stage.io, stage.authority->turns(id)).error().code == Code::not_found);
}

TEST_CASE("real codex: a thread let go from memory is resumed with the right usage", "[.codex]") {
    if (!available()) {
        return;
    }
    Stage stage;
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
    Stage stage;
    must(write_file_atomic(stage.folder.path() / "config.toml", row.config));
    stage.options.config_file = stage.folder.path() / "config.toml";
    const auto opened = stage.open();
    REQUIRE_FALSE(opened.has_value());
    CAPTURE(opened.error().text());
    CHECK(opened.error().code == row.code);
}

TEST_CASE("real codex: many threads at once", "[.codex]") {
    if (!available()) {
        return;
    }
    Stage stage;
    stage.opened();
    const auto one = [](Authority* authority, int number, int* done) -> Task<void> {
        TurnRequest request = ask(fmt::format("number {}", number));
        request.ephemeral = number % 2 == 0;
        auto turn = co_await authority->start(std::move(request));
        if (!turn) {
            throw std::runtime_error(turn.error().text());
        }
        const Told told = co_await drain(turn->get());
        *done += told.text() == fmt::format("number {}", number) ? 1 : 0;
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
    if (!available()) {
        return;
    }
    Stage stage;
    stage.opened();
    const Told told = stage.play(ask("scenario:incomplete;words=5"));
    CHECK(told.outcome() == "completed");
    CHECK(told.ended()->finish == turn::Finish::length);
    CHECK(stage.turns(stage.last->thread_id())[0].outcome == turn::Outcome::completed);
}

#include "chats/projection.hpp"

#include <catch2/catch.hpp>

using namespace oa_stream;
using namespace oa_stream::lane;
using authority::PastTurn;

namespace {

const ProjectionContext k_context{.thread = "c1", .provider = "replay", .model = "m-1"};

std::vector<turn::Event> said(const std::string& id, const std::string& text) {
    return {
        turn::PartOpened{id, turn::PartKind::text}, turn::PartDelta{id, text}, turn::PartClosed{id}
    };
}

void append(std::vector<turn::Event>& to, std::vector<turn::Event> more) {
    std::ranges::move(more, std::back_inserter(to));
}

PastTurn plain() {
    PastTurn turn{.id = "t-1", .user_text = "Hello", .events = said("m1", "Hi there")};
    turn.started_at = 1'700'000'000;
    turn.completed_at = 1'700'000'003;
    turn.user_item_id = "item-1";
    turn.client_message_id = "u-1";
    turn.user_parts.emplace_back(authority::InputText{"Hello"});
    return turn;
}

std::vector<std::string> types(const std::vector<Json>& events) {
    std::vector<std::string> out;
    for (const auto& event : events) {
        out.push_back(event.at("type").get<std::string>());
    }
    return out;
}

} // namespace

TEST_CASE("messages: a completed turn is a user's and an assistant's, as the originals shaped them"
) {
    const auto messages = project_messages(k_context, plain());
    REQUIRE(messages.size() == 2);
    CHECK(
        dump_json(messages[0]) ==
        R"({"id":"u-1","runId":"t-1","autopilotId":null,"role":"user","content":"Hello",)"
        R"("meta":null,"createdAt":"2023-11-14T22:13:20.000Z","updatedAt":"2023-11-14T22:13:20.000Z",)"
        R"("parts":[{"type":"text","text":"Hello"}],)"
        R"("metadata":{"threadId":"c1","turnId":"t-1","status":"completed"}})"
    );
    CHECK(
        dump_json(messages[1]) ==
        R"({"id":"t-1","runId":"t-1","autopilotId":null,"role":"assistant","content":"Hi there",)"
        R"("meta":null,"createdAt":"2023-11-14T22:13:20.000Z","updatedAt":"2023-11-14T22:13:23.000Z",)"
        R"("parts":[{"type":"step-start"},{"type":"text","text":"Hi there","state":"done"}],)"
        R"("metadata":{"threadId":"c1","turnId":"t-1","status":"completed","model":"m-1"}})"
    );
}

TEST_CASE("messages: the user's id is the client's, else the authority's, else made of the turn's"
) {
    auto turn = plain();
    CHECK(project_messages(k_context, turn)[0].at("id") == "u-1");
    turn.client_message_id.reset();
    CHECK(project_messages(k_context, turn)[0].at("id") == "item-1");
    turn.user_item_id.reset();
    CHECK(project_messages(k_context, turn)[0].at("id") == "t-1-user");
}

TEST_CASE("messages: who is shown depends on how the turn stands") {
    struct Row {
        std::string_view name;
        bool running;
        turn::Outcome outcome;
        bool kept;
        std::string_view roles, status;
    };
    using turn::Outcome;
    static const Row k_rows[] = {
        {"running", true, Outcome::completed, true, "u", "running"},
        {"completed", false, Outcome::completed, true, "ua", "completed"},
        {"completed without a word", false, Outcome::completed, false, "ua", "completed"},
        {"interrupted", false, Outcome::interrupted, false, "u", "interrupted"},
        {"interrupted after a whole part", false, Outcome::interrupted, true, "ua", "interrupted"},
        {"failed", false, Outcome::failed, false, "u", "failed"},
    };
    for (const auto& row : k_rows) {
        DYNAMIC_SECTION(row.name) {
            auto turn = plain();
            turn.running = row.running;
            turn.outcome = row.outcome;
            if (!row.kept) {
                turn.events.clear();
            }
            std::string roles;
            for (const auto& message : project_messages(k_context, turn)) {
                roles += message.at("role").get<std::string>()[0];
                CHECK(message.at("metadata").at("status") == row.status);
            }
            CHECK(roles == row.roles);
        }
    }
}

TEST_CASE("messages: an image the user sent comes back as a file part, in its place") {
    auto turn = plain();
    turn.user_parts = {
        authority::InputText{"see"},
        authority::InputImage{"data:image/png;base64,AAAA"},
        authority::InputImage{"https://example.com/a"},
    };
    const auto parts = project_messages(k_context, turn)[0].at("parts");
    REQUIRE(parts.size() == 3);
    CHECK(
        dump_json(parts[1]) ==
        R"({"type":"file","mediaType":"image/png","url":"data:image/png;base64,AAAA"})"
    );
    CHECK(parts[2].at("mediaType") == "image/*");
}

TEST_CASE("messages: an imported message has the content of the original") {
    auto turn = plain();
    turn.user_parts = {
        authority::InputText{"see"},
        authority::InputImage{"data:image/png;base64,AAAA"},
        authority::InputText{"<file>\nabc\n</file>\n"},
    };
    turn.user_text = "see\n<file>\nabc\n</file>\n"; // as authorities join it
    append(turn.events, said("m2", "!"));
    const auto messages = project_messages(k_context, turn);
    CHECK(messages[0].at("content") == turn.user_text);
    CHECK(messages[1].at("content") == "Hi there!");
    for (const Json& message : messages) {
        const auto imported = project_seeded(k_context, message);
        CHECK(imported.at("content") == message.at("content"));
        CHECK(imported.at("parts") == message.at("parts"));
    }
}

TEST_CASE("messages: tool parts are those the encoder's frames make of the same events") {
    auto turn = plain();
    turn.events = {
        turn::ToolOpened{"call_1", "shell"},
        turn::ToolInputReady{"call_1", Json{{"command", "ls"}, {"__proto__", 1}}},
        turn::ToolOutput{"call_1", Json{{"output", "a"}}},
        turn::ToolOpened{"bad id", "shell"},
        turn::ToolInputReady{"bad id", Json::object()},
        turn::ToolFailed{"bad id", "No."},
    };
    append(turn.events, said("m1", "One"));
    append(turn.events, said("m2", "Two"));
    const auto message = project_messages(k_context, turn)[1];
    CHECK(message.at("content") == "OneTwo");
    const auto& parts = message.at("parts");
    REQUIRE(parts.size() == 5);
    CHECK(
        dump_json(parts[1]) ==
        R"({"type":"dynamic-tool","toolName":"shell","toolCallId":"call_1",)"
        R"x("state":"output-available","input":{"command":"ls","__proto__ (renamed)":1},)x"
        R"("providerExecuted":true,"output":{"output":"a"}})"
    );
    CHECK(
        dump_json(parts[2]) ==
        R"({"type":"dynamic-tool","toolName":"shell","toolCallId":"call-1",)"
        R"("state":"output-error","input":{},"providerExecuted":true,"errorText":"No."})"
    );
}

TEST_CASE("runs: one a turn, with its times; only a failed one says why, in our own words") {
    auto turn = plain();
    const auto run = project_run(k_context, turn);
    CHECK(
        dump_json(run) ==
        R"({"id":"t-1","status":"completed","autopilotId":null,"autopilotConfigVersion":null,)"
        R"("modelProvider":"replay","model":"m-1","usage":null,"meta":null,"error":null,)"
        R"("startedAt":"2023-11-14T22:13:20.000Z","completedAt":"2023-11-14T22:13:23.000Z",)"
        R"("createdAt":"2023-11-14T22:13:20.000Z","updatedAt":"2023-11-14T22:13:23.000Z"})"
    );
    turn.outcome = turn::Outcome::failed;
    CHECK(project_run(k_context, turn).at("error").at("code") == "turn_failed");
    turn.running = true;
    turn.completed_at.reset();
    const auto running = project_run({.thread = "c1"}, turn);
    CHECK(running.at("status") == "running");
    CHECK(running.at("error").is_null());
    CHECK(running.at("completedAt").is_null());
    CHECK(running.at("model").is_null());
}

TEST_CASE("events: those of a plain run, in the originals' words") {
    const auto events = project_events(k_context, plain());
    CHECK(
        types(events) ==
        std::vector<std::string>{
            "run_started", "model_stream_started", "text", "model_finished", "run_completed"
        }
    );
    CHECK(events[0].at("actorType") == "user");
    CHECK(events[1].at("actorType") == "system");
    CHECK(events[0].at("payload").at("prompt_chars") == 5);
    // SHA-256 of "Hello".
    CHECK(
        events[0].at("payload").at("prompt_sha256") ==
        "185f8db32271fe25f561a6fc938b2e264306ec304eda518007d1764826381969"
    );
    CHECK(events[4].at("payload").at("assistant_chars") == 8);
    std::int64_t seq = 0;
    for (const auto& event : events) {
        CHECK(event.at("seq") == ++seq);
        CHECK(event.at("id") == seq);
    }
}

TEST_CASE("events: a call has the hash of its sorted parameters and the time it took") {
    auto turn = plain();
    turn.events = {
        turn::ToolOpened{"c", "echo"},
        turn::ToolInputReady{"c", Json::parse(R"({"text":"hello","a":{"z":1,"b":"ü/"}})")},
        turn::ToolOutput{"c", Json{{"text", "hello"}}},
    };
    turn.times_ms = {1100, 1100, 1200};
    const auto events = project_events(k_context, turn);
    REQUIRE(
        types(events) ==
        std::vector<std::string>{
            "run_started",
            "model_stream_started",
            "tool_call_started",
            "tool_call_succeeded",
            "model_finished",
            "run_completed"
        }
    );
    const auto& started = events[2].at("payload");
    const auto& ended = events[3].at("payload");
    CHECK(started.at("tool_call_id") == "c");
    CHECK(started.at("tool_name") == "echo");
    // SHA-256 of {"a":{"b":"ü/","z":1},"text":"hello"}
    CHECK(
        started.at("params_hash") ==
        "671f44c2cd376bbc38230a39d7cd40d0db7a047f72cd707a67793eb806219f8d"
    );
    CHECK(ended.at("params_hash") == started.at("params_hash"));
    CHECK(ended.at("output_hash") == canonical_hash(Json{{"text", "hello"}}));
    CHECK(ended.at("latency_ms") == 100);
    CHECK(events[2].at("createdAt") == "1970-01-01T00:00:01.100Z");
    turn.times_ms.clear();
    CHECK(project_events(k_context, turn)[3].at("payload").at("latency_ms").is_null());
}

TEST_CASE("events: each ending has its word") {
    auto turn = plain();
    turn.events.clear();
    CHECK(
        types(project_events(k_context, turn)) ==
        std::vector<std::string>{
            "run_started",
            "model_stream_started",
            "model_finished",
            "model_empty_response",
            "run_completed"
        }
    );
    // Cut behind words that were not stored: its answer was not empty.
    turn.events = {turn::TurnEnded{turn::Outcome::completed, turn::Finish::length}};
    CHECK(types(project_events(k_context, turn))[3] == "run_completed");
    const auto cut = project_messages(k_context, turn).back();
    CHECK(cut.at("content") == "This answer was cut; no more of its text is stored.");
    CHECK_FALSE(cut.at("metadata").contains("notice"));
    std::get<turn::TurnEnded>(turn.events.back()).withheld = true;
    CHECK(types(project_events(k_context, turn))[3] == "model_empty_response");
    CHECK(project_messages(k_context, turn).back().at("metadata").contains("notice"));
    turn.events.clear();
    turn.outcome = turn::Outcome::interrupted;
    CHECK(types(project_events(k_context, turn)).back() == "run_interrupted");
    turn.outcome = turn::Outcome::failed;
    CHECK(types(project_events(k_context, turn)).back() == "run_failed");
    turn.running = true;
    CHECK(types(project_events(k_context, turn)).back() == "model_stream_started");
}

TEST_CASE("runs: one that the lane ended for a failure says so, though its authority stopped it") {
    struct Row {
        turn::FailureCode code;
        std::string_view message, word;
    };
    const auto row = GENERATE(
        Row{turn::FailureCode::stalled, "failed", "stalled"},
        Row{turn::FailureCode::turn_aborted, "aborted", "turn_aborted"}
    );
    auto turn = plain();
    turn.events.clear();
    turn.outcome = turn::Outcome::interrupted;
    turn.failure = row.code;
    const auto messages = project_messages(k_context, turn);
    REQUIRE(messages.size() == 1);
    CHECK(messages[0].at("metadata").at("status") == row.message);
    const auto run = project_run(k_context, turn);
    CHECK(run.at("status") == "failed");
    CHECK(run.at("error").at("code") == row.word);
    CHECK(run.at("error").at("message") == turn::words_of(row.code).sentence);
    const auto last = project_events(k_context, turn).back();
    CHECK(last.at("type") == "run_failed");
    CHECK(last.at("payload").at("error") == run.at("error"));
    turn.running = true;
    CHECK(project_run(k_context, turn).at("status") == "running");
}

TEST_CASE("messages: of a question alone neither an answer nor a success is made up") {
    PastTurn turn{.id = "t-1", .user_text = "Hello"};
    turn.unknown = true;
    const auto messages = project_messages(k_context, turn);
    REQUIRE(messages.size() == 1);
    CHECK(messages[0].at("role") == "user");
    CHECK(messages[0].at("metadata").at("status") == "unknown");
    const auto run = project_run(k_context, turn);
    CHECK(run.at("status") == "unknown");
    CHECK(run.at("error").is_null());
    CHECK(run.at("completedAt").is_null());
    CHECK(types(project_events(k_context, turn)).back() == "model_stream_started");
}

TEST_CASE("threads: without a title it is a new conversation, without a time there is none") {
    CHECK(
        dump_json(project_thread("c1", {.id = "a"}, false)) ==
        R"({"id":"c1","title":"New conversation","autopilotId":null,"archived":false,"createdAt":null,)"
        R"("updatedAt":null})"
    );
    const auto titled = project_thread("c1", {.id = "a", .title = "T"}, true);
    CHECK(titled.at("title") == "T");
    const authority::ThreadInfo filed{
        .id = "a", .title = "<file name=\"a.csv\" type=\"text/csv\">\n1,2"
    };
    CHECK(project_thread("c1", filed, true).at("title") == "a.csv"); // Codex shows a first text
    CHECK(titled.at("archived") == true);
}

TEST_CASE("messages: calls that wait stand where the stream has them") {
    auto turn = plain();
    turn.running = true;
    turn.events = said("m1", "One moment.");
    append(
        turn.events,
        {turn::ToolOpened{"b", "f", false, true},
         turn::ToolInputReady{"b", Json::object()},
         turn::ToolOutput{"b", 1}}
    );
    auto context = k_context;
    context.newest = turn.id;
    context.calls = {{"a", "f", R"({"y":1e400})"}, {"c", "f", "{}"}};
    context.call_order = {"a", "b", "c"};
    const auto parts = project_messages(context, turn).at(1).at("parts");
    std::string order;
    for (const Json& part : parts) {
        order += part.value("toolCallId", "-");
    }
    CHECK(order == "--abc");
    CHECK(dump_json(parts.at(2).at("input")) == R"({"y":"1e400"})");
}

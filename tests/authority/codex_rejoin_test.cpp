// A turn that goes on over another connection: what was said, what history has, what comes next.
#include "codex/running_turn.hpp"
#include "harness.hpp"

using namespace oa_test;

namespace {

Json item(std::string id, std::string type, std::string text = {}, std::string status = {}) {
    Json out = Json::object({{"type", std::move(type)}, {"id", std::move(id)}});
    if (!text.empty()) {
        out["text"] = std::move(text);
    }
    if (!status.empty()) {
        out["status"] = std::move(status);
    }
    return out;
}

struct Joined {
    explicit Joined(bool begun = true) {
        live->bind("turn-1");
        if (begun) {
            started();
        }
    }
    void started() { say("turn/started", {{"turn", Json::object({{"id", "turn-1"}})}}); }
    void say(const std::string& method, Json params) {
        params["threadId"] = "thread-1";
        params["turnId"] = "turn-1";
        live->deliver(method, Json::object({{"method", method}, {"params", std::move(params)}}));
    }
    void begin(Json what) { say("item/started", {{"item", std::move(what)}}); }
    void end(Json what) { say("item/completed", {{"item", std::move(what)}}); }
    void delta(const std::string& id, const std::string& text) {
        say("item/agentMessage/delta", {{"itemId", id}, {"delta", text}});
    }
    void completed() {
        say("turn/completed",
            {{"turn", Json::object({{"id", "turn-1"}, {"status", "completed"}})}});
    }
    static Json stored(Json items, const std::string& status = "inProgress") {
        return Json::object({{"id", "turn-1"}, {"status", status}, {"items", std::move(items)}});
    }
    /// Everything told so far, to the end if there is one.
    Transcript transcript() {
        if (!live->ended() && !live->failed()) {
            live->fail(Error{.code = Code::cancelled, .message = "the test ends here"});
        }
        Transcript out;
        while (!out.error && out.ended() == nullptr) {
            EventBatch batch;
            if (const auto some = live->poll(batch, nobody); !some) {
                out.error = some.error();
            } else {
                REQUIRE(*some);
            }
            std::ranges::move(batch, std::back_inserter(out.events));
        }
        return out;
    }

    struct Nobody final : TurnWaker {
        void turn_ready() override {}
    };
    asio::io_context io{};
    CodexOptions options{};
    Nobody nobody{};
    std::shared_ptr<RunningTurn> live = std::make_shared<RunningTurn>(
        io.get_executor(), options, "thread-1", "model", ApprovalPlace{}, std::nullopt
    );
};

} // namespace

TEST_CASE("a torn text goes on with the end of its item, whatever was missed", "[rejoin]") {
    Joined turn;
    turn.begin(item("m", "agentMessage"));
    turn.delta("m", "one ");
    turn.live->adrift();
    turn.delta("m", "three "); // over the new connection, before the thread was read
    turn.live->catch_up(Joined::stored(Json::array()), true);
    turn.delta("m", "four ");
    turn.end(item("m", "agentMessage", "one two three four five"));
    turn.completed();
    const Transcript transcript = turn.transcript();
    CHECK(transcript.text() == "one two three four five");
    CHECK(transcript.outcome() == "completed");
}

TEST_CASE("what a connection brought that was lost over its rejoin is void", "[rejoin]") {
    Joined turn;
    turn.live->adrift();
    turn.begin(item("m", "agentMessage"));
    turn.delta("m", "one ");
    turn.live->adrift();
    turn.delta("m", "three ");
    turn.live->catch_up(Joined::stored(Json::array()), true);
    turn.end(item("m", "agentMessage", "one two three four"));
    turn.completed();
    const Transcript transcript = turn.transcript();
    CHECK(transcript.text() == "one two three four");
    CHECK(transcript.outcome() == "completed");
}

TEST_CASE("a turn is adrift since the first loss, until it was caught up with", "[rejoin]") {
    Joined turn;
    turn.live->adrift();
    const auto first = turn.live->adrift_since();
    REQUIRE(first);
    while (Clock::now() == *first) {
    }
    turn.live->adrift();
    CHECK(turn.live->adrift_since() == first);
    turn.live->catch_up(Joined::stored(Json::array()), true);
    CHECK_FALSE(turn.live->adrift_since());
    turn.live->adrift();
    CHECK(turn.live->adrift_since() > first);
}

TEST_CASE("a turn whose beginning was missed begins, as soon as history has it", "[rejoin]") {
    Joined turn(false);
    turn.live->adrift();
    const bool heard = GENERATE(true, false); // over the new connection, before the thread was read
    CAPTURE(heard);
    if (heard) {
        turn.started();
    }
    const auto user = item("u", "userMessage");
    turn.live->catch_up(Joined::stored(Json::array({user})), true);
    CHECK(turn.live->started());
    turn.begin(item("m", "agentMessage"));
    turn.delta("m", "one");
    turn.end(item("m", "agentMessage", "one"));
    turn.completed();
    const Transcript transcript = turn.transcript();
    CHECK(std::ranges::count_if(transcript.events, [](const turn::Event& event) {
              return std::holds_alternative<turn::TurnStarted>(event);
          }) == 1);
    REQUIRE_FALSE(transcript.events.empty());
    CHECK(std::holds_alternative<turn::TurnStarted>(transcript.events.front()));
    CHECK(transcript.text() == "one");
    CHECK(transcript.outcome() == "completed");
}

TEST_CASE("items that ended unseen are told in order, before what follows", "[rejoin]") {
    Joined turn;
    turn.begin(item("m", "agentMessage"));
    turn.delta("m", "one ");
    turn.live->adrift();
    turn.begin(item("n", "agentMessage"));
    turn.delta("n", "three");
    turn.live->catch_up(Joined::stored(Json::array({item("m", "agentMessage", "one two ")})), true);
    turn.delta("n", " four");
    turn.end(item("n", "agentMessage", "three four"));
    turn.completed();
    CHECK(turn.transcript().text() == "one two three four");
}

TEST_CASE("an item is told once, though history and the connection have it", "[rejoin]") {
    Joined turn;
    turn.live->adrift();
    turn.begin(item("m", "agentMessage"));
    turn.delta("m", "one");
    turn.end(item("m", "agentMessage", "one"));
    turn.live->catch_up(Joined::stored(Json::array({item("m", "agentMessage", "one")})), true);
    turn.completed();
    CHECK(turn.transcript().text() == "one");
}

TEST_CASE("items of one id are told apart by their order", "[rejoin]") {
    Joined turn;
    turn.begin(item("m", "agentMessage"));
    turn.end(item("m", "agentMessage", "first "));
    turn.live->adrift();
    const auto again =
        Json::array({item("m", "agentMessage", "first "), item("m", "agentMessage", "second")});
    turn.live->catch_up(Joined::stored(again, "completed"), false);
    const Transcript transcript = turn.transcript();
    CHECK(transcript.text() == "first second");
    CHECK(transcript.outcome() == "completed");
}

TEST_CASE("a text that does not go on from what was said ends the turn", "[rejoin]") {
    Joined turn;
    turn.begin(item("m", "agentMessage"));
    turn.delta("m", "one ");
    turn.live->adrift();
    turn.live->catch_up(Joined::stored(Json::array()), true);
    turn.end(item("m", "agentMessage", "another text"));
    const Transcript transcript = turn.transcript();
    CHECK(transcript.text() == "one ");
    CHECK(transcript.outcome() == "unavailable");
    CHECK(transcript.error->message.contains("does not continue"));
}

TEST_CASE("the end of a turn that nobody saw comes from history", "[rejoin]") {
    struct Row {
        const char* status;
        bool stopping;
        const char* outcome;
    };
    const auto row = GENERATE(
        Row{"completed", false, "completed"},
        Row{"interrupted", true, "interrupted"},
        Row{"interrupted", false, "unavailable"}, // by a server that was killed
        Row{"failed", false, "failed"}
    );
    CAPTURE(row.status, row.stopping);
    Joined turn;
    turn.live->stop_wanted = row.stopping;
    turn.live->adrift();
    turn.live->catch_up(Joined::stored(Json::array(), row.status), false);
    CHECK(turn.transcript().outcome() == row.outcome);
}

TEST_CASE("a turn that ended has ended, though its events were too many to fetch", "[rejoin]") {
    Joined turn;
    turn.options.limits.queue_bytes = 5'000;
    turn.live = std::make_shared<RunningTurn>(
        turn.io.get_executor(), turn.options, "thread-1", "", ApprovalPlace{}, std::nullopt
    );
    turn.live->bind("turn-1");
    turn.started();
    turn.live->adrift();
    const auto much = item("m", "agentMessage", std::string(10'000, 'm'));
    turn.live->catch_up(Joined::stored(Json::array({much}), "completed"), false);
    CHECK(turn.live->failed());
    CHECK(turn.live->ended()); // so it is not stopped, and what it ended with counts
    CHECK(turn.transcript().outcome() == "too_large");
}

TEST_CASE("a second question in a turn ends it, though it has the first one's mark", "[rejoin]") {
    struct Row {
        const char* id;
        const char* mark;
        const char* outcome;
    };
    const auto row = GENERATE(
        Row{"u1", "m1+model", "completed"}, // the same, told again
        Row{"u2", "m1+model", "unavailable"}, // of a lane that was thought to be dead
        Row{"u2", "m2+model", "unavailable"},
        Row{"u2", "", "unavailable"}
    );
    CAPTURE(row.id, row.mark);
    const bool later = GENERATE(false, true);
    CAPTURE(later);
    const auto question = [](std::string id, std::string mark) {
        Json out = item(std::move(id), "userMessage");
        out["clientId"] = std::move(mark);
        return out;
    };
    Joined turn;
    turn.end(question("u1", "m1+model"));
    if (later) { // it came while there was no connection
        turn.live->adrift();
        Json both = Json::array({question("u1", "m1+model")});
        if (std::string_view(row.id) != "u1") {
            both.push_back(question(row.id, row.mark));
        }
        turn.live->catch_up(Joined::stored(std::move(both)), true);
    } else {
        turn.end(question(row.id, row.mark));
    }
    turn.completed();
    CHECK(turn.live->foreign_input == (std::string_view(row.outcome) == "unavailable"));
    CHECK(turn.transcript().outcome() == row.outcome);
}

TEST_CASE("a turn that is joined late is told from its beginning", "[rejoin]") {
    Joined other;
    auto live = std::make_shared<RunningTurn>(
        other.io.get_executor(), other.options, "thread-1", "", ApprovalPlace{}, std::nullopt
    );
    other.live = live;
    other.delta("m", "two "); // between the thread's resumption and its answer
    Json call = item("c", "commandExecution", {}, "inProgress");
    call["command"] = "ls";
    live->join(
        Joined::stored(Json::array({item("a", "agentMessage", "before "), std::move(call)})),
        "model"
    );
    other.delta("m", "three ");
    Json ended = item("c", "commandExecution", {}, "completed");
    ended["aggregatedOutput"] = "file";
    ended["exitCode"] = 0;
    other.end(std::move(ended));
    other.end(item("m", "agentMessage", "one two three four"));
    other.completed();
    CHECK(live->id() == "turn-1");
    CHECK(live->model() == "model");
    const Transcript transcript = other.transcript();
    CHECK(transcript.text() == "before one two three four");
    CHECK(transcript.first<turn::TurnStarted>() != nullptr);
    REQUIRE(transcript.first<turn::ToolOutput>() != nullptr);
    CHECK(transcript.outcome() == "completed");
}

TEST_CASE("a summary of the conversation is told once, whatever history tells again", "[rejoin]") {
    Joined turn;
    turn.begin(item("s", "contextCompaction"));
    const bool whole = GENERATE(false, true); // when the connection was lost
    CAPTURE(whole);
    if (whole) {
        turn.end(item("s", "contextCompaction"));
    }
    turn.live->adrift();
    turn.live->catch_up(Joined::stored(Json::array({item("s", "contextCompaction")})), true);
    turn.completed();
    std::vector<std::string> kinds;
    for (const auto& event : turn.transcript().events) {
        if (const auto* note = std::get_if<turn::Note>(&event)) {
            kinds.push_back(note->payload.at("kind").get<std::string>());
        }
    }
    CHECK(kinds == std::vector<std::string>{"compacting", "compacted"});
}

TEST_CASE("a summary in the place of results fails a turn until the model has read them") {
    Joined turn;
    turn.live->unread_results = true;
    turn.begin(item("q", "userMessage"));
    const bool read = GENERATE(false, true);
    CAPTURE(read);
    if (read) {
        turn.begin(item("r", "reasoning"));
    }
    turn.begin(item("s", "contextCompaction"));
    turn.end(item("s", "contextCompaction"));
    turn.completed();
    CHECK(turn.transcript().outcome() == (read ? "completed" : "failed"));
}

TEST_CASE("the client's calls are told without the ends that the lost connection had", "[rejoin]") {
    Joined turn;
    turn.live->take_client_calls(true, {"f"});
    const auto made = [&](const char* id, const char* name) {
        Json call = Json::object({{"type", "function_call"}, {"call_id", id}, {"name", name}});
        call["arguments"] = "{}";
        turn.say("rawResponseItem/completed", {{"item", std::move(call)}});
    };
    const Json asked =
        Json::object({{"callId", "a"}, {"tool", "f"}, {"arguments", Json::object()}});
    Json command = item("own", "commandExecution", {}, "completed");
    command["command"] = "ls";
    const bool own = GENERATE(true, false);
    CAPTURE(own);
    if (own) { // it runs when the connection is lost; the next response calls f
        made("own", "shell");
        turn.say("rawResponse/completed", Json::object());
    } else { // what follows this call is not known yet
        made("a", "f");
        turn.live->client_call(asked, 1);
    }
    turn.live->adrift();
    turn.live->catch_up(Joined::stored(own ? Json::array({command}) : Json::array()), true);
    turn.live->client_call(asked, 1);
    const Transcript transcript = turn.transcript();
    REQUIRE(transcript.first<turn::ClientCall>() != nullptr);
    CHECK(transcript.first<turn::ClientCall>()->call == "a");
}

TEST_CASE("what a turn cost says that a message was lost whose beginning was missed", "[rejoin]") {
    struct Row {
        const char* rule;
        std::int64_t output;
        std::int64_t reasoning;
        std::vector<Json> items;
        bool withheld;
    };
    Json call = item("c", "commandExecution", {}, "completed");
    call["command"] = "ls";
    const auto thought = item("r", "reasoning");
    const auto said = item("m", "agentMessage", "Look.");
    const auto row = GENERATE_COPY(
        Row{"more than reasoning", 10, 4, {thought}, true},
        Row{"reasoning alone", 10, 10, {thought}, false},
        Row{"nothing", 0, 0, {thought}, false},
        Row{"a message that is there", 10, 4, {thought, said}, false},
        Row{"behind a call", 10, 0, {said, call}, true},
        Row{"a plan that is there", 10, 0, {call, item("p", "plan", "1.")}, false},
        Row{"only a summary", 10, 0, {item("s", "contextCompaction")}, true}
    );
    CAPTURE(row.rule);
    const bool missed = GENERATE(false, true);
    CAPTURE(missed);
    Joined turn;
    const auto stored = Joined::stored(Json(row.items));
    if (missed) {
        turn.live = std::make_shared<RunningTurn>(
            turn.io.get_executor(), turn.options, "thread-1", "", ApprovalPlace{}, std::nullopt
        );
        turn.live->join(stored, "model");
    } else {
        for (const auto& one : row.items) {
            turn.begin(one);
            turn.end(one);
        }
    }
    const auto cost = Json::object(
        {{"inputTokens", 5}, {"outputTokens", row.output}, {"reasoningOutputTokens", row.reasoning}}
    );
    turn.say(
        "thread/tokenUsage/updated",
        {{"tokenUsage", Json::object({{"total", cost}, {"last", cost}})}}
    );
    turn.completed();
    const Transcript transcript = turn.transcript();
    REQUIRE(transcript.ended() != nullptr);
    const bool summary = std::string_view(row.rule) == "only a summary"; // nothing else was begun
    CHECK(transcript.ended()->withheld == (row.withheld && (missed || summary)));
}

TEST_CASE("of a turn that was joined behind a call it is unknown what it cost", "[rejoin]") {
    struct Row {
        const char* status; ///< of the call in its history
        bool seen; ///< it began here, and the connection was lost
        bool counted; ///< what came before the turn is known
        std::optional<std::int64_t> input;
    };
    const auto row = GENERATE(
        Row{"inProgress", false, false, 40},
        Row{"completed", false, false, std::nullopt},
        Row{"completed", true, false, std::nullopt},
        Row{"completed", true, true, 90}
    );
    CAPTURE(row.status, row.seen, row.counted);
    Joined turn;
    const auto before = row.counted ? std::optional(turn::Usage{.input = 10}) : std::nullopt;
    turn.live = std::make_shared<RunningTurn>(
        turn.io.get_executor(), turn.options, "thread-1", "", ApprovalPlace{}, before
    );
    Json call = item("c", "commandExecution", {}, row.status);
    call["command"] = "ls";
    const auto stored = Joined::stored(Json::array({std::move(call)}));
    if (row.seen) {
        turn.live->bind("turn-1");
        turn.started();
        turn.live->adrift();
        turn.live->catch_up(stored, true);
    } else {
        turn.live->join(stored, "model");
    }
    const auto cost = [&](int total) {
        const auto counts = [](int n) { return Json::object({{"inputTokens", n}}); };
        turn.say(
            "thread/tokenUsage/updated",
            {{"tokenUsage", Json::object({{"total", counts(total)}, {"last", counts(20)}})}}
        );
    };
    cost(80);
    cost(100);
    turn.completed();
    const Transcript transcript = turn.transcript();
    REQUIRE(transcript.ended() != nullptr);
    const auto& usage = transcript.ended()->usage;
    CHECK((usage ? std::optional(usage->input) : std::nullopt) == row.input);
    CHECK((transcript.first<turn::UsageKnown>() != nullptr) == row.input.has_value());
    REQUIRE(turn.live->total_usage());
    CHECK(turn.live->total_usage()->input == 100); // from which the next turn counts
}

TEST_CASE("servers: one that is away delays no start, and its threads are not lost", "[rejoin]") {
    asio::io_context io;
    CodexOptions options;
    options.deadlines.restart_wait = Millis(50);
    // Nobody listens on port 1.
    auto servers = make_codex_servers(
        io.get_executor(), options, {CodexServer{.number = 3, .url = "ws://127.0.0.1:1"}}
    );
    must(run(io, servers->open()));
    CHECK_FALSE(servers->health().ready);
    CHECK(servers->health().reason.contains("no Codex server"));
    const auto readings = servers->readings();
    const auto up = std::ranges::find(readings, "codex_server_up{server=3}", &Reading::name);
    REQUIRE(up != readings.end());
    CHECK(up->value == 0);
    CHECK(servers->capabilities().outlives);
    const auto known = run(io, servers->start(ask("hello", "3_thread")));
    REQUIRE_FALSE(known);
    CHECK(known.error().code == Code::unavailable);
    // not_found would begin the conversation anew on another server
    const auto elsewhere = run(io, servers->start(ask("hello", "5_thread")));
    REQUIRE_FALSE(elsewhere);
    CHECK(elsewhere.error().code == Code::unavailable);
    CHECK(elsewhere.error().message.contains("this lane has no address for server 5"));
    const auto joined = run(io, servers->join("3_thread", false));
    REQUIRE_FALSE(joined);
    CHECK(joined.error().code == Code::unavailable);
    run(io, servers->close(Millis(100)));
}

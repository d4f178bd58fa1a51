// The reading routes over a played authority: who sees what, in which order, page by page.
#include "lane_rig.hpp"
#include "tools/call_results.hpp"

#include <algorithm>
#include <array>
#include <thread>

using namespace oa_stream;
using namespace oa_stream::test;

namespace {

std::vector<std::string> ids_of(const Json& list) {
    std::vector<std::string> out;
    for (const auto& item : list) {
        out.push_back(item.at("id").get<std::string>());
    }
    return out;
}

std::vector<std::string> names(std::initializer_list<const char*> list) {
    return {list.begin(), list.end()};
}

authority::PastTurn past(const std::string& id, const std::string& said) {
    authority::PastTurn turn{.id = id, .user_text = "q " + id};
    turn.client_message_id = "u-" + id;
    turn.started_at = 1'700'000'000;
    turn.completed_at = 1'700'000'001;
    turn.events = {
        turn::PartOpened{"m", turn::PartKind::text},
        turn::PartDelta{"m", said},
        turn::PartClosed{"m"}
    };
    return turn;
}

void add_thread(LaneRig& rig, std::string owner, std::string id, std::int64_t updated) {
    const auto thread = "auth-" + id;
    rig.authority.infos[thread] = {
        .id = thread, .title = "about " + id, .created_at = 5, .updated_at = updated
    };
    rig.ids->put({std::move(owner), std::move(id), thread});
}

/// GETs `path` and follows nextCursor to the end; the ids of each page.
std::vector<std::vector<std::string>> pages(LaneRig& rig, const std::string& path) {
    std::vector<std::vector<std::string>> out;
    std::string cursor;
    do {
        const auto url = cursor.empty() ? path : path + "&cursor=" + cursor;
        const auto response = rig.send(rig.get(url));
        REQUIRE(response.status == 200);
        const auto body = json_of(response);
        out.push_back(ids_of(body.at("data")));
        const auto& next = body.at("nextCursor");
        cursor = next.is_null() ? "" : next.get<std::string>();
    } while (!cursor.empty() && out.size() < 20);
    return out;
}

} // namespace

TEST_CASE("chats: an owner sees its own threads alone, newest first") {
    LaneRig rig;
    rig.give_tokens({{"tok-a", "alice"}, {"tok-b", "bob"}});
    add_thread(rig, "alice", "old", 100);
    add_thread(rig, "alice", "new", 300);
    add_thread(rig, "bob", "his", 200);
    const auto body = json_of(rig.send(as("tok-a", rig.get("/api/chats"))));
    CHECK(ids_of(body.at("data")) == names({"new", "old"}));
    CHECK(body.at("nextCursor").is_null());
    CHECK(body.at("data")[0].at("title") == "about new");
    CHECK(body.at("data")[0].at("updatedAt") == "1970-01-01T00:05:00.000Z");
    for (const std::string_view rest : {"", "/messages", "/runs", "/runs/t/events"}) {
        const auto foreign = rig.send(as("tok-a", rig.get(fmt::format("/api/chats/his{}", rest))));
        CHECK(foreign.status == 404);
        CHECK(json_of(foreign).at("error").at("code") == "not_found");
    }
    CHECK(rig.send(rig.get("/api/chats")).status == 401);
    CHECK(rig.watcher.requests.back().lane == "control");
}

TEST_CASE("chats: threads the authority lost are not listed, and are not found") {
    LaneRig rig;
    add_thread(rig, "", "kept", 1);
    rig.ids->put({"", "lost", "auth-lost"});
    rig.authority.forgetful = true;
    CHECK(
        pages(rig, "/api/chats?limit=9") == std::vector<std::vector<std::string>>{names({"kept"})}
    );
    CHECK(rig.send(rig.get("/api/chats/lost/messages")).status == 404);
}

TEST_CASE("chats: a thread that a reader found to be lost is not listed any more") {
    LaneRig rig;
    add_thread(rig, "", "kept", 20);
    add_thread(rig, "", "lost", 10);
    rig.authority.forgetful = true;
    const auto listed = [&] { return ids_of(json_of(rig.send(rig.get("/api/chats"))).at("data")); };
    CHECK(listed() == names({"kept", "lost"}));
    rig.authority.infos.erase("auth-lost");
    CHECK(listed() == names({"kept", "lost"})); // checked a moment ago
    CHECK(rig.send(rig.get("/api/chats/lost")).status == 404);
    CHECK(listed() == names({"kept"}));
}

TEST_CASE("chats: pages meet without gap and without overlap, ties included") {
    LaneRig rig;
    for (const auto* id : {"a", "b", "c", "d", "e"}) {
        add_thread(rig, "", id, id[0] < 'c' ? 10 : 20);
    }
    CHECK(
        pages(rig, "/api/chats?limit=2") ==
        std::vector<std::vector<std::string>>{names({"e", "d"}), names({"c", "b"}), names({"a"})}
    );
}

TEST_CASE(
    "chats: of one second the ids decide, so that a page goes on exactly behind the one before"
) {
    LaneRig rig;
    const auto second = std::chrono::ceil<std::chrono::seconds>(std::chrono::system_clock::now());
    if (second - std::chrono::system_clock::now() < Millis(500)) { // they are dated by the second
        std::this_thread::sleep_until(second);
    }
    for (const auto* id : {"c", "a", "e", "b", "d"}) {
        add_thread(rig, "", id, 20);
    }
    const auto first = json_of(rig.send(rig.get("/api/chats?limit=2")));
    CHECK(ids_of(first.at("data")) == names({"e", "d"}));
    SECTION("also when its last one moved") {
        rig.authority.infos["auth-d"].updated_at = 40;
        rig.ids->touch("", "d", 40);
    }
    SECTION("and when it is gone") {
        rig.ids->erase("", "d");
    }
    SECTION("whatever came since") {
        add_thread(rig, "", "dd", 20);
    }
    const auto cursor = first.at("nextCursor").get<std::string>();
    const auto next = json_of(rig.send(rig.get("/api/chats?limit=9&cursor=" + cursor)));
    CHECK(ids_of(next.at("data")) == names({"c", "b", "a"}));
}

TEST_CASE("chats: a thread that moved up while it was paged hides none of the older ones") {
    LaneRig rig;
    add_thread(rig, "", "a", 10);
    add_thread(rig, "", "b", 20);
    add_thread(rig, "", "c", 30);
    const auto first = json_of(rig.send(rig.get("/api/chats?limit=2")));
    CHECK(ids_of(first.at("data")) == names({"c", "b"}));
    rig.authority.infos["auth-b"].updated_at = 40;
    const auto cursor = first.at("nextCursor").get<std::string>();
    const auto next = json_of(rig.send(rig.get("/api/chats?limit=2&cursor=" + cursor)));
    CHECK(ids_of(next.at("data")) == names({"a"}));
}

TEST_CASE(
    "paging: limit is held to 1-200, 50 without; what is neither a number nor a cursor is refused"
) {
    LaneRig rig;
    for (int i = 0; i < 210; ++i) {
        add_thread(rig, "", fmt::format("t{:03}", i), 1000 - i);
    }
    add_thread(rig, "", "x", 1);
    struct Row {
        std::string_view query;
        std::size_t count;
    };
    static constexpr std::array k_rows{
        Row{"", 50},
        Row{"?limit=0", 1},
        Row{"?limit=-3", 1},
        Row{"?limit=7", 7},
        Row{"?limit=201", 200},
        Row{"?limit=99999999999999999999999", 200},
        Row{"?other=1&limit=3", 3},
    };
    for (const auto& row : k_rows) {
        CAPTURE(row.query);
        const auto body = json_of(rig.send(rig.get(fmt::format("/api/chats{}", row.query))));
        CHECK(body.at("data").size() == row.count);
    }
    // "m:t.user" in hex: a cursor of the messages.
    for (const std::string_view query :
         {"?limit=",
          "?limit=many",
          "?limit=1.5",
          "?cursor=zz",
          "?cursor=00",
          "?cursor=6d3a742e75736572"}) {
        CAPTURE(query);
        const auto response = rig.send(rig.get(fmt::format("/api/chats{}", query)));
        CHECK(response.status == 422);
        const auto field = query.contains("limit") ? "limit" : "cursor";
        CHECK(json_of(response).at("errors").contains(field));
    }
}

TEST_CASE("chats: rows of an earlier release, which kept no times, are put in order") {
    LaneRig rig;
    for (int i = 0; i < 45; ++i) { // many more than a page asks for by itself
        add_thread(rig, "", fmt::format("c{:02}", i), 1'000 + i * 7 % 45);
    }
    const auto newest = names({"c32", "c19", "c06"});
    const auto deadline = Clock::now() + Millis(10'000);
    std::vector<std::string> page;
    while (page != newest && Clock::now() < deadline) {
        page = ids_of(json_of(rig.send(rig.get("/api/chats?limit=3"))).at("data"));
    }
    CHECK(page == newest);
}

TEST_CASE("messages: oldest first, paged by what a page has seen last") {
    LaneRig rig;
    add_thread(rig, "", "c", 1);
    rig.authority.past = {past("t1", "one"), past("t2", "two"), past("t3", "three")};
    CHECK(
        pages(rig, "/api/chats/c/messages?limit=3") ==
        std::vector<std::vector<std::string>>{
            names({"u-t1", "t1", "u-t2"}), names({"t2", "u-t3", "t3"})
        }
    );
    const auto first = json_of(rig.send(rig.get("/api/chats/c/messages?limit=3")));
    rig.authority.past.resize(1); // the turn of the cursor was replaced
    const auto cursor = first.at("nextCursor").get<std::string>();
    CHECK(rig.send(rig.get("/api/chats/c/messages?cursor=" + cursor)).status == 422);
}

TEST_CASE("messages: results that began the next turn stand in their calls, wherever a batch ends"
) {
    LaneRig rig;
    add_thread(rig, "", "c", 1);
    auto silent = past("t1", "");
    silent.outcome = turn::Outcome::interrupted;
    silent.events.clear();
    auto waits = past("t2", "");
    waits.outcome = turn::Outcome::interrupted;
    waits.events = {
        turn::ToolOpened{"k1", "weather", true, true},
        turn::ToolInputReady{"k1", Json::object()},
        turn::ClientCall{"k1", "weather", "{}"}
    };
    auto next = past("t3", "done");
    next.client_message_id = lane::k_results_id;
    next.user_text = *lane::results_text(waits, {{.call = "k1", .output = "sunny"}});
    rig.authority.past = {silent, waits, next};
    for (const auto* limit : {"2", "3", "4", "50"}) {
        std::string all;
        std::string cursor;
        for (int page = 0; page < 5; ++page) {
            const auto url = fmt::format("/api/chats/c/messages?limit={}{}", limit, cursor);
            const auto body = json_of(rig.send(rig.get(url)));
            all += dump_json(body.at("data"));
            if (body.at("nextCursor").is_null()) {
                break;
            }
            cursor = "&cursor=" + body.at("nextCursor").get<std::string>();
        }
        INFO(limit << ": " << all);
        CHECK(all.contains(R"("output":"sunny")"));
    }
}

TEST_CASE("messages: newest first when asked, and a cursor knows its order") {
    LaneRig rig;
    add_thread(rig, "", "c", 1);
    rig.authority.past = {past("t1", "one"), past("t2", "two"), past("t3", "three")};
    CHECK(
        pages(rig, "/api/chats/c/messages?order=desc&limit=3") ==
        std::vector<std::vector<std::string>>{
            names({"t3", "u-t3", "t2"}), names({"u-t2", "t1", "u-t1"})
        }
    );
    const auto first = json_of(rig.send(rig.get("/api/chats/c/messages?order=desc&limit=1")));
    const auto cursor = first.at("nextCursor").get<std::string>();
    CHECK(rig.send(rig.get("/api/chats/c/messages?cursor=" + cursor)).status == 422);
    const auto wrong = rig.send(rig.get("/api/chats/c/messages?order=newest"));
    CHECK(wrong.status == 422);
    CHECK(json_of(wrong).at("errors").contains("order"));
}

TEST_CASE("chats: what was said is searched by the authority, among the owner's own threads") {
    LaneRig rig;
    add_thread(rig, "", "a", 10);
    add_thread(rig, "", "b", 20);
    rig.authority.matches = std::vector<std::string>{"auth-a", "auth-of-somebody-else"};
    const auto body = json_of(rig.send(rig.get("/api/chats?text=the+words")));
    CHECK(ids_of(body.at("data")) == names({"a"}));
    CHECK(rig.authority.searched == names({"the words"}));
    for (const auto& [code, status] : {
             std::pair{Code::precondition, 501},
             std::pair{Code::too_large, 422},
             std::pair{Code::unavailable, 503},
         }) {
        rig.authority.matches = fail(code, "no");
        CHECK(rig.send(rig.get("/api/chats?text=words")).status == status);
    }
}

TEST_CASE("messages: what a thread was seeded with stands first, and is asked for there alone") {
    LaneRig rig;
    add_thread(rig, "", "plain", 1);
    rig.ids->put({"", "seeded", "auth-seeded", 2});
    rig.authority.past = {past("t1", "one")};
    rig.authority.kept_text = R"({"messages":[
        {"id":"s1","role":"user","parts":[{"type":"text","text":"before"}]},
        {"id":"s2","role":"assistant","parts":[{"type":"text","text":"said"}]}]})";
    for (const auto* order : {"asc", "desc"}) {
        CAPTURE(order);
        rig.authority.kept_reads.clear();
        auto seeded = names({"s1", "s2", "u-t1", "t1"});
        auto plain = names({"u-t1", "t1"});
        if (order == std::string_view("desc")) {
            std::ranges::reverse(seeded);
            std::ranges::reverse(plain);
        }
        const auto path = [&](const char* id) {
            return fmt::format("/api/chats/{}/messages?order={}", id, order);
        };
        CHECK(pages(rig, path("seeded")) == std::vector<std::vector<std::string>>{seeded});
        CHECK(rig.authority.kept_reads == names({"auth-seeded"}));
        CHECK(pages(rig, path("plain")) == std::vector<std::vector<std::string>>{plain});
        CHECK(rig.authority.kept_reads == names({"auth-seeded"}));
    }
}

TEST_CASE("messages: for the end of a turn that runs here nobody waits") {
    LaneRig rig;
    const auto stream = rig.chat("c", "a question");
    auto& turn = rig.authority.last();
    rig.authority.past = {past(turn.turn, "")};
    rig.authority.past.front().running = true;
    const auto before = rig.authority.history_reads;
    CHECK(rig.send(rig.get("/api/chats/c/messages")).status == 200);
    CHECK(rig.authority.history_reads == before + 2); // a look at the newest, and the messages
    turn.complete();
    rig.await_end(stream);
}

TEST_CASE("messages: a turn that has ended here is told once the authority has stored its end") {
    LaneRig rig;
    const auto stream = rig.chat("c", "a question");
    auto& turn = rig.authority.last();
    rig.authority.past = {past(turn.turn, "")};
    rig.authority.past.front().running = true;
    turn.say("done");
    turn.complete();
    rig.await_end(stream);
    const auto before = rig.authority.history_reads;
    const auto read = rig.open(rig.get("/api/chats/c/messages"));
    rig.until("a look at the turn", [&] { return rig.authority.history_reads > before; });
    rig.authority.past = {past(turn.turn, "done")};
    rig.await_end(read);
    CHECK(read->head.status == 200);
    INFO(read->bytes);
    CHECK(read->has(R"("text":"done")"));
}

TEST_CASE("chats: a list shows what the rows say when the authority cannot be asked") {
    LaneRig rig;
    add_thread(rig, "", "a", 10);
    add_thread(rig, "", "b", 20);
    CHECK(rig.send(rig.get("/api/chats")).status == 200); // described by it once
    rig.ids->touch("", "a", 30);
    rig.authority.threads_error = Error{.code = Code::unavailable, .message = "down"};
    const auto body = json_of(rig.send(rig.get("/api/chats")));
    CHECK(ids_of(body.at("data")) == names({"a", "b"}));
    CHECK(body.at("data")[0].at("title") == "about a");
}

TEST_CASE("conversation: what it is, its messages and its runs, newest run first") {
    LaneRig rig;
    add_thread(rig, "", "c", 60);
    rig.authority.past = {past("t1", "one"), past("t2", "two")};
    const auto body = json_of(rig.send(rig.get("/api/chats/c")));
    const auto& data = body.at("data");
    CHECK(data.at("conversation").at("id") == "c");
    CHECK(ids_of(data.at("messages")) == names({"u-t1", "t1", "u-t2", "t2"}));
    CHECK(ids_of(data.at("runs")) == names({"t2", "t1"}));
    CHECK(body.at("nextCursor").is_null());
    CHECK(
        pages(rig, "/api/chats/c/runs?limit=1") ==
        std::vector<std::vector<std::string>>{names({"t2"}), names({"t1"})}
    );
}

TEST_CASE("conversation: of a turn that ends meanwhile, no run has ended without its answer") {
    LaneRig rig;
    add_thread(rig, "", "c", 60);
    rig.authority.past = {past("t1", "one")};
    rig.authority.past.front().running = true;
    // A look at the newest turn comes first, then two lists.
    rig.authority.on_read = [&] {
        rig.authority.past.front().running = rig.authority.history_reads < 3;
    };
    const auto body = json_of(rig.send(rig.get("/api/chats/c")));
    REQUIRE(rig.authority.history_reads == 3);
    CHECK(body.at("data").at("runs")[0].at("status") == "running");
    CHECK(ids_of(body.at("data").at("messages")) == names({"u-t1", "t1"}));
}

TEST_CASE("events: of one run, paged; an unknown run is not found, a blank one makes no sense") {
    LaneRig rig;
    add_thread(rig, "", "c", 1);
    rig.authority.past = {past("t1", "one")};
    const auto all = json_of(rig.send(rig.get("/api/chats/c/runs/t1/events")));
    CHECK(all.at("data").at("run").at("id") == "t1");
    CHECK(all.at("data").at("events").size() == 5);
    const auto first = json_of(rig.send(rig.get("/api/chats/c/runs/t1/events?limit=4")));
    CHECK(first.at("data").at("events").size() == 4);
    const auto cursor = first.at("nextCursor").get<std::string>();
    const auto rest = json_of(rig.send(rig.get("/api/chats/c/runs/t1/events?cursor=" + cursor)));
    CHECK(rest.at("data").at("events").size() == 1);
    CHECK(rest.at("data").at("events")[0].at("seq") == 5);
    CHECK(rig.send(rig.get("/api/chats/c/runs/t9/events")).status == 404);
    CHECK(rig.send(rig.get("/api/chats/c/runs/%20/events")).status == 422);
    CHECK(rig.watcher.requests.back().route == "/api/chats/{conversationId}/runs/{runId}/events");
}

TEST_CASE("make: a thread of the client's name or of ours, which its first message then uses") {
    LaneRig rig;
    const auto made = rig.send(rig.post("/api/chats", ""));
    CHECK(made.status == 201);
    const auto summary = json_of(made).at("data");
    const auto id = summary.at("id").get<std::string>();
    CHECK(id.size() == 39);
    CHECK(id.starts_with("thread_"));
    CHECK(summary.at("title") == "New conversation");
    CHECK(made.headers.get("location") == "/api/chats/" + id);

    const auto named = rig.send(rig.post("/api/chats", R"({"id":"mine","title":" Plans "})"));
    CHECK(named.status == 201);
    CHECK(json_of(named).at("data").at("title") == "Plans");
    CHECK(ids_of(json_of(rig.send(rig.get("/api/chats"))).at("data")).size() == 2);
    CHECK(rig.send(rig.post("/api/chats", R"({"id":"mine"})")).status == 409);

    const auto stream = rig.chat("mine", "hello");
    CHECK(rig.authority.last().request.thread == rig.ids->find("", "mine")->thread);
    rig.authority.last().say("hi");
    rig.complete(stream);
}

TEST_CASE("make: what makes no sense is refused, nothing is made") {
    struct Row {
        std::string_view body, type;
        int status;
    };
    static constexpr std::array k_rows{
        Row{"{", "application/json", 400},
        Row{"[]", "application/json", 422},
        Row{R"({"title":7})", "application/json", 422},
        Row{R"({"id":"a b"})", "application/json", 422},
        Row{R"({"id":"a","threadId":"b"})", "application/json", 422},
        Row{"{}", "text/plain", 415},
    };
    LaneRig rig;
    for (const auto& row : k_rows) {
        CAPTURE(row.body);
        auto request = rig.post("/api/chats", row.body, {{"content-type", std::string(row.type)}});
        CHECK(rig.send(std::move(request)).status == row.status);
    }
    const auto title = fmt::format(R"({{"title":"{}"}})", std::string(201, 'x'));
    CHECK(rig.send(rig.post("/api/chats", title)).status == 422);
    CHECK(rig.ids->size() == 0);
    rig.lane->begin_drain();
    CHECK(rig.send(rig.post("/api/chats", "{}")).status == 503);
}

TEST_CASE("reads: the retired lane is recognised by two headers on every answer") {
    LaneRig rig;
    CHECK_FALSE(rig.send(rig.get("/api/chats")).headers.has("x-oa-legacy-chat-retired"));
    rig.lane->set_mode(lane::LaneMode::retired);
    for (const std::string_view path : {"/api/chats", "/api/chats/none/messages"}) {
        const auto response = rig.send(rig.get(path));
        CHECK(response.headers.get("x-oa-legacy-chat-retired") == "true");
        CHECK(response.headers.get("x-oa-legacy-chat-canonical") == "/api/runtime/threads");
        CHECK_FALSE(response.headers.has("x-oa-legacy-chat-stream-protocol"));
    }
}

TEST_CASE("reads: HEAD has the head of GET alone, and no handshake is asked for") {
    auto config = LaneRig::quick();
    config.compat = lane::CompatMode::required;
    LaneRig rig(config);
    add_thread(rig, "", "c", 1);
    auto request = rig.get("/api/chats/c/messages");
    request.method = "HEAD";
    const auto head = rig.send(std::move(request));
    CHECK(head.status == 200);
    CHECK(head.body.empty());
    CHECK(head.headers.get("content-type") == "application/json");
}

TEST_CASE("reads: an authority that cannot answer is told as such, in the envelope") {
    LaneRig rig;
    add_thread(rig, "", "c", 1);
    struct Row {
        Code code;
        int status;
    };
    for (const auto& row :
         {Row{Code::unavailable, 503}, Row{Code::timeout, 504}, Row{Code::precondition, 501}}) {
        rig.authority.threads_error = Error{.code = row.code, .message = "upstream text"};
        for (const std::string_view path : {"/api/chats", "/api/chats/c"}) {
            const auto response = rig.send(rig.get(path));
            CHECK(response.status == row.status);
            CHECK_FALSE(response.body.contains("upstream text"));
            CHECK(json_of(response).at("error").contains("requestId"));
        }
    }
}

// --- how a resume and the history know of each other ------------------------------------------

namespace {

int resume_status(LaneRig& rig) {
    const auto stream = rig.open(rig.get("/api/chats/c/stream"));
    rig.await_end(stream);
    return stream->head.status;
}

struct Ended {
    explicit Ended(LaneRig& given) : rig(given), stream(rig.chat("c", "hello")) {
        rig.authority.past = {past("turn-1", "hi")};
        rig.authority.past[0].running = true;
        rig.authority.last().say("hi");
        rig.until("the text", [&] { return stream->has("hi"); });
    }
    void end() {
        rig.authority.last().complete();
        rig.until("the turn's end", [&] { return !rig.watcher.turns.empty(); });
        rig.authority.past[0].running = false;
    }
    LaneRig& rig;
    std::shared_ptr<Stream> stream;
};

} // namespace

TEST_CASE("resume: a turn whose readers got everything is not told again") {
    LaneRig rig;
    Ended turn(rig);
    turn.end();
    rig.await_end(turn.stream);
    CHECK(resume_status(rig) == 204);
}

TEST_CASE("resume: a reader that left before the end can have it afterwards") {
    LaneRig rig;
    Ended turn(rig);
    turn.stream->leave();
    rig.until("the reader's end", [&] { return rig.watcher.readers == 0; });
    turn.end();
    CHECK(resume_status(rig) == 200);
}

TEST_CASE("resume: a page that read the thread while the turn ran can have the rest") {
    LaneRig rig;
    Ended turn(rig);
    CHECK(rig.send(rig.get("/api/chats/c/messages")).status == 200);
    turn.end();
    rig.await_end(turn.stream);
    CHECK(resume_status(rig) == 200);
}

TEST_CASE("resume: once the messages were read with the answer in them, it is not told again") {
    for (const std::string_view path : {"/api/chats/c", "/api/chats/c/messages"}) {
        LaneRig rig;
        Ended turn(rig);
        turn.stream->leave();
        rig.until("the reader's end", [&] { return rig.watcher.readers == 0; });
        turn.end();
        CHECK(rig.send(rig.get(path)).status == 200);
        CHECK(resume_status(rig) == 204);
    }
}

// What is copied to a mirror, and how it is counted.
#include "oa_stream/base/file.hpp"

#include "rig.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <array>
#include <future>
#include <new>
#include <set>
#include <string>
#include <vector>

using namespace oa_stream;
using namespace oa_stream::traffic;
using namespace oa_stream::traffic::testing;

namespace {

constexpr std::string_view k_turns = "/api/chat/stream";

MirrorOptions all_copied(std::size_t most_bytes = 1U << 20U) {
    return {
        .name = "next",
        .share = k_whole_share,
        .dry = true,
        .most_bytes = most_bytes,
        .compare = [](const MirrorPair& pair) -> std::vector<std::string> {
            if (pair.user.body.substr(0, 3) == pair.mirror.body.substr(0, 3)) {
                return {};
            }
            return {"the bodies differ"};
        },
    };
}

struct Bench : Rig {
    explicit Bench(MirrorOptions mirror)
        : Rig({{"stable", 100}, {"canary", 0}}, {}, Balance::weights, std::move(mirror)) {}

    [[nodiscard]] Json mirror() const { return front->state().at("mirror"); }
    [[nodiscard]] std::uint64_t count(std::string_view key) const {
        return mirror().at("counters").at(std::string(key)).get<std::uint64_t>();
    }
};

} // namespace

TEST_CASE("mirror: turns and reads are copied; live turns, acts and probes are not") {
    Bench bench(all_copied());
    CHECK(bench.post(k_turns, R"({"id":"a"})").body == "stable");
    for (int i = 0; i < 2; ++i) { // again with its key it begins nothing
        const net::Headers key{{"idempotency-key", "k"}};
        CHECK(bench.post(k_turns, R"({"id":"b"})", key).body == "stable");
    }
    CHECK(bench.get_path("/api/chats/a/messages").body == "stable");
    CHECK(bench.get_path("/api/chats/a/stream").body == "stable");
    CHECK(bench.post("/api/chats/a/stop", "").body == "stable");
    CHECK(bench.post(k_turns, R"({"id":"c"})", {{"x-oa-probe", "synthetic"}}).body == "stable");
    bench.run_until([&] { return bench.count("different") == 3; });
    CHECK(bench.count("sampled") == 3);
    CHECK(bench.count("copied") == 3);
    CHECK(bench.copies.seen.size() == 3);
    CHECK(bench.mirror().at("open") == 0);
    CHECK(bench.mirror().at("bytes") == 0);
}

TEST_CASE("mirror: of a conversation that the lane names, the first turn is copied") {
    Bench bench(all_copied());
    bench.stable.answer = [](std::shared_ptr<net::Exchange> exchange) -> Task<void> {
        (void)co_await exchange->respond({200, {{"x-oa-thread-id", "made"}}, "stable"});
    };
    CHECK(bench.post(k_turns, R"({"messages":[{"role":"user"}]})").status == 200);
    CHECK(bench.post(k_turns, R"({"id":"made"})").status == 200);
    CHECK(bench.get_path("/api/chats/made/messages").status == 200);
    bench.stable.answer = {};
    CHECK(bench.post(k_turns, R"({"id":"own"})").status == 200);
    bench.run_until([&] { return bench.count("different") == 2; });
    CHECK(bench.count("sampled") == 2);
    REQUIRE(bench.copies.seen.size() == 2);
    CHECK(bench.copies.seen[1].body == R"({"id":"own"})");
}

TEST_CASE("mirror: a decision of the running turn is not copied") {
    Bench bench(all_copied());
    const std::string decision = R"({"id":"a","messages":[{"role":"user"},{"role":"assistant"}]})";
    CHECK(bench.post("/api/chat", decision).body == "stable");
    CHECK(bench.count("sampled") == 0);
}

TEST_CASE("mirror: a turn that its user stops, decides or deletes is not compared, nor what follows"
) {
    const std::string act = GENERATE("stop", "decision", "delete");
    CAPTURE(act);
    Bench bench(all_copied());
    std::shared_ptr<net::BodyStream> open;
    bench.stable.answer = [&](std::shared_ptr<net::Exchange> exchange) -> Task<void> {
        auto body = co_await exchange->start_stream(200, {{"x-oa-thread-id", "a"}});
        open = body.value_or(nullptr);
    };
    const bool named = GENERATE(false, true); // by the client, else by the lane
    bool begun = false;
    net::StreamHandlers handlers;
    handlers.on_head = [&](const net::ClientResponse&) {
        begun = true;
        return net::Flow::go_on;
    };
    const auto turn = bench.client->stream(
        {.method = "POST",
         .url = bench.front_url() + std::string(k_turns),
         .body = named ? R"({"id":"a"})" : "{}"},
        std::move(handlers)
    );
    bench.run_until([&] { return begun && open != nullptr && bench.copies.seen.size() == 1; });
    bench.stable.answer = {};
    CHECK(bench.count("abandoned") == 0);
    if (act == "stop") {
        CHECK(bench.post("/api/chats/a/stop", "").status == 200);
    } else if (act == "decision") {
        const std::string last = R"("messages":[{"role":"user"},{"role":"assistant"}])";
        CHECK(bench.post("/api/chat", R"({"id":"a",)" + last + "}").status == 200);
    } else {
        const std::string url = bench.front_url() + "/api/chats/a";
        CHECK(bench.ask({.method = "DELETE", .url = url}).status == 200);
    }
    CHECK(bench.count("abandoned") == 1);
    open->finish();
    CHECK(bench.post(k_turns, R"({"id":"a"})").body == "stable");
    CHECK(bench.get_path("/api/chats/a/messages").body == "stable");
    CHECK(bench.count("sampled") == 1);
    CHECK(bench.mirror().at("open") == 0);
}

TEST_CASE("mirror: what acts is not copied to a target that does not say dry") {
    MirrorOptions wet = all_copied();
    wet.dry = false;
    Bench bench(std::move(wet));
    CHECK(bench.post(k_turns, R"({"id":"a"})").body == "stable");
    CHECK(bench.get_path("/api/chats/a/messages").body == "stable");
    CHECK(bench.get_path("/api/chats").body == "stable");
    bench.run_until([&] { return bench.count("different") == 1; });
    CHECK(bench.count("sampled") == 2);
    CHECK(bench.count("refused") == 1);
    CHECK(bench.count("copied") == 1);
    CHECK(bench.copies.seen.at(0).path == "/api/chats");
}

TEST_CASE("mirror: a conversation that it lacks a turn of is read and continued without it") {
    MirrorOptions one = all_copied();
    one.most_open = 1;
    one.first_byte_timeout = Millis(1000);
    Bench bench(std::move(one));
    // Before its first turn was seen it may be any age.
    CHECK(bench.get_path("/api/chats/old/messages").body == "stable");
    CHECK(bench.count("sampled") == 0);
    std::shared_ptr<net::Exchange> held;
    bench.copies.hold(held);
    CHECK(bench.post(k_turns, R"({"id":"first"})").body == "stable");
    bench.run_until([&] { return held != nullptr; });
    CHECK(bench.post(k_turns, R"({"id":"busy"})").body == "stable");
    CHECK(bench.count("busy") == 1);
    bench.run_until([&] { return bench.count("unanswered") == 1; });
    held.reset();
    bench.copies.answer = {};
    for (const std::string id : {"first", "busy"}) {
        CHECK(bench.get_path("/api/chats/" + id + "/messages").body == "stable");
        CHECK(bench.post(k_turns, R"({"id":")" + id + "\"}").body == "stable");
    }
    CHECK(bench.count("sampled") == 2);
}

TEST_CASE("mirror: a fork is not copied, for it has turns that the mirror was not asked for") {
    Bench bench(all_copied());
    const auto makes = [](std::string location) {
        return [location](std::shared_ptr<net::Exchange> exchange) -> Task<void> {
            (void)co_await exchange->respond({201, {{"location", location}}, "made"});
        };
    };
    bench.stable.answer = makes("/api/chats/fork");
    CHECK(bench.post("/api/chats/a/fork", "{}").status == 201);
    bench.stable.answer = makes("/api/chats/empty");
    CHECK(bench.post("/api/chats", "{}").status == 201);
    bench.stable.answer = makes("/api/chats/asked");
    CHECK(bench.post("/api/chats", R"({"id":"asked"})").status == 201);
    bench.stable.answer = {};
    for (const std::string id : {"fork", "empty", "asked"}) {
        CHECK(bench.post(k_turns, R"({"id":")" + id + "\"}").body == "stable");
        CHECK(bench.get_path("/api/chats/" + id + "/messages").body == "stable");
    }
    bench.run_until([&] { return bench.copies.seen.size() == 4; });
    CHECK(bench.count("sampled") == 4);
}

TEST_CASE("mirror: lists take nothing of the share of the turns") {
    MirrorOptions half = all_copied();
    half.share = k_whole_share / 2;
    Bench bench(std::move(half));
    for (int i = 0; i < 10; ++i) {
        CHECK(bench.get_path("/api/chats").body == "stable");
        CHECK(bench.post(k_turns, "{}").body == "stable");
    }
    bench.run_until([&] { return bench.copies.seen.size() == 10; });
    CHECK(std::ranges::count(bench.copies.seen, "POST", &net::Request::method) == 5);
}

TEST_CASE("mirror: its id decides whether a conversation is copied, at every front door") {
    MirrorOptions half = all_copied();
    half.share = k_whole_share / 2;
    std::vector<std::string> bodies;
    for (int i = 0; i < 20; ++i) {
        bodies.push_back(R"({"id":"chat-)" + std::to_string(i) + "\"}");
    }
    std::array<std::set<std::string>, 2> copied;
    for (auto& at_door : copied) {
        Bench bench(half);
        for (const auto& body : bodies) {
            CHECK(bench.post(k_turns, body).body == "stable");
        }
        bench.run_until([&] { return bench.copies.seen.size() == bench.count("sampled"); });
        for (const auto& request : bench.copies.seen) {
            at_door.insert(request.body);
        }
        std::ranges::reverse(bodies);
    }
    CHECK(copied[0] == copied[1]);
    CHECK(copied[0].size() > 4);
    CHECK(copied[0].size() < 16);
}

TEST_CASE("mirror: a token that it refuses is read again, and says nothing of the revision") {
    const test::TempFolder folder;
    const std::string file = folder.file("token");
    REQUIRE(write_file_atomic(file, "token-1\n", 0600).has_value());
    std::string good = "Bearer token-1";
    MirrorOptions options = all_copied();
    options.bearer = "file:" + file;
    options.first_bearer = Secret("token-1");
    Bench bench(std::move(options));
    bench.copies.answer = [&good](std::shared_ptr<net::Exchange> exchange) -> Task<void> {
        const bool known = exchange->request().headers.get("authorization") == good;
        (void)co_await exchange->respond({known ? 200 : 401, {}, known ? "stable" : "who?"});
    };
    CHECK(bench.post(k_turns, R"({"id":"a"})").body == "stable");
    bench.run_until([&] { return bench.count("same") == 1; });
    good = "Bearer token-2";
    REQUIRE(write_file_atomic(file, "token-2\n", 0600).has_value());
    CHECK(bench.post(k_turns, R"({"id":"b"})").body == "stable");
    bench.run_until([&] { return bench.count("unanswered") == 1; });
    CHECK(bench.notes == std::vector<std::string>{"mirror next refuses its token (401)"});
    CHECK(bench.post(k_turns, R"({"id":"c"})").body == "stable");
    bench.run_until([&] { return bench.count("same") == 2; });
    CHECK(bench.count("different") == 0);
}

TEST_CASE("mirror: an answer beyond the bytes ends its copy and frees them") {
    Bench bench(all_copied(100));
    const auto answers = [](std::size_t size) {
        return [size](std::shared_ptr<net::Exchange> exchange) -> Task<void> {
            (void)co_await exchange->respond({200, {}, std::string(size, 'x')});
        };
    };
    bench.stable.answer = answers(20);
    bench.copies.answer = answers(200);
    CHECK(bench.post(k_turns, R"({"id":"a"})").body.size() == 20);
    bench.run_until([&] { return bench.count("too_large") == 1; });
    CHECK(bench.mirror().at("open") == 0);
    CHECK(bench.mirror().at("bytes") == 0);
    bench.copies.answer = answers(20);
    CHECK(bench.post(k_turns, R"({"id":"a"})").body.size() == 20); // left out: it ended there
    CHECK(bench.post(k_turns, R"({"id":"b"})").body.size() == 20);
    bench.run_until([&] { return bench.count("same") == 1; });
    // The request alone is more than there is room for.
    CHECK(bench.post(k_turns, R"({"id":")" + std::string(100, 'c') + "\"}").body.size() == 20);
    CHECK(bench.count("too_large") == 2);
    CHECK(bench.count("sampled") == 3);
    CHECK(bench.count("copied") == 2);
    CHECK(bench.mirror().at("bytes") == 0);
}

TEST_CASE("mirror: answers that there is no memory to compare end the copy alone") {
    MirrorOptions options = all_copied();
    options.compare = [](const MirrorPair&) -> std::vector<std::string> { throw std::bad_alloc(); };
    Bench bench(std::move(options));
    CHECK(bench.post(k_turns, R"({"id":"a"})").body == "stable");
    bench.run_until([&] { return bench.count("too_large") == 1; });
    CHECK(bench.mirror().at("open") == 0);
    CHECK(bench.mirror().at("bytes") == 0);
    CHECK(bench.post(k_turns, R"({"id":"b"})").body == "stable");
}

TEST_CASE("mirror: of one second's differences twenty are told, and how many more there were") {
    std::promise<void> sent; // what is compared before comes into the same second
    MirrorOptions options = all_copied();
    options.compare = [wait = sent.get_future().share()](const MirrorPair& pair) {
        (void)wait.wait_for(std::chrono::seconds(20));
        return std::vector<std::string>(pair.user.body == "one" ? 1 : 5, "the bodies differ");
    };
    Bench bench(std::move(options));
    const auto answers = [](std::string body) {
        return [body](std::shared_ptr<net::Exchange> exchange) -> Task<void> {
            (void)co_await exchange->respond({200, {}, body});
        };
    };
    for (const std::string body : {"five", "five", "five", "five", "one"}) {
        bench.stable.answer = answers(body);
        CHECK(bench.post(k_turns, "{}").body == body);
    }
    bench.run_until([&] { return bench.copies.seen.size() == 5; });
    sent.set_value();
    bench.run_until([&] { return bench.count("different") == 5; });
    const std::string line = "mirror next differs in POST /api/chat/stream: the bodies differ";
    CHECK(std::ranges::count(bench.notes, line) == 20);
    const auto later = Clock::now() + std::chrono::milliseconds(1001);
    bench.run_until([&] { return Clock::now() > later; });
    CHECK(bench.post(k_turns, "{}").body == "one");
    bench.run_until([&] { return bench.count("different") == 6; });
    const auto told = std::ranges::find(bench.notes, "mirror next: 1 more lines left out");
    REQUIRE(told != bench.notes.end());
    CHECK(std::vector<std::string>(told + 1, bench.notes.end()) == std::vector<std::string>{line});
}

TEST_CASE("mirror: what is told is one line, escaped once and cut") {
    MirrorOptions options = all_copied();
    options.compare = [](const MirrorPair&) {
        return std::vector<std::string>{
            R"(usage: lane {\"inputTokens\":100}; reference not told)",
            "order of part 1 (tool a\nb)",
            std::string(600, '-')
        };
    };
    Bench bench(std::move(options));
    CHECK(bench.post(k_turns, R"({"id":"a"})").body == "stable");
    bench.run_until([&] { return bench.count("different") == 1; });
    const std::string line = "mirror next differs in POST /api/chat/stream: ";
    CHECK(
        std::ranges::count(
            bench.notes, line + R"(usage: lane {\"inputTokens\":100}; reference not told)"
        ) == 1
    );
    CHECK(std::ranges::count(bench.notes, line + R"(order of part 1 (tool a\nb))") == 1);
    CHECK(
        std::ranges::count(bench.notes, (line + std::string(600, '-')).substr(0, 400) + "…") == 1
    );
}

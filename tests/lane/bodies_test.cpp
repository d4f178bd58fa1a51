// Bodies that are read beside the loop (those above 16 KiB), and the bounds of all.
#include "allocations.hpp"
#include "bodies/body_thread.hpp"
#include "bodies/surrogates.hpp"
#include "lane_rig.hpp"

#include <atomic>
#include <future>
#include <new>

using namespace oa_stream;
using namespace oa_stream::test;

namespace {

/// A body with `more` as one of its members, and with white space up to `size`.
std::string padded(std::size_t size, std::string_view more = "0") {
    auto body =
        fmt::format(R"({{"x":{},"messages":[{{"id":"u","role":"user","content":"hi"}}]}})", more);
    return std::string(size - std::min(size, body.size()), ' ') + body;
}

/// A thread for bodies, and which of some that come at once it takes.
struct BodyBench {
    explicit BodyBench(std::size_t capacity) : thread(context.get_executor(), capacity) {}

    std::vector<bool> takes(const std::vector<std::size_t>& sizes) {
        std::vector<bool> taken(sizes.size());
        std::size_t left = sizes.size();
        for (std::size_t i = 0; i < sizes.size(); ++i) {
            spawn(
                context.get_executor(),
                "test",
                [](lane::BodyThread* on,
                   std::size_t size,
                   std::vector<bool>* out,
                   std::size_t at,
                   std::size_t* open) -> Task<void> {
                    const bool took =
                        co_await on->run(size, [](const std::stop_token&) {}, [] { return false; });
                    (*out)[at] = took;
                    --*open;
                }(&thread, sizes[i], &taken, i, &left)
            );
        }
        const auto deadline = Clock::now() + std::chrono::seconds(10);
        while (left > 0 && Clock::now() < deadline) {
            context.restart();
            context.run_one_for(Millis(20));
        }
        CHECK(left == 0);
        return taken;
    }

    /// Whether the `nth` allocation that a body of `size` needs failed, and it with it.
    bool fails(std::size_t size, std::uint64_t nth) {
        bool failed = false;
        bool over = false;
        spawn(
            context.get_executor(),
            "test",
            [](lane::BodyThread* on, std::size_t bytes, std::uint64_t which, bool* out, bool* ended
            ) -> Task<void> {
                // Runs as soon as the job is in hand, or this one over.
                asio::post(co_await asio::this_coro::executor, [out] {
                    *out = oa_stream::testing::stop_failing() || *out;
                });
                oa_stream::testing::fail_allocation(which);
                try {
                    (void
                    )co_await on->run(bytes, [](const std::stop_token&) {}, [] { return false; });
                } catch (const std::bad_alloc&) {
                    *out = true;
                }
                *ended = true;
            }(&thread, size, nth, &failed, &over)
        );
        const auto deadline = Clock::now() + std::chrono::seconds(10);
        while (!over && Clock::now() < deadline) {
            context.restart();
            context.run_one_for(Millis(20));
        }
        CHECK(over);
        context.restart();
        context.poll(); // what was posted refers to `failed`
        return failed;
    }

    asio::io_context context{};
    lane::BodyThread thread;
};

} // namespace

TEST_CASE("bodies: a large one is read like a small one") {
    LaneRig rig;
    const auto large = rig.open(rig.post("/api/chats/c1/stream", padded(60'000)));
    rig.until("the turn", [&] { return large->has("start-step"); });
    CHECK(rig.authority.starts == 1);
    rig.authority.last().complete();
    rig.await_legal(large);
    for (const auto& [body, status] : {
             std::pair{padded(60'000, "[1,}"), 400},
             std::pair{std::string(60'000, ' ') + "{}", 422},
             std::pair{std::string(60'000, '['), 400},
         }) {
        CHECK(rig.send(rig.post("/api/chats/c2/stream", body)).status == status);
    }
    CHECK(rig.send(rig.post("/api/chats", padded(20'000, R"("y","id":7)"))).status == 422);
    CHECK(rig.send(rig.post("/api/chats", padded(20'000))).status != 422);
    CHECK(rig.send(rig.post("/v1/chat/completions", padded(20'000))).status == 400);
    CHECK(rig.authority.starts == 1);
}

TEST_CASE("bodies: names, values and messages are bounded") {
    auto config = LaneRig::quick();
    config.limits.json_members = 4;
    config.limits.json_values = 20;
    config.limits.messages = 3;
    LaneRig rig(config);
    for (const std::size_t size : {0U, 20'000U}) {
        CAPTURE(size);
        const auto names = padded(size, R"({"a":1,"b":2,"a":3,"c":4,"d":5})");
        const auto refused = rig.send(rig.post("/api/chats/c1/stream", names));
        CHECK(refused.status == 413);
        CHECK(refused.body.contains("payload_too_large"));
        CHECK(refused.body.contains("more than 4 members"));
        CHECK(rig.send(rig.post("/v1/chat/completions", names)).body.contains("request_too_large"));
        const auto list = fmt::format("[{}]", fmt::join(std::vector<int>(30), ","));
        const auto values = rig.send(rig.post("/v1/chat/completions", padded(size, list)));
        CHECK(values.status == 413);
        // A chat keeps nothing of it.
        const auto chat = rig.open(rig.post("/api/chats/c2/stream", padded(size, list)));
        rig.until("the turn", [&] { return chat->has("start-step"); });
        rig.complete(chat);
    }
    const std::string four = R"({"model":"oa-stream","messages":[{"role":"user","content":"a"},)"
                             R"({"role":"user","content":"b"},{"role":"user","content":"c"},)"
                             R"({"role":"user","content":"d"}]})";
    const auto chat = rig.send(rig.post("/api/chats/c3/stream", four));
    CHECK(chat.status == 422);
    CHECK(chat.body.contains("more than 3"));
    const auto completion = rig.send(rig.post("/v1/chat/completions", four));
    CHECK(completion.status == 400);
    CHECK(completion.body.contains("at most 3 messages"));
}

TEST_CASE("bodies: data of earlier messages does not count where the newest one is read again") {
    auto config = LaneRig::quick();
    config.limits.json_values = 30;
    LaneRig rig(config);
    const auto list = fmt::format("[{}]", fmt::join(std::vector<int>(40), ","));
    const auto asked = [&](std::string_view earlier, std::string_view metadata) {
        return rig.post(
            "/api/chats/c/stream",
            fmt::format(
                R"({{"messages":[{{"role":"assistant","parts":[{{"type":"tool-x","output":{}}}]}},)"
                R"({{"id":"u","role":"user","content":"hi","metadata":{{"a":{}}}}}]}})",
                earlier,
                metadata
            )
        );
    };
    const auto chat = rig.open(asked(list, "[1]"));
    rig.until("the turn", [&] { return chat->has("start-step") || chat->ended; });
    CHECK(chat->head.status == 200);
    CHECK(chat->head.headers.get("x-oa-ignored").value_or("").contains("messages[1].metadata"));
    rig.complete(chat);
    CHECK(rig.send(asked("1", list)).status == 413);
}

TEST_CASE("bodies: too many bytes that wait are 503, and a lane that ends answers 503") {
    auto config = LaneRig::quick();
    config.limits.waiting_bodies = 30'000;
    LaneRig rig(config);
    const auto refused = rig.send(rig.post("/api/chats/c1/stream", padded(40'000)));
    CHECK(refused.status == 503);
    CHECK(refused.headers.has("retry-after"));
    CHECK(rig.send(rig.post("/v1/chat/completions", padded(40'000))).status == 503);
    rig.lane->begin_drain();
    CHECK(rig.send(rig.post("/api/chats/c1/stream", padded(20'000))).status == 503);
    CHECK(rig.authority.starts == 0);
}

TEST_CASE("bodies: a large conversation that a request names is read beside the loop, too") {
    auto config = LaneRig::quick();
    config.limits.waiting_bodies = 30'000;
    LaneRig rig(config);
    const auto asked = [](std::size_t size, std::string_view more) {
        return fmt::format(
            R"({{"model":"oa-stream","input":"{}"{}}})", std::string(size, 'x'), more
        );
    };
    const auto first = rig.open(rig.post("/v1/responses", asked(20'000, "")));
    rig.until("the turn", [&] { return rig.authority.turns_started.size() == 1; });
    rig.authority.last().say("hello");
    rig.complete(first);
    const auto id = parse_json(first->bytes).value().at("id").get<std::string>();
    const auto previous = fmt::format(R"(,"previous_response_id":"{}")", id);
    const auto second = rig.open(rig.post("/v1/responses", asked(5, previous)));
    rig.until("the turn", [&] { return rig.authority.turns_started.size() == 2; });
    CHECK(rig.authority.last().request.seed.size() == 2);
    rig.authority.last().say("hello");
    rig.complete(second);
    const auto refused = rig.send(rig.post("/v1/responses", asked(12'000, previous)));
    CHECK(refused.status == 503);
    CHECK(refused.headers.has("retry-after"));
    CHECK(rig.authority.starts == 2);
}

TEST_CASE("bodies: a job never outlives its caller, whatever cannot be allocated") {
    struct Caller {
        explicit Caller(std::atomic<bool>* what) : over(what) {}
        Caller(const Caller&) = delete;
        Caller& operator=(const Caller&) = delete;
        ~Caller() { *over = true; }
        std::atomic<bool>* over;
    };
    bool failed = true;
    for (std::uint64_t nth = 1; failed; ++nth) {
        CAPTURE(nth);
        std::atomic<bool> over = false;
        std::atomic<bool> late = false;
        asio::io_context context;
        lane::BodyThread bodies(context.get_executor(), 100U << 20U);
        const auto job = [&](const std::stop_token& stop) {
            while (!stop.stop_requested() && !late) {
                late = late || over;
                std::this_thread::yield();
            }
        };
        spawn(
            context.get_executor(),
            "test",
            [](lane::BodyThread* on,
               lane::BodyThread::Job what,
               std::uint64_t which,
               std::atomic<bool>* ended) -> Task<void> {
                const Caller caller(ended);
                oa_stream::testing::fail_allocation(which);
                (void)co_await on->run(1, std::move(what), [] { return true; });
            }(&bodies, job, nth, &over)
        );
        const auto deadline = Clock::now() + std::chrono::seconds(10);
        while (!over && Clock::now() < deadline) {
            try {
                context.restart();
                context.run_one_for(Millis(20));
            } catch (const std::bad_alloc&) { // NOLINT(bugprone-empty-catch): as in a process
            }
        }
        failed = oa_stream::testing::stop_failing();
        CHECK(over);
        CHECK_FALSE(late);
        CHECK(bodies.jobs() == 0);
    }
}

TEST_CASE("bodies: the thread takes small ones first, and stops what its caller left") {
    asio::io_context context;
    lane::BodyThread bodies(context.get_executor(), 100U << 20U);
    std::promise<void> go;
    const auto gate = go.get_future().share();
    std::string order;
    std::size_t returned = 0;
    std::atomic<bool> stopped = false;
    const auto add = [&](std::size_t bytes, lane::BodyThread::Job job, bool gone = false) {
        spawn(
            context.get_executor(),
            "test",
            [](lane::BodyThread* on,
               std::size_t size,
               lane::BodyThread::Job what,
               bool left,
               std::size_t* count) -> Task<void> {
                CHECK(co_await on->run(size, std::move(what), [left] { return left; }));
                ++*count;
            }(&bodies, bytes, std::move(job), gone, &returned)
        );
    };
    add(1, [&](const std::stop_token&) { gate.wait(); });
    add(2U << 20U, [&](const std::stop_token&) { order += "L"; });
    add(3, [&](const std::stop_token&) { order += "a"; });
    add(4, [&](const std::stop_token&) { order += "b"; });
    add(
        3U << 20U,
        [&](const std::stop_token& stop) {
            while (!stop.stop_requested()) {
                std::this_thread::yield();
            }
            stopped = true;
        },
        true
    );
    const auto run_until = [&](std::size_t jobs) {
        const auto deadline = Clock::now() + std::chrono::seconds(10);
        while (bodies.jobs() != jobs && Clock::now() < deadline) {
            context.run_one_for(Millis(20));
        }
        CHECK(bodies.jobs() == jobs);
    };
    run_until(5);
    go.set_value();
    run_until(0);
    CHECK(order == "abL");
    CHECK(stopped);
    CHECK(returned == 5);
}

TEST_CASE("bodies: the thread takes bodies up to its bound, and not a byte more") {
    BodyBench bodies(10);
    CHECK(bodies.takes({10}) == std::vector{true});
    CHECK(bodies.takes({6, 4, 1}) == std::vector{true, true, false});
    CHECK(bodies.takes({11}) == std::vector{false});
}

TEST_CASE("bodies: one that there is no memory for takes nothing of the thread's bound") {
    std::uint64_t nth = 1;
    while (true) {
        CAPTURE(nth);
        BodyBench bodies(10);
        CHECK(
            bodies.takes({1}) == std::vector{true}
        ); // the loop has room for its timer from here on
        const bool failed = bodies.fails(10, nth++);
        if (!failed || bodies.thread.jobs() > 0) { // the thread has it
            break;
        }
        CHECK(bodies.takes({10}) == std::vector{true});
    }
}

TEST_CASE("bodies: half of a character is replaced where it is escaped, and nothing else is") {
    struct Row {
        std::string_view json;
        std::optional<std::string> repaired;
    };
    const std::vector<Row> rows{
        {R"("a\ud83d")", R"("a\uFFFE")"},
        {R"("\ude00b")", R"("\uFFFEb")"},
        {R"("\ud83dx\ude00")", R"("\uFFFEx\uFFFE")"},
        {R"("\ud83d\ud83d\ude00")", R"("\uFFFE\ud83d\ude00")"},
        {R"(\ud83d)", R"(\uFFFE)"},
        {R"("\ud83d\ude00")", std::nullopt},
        {R"("\u0041")", std::nullopt},
        {R"("\\ud83d")", std::nullopt}, // a backslash, and then letters
        {R"("\ndead")", std::nullopt}, // a line break, and then letters
        {R"("\ud83d\ndead")", R"("\uFFFE\ndead")"},
        {std::string_view(R"(\ud83d)").substr(0, 5), std::nullopt}, // cut off
    };
    for (const auto& row : rows) {
        CAPTURE(row.json);
        CHECK(lane::replace_halves(row.json) == row.repaired);
    }
}

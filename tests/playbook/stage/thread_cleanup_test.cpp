// Conversations of probes are deleted while a run goes on, and its end waits for what is left
// alone.
#include "run_task.hpp"
#include "stage/opened_ids.hpp"
#include "stage/thread_cleanup.hpp"
#include "stage/thread_sample.hpp"

#include <boost/asio/io_context.hpp>
#include <catch2/catch.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <set>

using namespace oa_stream;
using namespace oa_stream::playbook;

namespace {

/// Deletes at once, or says that it does not.
class Chats final : public net::HttpClient {
public:
    Task<net::ClientResponse> fetch(net::ClientRequest request) override {
        net::ClientResponse out;
        const auto id = request.url.substr(request.url.rfind('/') + 1);
        out.status = !deletes ? 405 : have.erase(id) > 0 ? 200 : 404;
        co_return out;
    }
    std::shared_ptr<net::Transfer> stream(net::ClientRequest, net::StreamHandlers) override {
        return nullptr;
    }

    std::set<std::string> have{"oaprobe_1", "oaprobe_2", "of-a-user"};
    bool deletes = true;
};

struct Cleaning {
    void until(const std::function<bool()>& done) { test::run_until(io, done); }
    probe::Removal finish(std::vector<probe::OpenedThreads> rest, probe::RemovePace pace = {}) {
        return test::run_task(io, cleanup.finish(std::move(rest), std::move(pace)));
    }
    [[nodiscard]] static std::vector<probe::Target> where() {
        probe::Target lane;
        lane.base_url = "http://lane";
        return {lane};
    }

    asio::io_context io{};
    Chats chats{};
    ThreadCleanup cleanup{io.get_executor(), chats, {}};
};

} // namespace

TEST_CASE("thread cleanup: what is added is deleted before anybody waits for it") {
    Cleaning world;
    world.cleanup.add({Cleaning::where(), {"oaprobe_1"}});
    world.until([&] { return !world.chats.have.contains("oaprobe_1"); });
    CHECK(world.cleanup.requests().sent == 1);
    world.cleanup.add({Cleaning::where(), {"oaprobe_9"}}); // never came to be
    const auto out = world.finish({{Cleaning::where(), {"oaprobe_2"}}});
    CHECK(world.cleanup.requests().sent >= 3);
    CHECK(world.cleanup.requests().over == world.cleanup.requests().sent);
    CHECK(world.chats.have == std::set<std::string>{"of-a-user"});
    CHECK(out.removed == 2);
    CHECK(out.unknown == 1);
    CHECK(out.left.empty());
}

TEST_CASE("thread cleanup: what there is no time for, or what is kept, is named") {
    Cleaning hurried;
    const auto late = hurried.finish({{Cleaning::where(), {"oaprobe_1"}}}, {.longest = Millis(0)});
    CHECK(late.left == std::vector<std::string>{"oaprobe_1"});

    Cleaning stopped;
    const auto out =
        stopped.finish({{Cleaning::where(), {"oaprobe_1"}}}, {.stop = [] { return true; }});
    CHECK(out.left.size() == 1);
    CHECK(out.why == "a signal ended it");

    Cleaning keeper;
    keeper.chats.deletes = false;
    keeper.cleanup.add({Cleaning::where(), {"oaprobe_1"}});
    CHECK(keeper.finish({{Cleaning::where(), {"oaprobe_2"}}}).left.size() == 2);
}

TEST_CASE("thread cleanup: whoever leaves does not wait for it") {
    Cleaning world;
    {
        ThreadCleanup gone(world.io.get_executor(), world.chats, {});
        gone.add({Cleaning::where(), {"oaprobe_1", "oaprobe_2"}});
    }
    world.io.run_for(Millis(50));
    CHECK(world.chats.have.size() == 3);
}

TEST_CASE("opened ids: a request that was refused, or never sent, opened nothing") {
    OpenedIds ids;
    const int flow = ids.next_flow();
    const auto ended = [&](std::uint64_t index, bool sent, int status) {
        const auto id = ids.begin(flow, "users", index);
        probe::ProberSample sample;
        sample.arm = "users";
        sample.index = index;
        sample.sent = sent;
        sample.sample.status = status;
        const auto got = ids.ended(flow, sample);
        CHECK((!got || *got == id));
        return got.has_value();
    };
    CHECK(ended(1, true, 200));
    CHECK(ended(2, true, 500));
    CHECK(ended(3, true, 0));
    CHECK_FALSE(ended(4, true, 429));
    CHECK_FALSE(ended(5, false, 0));
    CHECK(ids.take().empty());
    (void)ids.begin(flow, "users", 6); // cancelled: nobody says how it ended
    CHECK(ids.take().at("users").size() == 1);
}

TEST_CASE("thread sample: so many of each arm stay, from the whole stage, and all others go on") {
    ThreadSample sample;
    CHECK(sample.add("stable", "x") == "x"); // nobody asked for one
    sample.keep(80);
    int gone = 0;
    for (int i = 0; i < 1000; ++i) {
        gone += sample.add("stable", fmt::format("{}", i)) ? 1 : 0;
    }
    CHECK_FALSE(sample.add("canary", "y").has_value());
    const auto kept = sample.take();
    CHECK(gone == 920);
    const std::vector<std::string>& ids = kept.at("stable");
    CHECK(std::set<std::string>(ids.begin(), ids.end()).size() == 80);
    // 80 of the first 500 alone: once in 2^80.
    CHECK(std::ranges::any_of(ids, [](const std::string& id) { return std::stoi(id) >= 500; }));
    CHECK(kept.at("canary") == std::vector<std::string>{"y"});
    CHECK(sample.take().empty());
}

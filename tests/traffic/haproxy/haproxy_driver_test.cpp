// The driver against the real HAProxy; what both sides say otherwise is in haproxy_words_test.cpp.
#include "oa_stream/base/file.hpp"

#include "haproxy_rig.hpp"
#include "temp_folder.hpp"

#include <catch2/catch.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <tuple>

using namespace oa_stream;
using namespace oa_stream::traffic;
using namespace oa_stream::traffic::testing;

namespace {

struct Bench {
    explicit Bench(HaproxyRigOptions options = {})
        : rig(std::move(options)), driver(rig.driver()) {}
    TrafficState read() { return rig.state_of(*driver); }
    Result<void> set(int canary) { return rig.get(driver->set(split(canary), read().etag)); }
    Result<void> preview(int canary) { return rig.get(driver->preview(split(canary))); }
    std::string weight(const char* server) {
        return rig.command(std::string("get weight chat/") + server);
    }
    HaproxyRig rig;
    std::unique_ptr<TrafficDriver> driver;
};

template <class T> void check_error(const Result<T>& result, Code code, std::string_view words) {
    REQUIRE_FALSE(result.has_value());
    INFO(result.error().text());
    CHECK(to_string(result.error().code) == to_string(code));
    CHECK(result.error().text().find(words) != std::string::npos);
}

std::string last_write(HaproxyRig& rig) {
    const auto& all = rig.relay().requests();
    const auto found = std::find_if(all.rbegin(), all.rend(), [](const std::string& line) {
        return line.starts_with("set server");
    });
    return found == all.rend() ? "" : *found;
}

} // namespace

TEST_CASE("driver conformance: haproxy") {
    check_conformance([] { return std::make_unique<HaproxyRig>(); });
}

TEST_CASE("haproxy: weights are absolute, so the file's weight 0 is no trap") {
    Bench bench; // `server canary … weight 0`
    REQUIRE(bench.set(5).has_value());
    CHECK(bench.weight("stable") == "95 (initial 100)\n\n");
    CHECK(bench.weight("canary") == "5 (initial 0)\n\n");
}

TEST_CASE("haproxy: a shift is one line, raising before lowering, and ends with a line feed") {
    Bench bench;
    REQUIRE(bench.set(25).has_value());
    CHECK(
        last_write(bench.rig) ==
        "set server chat/canary weight 25;set server chat/stable weight 75;show info;show servers "
        "state\n"
    );
    REQUIRE(bench.set(0).has_value());
    CHECK(last_write(bench.rig).starts_with(
        "set server chat/stable weight 100;set server chat/canary weight 0;"
    ));
}

TEST_CASE("haproxy: 100 requests are split to within one, at every stage") {
    Bench bench;
    for (const int percent : {5, 25, 50, 100}) {
        REQUIRE(bench.set(percent).has_value());
        int canary = 0;
        for (int i = 0; i < 100; ++i) {
            const auto response = bench.rig.request();
            REQUIRE(response.status == 200);
            canary += response.body == "canary" ? 1 : 0;
        }
        INFO(percent);
        CHECK(std::abs(canary - percent) <= 1);
    }
}

TEST_CASE("haproxy: weights that are no whole percents are named, and a rollback begins there") {
    for (const auto& [stable, canary, says] :
         {std::tuple{90, 40, "stable 90, canary 40"}, {0, 0, "no server of backend chat"}}) {
        CAPTURE(stable, canary);
        Bench bench;
        bench.rig.command(fmt::format(
            "set server chat/stable weight {};set server chat/canary weight {}", stable, canary
        ));
        const TrafficState state = bench.read();
        CHECK(state.serving.empty());
        CHECK(state.wanted.empty());
        CHECK(serving_text(state).find(says) != std::string::npos);
        CHECK_FALSE(state.serving == split(0));
        REQUIRE(bench.preview(0).has_value());
        REQUIRE(bench.set(0).has_value());
        CHECK(bench.read().serving == split(0));
        CHECK_FALSE(bench.read().extra.contains("no_split"));
    }
}

TEST_CASE("fault 64: weights and drain states come back as they were, not as 100 to 0") {
    Bench bench;
    bench.rig.command("set server chat/stable weight 200;set server chat/canary weight 60;"
                      "set server chat/canary state drain");
    const TrafficState baseline = bench.read();
    CHECK(baseline.serving == split(0));
    const std::string setting = bench.rig.setting();
    bench.rig.command("set server chat/canary weight 0;set server chat/canary state ready");
    REQUIRE(bench.rig.get(bench.driver->verify(split(0), Millis(5000))).has_value());
    REQUIRE(bench.set(25).has_value());
    REQUIRE(bench.rig.get(bench.driver->restore(split(0), baseline.exact, bench.read().etag))
                .has_value());
    CHECK(bench.rig.setting() == setting);
    CHECK(bench.read().exact == baseline.exact);
}

TEST_CASE("haproxy: a rollback leaves a canary out that somebody took out since") {
    for (const std::string state : {"drain", "maint"}) {
        CAPTURE(state);
        Bench bench;
        const TrafficState baseline = bench.read();
        REQUIRE(bench.set(25).has_value());
        bench.rig.command("set server chat/canary state " + state);
        CHECK(bench.read().serving == split(0));
        CHECK_FALSE(bench.driver->same_setting(bench.read().exact, baseline.exact)); // the weight
        REQUIRE(bench.rig.get(bench.driver->restore(split(0), baseline.exact, bench.read().etag))
                    .has_value());
        const Json canary = bench.read().exact.at("servers").at("canary");
        CHECK(canary == Json{{"weight", 0}, {"state", state}});
        CHECK(bench.driver->same_setting(bench.read().exact, baseline.exact));
        bench.rig.command("set server chat/stable state drain"); // had everything: that does count
        CHECK_FALSE(bench.driver->same_setting(bench.read().exact, baseline.exact));
    }
}

TEST_CASE("haproxy: a canary that is disabled or drained is refused with what to type") {
    Bench bench({.canary = "weight 100 disabled"});
    CHECK(bench.read().serving == split(0));
    check_error(bench.preview(5), Code::precondition, "canary is set to maint");
    check_error(
        bench.preview(5),
        Code::precondition,
        "set server chat/canary weight 0;set server chat/canary state ready"
    );
    check_error(bench.set(5), Code::precondition, "canary is set to maint");
    bench.rig.command("set server chat/canary weight 0;set server chat/canary state drain");
    check_error(bench.preview(5), Code::precondition, "canary is set to drain");
    bench.rig.command("set server chat/canary state ready");
    bench.rig.run_until([&] { return bench.preview(5).has_value(); });
    CHECK(bench.set(5).has_value());
}

TEST_CASE("haproxy: a stable that somebody took out comes back with everything, and no less") {
    for (const std::string state : {"drain", "maint"}) {
        CAPTURE(state);
        Bench bench;
        REQUIRE(bench.set(100).has_value());
        bench.rig.command("set server chat/stable state " + state);
        check_error(bench.preview(50), Code::precondition, "stable is set to " + state);
        check_error(bench.set(50), Code::precondition, "stable is set to " + state);
        REQUIRE(bench.preview(0).has_value());
        REQUIRE(bench.set(0).has_value());
        CHECK(bench.rig.get(bench.driver->verify(split(0), Millis(5000))).has_value());
    }
    Bench down;
    REQUIRE(down.set(100).has_value());
    down.rig.command("set server chat/stable state drain");
    down.rig.stable().answer = [](std::shared_ptr<net::Exchange> exchange) -> Task<void> {
        (void)co_await exchange->respond({503, {}, ""});
    };
    down.rig.run_until([&] { return !down.preview(0).has_value(); });
    check_error(down.set(0), Code::precondition, "stable is set to drain");
    CHECK(down.read().serving == split(100));
}

TEST_CASE("haproxy: a stable that is down gets nothing back") {
    Bench bench;
    REQUIRE(bench.set(50).has_value());
    bench.rig.stable().answer = [](std::shared_ptr<net::Exchange> exchange) -> Task<void> {
        (void)co_await exchange->respond({503, {}, ""});
    };
    bench.rig.run_until([&] { return !bench.preview(0).has_value(); });
    check_error(bench.preview(0), Code::precondition, "stable is DOWN L7STS");
    check_error(bench.set(0), Code::precondition, "stable is DOWN");
    check_error(
        bench.rig.get(bench.driver->verify(split(50), Millis(10))),
        Code::timeout,
        "canary 50%, stable 50%, but stable is DOWN"
    );
}

TEST_CASE("haproxy: slowstart is waited for") {
    Bench bench({.canary = "weight 0 slowstart 1s"});
    bench.rig.command("set server chat/canary state maint");
    bench.rig.command("set server chat/canary state ready");
    bench.rig.run_until([&] { return bench.preview(50).has_value(); });
    REQUIRE(bench.set(50).has_value());
    const auto seen = bench.rig.get(bench.driver->verify(split(50), Millis(15000)));
    INFO((seen ? "" : seen.error().text()));
    REQUIRE(seen.has_value());
    CHECK(seen->extra.at("servers").at("canary").at("throttle") == 100);
}

TEST_CASE("haproxy: backends and servers that are not there are named") {
    HaproxyRig rig;
    const auto with = [&](std::string backend, std::string server) {
        auto options = rig.driver_options();
        options.backend = std::move(backend);
        options.servers[1].server = std::move(server);
        return rig.get(make_haproxy_driver(options)->read());
    };
    check_error(with("nope", "canary"), Code::precondition, "no backend 'nope'");
    check_error(with("chat", "nope"), Code::precondition, "it has stable, canary");
    check_error(with("chat", "x;shutdown"), Code::config, "x;shutdown");
    check_error(with("chat state ready", "canary"), Code::config, "not a name");
    CHECK(rig.writes() == 0);
}

TEST_CASE("haproxy: a server besides ours that takes a share is named and left alone") {
    Bench bench({.more = "  server third 127.0.0.1:1 weight 100\n"});
    CHECK(bench.read().serving.percent_of("third") == 50);
    check_error(bench.preview(5), Code::precondition, "third");
    check_error(bench.set(5), Code::precondition, "set server chat/third weight 0");
    CHECK(
        bench.set(5).error().hint == fmt::format(
                                         "echo 'set server chat/third weight 0' | socat stdio {}",
                                         bench.rig.driver_options().socket
                                     )
    );
    bench.rig.command("set server chat/third weight 0");
    CHECK(bench.set(5).has_value());
}

TEST_CASE("haproxy: a backup server takes no share") {
    Bench bench({.canary = "weight 100 backup"});
    CHECK(bench.read().serving == split(0));
    check_error(bench.preview(5), Code::precondition, "backup");
    check_error(bench.set(5), Code::precondition, "backup");
}

TEST_CASE("haproxy: a static algorithm takes all or nothing, and says so before anything is written"
) {
    Bench bench({.balance = "static-rr", .canary = "weight 100"});
    bench.rig.command("set server chat/canary weight 0");
    check_error(bench.preview(5), Code::precondition, "static-rr");
    check_error(bench.set(5), Code::precondition, "only 0% and 100%");
    REQUIRE(bench.preview(100).has_value());
    REQUIRE(bench.set(100).has_value());
    CHECK(bench.read().serving == split(100));
    REQUIRE(bench.set(0).has_value());
    CHECK(bench.rig.canary_percent() == 0);
    CHECK(bench.rig.writes() == 2);
}

TEST_CASE("haproxy: a hash takes shares when it is consistent, else all or nothing") {
    Bench mapped({.balance = "source", .stable = "weight 10", .canary = "weight 20"});
    mapped.rig.command("set server chat/canary weight 0");
    const auto refused = mapped.set(5);
    check_error(refused, Code::precondition, "static LB algorithm");
    check_error(refused, Code::precondition, "hash-type consistent");
    CHECK(mapped.read().serving == split(0));
    REQUIRE(mapped.set(100).has_value());
    CHECK(mapped.read().serving == split(100));
    REQUIRE(mapped.set(0).has_value());
    CHECK(mapped.read().serving == split(0));
    Bench ring({.balance = "source\n    hash-type consistent", .stable = "weight 10"});
    REQUIRE(ring.set(5).has_value());
    CHECK(ring.read().serving == split(5));
    REQUIRE(ring.set(0).has_value());
    CHECK(ring.read().serving == split(0));
    CHECK_FALSE(ring.driver->splits_exactly());
}

TEST_CASE("haproxy: an algorithm that ignores weights is refused, one that is inexact says so") {
    Bench first({.balance = "first"});
    check_error(first.preview(5), Code::precondition, "balance first");
    Bench least({.balance = "leastconn"});
    CHECK(least.preview(5).has_value());
    (void)least.read();
    CHECK_FALSE(least.driver->splits_exactly());
    Bench round;
    CHECK(round.preview(5).has_value());
    CHECK(round.read().serving == split(0)); // exact as seen, not for want of a look
    CHECK(round.driver->splits_exactly());
}

TEST_CASE("haproxy: a socket of level user is refused as early as in the preview") {
    Bench bench;
    bench.rig.trouble(Trouble::denied);
    CHECK(bench.read().serving == split(0));
    check_error(bench.preview(5), Code::credentials, "level user");
    check_error(bench.set(5), Code::credentials, "Permission denied");
    CHECK(bench.rig.canary_percent() == 0);
}

TEST_CASE("haproxy: a look that fails before a write means that nothing was written") {
    Bench bench;
    const std::string etag = bench.read().etag;
    bench.rig.stop();
    check_error(
        bench.rig.get(bench.driver->set(split(5), etag)), Code::conflict, "nothing was written"
    );
}

TEST_CASE("haproxy: a reload that loses the weights is seen in split, etag, pid and uptime") {
    Bench bench;
    REQUIRE(bench.set(50).has_value());
    const TrafficState before = bench.read();
    bench.rig.reload();
    const TrafficState after = bench.read();
    CHECK(after.serving == split(0));
    CHECK(after.etag != before.etag);
    CHECK(after.extra.at("pid") != before.extra.at("pid"));
    CHECK(after.extra.at("uptime_s") <= before.extra.at("uptime_s"));
    CHECK(after.process.is_newer_than(before.process));
    check_error(
        bench.rig.get(bench.driver->set(split(100), before.etag)), Code::conflict, "changed"
    );
    CHECK(bench.rig.canary_percent() == 0);
}

TEST_CASE("haproxy: with a state file a reload keeps the weights") {
    const test::TempFolder folder;
    const std::string file = folder.file("state");
    std::ofstream(file) << "";
    Bench bench({.state_file = file});
    REQUIRE(bench.set(25).has_value());
    CHECK(read_file(file)->starts_with("1\n# be_id be_name"));
    bench.rig.reload();
    CHECK(bench.read().serving == split(25));
    REQUIRE(bench.set(0).has_value());
    bench.rig.reload();
    CHECK(bench.read().serving == split(0));
    std::filesystem::remove_all(folder.path);
    check_error(bench.preview(5), Code::precondition, "state file");
    const auto written = bench.set(5);
    check_error(written, Code::io, "a reload would lose them");
    CHECK(is_ambiguous(written.error()));
    CHECK(bench.rig.canary_percent() == 5);
}

TEST_CASE("haproxy: what a dead canary costs is told though no client sees an error") {
    Bench bench({.canary = "weight 0", .checked = false});
    bench.rig.command("set server chat/canary addr 127.0.0.1 port 1"); // nobody listens there
    REQUIRE(bench.set(50).has_value());
    for (int i = 0; i < 10; ++i) {
        CHECK(bench.rig.request().body == "stable");
    }
    TrafficState state;
    // HAProxy counts a request after its client has read the answer.
    bench.rig.run_until([&] {
        state = bench.read();
        return state.streams.at("stable").finished >= 10;
    });
    const Json& canary = state.extra.at("servers").at("canary");
    CHECK(canary.at("hrsp_2xx") == 0);
    CHECK(canary.at("wredis") == canary.at("stot"));
    CHECK(state.streams.at("canary").broken >= 4);
    CHECK(state.streams.at("canary").finished == 0);
    CHECK(state.streams.at("stable").finished == 10);
    CHECK(state.streams.at("stable").broken == 0);
}

TEST_CASE("haproxy: the facts of the process and of each server are kept as evidence") {
    Bench bench;
    REQUIRE(bench.rig.request().status == 200);
    TrafficState state;
    // A server is UP before its first check is over; until then it is told as "* INI".
    bench.rig.run_until([&] {
        state = bench.read();
        return state.extra.at("servers").at("stable").at("check_status") == "L7OK";
    });
    CHECK(state.extra.at("version").get<std::string>().starts_with("2."));
    CHECK(state.extra.at("pid").get<int>() > 0);
    CHECK(state.extra.at("uptime_s").get<int>() >= 0);
    CHECK(state.extra.at("algorithm") == "roundrobin");
    const Json& stable = state.extra.at("servers").at("stable");
    CHECK(stable.at("status") == "UP");
    CHECK(stable.at("check_status") == "L7OK");
    for (const char* column : {"scur", "stot", "hrsp_5xx", "econ", "eresp", "wredis", "cli_abrt"}) {
        CHECK(stable.at(column).is_number_integer());
    }
    CHECK(state.streams.at("stable").finished == 1);
}

TEST_CASE("haproxy: servers may be called otherwise than revisions") {
    HaproxyRig rig;
    auto options = rig.driver_options();
    options.servers = {{"r6", "stable"}, {"r7", "canary"}};
    const auto driver = make_haproxy_driver(options);
    check_error(driver->address("r6"), Code::precondition, "not asked yet");
    const auto state = rig.get(driver->read());
    REQUIRE(state.has_value());
    CHECK(state->serving == *Split::between("r6", "r7", 0));
    CHECK(driver->address("r6")->base_url == rig.stable().url());
    CHECK(driver->address("r6")->direct);
    REQUIRE(rig.get(driver->set(*Split::between("r6", "r7", 5), state->etag)).has_value());
    CHECK(rig.canary_percent() == 5);
    rig.canary_ready(false);
    const auto refused = [&] { return rig.get(driver->preview(*Split::between("r6", "r7", 5))); };
    rig.run_until([&] { return !refused().has_value(); });
    check_error(refused(), Code::precondition, "r7 (server canary) is DOWN");
}

#include "oa_stream/base/digest.hpp"
#include "oa_stream/base/file.hpp"
#include "oa_stream/net/client_certificate.hpp"

#include "cloud_run_fake.hpp"
#include "engine/playbook_run.hpp"
#include "plan/plan_times.hpp"
#include "plan/token_life.hpp"
#include "run_task.hpp"
#include "settings.hpp"
#include "temp_folder.hpp"

#include <boost/asio/io_context.hpp>
#include <catch2/catch.hpp>
#include <fmt/format.h>

#include <cstdlib>

using namespace oa_stream;
using namespace oa_stream::playbook;

namespace {

Playbook local() {
    Playbook out;
    out.kind = Kind::cutover;
    out.target.base_url = "http://127.0.0.1:1";
    out.traffic =
        traffic_of("driver: local, socket: /tmp/none.sock, base_url: \"http://127.0.0.1:1\"");
    return out;
}

} // namespace

TEST_CASE("outside: every driver that a file can name is there") {
    asio::io_context io;
    for (const auto& text : {
             "driver: local, socket: /tmp/none.sock, base_url: \"http://127.0.0.1:1\"",
             "driver: haproxy, socket: /tmp/none.sock, backend: be",
             "driver: cloud-run, endpoint: \"http://127.0.0.1:1\", project: p, region: r, service: "
             "s",
             "driver: command, read: [/bin/true], set: [/bin/true]",
         }) {
        CAPTURE(text);
        Playbook playbook = local();
        playbook.traffic = traffic_of(text);
        const auto outside = open_outside(io.get_executor(), playbook);
        REQUIRE(outside.has_value());
        CHECK(outside->driver->kind() == playbook.traffic.driver);
    }
    Playbook fallback = local();
    fallback.traffic = traffic_of("driver: local, socket: /tmp/none.sock");
    CHECK(open_outside(io.get_executor(), fallback).has_value()); // the target's base_url
    Playbook none = local();
    none.traffic.settings = nullptr;
    CHECK(open_outside(io.get_executor(), none).error().code == Code::config);
}

TEST_CASE("outside: a credential that is not there is named, unless it is not required") {
    asio::io_context io;
    ::unsetenv("OA_TEST_ABSENT"); // NOLINT(concurrency-mt-unsafe): one thread
    Playbook playbook = local();
    playbook.target.auth = AuthRef{"env:OA_TEST_ABSENT", true};
    const auto refused = open_outside(io.get_executor(), playbook);
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().code == Code::credentials);
    CHECK(refused.error().text().contains("OA_TEST_ABSENT"));
    playbook.target.auth->required = false;
    CHECK(open_outside(io.get_executor(), playbook).has_value());
    playbook.target.auth->reference = "file:/nonexistent/token"; // nor looked for again
    CHECK_FALSE(open_outside(io.get_executor(), playbook).value().renewed);
    playbook.target.auth->reference = "env:OA_TEST_ABSENT";
    ::setenv("OA_TEST_ABSENT", "s3cret-s3cret", 1); // NOLINT(concurrency-mt-unsafe): one thread
    const auto outside = open_outside(io.get_executor(), playbook);
    REQUIRE(outside.has_value());
    CHECK(outside->users.bearer.reveal() == "s3cret-s3cret");
    CHECK(outside->redactor.apply("it is s3cret-s3cret") == "it is *************");
}

TEST_CASE("outside: a rollback goes on without what its traffic does not need") {
    asio::io_context io;
    ::unsetenv("OA_TEST_ABSENT"); // NOLINT(concurrency-mt-unsafe): one thread
    ::setenv("OA_TEST_THERE", "s3cret-s3cret", 1); // NOLINT(concurrency-mt-unsafe): one thread
    Playbook playbook = local();
    playbook.target.auth = AuthRef{"env:OA_TEST_THERE", true};
    playbook.target.headers = {"X-Key: env:OA_TEST_ABSENT", "X-Other: y"};
    playbook.routes = RoutesSpec{.auth = AuthRef{"command:/nonexistent/print", true}};
    playbook.sources = {measure::source_settings(
        "prometheus", {.places = {"http://127.0.0.1:1"}, .headers = {"X-Key: env:OA_TEST_ABSENT"}}
    )};
    CHECK(open_outside(io.get_executor(), playbook).error().code == Code::credentials);
    const auto outside = open_outside(io.get_executor(), playbook, Needs::traffic);
    REQUIRE(outside.has_value());
    CHECK(outside->driver != nullptr);
    CHECK(outside->users.bearer.reveal() == "s3cret-s3cret");
    CHECK(outside->control_token.empty()); // the users' is not sent in its place
    CHECK_FALSE(outside->control_tokens);
    CHECK(outside->sources.empty());
    CHECK(outside->users.extra.all().size() == 1);
    REQUIRE(outside->missing.size() == 2);
    CHECK(outside->missing.front().text().contains("/nonexistent/print"));
    CHECK(outside->missing.back().text().contains("OA_TEST_ABSENT"));
    playbook.target.auth->reference = "fd:987";
    playbook.target.cert = "/dev/null"; // it would fail the platform's connections, too
    playbook.target.key = "/nonexistent/key.pem";
    net::set_client_certificate({}, {});
    const auto less = open_outside(io.get_executor(), playbook, Needs::traffic);
    REQUIRE(less.has_value());
    CHECK(less->users.bearer.empty());
    CHECK_FALSE(less->renewed);
    REQUIRE(less->missing.size() == 4);
    CHECK(less->missing[2].text().contains("/nonexistent/key.pem"));
    CHECK_FALSE(net::has_client_certificate());
    // What moves the traffic is needed.
    playbook.traffic = traffic_of(
        "driver: cloud-run, endpoint: \"http://127.0.0.1:1\", project: p, region: r, service: s, "
        "auth: { env: OA_TEST_ABSENT }"
    );
    const auto refused = open_outside(io.get_executor(), playbook, Needs::traffic);
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().code == Code::credentials);
}

TEST_CASE("outside: a token in a file is the one that stands there now") {
    asio::io_context io;
    const test::TempFolder folder;
    const std::string file = folder.file("token");
    REQUIRE(write_file_atomic(file, "t0ken-number-1", 0600));
    Playbook playbook = local();
    playbook.target.auth = AuthRef{"file:" + file, true};
    playbook.routes = RoutesSpec{};
    const auto outside = open_outside(io.get_executor(), playbook);
    REQUIRE(outside.has_value());
    REQUIRE(outside->renewed);
    CHECK(outside->users.bearer.reveal() == "t0ken-number-1");
    const auto next = [&] { return test::run_task(io, outside->user_tokens(false)); };
    CHECK(next().value().reveal() == "t0ken-number-1");
    REQUIRE(write_file_atomic(file, "t0ken-number-2", 0600));
    CHECK(next().value().reveal() == "t0ken-number-2");
    const auto control = [&](bool fresh) {
        return test::run_task(io, outside->control_tokens(fresh)).value();
    };
    CHECK(control(false).reveal() == "t0ken-number-1"); // it was not refused yet
    CHECK(control(true).reveal() == "t0ken-number-2");
    std::filesystem::remove(file);
    CHECK(next().error().code == Code::credentials);
}

TEST_CASE("outside: a header of a source is read as one of the target, and its secret is hidden") {
    asio::io_context io;
    ::unsetenv("OA_TEST_KEY"); // NOLINT(concurrency-mt-unsafe): one thread
    Playbook playbook = local();
    playbook.sources = {measure::source_settings(
        "prometheus", {.places = {"http://127.0.0.1:1"}, .headers = {"X-Key: env:OA_TEST_KEY"}}
    )};
    const auto refused = open_outside(io.get_executor(), playbook);
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().code == Code::credentials);
    CHECK(refused.error().text().contains("source prometheus"));
    ::setenv("OA_TEST_KEY", "s3cret-k3y-s3cret", 1); // NOLINT(concurrency-mt-unsafe): one thread
    const auto outside = open_outside(io.get_executor(), playbook);
    REQUIRE(outside.has_value());
    CHECK_FALSE(outside->redactor.apply("it is s3cret-k3y-s3cret").contains("s3cret"));
}

TEST_CASE("outside: an address that the playbook gives stands before the driver's") {
    asio::io_context io;
    Playbook playbook = local();
    playbook.traffic.canary_url = "http://127.0.0.1:9";
    const auto outside = open_outside(io.get_executor(), playbook);
    REQUIRE(outside.has_value());
    const auto pinned = [&](const std::string& revision) {
        return pinned_target(outside->users, *outside->driver, playbook.traffic.arms(), revision);
    };
    CHECK(pinned("canary")->base_url == "http://127.0.0.1:9");
    CHECK(pinned("canary")->extra.all().empty());
    CHECK(pinned("stable")->base_url == "http://127.0.0.1:1");
    CHECK_FALSE(pinned("stable")->extra.all().empty());
    CHECK(outside->driver->target() == "local:/tmp/none.sock");
}

TEST_CASE("outside: a rollback hurries on a platform whose arms have addresses of their own, too") {
    asio::io_context io;
    traffic::testing::CloudRunFake fake(io);
    ::setenv("OA_TEST_PLATFORM", "token-1", 1); // NOLINT(concurrency-mt-unsafe): one thread
    Playbook playbook = local();
    playbook.traffic = traffic_of(fmt::format(
        "driver: cloud-run, endpoint: \"{}\", project: demo-project, region: europe-west1, "
        "service: lane, auth: {{ env: OA_TEST_PLATFORM }}",
        fake.url()
    ));
    playbook.traffic.stable_url = "http://127.0.0.1:8";
    playbook.traffic.canary_url = "http://127.0.0.1:9";
    const auto outside = open_outside(io.get_executor(), playbook);
    REQUIRE(outside.has_value());
    traffic::TrafficDriver& driver = *outside->driver;
    CHECK(
        pinned_target(outside->users, driver, playbook.traffic.arms(), "canary")->base_url ==
        "http://127.0.0.1:9"
    );
    const auto done = [&](auto task) { return test::run_task(io, std::move(task)); };
    const auto before = done(driver.read());
    REQUIRE(before.has_value());
    fake.model.latency = Millis(200);
    fake.faults = {{.on = "operation", .times = -1, .status = 500}};
    const auto split = traffic::Split::between("stable", "canary", 25);
    REQUIRE(split.has_value());
    REQUIRE(done(driver.set(*split, before->etag)).has_value());
    // What became of the write cannot be asked: a rollback goes by what the service shows.
    driver.wait_no_longer_than(Clock::now() + Millis(100));
    CHECK_FALSE(done(driver.read()).has_value());
    driver.begin_rescue();
    const auto seen = done(driver.read());
    INFO((seen ? "" : seen.error().text()));
    CHECK(seen.has_value());
    ::unsetenv("OA_TEST_PLATFORM"); // NOLINT(concurrency-mt-unsafe): one thread
}

TEST_CASE("outside: the sources that a file names are opened, their token known and never shown") {
    asio::io_context io;
    ::setenv("OA_TEST_PROM", "prom-s3cret", 1); // NOLINT(concurrency-mt-unsafe): one thread
    Playbook playbook = local();
    playbook.sources = {
        measure::source_settings("probe", {}),
        measure::source_settings(
            "prometheus",
            {.places = {"http://127.0.0.1:1"}, .auth = AuthRef{"env:OA_TEST_PROM", true}}
        ),
        measure::source_settings("access_log", {.places = {"/tmp/none.log"}}),
    };
    const auto outside = open_outside(io.get_executor(), playbook);
    REQUIRE(outside.has_value());
    const Sources opened_ones = sources_of(*outside);
    CHECK(opened_ones.size() == 2);
    CHECK(opened_ones.at("prometheus")->name() == "prometheus");
    CHECK(outside->redactor.apply("got prom-s3cret here").find("prom-s3cret") == std::string::npos);
    playbook.sources[1]->change({.auth = AuthRef{"env:OA_TEST_PROM_ABSENT", true}});
    const auto refused = open_outside(io.get_executor(), playbook);
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().code == Code::credentials);
}

namespace {

/// A JSON Web Token that ends then.
std::string web_token(std::int64_t seconds) {
    std::string body = base64(fmt::format(R"({{"sub":"run","exp":{}}})", seconds));
    while (body.ends_with('=')) {
        body.pop_back();
    }
    for (char& c : body) {
        c = c == '+' ? '-' : c == '/' ? '_' : c;
    }
    return "eyJhbGciOiJSUzI1NiJ9." + body + ".c2lnbmF0dXJl";
}

} // namespace

TEST_CASE("outside: the longest run counts every wait that the playbook allows") {
    Playbook playbook = local();
    playbook.stages = {50, 100};
    playbook.stage.bake = std::chrono::minutes(10);
    playbook.stage.extend_at_most = Millis(0);
    playbook.driver_limit = std::chrono::seconds(10);
    playbook.restore_limit = std::chrono::seconds(30);
    // Each stage waits 20 s for its last answers. The rollback is written, and then verified.
    const Millis plain = std::chrono::minutes(20) + std::chrono::seconds(2 * (10 + 20) + 2 * 30);
    CHECK(times_of(playbook).worst == plain);
    playbook.rollback_ramp = std::chrono::minutes(15); // four steps before the last
    CHECK(
        times_of(playbook).worst == plain + std::chrono::minutes(15) + std::chrono::seconds(4 * 10)
    );
    playbook.rollback_ramp = Millis(0);
    playbook.hooks.resize(2);
    playbook.hooks[0].timeout = playbook.hooks[1].timeout = std::chrono::minutes(5);
    playbook.hooks[0].required = true; // asked before each stage
    CHECK(times_of(playbook).worst == plain + 2 * std::chrono::minutes(5));
    playbook.hooks.clear();
    playbook.continuity = Continuity::required; // each stage reads conversations at its end
    CHECK(times_of(playbook).worst == plain + 2 * std::chrono::seconds(60));
}

TEST_CASE("outside: a token that ends before the run may is refused, one of unknown life warned of"
) {
    asio::io_context io;
    Playbook playbook = local();
    playbook.traffic = traffic_of(
        "driver: cloud-run, endpoint: \"http://127.0.0.1:1\", project: p, region: r, service: s, "
        "auth: { env: OA_TEST_PLATFORM }"
    );
    playbook.stages = {0, 50, 100};
    playbook.stage.bake = std::chrono::minutes(10);
    playbook.stage.extend_at_most = std::chrono::minutes(10);
    CHECK(times_of(playbook).worst >= std::chrono::minutes(60));
    const WallTime now{std::chrono::seconds(1'800'000'000)};
    const auto checked = [&](const std::string& token) {
        ::setenv("OA_TEST_PLATFORM", token.c_str(), 1); // NOLINT(concurrency-mt-unsafe)
        const auto outside = open_outside(io.get_executor(), playbook);
        REQUIRE(outside.has_value());
        return check_token_lives(playbook, *outside, now);
    };
    const auto opaque = checked("ya29.an-access-token");
    REQUIRE(opaque.has_value());
    REQUIRE(opaque->size() == 1);
    CHECK(opaque->front().starts_with("traffic.auth (env) is read once, and this run may last "));
    CHECK(checked(web_token(1'800'000'000 + 86400)).value().empty());
    const auto brief = checked(web_token(1'800'000'000 + 1800));
    REQUIRE_FALSE(brief.has_value());
    CHECK(brief.error().code == Code::credentials);
    CHECK(brief.error().where == "traffic.auth");
    CHECK(brief.error().message.starts_with("the token ends at 2027-01-15T08:30:00.000Z, and "));
    CHECK(checked(web_token(1)).error().message == "the token ended at 1970-01-01T00:00:01.000Z");
    const std::string lasting = web_token(1'800'000'000 + 86400);
    const auto at_once = "command:[\"/bin/echo\",\"" + web_token(1'800'000'000 + 1800) + "\"]";
    playbook.target.auth = AuthRef{at_once, true}; // prints the next one in time
    CHECK(checked(lasting).has_value());
    const test::TempFolder folder;
    const std::string brief_token = web_token(1'800'000'000 + 1800);
    REQUIRE(write_file_atomic(folder.file("token"), brief_token, 0600));
    playbook.target.auth = AuthRef{"file:" + folder.file("token"), true}; // read again as it runs
    CHECK(checked(lasting).has_value());
    ::setenv("OA_TEST_USER", brief_token.c_str(), 1); // NOLINT(concurrency-mt-unsafe)
    playbook.target.auth = AuthRef{"env:OA_TEST_USER", true};
    CHECK(checked(lasting).error().where == "target.auth");
    ::unsetenv("OA_TEST_USER"); // NOLINT(concurrency-mt-unsafe)
    playbook.target.auth = AuthRef{at_once, true};
    playbook.routes = RoutesSpec{};
    playbook.routes->auth = AuthRef{at_once, true};
    CHECK(checked(lasting).has_value());
    playbook.routes->auth = AuthRef{"env:OA_TEST_ROUTES", true};
    ::setenv("OA_TEST_ROUTES", web_token(2).c_str(), 1); // NOLINT(concurrency-mt-unsafe)
    CHECK(checked(lasting).error().where == "routes.auth");
    ::unsetenv("OA_TEST_ROUTES"); // NOLINT(concurrency-mt-unsafe)
    playbook.routes.reset();
    playbook.kind = Kind::rollback;
    CHECK(checked(web_token(1)).value().empty()); // it is tried with whatever there is
    ::unsetenv("OA_TEST_PLATFORM"); // NOLINT(concurrency-mt-unsafe)
}

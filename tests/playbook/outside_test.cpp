#include "engine/playbook_run.hpp"
#include "settings.hpp"

#include <boost/asio/io_context.hpp>
#include <catch2/catch.hpp>

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
    ::setenv("OA_TEST_ABSENT", "s3cret-s3cret", 1); // NOLINT(concurrency-mt-unsafe): one thread
    const auto outside = open_outside(io.get_executor(), playbook);
    REQUIRE(outside.has_value());
    CHECK(outside->users.bearer.reveal() == "s3cret-s3cret");
    CHECK(outside->redactor.apply("it is s3cret-s3cret") == "it is *************");
}

TEST_CASE("outside: an address that the playbook gives stands before the driver's") {
    asio::io_context io;
    Playbook playbook = local();
    playbook.traffic.canary_url = "http://127.0.0.1:9";
    const auto outside = open_outside(io.get_executor(), playbook);
    REQUIRE(outside.has_value());
    CHECK(outside->driver->address("canary")->base_url == "http://127.0.0.1:9");
    CHECK(outside->driver->address("canary")->headers.empty());
    CHECK(outside->driver->address("stable")->base_url == "http://127.0.0.1:1");
    CHECK(outside->driver->target() == "local:/tmp/none.sock");
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

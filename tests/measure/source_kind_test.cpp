#include "oa_stream/measure/source_kind.hpp"

#include <boost/asio/io_context.hpp>
#include <catch2/catch.hpp>

#include <array>
#include <set>

using namespace oa_stream;
using namespace oa_stream::measure;

TEST_CASE("source table: every name once, and settings know their kind") {
    std::set<std::string_view> names;
    for (const SourceKind* kind : source_kinds()) {
        INFO(kind->name());
        CHECK(names.insert(kind->name()).second);
        CHECK(source_kind(kind->name()) == kind);
        CHECK(&kind->blank()->kind() == kind);
        CHECK((kind->counted == Counted::users) == !kind->place.empty());
        CHECK((kind->counted == Counted::stated) == (kind->refusal == nullptr));
        CHECK((kind->counted == Counted::stated) == (kind->blank()->stated() != nullptr));
        CHECK(
            kind->measures({.id = "g", .metric = Metric::spike}) ==
            (kind->counted == Counted::stated)
        );
    }
    CHECK(source_kind("statsd") == nullptr);
}

TEST_CASE("source table: a source without its place, or with nonsense, is refused before it is "
          "asked") {
    asio::io_context io;
    const auto client = net::HttpClient::make(io.get_executor());
    const SourceParts parts{.executor = io.get_executor(), .client = client.get()};
    for (const SourceKind* kind : source_kinds()) {
        INFO(kind->name());
        const auto opened = kind->blank()->open(parts);
        REQUIRE_FALSE(opened.has_value());
        CHECK(opened.error().code == Code::usage);
    }
    const auto problem = [](std::string_view kind, const SourceFlags& flags) {
        const auto found = source_settings(kind, flags)->problems();
        return found.empty() ? "" : found.front().where;
    };
    CHECK(problem("prometheus", {.places = {"http://p"}}).empty());
    CHECK(problem("prometheus", {.places = {"ftp://p"}}) == "url");
    CHECK(problem("prometheus", {.places = {"http://p"}, .user = "u"}) == "user");
    CHECK(problem("prometheus", {.places = {"http://p"}, .key = "k.pem"}) == "key");
    CHECK(problem("prometheus", {.places = {"http://p"}, .cert = "c.pem", .key = "k.pem"}).empty());
    CHECK(problem("prometheus", {.places = {"http://p"}, .matchers = "a=~"}) == "match");
    CHECK(problem("prometheus", {.places = {"http://p"}, .revision_label = "rev"}).empty());
    for (const char* label : {"a-b", "9x", "route", "class", "le", "__name__", "probe"}) {
        CAPTURE(label);
        CHECK(
            problem("prometheus", {.places = {"http://p"}, .revision_label = label}) ==
            "revision_label"
        );
    }
    CHECK(problem("prometheus", {.places = {"http://p"}, .timeout = Millis(0)}) == "timeout");
    CHECK(problem("access_log", {.places = {"a.log", "b.log"}}).empty());
    CHECK(problem("access_log", {.places = {"a.log", "-"}}) == "path");
}

TEST_CASE("source table: what a command line says goes before what a playbook says") {
    const auto settings = source_settings("prometheus", {.places = {"http://p"}, .user = "u"});
    settings->change({.matchers = R"(job="lane")", .timeout = Millis(2000)});
    const Json plain = settings->to_json();
    CHECK(plain["url"] == "http://p");
    CHECK(plain["user"] == "u");
    CHECK(plain["match"] == R"(job="lane")");
    CHECK(plain["timeout_ms"] == 2000);
    CHECK_FALSE(plain.contains("headers"));
    settings->change({.cert = "c.pem", .headers = {"X-Team: chat"}});
    settings->change({.key = "k.pem", .headers = {"X-Key: env:KEY"}});
    CHECK(settings->headers() == std::vector<std::string>{"X-Team: chat", "X-Key: env:KEY"});
    const Json strict = settings->to_json();
    CHECK(strict["headers"] == Json(settings->headers()));
    CHECK(strict["cert"] == "c.pem");
    CHECK(strict["key"] == "k.pem");
    CHECK(source_settings("access_log", {.places = {"a", "b"}})->place() == "a, b");
}

TEST_CASE("source table: a gate that could never be decided is refused where it is wrong") {
    const auto where = [](std::string_view kind, const GateSpec& gate) {
        const auto why = source_kind(kind)->refusal(gate);
        return why ? why->where : "";
    };
    const GateSpec any{.id = "g"};
    const GateSpec between{.id = "g", .metric = Metric::quantile, .limit = 2};
    CHECK(where("prometheus", any) == "source");
    CHECK(where("access_log", any) == "source");
    CHECK(where("prometheus", between) == "at_most");
    CHECK(where("access_log", between).empty());
    CHECK(where("prometheus", {.id = "g", .events = "http_5xx"}).empty());
    GateSpec rise{.id = "g", .metric = Metric::quantile, .against = Against::stable, .limit = 0.2};
    CHECK(where("prometheus", rise) == "source"); // bounds are a factor of 2 apart
    rise.limit = 1;
    CHECK(where("prometheus", rise).empty());
    GateSpec gaps{.id = "g", .metric = Metric::quantile, .limit = 1, .timing = Timing::chunk_gap};
    CHECK(where("prometheus", gaps) == "source");
    CHECK(where("access_log", gaps) == "source");
    GateSpec whole{.id = "g", .metric = Metric::quantile, .limit = 30, .timing = Timing::duration};
    CHECK(where("prometheus", whole).empty());
}

namespace {

struct Row {
    std::string_view text;
    std::vector<BadEvent> want; ///< empty: refused
};

const std::array k_rows{
    Row{"", {BadEvent::http_5xx, BadEvent::terminal_error}},
    Row{"  ", {BadEvent::http_5xx, BadEvent::terminal_error}},
    Row{"http_5xx", {BadEvent::http_5xx}},
    Row{"http_5xx | terminal_error", {BadEvent::http_5xx, BadEvent::terminal_error}},
    Row{"terminal_error|http_5xx", {BadEvent::terminal_error, BadEvent::http_5xx}},
    Row{"empty | empty", {BadEvent::empty}},
    Row{" compat_rejected ", {BadEvent::compat_rejected}},
    Row{"compat_rejected|rejected", {BadEvent::compat_rejected, BadEvent::rejected}},
    Row{"http_5xx |", {}},
    Row{"|", {}},
    Row{"HTTP_5xx", {}},
    Row{"http_5xx terminal_error", {}},
};

} // namespace

TEST_CASE("bad events: the words of an slo, by bars; nothing means the two that users feel") {
    for (const Row& row : k_rows) {
        CAPTURE(row.text);
        const auto got = measure::parse_bad_events(row.text);
        REQUIRE(got.has_value() == !row.want.empty());
        if (got) {
            CHECK(*got == row.want);
        } else {
            CHECK(got.error().code == Code::usage);
        }
    }
}

TEST_CASE("bad events: a misspelt word is named, and the one that was meant") {
    const auto got = measure::parse_bad_events("http_5xx | terminal_eror");
    REQUIRE_FALSE(got.has_value());
    CHECK(got.error().message == "'terminal_eror' is not a bad event");
    CHECK(got.error().hint == "did you mean 'terminal_error'?");
}

TEST_CASE("bad events: every word reads back as itself") {
    for (const telemetry::BadRow& row : telemetry::k_bad_events) {
        const auto got = measure::parse_bad_events(row.word);
        REQUIRE(got.has_value());
        CHECK(*got == std::vector{row.event});
    }
}

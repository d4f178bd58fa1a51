#include "oa_stream/measure/source.hpp"

#include <catch2/catch.hpp>

#include <array>

using namespace oa_stream;
using measure::BadEvent;

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
    for (const BadEvent event :
         {BadEvent::http_5xx, BadEvent::terminal_error, BadEvent::empty, BadEvent::compat_rejected
         }) {
        const auto got = measure::parse_bad_events(telemetry::to_string(event));
        REQUIRE(got.has_value());
        CHECK(*got == std::vector{event});
    }
}

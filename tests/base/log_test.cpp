#include "oa_stream/base/log.hpp"

#include <catch2/catch.hpp>

#include <stdexcept>
#include <string>
#include <vector>

using namespace oa_stream;

namespace {

struct Captured {
    std::vector<std::string> lines;
    Log log{[this](std::string_view line) { lines.emplace_back(line); }};

    /// The one line so far, behind its time stamp.
    [[nodiscard]] std::string behind_time() const {
        REQUIRE(lines.size() == 1);
        constexpr std::string_view k_head = R"({"ts":"2026-11-21T18:00:00.000Z",)";
        REQUIRE(lines[0].starts_with(R"({"ts":"2)"));
        REQUIRE(lines[0].size() > k_head.size());
        return lines[0].substr(k_head.size());
    }
};

} // namespace

TEST_CASE("log: an event is one JSON line, byte for byte, whatever its text holds") {
    Captured captured;
    SECTION("fields") {
        captured.log.event(LogLevel::warn, "turn_ended", Json{{"turn", "t-1"}, {"frames", 3}});
        CHECK(
            captured.behind_time() ==
            "\"level\":\"warn\",\"event\":\"turn_ended\",\"turn\":\"t-1\",\"frames\":3}\n"
        );
    }
    SECTION("newlines, quotes, braces and bytes that are not UTF-8 forge nothing") {
        captured.log.note(LogLevel::error, "reload", "{} %v\n{\"level\":\"x\"}\xff");
        CHECK(
            captured.behind_time() ==
            "\"level\":\"error\",\"event\":\"reload\",\"text\":\"{} %v\\n{\\\"level\\\":\\\"x\\\"}"
            "\xEF\xBF\xBD\"}\n"
        );
        CHECK(parse_json(captured.lines[0]).has_value());
    }
}

TEST_CASE("log: events below the level are left out, verbatim text never is") {
    Captured captured;
    captured.log.note(LogLevel::debug, "a", "not at info");
    CHECK(captured.lines.empty());
    captured.log.set_level(LogLevel::error);
    captured.log.note(LogLevel::warn, "b", "not at error");
    captured.log.verbatim("listening {}\n");
    captured.log.note(LogLevel::error, "c", "at error");
    captured.log.set_level(LogLevel::debug);
    captured.log.note(LogLevel::debug, "d", "at debug");
    REQUIRE(captured.lines.size() == 3);
    CHECK(captured.lines[0] == "listening {}\n");
    CHECK(captured.lines[1].contains(R"("event":"c")"));
    CHECK(captured.lines[2].contains(R"("level":"debug")"));
}

TEST_CASE("log: a writer that throws ends nothing") {
    Log log([](std::string_view) { throw std::runtime_error("the disk is full"); });
    log.note(LogLevel::error, "a", "lost");
    log.verbatim("lost\n");
    SUCCEED();
}

TEST_CASE("log: levels are words, and a wrong one is named") {
    for (const auto level : {LogLevel::debug, LogLevel::info, LogLevel::warn, LogLevel::error}) {
        CHECK(parse_log_level(to_string(level)).value() == level);
    }
    CHECK(parse_log_level(" warn\n").value() == LogLevel::warn);
    const auto wrong = parse_log_level("off");
    REQUIRE_FALSE(wrong.has_value());
    CHECK(wrong.error().text() == "no log level 'off' (debug, info, warn or error)");
}

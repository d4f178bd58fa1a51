#include "oa_stream/wire/sse.hpp"

#include <catch2/catch.hpp>
#include <fmt/format.h>

#include <array>
#include <random>
#include <string>
#include <vector>

using namespace oa_stream::wire;

namespace {

/// Everything the reader says, one line each, in order.
std::vector<std::string> read(std::string_view bytes, std::size_t cut, SseLimits limits = {}) {
    std::vector<std::string> said;
    SseReader reader(
        {.event =
             [&](const SseEvent& event) {
                 said.push_back(fmt::format(
                     "event {} at {}: {}{}{}{}",
                     event.index,
                     event.offset,
                     event.data,
                     event.has_other_fields ? " +fields" : "",
                     event.name.empty() ? "" : " of ",
                     event.name
                 ));
             },
         .note = [&](const SseNote& note
                 ) { said.push_back(fmt::format("{} at {}", note.rule, note.offset)); },
         .comment = [&](std::uint64_t at) { said.push_back(fmt::format("comment at {}", at)); },
         .empty = [&](std::uint64_t at) { said.push_back(fmt::format("no data at {}", at)); }},
        limits
    );
    while (!bytes.empty()) {
        reader.feed(bytes.substr(0, cut));
        bytes.remove_prefix(std::min(cut, bytes.size()));
    }
    reader.finish();
    return said;
}

struct Row {
    std::string_view name;
    std::string_view bytes;
    std::vector<std::string> want;
};

const std::vector<Row>& rows() {
    static const std::vector<Row> k_rows{
        {"plain frame", "data: {}\n\n", {"event 0 at 0: {}"}},
        {"nothing at all", "", {}},
        {"empty lines are no events", "\n\n\n", {}},
        {"CRLF",
         "data: a\r\n\r\ndata: b\r\n\r\n",
         {"S4 at 7", "event 0 at 0: a", "event 1 at 11: b"}},
        {"CRLF is one line end, not two",
         "data: a\r\ndata: b\r\n\r\n",
         {"S4 at 7", "S7 at 9", "event 0 at 0: a\nb"}},
        {"CR alone", "data: a\r\rdata: b\r\r", {"S4 at 7", "event 0 at 0: a", "event 1 at 9: b"}},
        {"CR, CRLF and LF mixed",
         "data: a\r\n\ndata: b\r\rdata: c\n\r\n",
         {"S4 at 7", "event 0 at 0: a", "event 1 at 10: b", "event 2 at 19: c"}},
        {"byte order mark",
         "\xEF\xBB\xBF"
         "data: a\n\n",
         {"S2 at 0", "event 0 at 0: a"}},
        {"only the first mark is skipped, as clients do",
         "\xEF\xBB\xBF\xEF\xBB\xBF"
         "data: a\n\n",
         {"S2 at 0", "S6 at 0"}},
        {"a mark and nothing else", "\xEF\xBB\xBF", {"S2 at 0"}},
        {"a mark in front of a comment", "\xEF\xBB\xBF: hi\n", {"S2 at 0", "comment at 0"}},
        {"a mark that is cut is invalid text", "\xEF\xBB", {"S1 at 0", "S6 at 0", "S5 at 0"}},
        {"comments between events",
         ": a\n\ndata: x\n\n:b\n",
         {"comment at 0", "event 0 at 5: x", "comment at 14"}},
        {"comment inside an event",
         "data: x\n: c\n\n",
         {"S9 at 8", "comment at 8", "event 0 at 0: x"}},
        {"several data lines are joined",
         "data: a\ndata: b\ndata: c\n\n",
         {"S7 at 8", "event 0 at 0: a\nb\nc"}},
        {"no space", "data:a\n\n", {"S8 at 0", "event 0 at 0: a"}},
        {"two spaces keep one", "data:  a\n\n", {"S8 at 0", "event 0 at 0:  a"}},
        {"data without colon is empty data", "data\n\n", {"S8 at 0", "event 0 at 0: "}},
        {"empty data", "data:\n\n", {"S8 at 0", "event 0 at 0: "}},
        {"other fields",
         "event: e\nid: 1\ndata: x\n\n",
         {"S6 at 0", "S6 at 9", "event 0 at 0: x +fields of e"}},
        {"the name of an event is not that of the next",
         "event: e\ndata: x\n\ndata: y\n\n",
         {"S6 at 0", "event 0 at 0: x +fields of e", "event 1 at 18: y"}},
        {"the name of an event without data neither",
         "event: e\n\ndata: y\n\n",
         {"S6 at 0", "no data at 0", "event 0 at 10: y"}},
        {"other fields alone are no event",
         "retry: 1\n\ndata: x\n\n",
         {"S6 at 0", "event 0 at 10: x"}},
        {"nor behind an event with a name",
         "event: e\ndata: x\n\nid: 1\n\n",
         {"S6 at 0", "event 0 at 0: x +fields of e", "S6 at 18"}},
        {"no empty line at the end", "data: a\n\ndata: b\n", {"event 0 at 0: a", "S5 at 9"}},
        {"cut inside a line", "data: a\n\ndata: b", {"event 0 at 0: a", "S5 at 9"}},
        {"cut inside a comment", "data: a\n\n: pi", {"event 0 at 0: a", "comment at 9", "S5 at 9"}},
        {"invalid byte", "data: \xFF\n\n", {"S1 at 6", "event 0 at 0: \xFF"}},
        {"overlong form, noted once",
         "data: \xC0\xAF\xC0\xAF\n\n",
         {"S1 at 6", "event 0 at 0: \xC0\xAF\xC0\xAF"}},
        {"surrogate as bytes", "data: \xED\xA0\x80\n\n", {"S1 at 6", "event 0 at 0: \xED\xA0\x80"}},
        {"a character cut by the line end",
         "data: a\xE2\x82\ndata: b\n\n",
         {"S1 at 7", "S7 at 10", "event 0 at 0: a\xE2\x82\nb"}},
        {"a line end ends a character, whatever comes next",
         "data: a\xE2\x82\n\xAC: x\n\n",
         {"S1 at 7", "S6 at 10", "event 0 at 0: a\xE2\x82 +fields"}},
        {"a broken sequence is followed by a good one",
         "data: \xE2\xE2\x82\xAC\n\n",
         {"S1 at 6", "event 0 at 0: \xE2\xE2\x82\xAC"}},
        {"whole characters of two to four bytes",
         "data: \xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80\n\n",
         {"event 0 at 0: \xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80"}},
        {"control byte, noted once", "data: a\x1B\x01\n\n", {"S3 at 7", "event 0 at 0: a\x1B\x01"}},
        {"a tab is not a control byte", "data: a\tb\n\n", {"event 0 at 0: a\tb"}},
        {"delete and NEL are text", "data: \x7F\xC2\x85\n\n", {"event 0 at 0: \x7F\xC2\x85"}},
    };
    return k_rows;
}

} // namespace

TEST_CASE("sse reader: WHATWG lines and fields, with the facts of S1-S9, at every cut") {
    for (const Row& row : rows()) {
        DYNAMIC_SECTION(row.name) {
            for (std::size_t cut = 1; cut <= row.bytes.size() + 1; ++cut) {
                CAPTURE(cut);
                CHECK(read(row.bytes, cut) == row.want);
            }
        }
    }
}

TEST_CASE("sse reader: NUL is a control byte, not an end") {
    using namespace std::string_view_literals;
    CHECK(
        read("data: a\0b\n\n"sv, 3) ==
        std::vector<std::string>{"S3 at 7", std::string("event 0 at 0: a\0b"sv)}
    );
}

TEST_CASE("sse reader: a line as long as the limit is read, one byte more ends the reading") {
    const SseLimits limits{.line = 10, .event = 1000};
    for (const std::size_t cut : {1U, 2U, 5U, 100U}) {
        CAPTURE(cut);
        CHECK(
            read("data: 1234\n\n", cut, limits) == std::vector<std::string>{"event 0 at 0: 1234"}
        );
        CHECK(
            read("data: a\n\ndata: 12345\n\ndata: b\n\n", cut, limits) ==
            std::vector<std::string>{"event 0 at 0: a", "W1 at 9"}
        );
        // An endless line is noticed without its end.
        CHECK(read("data: 1234567890", cut, limits) == std::vector<std::string>{"W1 at 0"});
    }
}

TEST_CASE("sse reader: an event of many short lines has a limit of its own") {
    const SseLimits limits{.line = 100, .event = 8};
    for (const std::size_t cut : {1U, 7U, 100U}) {
        CAPTURE(cut);
        CHECK(
            read("data: 123\ndata: 456\n\n", cut, limits) ==
            std::vector<std::string>{"S7 at 10", "event 0 at 0: 123\n456"}
        );
        CHECK(
            read("data: 123\ndata: 456\ndata: 7\n\ndata: x\n\n", cut, limits) ==
            std::vector<std::string>{"S7 at 10", "W1 at 0"}
        );
    }
}

TEST_CASE("sse reader: random bytes say the same at random cuts") {
    std::mt19937 random(20250101); // NOLINT(bugprone-random-generator-seed): must repeat
    static constexpr std::array<std::string_view, 22> k_pieces{
        "data: ",   "data:", "data",   "\n",   "\r",       "\r\n",     ":",    " ",
        "event: x", "id",    "[DONE]", "{}",   "a",        "\xC3\xA4", "\xE2", "\xFF",
        "\x1B",     "\xEF",  "\xBB",   "\xBF", "\xED\xA0", "\t",
    };
    for (int round = 0; round < 400; ++round) {
        std::string bytes;
        const auto pieces = random() % 40U;
        for (std::uint_fast32_t i = 0; i < pieces; ++i) {
            bytes += k_pieces[random() % k_pieces.size()];
        }
        const SseLimits limits{.line = 16 + random() % 30U, .event = 24};
        const auto whole = read(bytes, bytes.size() + 1, limits);
        CAPTURE(round, bytes);
        for (const std::size_t cut : {1U, 2U, 3U, 7U}) {
            CHECK(read(bytes, cut, limits) == whole);
        }
    }
}

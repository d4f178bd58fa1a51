#include "oa_stream/wire/sse.hpp"

#include <catch2/catch.hpp>

#include <string>
#include <string_view>

using namespace oa_stream::wire;

TEST_CASE("sse writer: a frame is one data line and an empty line") {
    std::string out;
    append_sse_data(out, R"({"a":1})");
    append_sse_done(out);
    CHECK(out == "data: {\"a\":1}\n\ndata: [DONE]\n\n");
}

TEST_CASE("sse writer: what was written is taken apart again, frame by frame") {
    std::string out;
    append_sse_data(out, R"({"a":1})");
    out += ": ping\n\n";
    append_sse_done(out);
    std::string_view rest = out;
    CHECK(take_sse_frame(rest) == "data: {\"a\":1}\n\n");
    CHECK(take_sse_frame(rest) == ": ping\n\n");
    CHECK(rest == "data: [DONE]\n\n");
    CHECK(take_sse_frame(rest) == "data: [DONE]\n\n");
    CHECK(rest.empty());
    CHECK(take_sse_frame(rest).empty());

    std::string_view cut = "data: x\n\ndata: y\n";
    CHECK(take_sse_frame(cut) == "data: x\n\n");
    CHECK(take_sse_frame(cut) == "data: y\n");
    CHECK(cut.empty());
}

TEST_CASE("sse writer: without comments, an answer's bytes are the same over any connection") {
    const std::string events = "data: {\"a\":\": \"}\n\nevent: x\ndata: 1\n\n";
    std::string out;
    out += ": ping\n\n";
    append_sse_data(out, R"({"a":": "})");
    out += ": ping\n\n";
    out += ": ping\n\n";
    append_sse_event(out, "x", "1");
    CHECK(without_sse_comments(out) == events);
    CHECK(without_sse_comments(events) == events);
    CHECK(without_sse_comments(": ping\n\n").empty());
    CHECK(without_sse_comments("").empty());
    // A connection that breaks may cut either.
    CHECK(without_sse_comments(out + "data: {\"b") == events + "data: {\"b");
    CHECK(without_sse_comments(out + ": pi") == events);
}

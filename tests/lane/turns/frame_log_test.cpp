#include "turns/frame_log.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <array>
#include <string>

using namespace oa_stream;
using namespace oa_stream::lane;

namespace {

std::string frame(std::size_t n) {
    return "data: " + std::string(n, 'x') + "\n\n";
}

std::string read_all(const FrameLog& log, FrameLog::Cursor& cursor, std::size_t limit) {
    std::string out;
    std::array<net::Slice, 4> slices{};
    while (const auto count = log.read(cursor, slices, limit)) {
        for (std::size_t i = 0; i < count; ++i) {
            out += slices[i].bytes;
        }
    }
    return out;
}

} // namespace

TEST_CASE("frame log: every cursor reads every byte, in any portions") {
    std::size_t total = 0;
    FrameLog log(total);
    std::string all;
    FrameLog::Cursor live;
    std::string seen;
    for (std::size_t i = 0; i < 300; ++i) {
        const auto text = frame((i * 37) % 900 + (i % 50 == 0 ? 100'000 : 0));
        log.append(text);
        all += text;
        seen += read_all(log, live, 1000);
    }
    CHECK(seen == all);
    CHECK(log.end() == all.size());
    for (const std::size_t limit : {1U, 7U, 4096U, 65536U}) {
        FrameLog::Cursor late;
        CHECK(read_all(log, late, limit) == all);
    }
    CHECK(total == log.held());
}

TEST_CASE("frame log: a read gives no more than it was asked for") {
    std::size_t total = 0;
    FrameLog log(total);
    log.append(std::string(100'000, 'a'));
    FrameLog::Cursor cursor;
    std::array<net::Slice, 16> slices{};
    const auto count = log.read(cursor, slices, 65536);
    std::size_t size = 0;
    for (std::size_t i = 0; i < count; ++i) {
        size += slices[i].bytes.size();
    }
    CHECK(size == 65536);
    CHECK(cursor.offset == 65536);
}

TEST_CASE("frame log: bytes that are being sent outlive the log") {
    std::array<net::Slice, 1> slices{};
    {
        std::size_t total = 0;
        FrameLog log(total);
        log.append("data: 1\n\n");
        FrameLog::Cursor cursor;
        REQUIRE(log.read(cursor, slices, 100) == 1);
    }
    CHECK(slices[0].bytes == "data: 1\n\n");
}

TEST_CASE("frame log: a cursor may begin anywhere that is held") {
    std::size_t total = 0;
    FrameLog log(total);
    std::string all;
    for (std::size_t i = 0; i < 60; ++i) {
        const auto text = frame((i * 411) % 5000 + 20);
        log.append(text);
        all += text;
    }
    for (std::size_t offset = 0; offset <= all.size(); offset += 997) {
        FrameLog::Cursor cursor;
        log.seek(cursor, offset);
        CHECK(read_all(log, cursor, 4096) == all.substr(offset));
    }
    FrameLog::Cursor end;
    log.seek(end, all.size());
    CHECK(read_all(log, end, 100).empty());
    log.append("data: 1\n\n");
    CHECK(read_all(log, end, 100) == "data: 1\n\n");
    CHECK(log.begin() == 0);
    log.drop_head(log.end(), 20'000);
    CHECK(log.begin() > 0);
    FrameLog::Cursor late;
    log.seek(late, log.begin());
    CHECK(read_all(log, late, 4096) == (all + "data: 1\n\n").substr(log.begin()));
}

TEST_CASE("frame log: a frame ends with an empty line, whatever its lines") {
    std::size_t total = 0;
    for (const std::string frame : {"data: 1\n\n", "event: one\ndata: {}\n\n"}) {
        FrameLog log(total);
        for (int i = 0; i < 10'000; ++i) {
            log.append(frame);
        }
        CHECK(log.frames_before(log.end()) == 10'000);
        CHECK(log.frames_before(frame.size() * 7'000) == 7'000);
        CHECK(log.frames_before(frame.size() * 7'000 - 1) == 6'999);
        log.drop_head(log.end(), 20'000);
        REQUIRE_FALSE(log.whole());
        CHECK(log.frames_before(log.end()) == 10'000);
    }
}

TEST_CASE("frame log: the head goes only as far as readers allow") {
    std::size_t total = 0;
    FrameLog log(total);
    for (int i = 0; i < 100; ++i) {
        log.append(frame(1000));
    }
    CHECK(log.whole());
    FrameLog::Cursor reader;
    std::array<net::Slice, 1> slices{};
    (void)log.read(reader, slices, 500);
    log.drop_head(reader.offset, 10'000);
    CHECK(log.whole());
    FrameLog::Cursor ahead;
    const auto all = read_all(log, ahead, 65536);
    log.drop_head(log.end(), 40'000);
    CHECK_FALSE(log.whole());
    CHECK(log.held() <= 40'000);
    CHECK(total == log.held());
    log.append(frame(10));
    CHECK(read_all(log, ahead, 65536) == frame(10));
    CHECK(log.frames_before(log.end()) == 101);
}

TEST_CASE("frame log: frames are counted whole") {
    std::size_t total = 0;
    FrameLog log(total);
    log.append(frame(10) + frame(20) + "data: [DONE]\n\n");
    CHECK(log.frames_before(0) == 0);
    CHECK(log.frames_before(17) == 0);
    CHECK(log.frames_before(18) == 1);
    CHECK(log.frames_before(30) == 1);
    CHECK(log.frames_before(log.end()) == 3);
}

TEST_CASE("frame log: what a log held is given back") {
    std::size_t total = 0;
    {
        FrameLog log(total);
        log.append(frame(5000));
        CHECK(total > 0);
    }
    CHECK(total == 0);
}

TEST_CASE("frame log: a turn holds at most a quarter more than it said, or 512 bytes") {
    std::size_t total = 0;
    FrameLog log(total);
    while (log.end() < 200'000) {
        log.append(frame(80));
        REQUIRE(log.held() <= log.end() + std::max<std::uint64_t>(log.end() / 4, 512));
    }
    CHECK(log.held() < log.end() + (16U << 10U)); // then a block at a time
}

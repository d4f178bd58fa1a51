#include "json_lines.hpp"

#include <catch2/catch.hpp>

#include <string>
#include <vector>

using namespace oa_stream;
using namespace oa_stream::wire;

namespace {

struct Read {
    std::vector<std::string> lines;
    int errors = 0;
};

Read read_in_pieces(LineReader& reader, std::string_view bytes, std::size_t cut) {
    Read read;
    while (!bytes.empty()) {
        const auto fed = reader.feed(bytes.substr(0, cut), [&](std::string_view line) {
            read.lines.emplace_back(line);
        });
        read.errors += fed ? 0 : 1;
        bytes.remove_prefix(std::min(cut, bytes.size()));
    }
    return read;
}

} // namespace

TEST_CASE("json lines: the cuts of the bytes do not matter") {
    const std::string bytes = "{\"a\":1}\n\n{\"b\":\"ä\xE2\x80\xA8x\"}\r\nlast";
    for (std::size_t cut = 1; cut <= bytes.size(); ++cut) {
        CAPTURE(cut);
        LineReader reader(64);
        const Read read = read_in_pieces(reader, bytes, cut);
        CHECK(
            read.lines == std::vector<std::string>{"{\"a\":1}", "", "{\"b\":\"ä\xE2\x80\xA8x\"}\r"}
        );
        CHECK(reader.rest() == "last");
        CHECK(read.errors == 0);
    }
}

TEST_CASE("json lines: a line as long as the cap is delivered, one byte more is dropped and named"
) {
    for (const std::size_t cut : {1U, 3U, 100U}) {
        CAPTURE(cut);
        LineReader reader(4);
        const Read read = read_in_pieces(reader, "1234\n12345\nok\n123456789", cut);
        CHECK(read.lines == std::vector<std::string>{"1234", "ok"});
        CHECK(reader.dropped() == 2);
        CHECK(reader.rest().empty());
        CHECK(read.errors >= 1);
    }
    LineReader reader(4);
    const auto fed = reader.feed("1234\n12345\n", [](std::string_view) {});
    REQUIRE_FALSE(fed.has_value());
    CHECK(fed.error().code == Code::too_large);
    CHECK(fed.error().message == "the line at byte 5 is longer than 4 bytes");
}

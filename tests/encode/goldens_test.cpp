// fixtures/goldens/ui/NAME.sse is what a client gets for fixtures/captures/NAME.jsonl. The goldens
// were read by eye. A test run never writes them; OA_WRITE_GOLDENS_TO=DIR writes what the code says
// now into another folder, for a look before they are replaced by hand.
#include "oa_stream/base/file.hpp"
#include "oa_stream/base/lines.hpp"

#include "stream_support.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <set>

namespace fs = std::filesystem;
using namespace oa_stream;
using namespace oa_stream::encode::test;

namespace {

const fs::path k_captures = fs::path(OA_SOURCE_DIR) / "fixtures/captures";
const fs::path k_goldens = fs::path(OA_SOURCE_DIR) / "fixtures/goldens/ui";

/// Captures in which no turn was ever started.
const std::set<std::string> k_without_turn{"60-overload", "61-broken-config-falls-back"};

std::vector<fs::path> files(const fs::path& folder, std::string_view extension) {
    std::vector<fs::path> found;
    for (const auto& entry : fs::directory_iterator(folder)) {
        if (entry.path().extension() == extension) {
            found.push_back(entry.path());
        }
    }
    std::ranges::sort(found);
    return found;
}

std::vector<std::string> lines_of(std::string_view text) {
    std::vector<std::string> lines;
    while (!text.empty()) {
        lines.emplace_back(cut_line(text));
    }
    return lines;
}

/// One unified hunk from the first to the last difference, with three lines around.
std::string unified_diff(std::string_view golden, std::string_view now) {
    const auto a = lines_of(golden);
    const auto b = lines_of(now);
    std::size_t head = 0;
    while (head < a.size() && head < b.size() && a[head] == b[head]) {
        ++head;
    }
    std::size_t tail = 0;
    while (tail < a.size() - head && tail < b.size() - head &&
           a[a.size() - 1 - tail] == b[b.size() - 1 - tail]) {
        ++tail;
    }
    if (head == a.size() && head == b.size()) {
        return "";
    }
    const std::size_t from = head < 3 ? 0 : head - 3;
    const std::size_t after = std::min<std::size_t>(tail, 3);
    const auto range = [&](std::size_t size) {
        return std::to_string(from + 1) + "," + std::to_string(size - tail + after - from);
    };
    std::string out =
        "--- golden\n+++ now\n@@ -" + range(a.size()) + " +" + range(b.size()) + " @@\n";
    const auto add = [&](char mark, const auto& lines, std::size_t first, std::size_t last) {
        for (std::size_t i = first; i < last; ++i) {
            out += mark + lines[i] + "\n";
        }
    };
    add(' ', a, from, head);
    add('-', a, head, a.size() - tail);
    add('+', b, head, b.size() - tail);
    add(' ', a, a.size() - tail, a.size() - tail + after);
    return out;
}

} // namespace

TEST_CASE("goldens: every capture with a turn gives exactly its golden stream") {
    const char* const target = std::getenv("OA_WRITE_GOLDENS_TO");
    if (target != nullptr) {
        REQUIRE_FALSE(fs::weakly_canonical(target) == fs::weakly_canonical(k_goldens));
        REQUIRE(make_dirs(target).has_value());
    }
    std::set<std::string> seen;
    for (const fs::path& path : files(k_captures, ".jsonl")) {
        const std::string name = path.stem().string();
        DYNAMIC_SECTION(name) {
            const auto capture = authority::read_capture(path);
            if (k_without_turn.contains(name)) {
                REQUIRE_FALSE(capture.has_value());
                CHECK(capture.error().code == Code::not_found);
                continue;
            }
            INFO((capture ? std::string() : capture.error().text()));
            REQUIRE(capture.has_value());
            const std::string now = stream_of(*capture);
            CHECK(judged(now) == "");
            if (target != nullptr) {
                REQUIRE(write_file_atomic(fs::path(target) / (name + ".sse"), now).has_value());
                continue;
            }
            const auto golden = read_file(k_goldens / (name + ".sse"));
            REQUIRE(golden.has_value());
            INFO(unified_diff(*golden, now));
            CHECK(*golden == now);
        }
    }
}

TEST_CASE("goldens: no golden is left without its capture") {
    for (const fs::path& path : files(k_goldens, ".sse")) {
        CAPTURE(path.filename().string());
        CHECK(fs::exists(k_captures / (path.stem().string() + ".jsonl")));
    }
}

TEST_CASE("goldens: a difference is shown as one unified hunk") {
    CHECK(unified_diff("a\nb\n", "a\nb\n").empty());
    CHECK(
        unified_diff("1\n2\n3\n4\n5\n6\n", "1\n2\n3\n4\nX\n6\n") ==
        "--- golden\n+++ now\n@@ -2,5 +2,5 @@\n 2\n 3\n 4\n-5\n+X\n 6\n"
    );
}

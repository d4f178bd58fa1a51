// The id map's file: whatever a crash or a disk makes of it, what is whole is read, and the rest is
// counted.
#include "id_map_support.hpp"
#include "store/thread_log.hpp"
#include "store/thread_table.hpp"

#include <fmt/format.h>

#include <map>
#include <random>

using namespace oa_stream;
using namespace oa_stream::lane;
using namespace oa_stream::test;

namespace {

std::string lines_of(int count) {
    std::string out(k_thread_log_header);
    for (int i = 0; i < count; ++i) {
        const auto id = fmt::format("chat-{}", i);
        const auto thread = fmt::format("thread\t{}", i);
        RowView row{.owner = "o", .id = id, .thread = thread, .title = "A title\nof two lines"};
        row.updated = static_cast<std::uint32_t>(i);
        append_line(out, row);
    }
    return out;
}

struct Read {
    Result<void> result{};
    std::map<std::string, std::string> threads{};
    LogDamage damage{};
    std::uint64_t whole = 0;
};

Read read_log(std::string_view bytes, std::size_t piece = 1U << 20U) {
    Read out;
    ThreadLogReader reader(
        [&out](const RowView& row) { out.threads[std::string(row.id)] = row.thread; }, true
    );
    for (std::size_t at = 0; at < bytes.size(); at += piece) {
        reader.feed(bytes.substr(at, piece));
    }
    out.result = reader.finish();
    out.damage = reader.damage();
    out.whole = reader.whole_bytes();
    return out;
}

} // namespace

TEST_CASE("thread log: read in pieces of any size, it is the same") {
    const auto text = lines_of(5);
    for (const std::size_t piece : {std::size_t{1}, std::size_t{7}, std::size_t{64}, text.size()}) {
        const auto read = read_log(text, piece);
        CHECK(read.result.has_value());
        CHECK(read.threads.size() == 5);
        CHECK(read.threads.at("chat-3") == "thread\t3");
        CHECK(read.whole == text.size());
        CHECK(read.damage.lines + read.damage.torn_bytes == 0);
    }
}

TEST_CASE("thread log: torn at any byte, every whole line is read and the rest is counted") {
    const auto text = lines_of(4);
    for (std::size_t size = 0; size < text.size(); ++size) {
        CAPTURE(size);
        const auto cut = std::string_view(text).substr(0, size);
        const auto read = read_log(cut, 13);
        REQUIRE(read.result.has_value());
        // A line whose newline alone is missing is whole.
        const auto newlines =
            std::ranges::count(std::string(cut) + (text[size] == '\n' ? "\n" : ""), '\n');
        const auto whole = newlines > 0 ? static_cast<std::size_t>(newlines) - 1 : 0;
        CHECK(read.threads.size() == whole);
        CHECK(read.whole + read.damage.torn_bytes == size);
        CHECK(read.damage.lines == 0);
    }
}

TEST_CASE("thread log: any flipped byte costs at most two lines, and is noticed") {
    const auto text = lines_of(4);
    for (std::size_t at = 0; at < text.size(); ++at) {
        for (const unsigned mask : {0x01U, 0x80U, 0xFFU, static_cast<unsigned>(text[at]) ^ '\n'}) {
            if (mask == 0) {
                continue;
            }
            CAPTURE(at, mask);
            auto damaged = text;
            damaged[at] = static_cast<char>(static_cast<unsigned char>(damaged[at]) ^ mask);
            const auto read = read_log(damaged);
            if (!read.result) { // "threads 2" became "threads 3": refused aloud
                CHECK(at < k_thread_log_header.size());
                continue;
            }
            CHECK(read.threads.size() >= 2);
            CHECK(read.damage.lines + read.damage.torn_bytes > 0);
            for (const auto& [id, thread] : read.threads) {
                CHECK(thread == "thread\t" + id.substr(5));
            }
        }
    }
}

TEST_CASE("thread log: fields of a later release are read over") {
    std::string line;
    append_line(line, {.owner = "o", .id = "a", .thread = "t"});
    CHECK(read_log(std::string(k_thread_log_header) + line).threads.size() == 1);
    // The same with one more field: zlib's crc32 of "t\to\ta\tt\t0\t0\t0\t\tmore".
    const auto read =
        read_log(std::string(k_thread_log_header) + "a4ad5a3f\tt\to\ta\tt\t0\t0\t0\t\tmore\n");
    CHECK(read.threads.size() == 1);
}

TEST_CASE("thread log: endless lines and blocks of zeros are damage like any other") {
    const auto text = lines_of(2);
    const auto zeros = std::string(300'000, '\0');
    const auto tail = read_log(text + zeros, 4096);
    CHECK(tail.threads.size() == 2);
    CHECK(tail.damage.torn_bytes == zeros.size());
    const auto middle =
        read_log(text + zeros + "\n" + lines_of(3).substr(k_thread_log_header.size()));
    CHECK(middle.threads.size() == 3);
    CHECK(middle.damage.lines == 1);
    CHECK(middle.damage.first_at == text.size());
    CHECK(middle.damage.bytes == zeros.size() + 1);
}

TEST_CASE("id map: opened with a torn tail it says so, keeps the rest, and can be written again") {
    const auto text = lines_of(3);
    const auto last = text.rfind('\n', text.size() - 2) + 1;
    for (auto size = last; size < text.size(); ++size) {
        CAPTURE(size);
        const TempFolder folder;
        const auto file = folder.path / "threads.map";
        REQUIRE(write_file_atomic(file, text.substr(0, size)).has_value());
        {
            MapStage stage(file);
            REQUIRE(stage.opened.has_value());
            const bool whole = size + 1 == text.size();
            CHECK(stage.map().size() == (whole ? 3 : 2));
            CHECK(stage.notes.size() == (size == last || whole ? 0 : 1));
            stage.map().put({"o", "next", "t", 0});
            REQUIRE(stage.commit().has_value());
        }
        MapStage again(file);
        CHECK(again.map().contains("o", "chat-1"));
        CHECK(again.map().contains("o", "next"));
        CHECK(again.notes.empty());
    }
}

TEST_CASE("id map: damage in the middle is named, the rest is kept, and so is the damaged file") {
    const TempFolder folder;
    const auto file = folder.path / "threads.map";
    auto text = lines_of(9);
    text[text.size() / 2] ^= 1;
    REQUIRE(write_file_atomic(file, text).has_value());
    MapStage stage(file);
    REQUIRE(stage.opened.has_value());
    CHECK(stage.map().size() == 8);
    REQUIRE(stage.notes.size() == 1);
    CHECK(stage.notes[0].contains("dropped 1 damaged line ("));
    CHECK(read_file(folder.path / "threads.map.damaged").value() == text);
    MapStage again(file);
    CHECK(again.map().size() == 8);
    CHECK(again.notes.empty());
}

TEST_CASE("thread table: as a map would have it, through every kind of change") {
    ThreadTable table;
    std::map<std::pair<std::string, std::string>, std::pair<std::uint32_t, std::string>> model;
    std::mt19937 random(7);
    for (int step = 0; step < 30'000; ++step) {
        const auto owner = fmt::format("o{}", random() % 3);
        const auto id = fmt::format("c{}", random() % 400);
        const auto at = table.find(owner, id);
        const auto known = model.find({owner, id});
        REQUIRE((at == ThreadTable::k_none) == (known == model.end()));
        if (at != ThreadTable::k_none) {
            REQUIRE(table.row(at).updated == known->second.first);
            REQUIRE(table.row(at).thread == known->second.second);
        }
        if (random() % 3 == 0 && at != ThreadTable::k_none) {
            table.erase(at);
            model.erase(known);
            continue;
        }
        const auto thread = fmt::format("t{}", step);
        RowView row{.owner = owner, .id = id, .thread = thread};
        row.updated = static_cast<std::uint32_t>(random() % 1000);
        table.put(row);
        model[{owner, id}] = {row.updated, thread};
    }
    CHECK(table.size() == model.size());
    std::size_t listed = 0;
    for (const auto* owner : {"o0", "o1", "o2"}) {
        std::uint32_t last = 1000;
        for (auto at = table.newest(owner); at != ThreadTable::k_none; at = table.older(at)) {
            CHECK(table.row(at).owner == owner);
            CHECK(table.row(at).updated <= last);
            last = table.row(at).updated;
            ++listed;
        }
    }
    CHECK(listed == model.size());
}

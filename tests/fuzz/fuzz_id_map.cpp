// Any bytes as an id map's file: read in two ways they give the same rows, what is whole is kept,
// every byte is accounted for, and what is written of the rows reads back as they are.
#include "store/thread_log.hpp"
#include "store/thread_table.hpp"

#include <cstdint>
#include <cstdlib>
#include <string>

using namespace oa_stream::lane;

namespace {

struct Read {
    ThreadTable table{};
    bool ok = false;
    std::uint64_t lines = 0;
    std::uint64_t accounted = 0;
};

void read_all(Read& out, std::string_view bytes, std::size_t piece) {
    ThreadLogReader reader([&out](const RowView& row) { out.table.put(row); }, true);
    for (std::size_t at = 0; at < bytes.size(); at += piece) {
        reader.feed(bytes.substr(at, piece));
    }
    out.ok = reader.finish().has_value();
    out.lines = reader.lines();
    out.accounted = reader.whole_bytes() + reader.damage().torn_bytes;
}

void check(bool held) {
    if (!held) {
        std::abort();
    }
}

void same_rows(const ThreadTable& left, const ThreadTable& right) {
    check(left.size() == right.size());
    for (ThreadTable::Index at = 0; at < left.end(); ++at) {
        if (!left.alive(at)) {
            continue;
        }
        const auto row = left.row(at);
        const auto other = right.find(row.owner, row.id);
        check(other != ThreadTable::k_none);
        const auto twin = right.row(other);
        check(row.thread == twin.thread && row.title == twin.title);
        check(row.seeded == twin.seeded && row.created == twin.created);
        check(row.updated == twin.updated);
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) {
        return 0;
    }
    const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
    Read whole;
    Read pieces;
    read_all(whole, bytes, bytes.size() + 1);
    read_all(pieces, bytes, std::size_t{data[0] & 31U} + 1);
    check(whole.ok == pieces.ok && whole.lines == pieces.lines);
    check(whole.accounted == bytes.size() && pieces.accounted == bytes.size());
    same_rows(whole.table, pieces.table);
    // Rows of the bytes themselves, whatever they hold, survive being written.
    ThreadTable made;
    const auto third = bytes.size() / 3;
    RowView row{.owner = bytes.substr(0, third), .id = bytes.substr(third, third)};
    row.thread = bytes.substr(2 * third);
    row.title = bytes.substr(0, 64);
    row.updated = static_cast<std::uint32_t>(size);
    std::string text(k_thread_log_header);
    if (!row.id.empty() && !row.thread.empty() && size < 10'000) {
        made.put(row);
        append_line(text, row);
    }
    for (ThreadTable::Index at = 0; at < whole.table.end(); ++at) {
        made.put(whole.table.row(at));
        append_line(text, whole.table.row(at));
    }
    Read again;
    read_all(again, text, text.size());
    check(again.ok && again.accounted == text.size());
    same_rows(made, again.table);
    return 0;
}

#include "v1_rows.hpp"

#include "oa_stream/base/json.hpp"
#include "oa_stream/base/lines.hpp"
#include "oa_stream/base/text.hpp"

#include <limits>

namespace oa_stream::lane {

namespace {

/// The format of those releases: one row per line between these. Each line is parsed alone, because
/// a document with many rows would take long to parse.
constexpr std::string_view k_head = "{\"version\":1,\"threads\":[\n";
constexpr std::string_view k_tail = "\n]}";

Result<void> take_row(const Json& value, const ThreadLogReader::Take& take) {
    const auto owner = string_member(value, "owner");
    const auto id = string_member(value, "id");
    const auto thread = string_member(value, "thread");
    const auto seeded = int_member(value, "seeded").value_or(0);
    if (!owner || !id || !thread || id->empty() || thread->empty() || seeded < 0 ||
        seeded > std::numeric_limits<std::uint32_t>::max()) {
        return fail(Code::config, "a row needs owner, id and thread");
    }
    RowView row{.owner = *owner, .id = *id, .thread = *thread};
    row.seeded = static_cast<std::uint32_t>(seeded);
    take(row);
    return {};
}

Result<void> read_document(std::string_view text, const ThreadLogReader::Take& take) {
    OA_TRY(const auto file, parse_json(text));
    if (int_member(file, "version") != 1) {
        return fail(Code::config, "not a thread id map of version 1");
    }
    const auto* list = member(file, "threads");
    if (list == nullptr || !list->is_array()) {
        return fail(Code::config, "threads must be an array");
    }
    for (const auto& value : *list) {
        OA_CHECK(take_row(value, take));
    }
    return {};
}

Result<void> read_lines(std::string_view lines, const ThreadLogReader::Take& take) {
    while (!lines.empty()) {
        auto line = cut_line(lines);
        if (!lines.empty() && line.ends_with(',')) {
            line.remove_suffix(1);
        }
        OA_TRY(const auto value, parse_json(line));
        OA_CHECK(take_row(value, take));
    }
    return {};
}

} // namespace

bool is_v1_map(std::string_view text) noexcept {
    return trim(text).starts_with('{');
}

Result<void>
read_v1_rows(std::string_view text, std::string_view where, const ThreadLogReader::Take& take) {
    const auto plain = trim(text);
    const bool by_lines = plain.starts_with(k_head) && plain.ends_with(k_tail);
    auto read =
        by_lines
            ? read_lines(
                  plain.substr(k_head.size(), plain.size() - k_head.size() - k_tail.size()), take
              )
            : read_document(plain, take);
    if (!read) {
        read.error().code = Code::config;
    }
    return located(std::move(read), std::string(where));
}

} // namespace oa_stream::lane

#include "oa_stream/base/json.hpp"
#include "oa_stream/base/text.hpp"
#include "oa_stream/lane/id_map.hpp"

#include <fmt/format.h>

namespace oa_stream::lane {

namespace {

Result<ThreadRow> parse_row(const Json& value) {
    const auto owner = string_member(value, "owner");
    const auto id = string_member(value, "id");
    const auto thread = string_member(value, "thread");
    const auto seeded = int_member(value, "seeded").value_or(0);
    if (!owner || !id || !thread || id->empty() || thread->empty() || seeded < 0) {
        return fail(Code::config, "a row needs owner, id and thread");
    }
    return ThreadRow{
        std::string(*owner),
        std::string(*id),
        std::string(*thread),
        static_cast<std::size_t>(seeded)
    };
}

Result<std::vector<ThreadRow>> read_rows(std::string_view text) {
    OA_TRY(const auto file, parse_json(text));
    if (int_member(file, "version") != 1) {
        return fail(Code::config, "not a thread id map of version 1");
    }
    const auto* list = member(file, "threads");
    if (list == nullptr || !list->is_array()) {
        return fail(Code::config, "threads must be an array");
    }
    std::vector<ThreadRow> rows;
    rows.reserve(list->size());
    for (const auto& value : *list) {
        OA_TRY(auto row, parse_row(value));
        rows.push_back(std::move(row));
    }
    return rows;
}

} // namespace

// An array, not objects by id: looking members up in the JSON library is linear, so a map of n
// threads would take n² steps to read.
std::string format_rows(const std::vector<ThreadRow>& rows) {
    std::string out = R"({"version":1,"threads":[)";
    const char* separator = "\n";
    for (const auto& row : rows) {
        out += separator;
        out += "{\"owner\":";
        append_json_string(out, row.owner);
        out += ",\"id\":";
        append_json_string(out, row.id);
        out += ",\"thread\":";
        append_json_string(out, row.thread);
        fmt::format_to(std::back_inserter(out), ",\"seeded\":{}}}", row.seeded);
        separator = ",\n";
    }
    return out += "\n]}\n";
}

Result<std::vector<ThreadRow>> parse_rows(std::string_view text, std::string_view where) {
    auto rows = read_rows(text);
    if (!rows) {
        auto error = std::move(rows).error();
        error.code = Code::config;
        error.where = where;
        return std::unexpected(std::move(error));
    }
    return rows;
}

} // namespace oa_stream::lane

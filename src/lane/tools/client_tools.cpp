#include "client_tools.hpp"

#include "oa_stream/base/digest.hpp"
#include "oa_stream/base/json_members.hpp"
#include "oa_stream/base/lists.hpp"
#include "oa_stream/base/text.hpp"

#include "chats/request_extras.hpp"
#include "completions/completions_tools.hpp"
#include "tool_schema.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

namespace oa_stream::lane {

namespace {

using authority::ClientTool;

/// The types that AI SDK and assistant-ui use for a function of the page.
constexpr std::array<std::string_view, 4> k_types{"function", "dynamic", "frontend", "human"};
constexpr std::array<std::string_view, 7> k_members{
    "name", "title", "type", "description", "parameters", "inputSchema", "function"
};

/// A plain schema, or one serialised by AI SDK's jsonSchema(): {"jsonSchema": …}.
Accepted<Json> schema_in(const Json& tool, const std::string& path) {
    for (const auto* key : {"parameters", "inputSchema"}) {
        const auto* schema = given(tool, key);
        if (schema == nullptr) {
            continue;
        }
        const auto* inner = member(*schema, "jsonSchema");
        const Json& found = inner == nullptr ? *schema : *inner;
        if (!found.is_object()) {
            const auto place = fmt::format("{}.{}", path, key);
            return invalid_field(place, place + " must be a JSON Schema");
        }
        if (!found.empty()) {
            return found;
        }
    }
    return empty_schema();
}

/// Refuses tools that a provider runs.
Accepted<void> check_type(const Json& tool, const std::string& path) {
    const auto type = text_view_in(tool, "type");
    if (type.empty() || contains(k_types, type)) {
        return {};
    }
    return invalid_field(
        path,
        fmt::format(
            "{} is of type '{}': only functions that the page runs are taken",
            path,
            printable(type, 40)
        )
    );
}

void note_unread(const Json& tool, const std::string& name, std::vector<std::string>& unread) {
    for (const auto& [member, value] : tool.items()) {
        if (!contains(k_members, member) && !is_blank_member(&value)) {
            unread.push_back(fmt::format("tools.{}.{}", name, member));
        }
    }
}

Accepted<ClientTool> read_tool(std::string name, const Json& tool, const std::string& path) {
    if (!tool.is_object()) {
        return invalid_field(path, path + " must be an object");
    }
    if (!is_function_name(name) || is_too_long(name)) {
        return invalid_field(
            path,
            fmt::format(
                "the name of {} must be 1 to 64 letters, digits, '_' or '-', and at most 61 where "
                "Codex has tools with such a name",
                path
            )
        );
    }
    const auto* description = given(tool, "description");
    if (description != nullptr && !description->is_string()) {
        const auto place = path + ".description";
        return invalid_field(place, place + " must be a string");
    }
    OA_TRY(auto schema, schema_in(tool, path));
    return ClientTool{std::move(name), text_in(tool, "description"), std::move(schema)};
}

} // namespace

Accepted<std::vector<ClientTool>>
read_client_tools(const Json& tools, std::vector<std::string>& unread) {
    if (!tools.is_structured()) {
        return invalid_field("tools", "tools must be an object or an array");
    }
    if (tools.size() > k_most_tools) {
        return invalid_field("tools", fmt::format("there may be at most {} tools", k_most_tools));
    }
    std::vector<ClientTool> out;
    std::size_t at = 0;
    for (const auto& [key, entry] : tools.items()) {
        const auto path = tools.is_array() ? fmt::format("tools[{}]", at) : "tools." + key;
        ++at;
        OA_CHECK(check_type(entry, path));
        const auto* function = member(entry, "function");
        const Json& tool = function == nullptr ? entry : *function;
        OA_TRY(auto read, read_tool(tools.is_array() ? text_in(tool, "name") : key, tool, path));
        if (contains(out, read.name, &ClientTool::name)) {
            return invalid_field(path, path + " has the name of another tool");
        }
        note_unread(tool, read.name, unread);
        out.push_back(std::move(read));
    }
    return out;
}

std::string digest_of(std::vector<ClientTool> tools) {
    std::ranges::sort(tools, {}, &ClientTool::name);
    const Json all = json_list(tools, [](const ClientTool& tool) {
        return Json::array({tool.name, tool.description, tool.parameters});
    });
    return sha256_hex(dump_json(all)).substr(0, 32);
}

} // namespace oa_stream::lane

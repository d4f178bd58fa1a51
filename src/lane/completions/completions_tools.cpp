#include "completions_tools.hpp"

#include "oa_stream/authority/function_names.hpp"
#include "oa_stream/base/json_members.hpp"
#include "oa_stream/base/lists.hpp"
#include "oa_stream/base/text.hpp"

#include "completions_params.hpp"
#include "param_rows.hpp"
#include "tools/tool_schema.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>

namespace oa_stream::lane {

namespace {

using authority::ClientTool;
using authority::SeedCall;

constexpr std::string_view k_too_long =
    "at most 61 characters, because Codex has tools with such a name";

/// The members of a function that are read.
constexpr std::array<std::string_view, 5> k_members{
    "type", "name", "description", "parameters", "strict"
};

/// Where a function's members are: chat completions nest them one level deeper.
std::string_view inside_of(bool flat) {
    return flat ? "" : ".function";
}

/// The object with a function's members, for an entry of type function.
Accepted<const Json*> function_in(const Json& entry, const std::string& path, bool flat = false) {
    if (!entry.is_object()) {
        return bad("invalid_type", path, "an object");
    }
    const auto type = string_member(entry, "type").value_or("function");
    if (type != "function") {
        return unsupported_type("tools", type, path);
    }
    if (flat) {
        return &entry;
    }
    const auto* function = given(entry, "function");
    if (function == nullptr || !function->is_object()) {
        return bad("invalid_type", path + ".function", "an object");
    }
    return function;
}

Accepted<std::string> name_in(const Json& function, const std::string& path) {
    const auto name = string_member(function, "name").value_or("");
    if (!is_function_name(name)) {
        return bad("invalid_value", path + ".name", "1 to 64 letters, digits, '_' or '-'");
    }
    return std::string(name);
}

Accepted<ClientTool>
read_tool(const Json& entry, const std::string& path, bool flat, IgnoredNames& ignored) {
    OA_TRY(const auto function, function_in(entry, path, flat));
    const auto inside = path + std::string(inside_of(flat));
    OA_TRY(auto name, name_in(*function, inside));
    if (is_too_long(name)) {
        return bad("invalid_value", inside + ".name", k_too_long);
    }
    ClientTool tool{.name = std::move(name)};
    if (const auto* description = given(*function, "description")) {
        if (!description->is_string()) {
            return bad("invalid_type", inside + ".description", "a string");
        }
        tool.description = description->get<std::string>();
    }
    const auto* parameters = given(*function, "parameters");
    if (parameters != nullptr && !parameters->is_object()) {
        return bad("invalid_type", inside + ".parameters", "an object");
    }
    tool.parameters = parameters == nullptr || parameters->empty() ? empty_schema() : *parameters;
    const auto ignore = [&](std::string_view name) {
        ignored.add(fmt::format("tools{}.{}", inside_of(flat), name));
    };
    const auto* strict = given(*function, "strict");
    if (strict != nullptr && *strict == true) {
        ignore("strict");
    }
    if (!is_kept_whole(tool.parameters)) {
        ignore("parameters");
        loosen_tuples(tool.parameters);
    }
    for (const auto& [key, value] : function->items()) {
        const bool read = contains(k_members, key);
        if (!read && is_function_name(key) && !asks_nothing(value)) {
            ignore(key);
        }
    }
    return tool;
}

Accepted<void> read_list(const Json& list, bool flat, CompletionsRequest& out) {
    if (!list.is_array()) {
        return bad("invalid_type", "tools", "an array");
    }
    if (list.size() > k_most_tools) {
        return bad("invalid_value", "tools", fmt::format("at most {} tools", k_most_tools));
    }
    for (std::size_t i = 0; i < list.size(); ++i) {
        const auto path = fmt::format("tools[{}]", i);
        OA_TRY(auto tool, read_tool(list[i], path, flat, out.ignored));
        if (contains(out.tools, tool.name, &ClientTool::name)) {
            return bad(
                "invalid_value",
                fmt::format("{}{}.name", path, inside_of(flat)),
                "another name than those before"
            );
        }
        out.tools.push_back(std::move(tool));
    }
    return {};
}

/// Removes the functions that tool_choice does not allow.
Accepted<void>
keep(const Json& named, const std::string& path, bool flat, CompletionsRequest& out) {
    std::vector<ClientTool> kept;
    for (std::size_t i = 0; i < named.size(); ++i) {
        const auto place =
            named.size() == 1 && path == "tool_choice" ? path : fmt::format("{}[{}]", path, i);
        OA_TRY(const auto function, function_in(named[i], place, flat));
        const auto name = string_member(*function, "name").value_or("");
        const auto tool = std::ranges::find(out.tools, name, &ClientTool::name);
        if (tool == out.tools.end()) {
            return bad(
                "invalid_value",
                fmt::format("{}{}.name", place, inside_of(flat)),
                "the name of one of 'tools'"
            );
        }
        if (!contains(kept, name, &ClientTool::name)) { // copy each schema only once
            kept.push_back(*tool);
        }
    }
    out.tools = std::move(kept);
    return {};
}

Accepted<void> read_allowed(const Json& choice, bool flat, CompletionsRequest& out) {
    const auto* allowed = flat ? &choice : given(choice, "allowed_tools");
    const std::string path = flat ? "tool_choice" : "tool_choice.allowed_tools";
    const auto* named = allowed == nullptr ? nullptr : given(*allowed, "tools");
    if (named == nullptr || !named->is_array() || named->empty()) {
        return bad("invalid_value", path + ".tools", "a non-empty array");
    }
    const auto mode = string_member(*allowed, "mode").value_or("");
    if (mode != "auto" && mode != "required") {
        return bad("invalid_value", path + ".mode", "auto or required");
    }
    out.demands.must_call = mode == "required";
    return keep(*named, path + ".tools", flat, out);
}

Accepted<void> read_choice(const Json& choice, bool flat, CompletionsRequest& out) {
    const auto word = choice.is_string() ? choice.get<std::string>() : "";
    if (word == "none") {
        out.tools.clear();
        return {};
    }
    if (word == "auto") {
        return {};
    }
    if (out.tools.empty()) {
        return bad("invalid_value", "tool_choice", "none or auto without 'tools'");
    }
    if (word == "required") {
        out.demands.must_call = true;
        return {};
    }
    if (choice.is_object() && string_member(choice, "type") == "function") {
        out.demands.must_call = true;
        return keep(Json::array({choice}), "tool_choice", flat, out);
    }
    if (choice.is_object() && string_member(choice, "type") == "allowed_tools") {
        return read_allowed(choice, flat, out);
    }
    return bad("invalid_value", "tool_choice", "none, auto, required or one of 'tools'");
}

/// Adds what tool_choice demands to the instructions; the answer is checked for it, too.
void demand_call(CompletionsRequest& out) {
    out.instructions += out.instructions.empty() ? "" : "\n\n";
    out.instructions +=
        out.tools.size() == 1
            ? fmt::format(
                  "Call the function {} now.", authority::name_for_codex(out.tools.front().name)
              )
            : "Call at least one of your functions now.";
    out.instructions += " Do not answer without a call.";
}

} // namespace

bool is_function_name(std::string_view name) noexcept {
    return name.size() <= authority::k_longest_function_name && is_plain_word(name, "_-");
}

bool is_too_long(std::string_view name) {
    return authority::name_for_codex(name).size() > authority::k_longest_function_name;
}

Accepted<void>
read_tools(const Json& body, const CompletionsContext& context, CompletionsRequest& out) {
    OA_TRY(const bool several, read_flag(body, "parallel_tool_calls", true));
    const bool one_call = !several;
    if (!context.tools) {
        if (one_call) {
            out.ignored.add("parallel_tool_calls");
        }
        return {};
    }
    out.demands.one_call = one_call;
    if (const auto* list = given(body, "tools")) {
        OA_CHECK(read_list(*list, context.flat_tools, out));
    }
    if (const auto* choice = given(body, "tool_choice")) {
        OA_CHECK(read_choice(*choice, context.flat_tools, out));
    }
    return {};
}

void tell_demands(CompletionsRequest& request) {
    if (request.demands.must_call) {
        demand_call(request);
    } else if (request.demands.json_object) {
        request.instructions += request.instructions.empty() ? "" : "\n\n";
        request.instructions +=
            "Answer with one JSON object and nothing else: no other text and no "
            "Markdown around it.";
    }
}

Accepted<std::vector<SeedCall>> read_tool_calls(const Json& message, const std::string& path) {
    std::vector<SeedCall> calls;
    const auto* list = given(message, "tool_calls");
    if (list == nullptr) {
        return calls;
    }
    const auto place = path + ".tool_calls";
    if (!list->is_array()) {
        return bad("invalid_type", place, "an array");
    }
    for (std::size_t i = 0; i < list->size(); ++i) {
        const auto at = fmt::format("{}[{}]", place, i);
        OA_TRY(const auto function, function_in((*list)[i], at));
        const auto id = string_member((*list)[i], "id").value_or("");
        if (id.empty()) {
            return bad("invalid_value", at + ".id", "the id of the call");
        }
        OA_TRY(auto name, name_in(*function, at + ".function"));
        const auto arguments = string_member(*function, "arguments");
        if (!arguments) {
            return bad("invalid_type", at + ".function.arguments", "a string");
        }
        calls.push_back({std::string(id), std::move(name), std::string(*arguments)});
    }
    return calls;
}

Accepted<void> OpenCalls::made(const std::vector<SeedCall>& calls, const std::string& path) {
    OA_CHECK(none_open());
    path_ = path;
    for (const auto& call : calls) {
        if (!open_.insert(call.id).second) {
            return bad("invalid_value", path, "calls with ids of their own");
        }
    }
    return {};
}

Accepted<void> OpenCalls::answered(std::string_view call, const std::string& path) {
    const auto found = open_.find(call);
    if (found == open_.end()) {
        return bad("invalid_value", path, "the id of a call right before it, answered once");
    }
    open_.erase(found);
    return {};
}

Accepted<void> OpenCalls::none_open() const {
    if (open_.empty()) {
        return {};
    }
    return bad(
        "invalid_value",
        path_,
        fmt::format(
            "followed by the result of each call; missing: {}",
            printable(fmt::format("{}", fmt::join(open_, ", ")), 200)
        )
    );
}

} // namespace oa_stream::lane

#include "codex_events_items.hpp"

#include "oa_stream/authority/function_names.hpp"
#include "oa_stream/base/json_members.hpp"
#include "oa_stream/base/lists.hpp"
#include "oa_stream/base/text.hpp"

#include <fmt/format.h>

#include <array>
#include <cstdint>

namespace oa_stream::authority::codex {
namespace {

constexpr std::size_t k_name_limit = 64; // model providers' limit for tool names
constexpr std::size_t k_id_limit = 100;  // leaves room for "-<n>" within 128

[[nodiscard]] bool wire_char(char c) noexcept {
    return is_alnum(c) || c == '_' || c == '-';
}

[[nodiscard]] std::string cleaned(std::string_view text, std::size_t limit) {
    std::string out(text.substr(0, limit));
    for (char& c : out) {
        c = wire_char(c) ? c : '_';
    }
    return out;
}

/// FNV-1a, 32 bits, as hex: distinguishes two ids whose cleaned forms are equal.
[[nodiscard]] std::string short_hash(std::string_view text) {
    std::uint32_t hash = 2166136261U;
    for (const char c : text) {
        hash = (hash ^ static_cast<unsigned char>(c)) * 16777619U;
    }
    return fmt::format("{:08x}", hash);
}

/// Makes paths under the thread's folder relative: clients do not need this machine's layout.
[[nodiscard]] std::string relative_path(std::string_view path, std::string_view cwd) {
    while (cwd.size() > 1 && cwd.ends_with('/')) {
        cwd.remove_suffix(1);
    }
    const bool under = !cwd.empty() && path.size() > cwd.size() + 1 && path.starts_with(cwd) &&
                       path[cwd.size()] == '/';
    return std::string(under ? path.substr(cwd.size() + 1) : path);
}

/// One word quoted as a POSIX shell would read it; nullopt unless `text` is exactly one word.
[[nodiscard]] std::optional<std::string> unquote_word(std::string_view text) {
    std::string out;
    char quote = '\0';
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (quote == '\0' && (c == ' ' || c == '\t' || c == '\n')) {
            return std::nullopt;
        }
        if (c == quote) {
            quote = '\0';
        } else if (quote == '\0' && (c == '\'' || c == '"')) {
            quote = c;
        } else if (c == '\\' && quote != '\'' && i + 1 < text.size()) {
            const char next = text[++i];
            constexpr std::string_view k_special = "$`\"\\\n";
            if (quote == '"' && k_special.find(next) == std::string_view::npos) {
                out += c;
            }
            out += next;
        } else {
            out += c;
        }
    }
    return quote == '\0' && !text.empty() ? std::optional(std::move(out)) : std::nullopt;
}

/// Only a shell in a system folder: the model chooses the program and may name its own one bash.
[[nodiscard]] bool is_shell(std::string_view program) {
    constexpr std::array<std::string_view, 4> k_folders{
        "", "/bin/", "/usr/bin/", "/usr/local/bin/"
    };
    constexpr std::array<std::string_view, 3> k_names{"bash", "sh", "zsh"};
    const std::size_t name = program.find_last_of('/') + 1;
    return contains(k_folders, program.substr(0, name)) && contains(k_names, program.substr(name));
}

[[nodiscard]] std::optional<std::string> inside_shell(std::string_view command) {
    for (const std::string_view flag : {" -lc ", " -c "}) { // a login shell or none
        const std::size_t at = command.find(flag);
        if (at != std::string_view::npos && is_shell(command.substr(0, at))) {
            return unquote_word(command.substr(at + flag.size()));
        }
    }
    return std::nullopt;
}

// --- inputs ---------------------------------------------------------------------------------

[[nodiscard]] std::optional<Json> shell_input(const Json& item, std::string_view cwd) {
    Json input = {{"command", bare_command(item)}};
    // The folder alone can make a command dangerous, so it is shown if it is not the thread's.
    const std::string folder = text_in(item, "cwd");
    if (!folder.empty() && !cwd.empty() && folder != cwd) {
        input["cwd"] = relative_path(folder, cwd);
    }
    return input;
}

[[nodiscard]] std::optional<Json> patch_input(const Json& item, std::string_view cwd) {
    Json changes = Json::array();
    for (const Json& change : list_in(item, "changes")) {
        Json out = {{"path", relative_path(text_in(change, "path"), cwd)}};
        const Json& kind = object_in(change, "kind");
        out["kind"] = text_in(kind, "type");
        if (const std::string moved = text_in(kind, "move_path"); !moved.empty()) {
            out["movePath"] = relative_path(moved, cwd);
        }
        out["diff"] = text_in(change, "diff");
        changes.push_back(std::move(out));
    }
    if (changes.empty() && text_in(item, "status") == "inProgress") {
        return std::nullopt;
    }
    return Json{{"changes", std::move(changes)}};
}

[[nodiscard]] std::optional<Json> arguments_input(const Json& item, std::string_view /*cwd*/) {
    const Json* arguments = member(item, "arguments");
    return arguments == nullptr || arguments->is_null() ? Json::object() : *arguments;
}

/// A search starts with an empty query and action "other"; the real values arrive at its end.
[[nodiscard]] std::optional<Json> search_input(const Json& item, std::string_view /*cwd*/) {
    const Json& action = object_in(item, "action");
    const std::string kind = text_in(action, "type");
    if (text_in(item, "query").empty() && (kind.empty() || kind == "other")) {
        return std::nullopt;
    }
    Json input = {{"query", text_in(item, "query")}};
    if (!kind.empty()) {
        input["action"] = kind;
        copy_member(input, action, "queries");
        copy_member(input, action, "url");
        copy_member(input, action, "pattern");
    }
    return input;
}

/// Omits the thread ids of sub-agents: those threads do not belong to the client.
[[nodiscard]] std::optional<Json> agent_input(const Json& item, std::string_view /*cwd*/) {
    Json input = Json::object();
    copy_member(input, item, "prompt");
    copy_member(input, item, "model");
    return input;
}

// --- results --------------------------------------------------------------------------------

[[nodiscard]] std::string joined_text(const Json* content) {
    std::string out;
    if (content != nullptr && content->is_array()) {
        for (const Json& piece : *content) {
            if (const auto text = string_member(piece, "text"); text && !text->empty()) {
                out.append(out.empty() ? "" : "\n").append(*text);
            }
        }
    }
    return out;
}

/// A command that ran has an output whatever its exit code. The text must stay visible, and a
/// non-zero exit (grep without a match) is not a tool failure.
[[nodiscard]] turn::Event shell_result(std::string call, const Json& item) {
    const std::string output = text_in(item, "aggregatedOutput");
    const auto exit_code = int_member(item, "exitCode");
    const std::string status = text_in(item, "status");
    if (!exit_code && status != "completed") {
        std::string text =
            status == "declined" ? "The command was declined." : "The command could not be run.";
        return turn::ToolFailed{std::move(call), output.empty() ? text : text + "\n\n" + output};
    }
    Json result = {{"output", output}};
    if (exit_code) {
        result["exitCode"] = *exit_code;
    }
    if (const auto took = int_member(item, "durationMs")) {
        result["durationMs"] = *took;
    }
    return turn::ToolOutput{std::move(call), std::move(result)};
}

[[nodiscard]] turn::Event patch_result(std::string call, const Json& item) {
    const std::string status = text_in(item, "status");
    if (status == "declined") {
        return turn::ToolFailed{std::move(call), "The change was declined."};
    }
    if (status == "failed") {
        return turn::ToolFailed{std::move(call), "The change could not be applied."};
    }
    return turn::ToolOutput{std::move(call), Json{{"status", "completed"}}};
}

/// An error's text can contain anything (paths, hosts); only this known one is passed on.
[[nodiscard]] std::string mcp_failure(const Json& item) {
    if (std::string content = joined_text(member(object_in(item, "result"), "content"));
        !content.empty()) {
        return content; // the tool's own answer, as in a success
    }
    return text_view_in(object_in(item, "error"), "message").contains("requires approval")
               ? "The call needed an approval that is not given here."
               : "The call failed.";
}

[[nodiscard]] turn::Event mcp_result(std::string call, const Json& item) {
    if (text_in(item, "status") == "failed") {
        return turn::ToolFailed{std::move(call), mcp_failure(item)};
    }
    const Json& result = object_in(item, "result");
    Json output = Json::object();
    copy_member(output, result, "content");
    copy_member(output, result, "structuredContent"); // _meta is between server and host
    return turn::ToolOutput{std::move(call), std::move(output)};
}

[[nodiscard]] turn::Event dynamic_result(std::string call, const Json& item) {
    const Json* content = member(item, "contentItems");
    if (content == nullptr || !content->is_array()) {
        return turn::ToolFailed{std::move(call), "The call failed."};
    }
    Json output = {{"content", *content}};
    copy_member(output, item, "success");
    return turn::ToolOutput{std::move(call), std::move(output)};
}

[[nodiscard]] turn::Event search_result(std::string call, const Json& item) {
    Json output = {{"status", "completed"}};
    copy_member(output, item, "results");
    return turn::ToolOutput{std::move(call), std::move(output)};
}

[[nodiscard]] turn::Event agent_result(std::string call, const Json& item) {
    const std::string status = text_in(item, "status");
    if (status == "failed" || status == "interrupted") {
        return turn::ToolFailed{std::move(call), "The agent did not finish."};
    }
    return turn::ToolOutput{std::move(call), Json{{"status", "completed"}}};
}

// --- the table ------------------------------------------------------------------------------

struct ToolKind {
    std::string_view type;
    std::string_view name; ///< empty: `scope__tool` of the item
    std::string_view scope; ///< the member with the scope, or a fixed word
    std::optional<Json> (*input)(const Json&, std::string_view);
    turn::Event (*result)(std::string, const Json&);
};
constexpr std::array k_tools{
    ToolKind{"commandExecution", "shell", "", shell_input, shell_result},
    ToolKind{"fileChange", "apply_patch", "", patch_input, patch_result},
    ToolKind{"mcpToolCall", "", "server", arguments_input, mcp_result},
    ToolKind{"dynamicToolCall", "", "namespace", arguments_input, dynamic_result},
    ToolKind{"webSearch", "web_search", "", search_input, search_result},
    ToolKind{"collabAgentToolCall", "", "agent", agent_input, agent_result},
};

[[nodiscard]] const ToolKind* tool_kind(std::string_view type) noexcept {
    return find_or_null(k_tools, type, &ToolKind::type);
}

} // namespace

ItemKind kind_of(std::string_view item_type) noexcept {
    if (item_type == "agentMessage") {
        return ItemKind::message;
    }
    if (item_type == "reasoning") {
        return ItemKind::reasoning;
    }
    if (item_type == "plan") {
        return ItemKind::plan;
    }
    if (item_type == "contextCompaction") {
        return ItemKind::compaction;
    }
    return tool_kind(item_type) != nullptr ? ItemKind::tool : ItemKind::nothing;
}

namespace {

/// Whether the id ends like the ids that call_id() makes for later occurrences. Keeps ids distinct
/// when a provider uses both "x" and "x-2".
bool ends_like_ours(std::string_view id) {
    const auto digits = id.size() - 1 - id.find_last_not_of("0123456789");
    return digits > 0 && digits < 4 && digits < id.size() && id[id.size() - digits - 1] == '-';
}

} // namespace

bool is_occurrence_of(std::string_view call, std::string_view first) {
    return call == first || (ends_like_ours(call) && call.substr(0, call.rfind('-')) == first);
}

std::string call_id(std::string_view item_id, int occurrence) {
    std::string id = cleaned(item_id, k_id_limit);
    if (id != item_id || id.empty() || ends_like_ours(id)) {
        id.append("-").append(short_hash(item_id));
    }
    if (occurrence > 1) {
        id.append("-").append(std::to_string(occurrence));
    }
    return id;
}

turn::TextPhase phase_of(const Json& item) {
    return turn::text_phase_of(text_view_in(item, "phase"));
}

std::string reasoning_text(const Json& item) {
    std::string out;
    for (const std::string_view key : {"summary", "content"}) {
        for (const Json& piece : list_in(item, key)) {
            if (piece.is_string() && !piece.get_ref<const std::string&>().empty()) {
                out.append(out.empty() ? "" : k_reasoning_break);
                out += piece.get_ref<const std::string&>();
            }
        }
    }
    return out;
}

std::string tool_name(const Json& item) {
    const ToolKind* kind = tool_kind(string_member(item, "type").value_or(""));
    if (kind == nullptr) {
        return "tool";
    }
    if (!kind->name.empty()) {
        return std::string(kind->name);
    }
    std::string scope = kind->scope == "agent" ? "agent" : text_in(item, kind->scope);
    std::string tool = text_in(item, "tool");
    if (scope.empty() && kind->type == "dynamicToolCall") {
        tool = name_for_client(tool);
    }
    std::string name = cleaned(scope.empty() ? tool : scope + "__" + tool, k_name_limit);
    return name.empty() ? "tool" : name;
}

std::optional<Json> tool_input(const Json& item, std::string_view cwd) {
    const ToolKind* kind = tool_kind(string_member(item, "type").value_or(""));
    return kind == nullptr ? Json::object() : kind->input(item, cwd);
}

turn::Event tool_result(std::string call, const Json& item) {
    const ToolKind* kind = tool_kind(string_member(item, "type").value_or(""));
    if (kind == nullptr) {
        return turn::ToolOutput{std::move(call), Json::object()};
    }
    return kind->result(std::move(call), item);
}

turn::Note plan_note(const Json& item, int occurrence) {
    return turn::Note{
        "proposed-plan",
        call_id(string_member(item, "id").value_or(""), occurrence),
        false,
        Json{{"text", text_in(item, "text")}}
    };
}

std::string bare_command(const Json& item) {
    std::string command = text_in(item, "command");
    const bool is_input = text_view_in(item, "kind") == "writeStdin"; // input for a running command
    auto inside = is_input ? std::nullopt : inside_shell(command);
    return inside ? *std::move(inside) : command;
}

} // namespace oa_stream::authority::codex

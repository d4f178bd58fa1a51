#include "codex_approval_details.hpp"

#include "oa_stream/base/json_members.hpp"
#include "oa_stream/base/utf8.hpp"

#include "codex/events/codex_events_items.hpp"

#include <algorithm>
#include <filesystem>
#include <string>
#include <system_error>
#include <utility>

namespace oa_stream::authority {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view k_outside = "outside";
constexpr std::string_view k_inside = "inside";
constexpr std::string_view k_extended = "extended";

void copy_some(Json& to, const Json& from, std::string_view key) {
    const Json* value = member(from, key);
    if (value != nullptr && !value->is_null() && !(value->is_string() && value->empty())) {
        to[std::string(key)] = *value;
    }
}

/// nullopt: `path` is not below `folder`; ".": it is the folder itself.
std::optional<std::string> below(const fs::path& path, const fs::path& folder) {
    const fs::path rest = path.lexically_relative(folder);
    if (folder.empty() || rest.empty() || *rest.begin() == "..") {
        return std::nullopt;
    }
    return rest.string();
}

struct Seen {
    std::string path;     ///< as shown to the person
    std::string led_to{}; ///< target, if symbolic links lead elsewhere
    bool outside = false; ///< outside the work folder after following links
};

/// The lane and its child use the same file system, so links have the same target for both.
fs::path without_links(const fs::path& path) {
    std::error_code failed;
    fs::path real = fs::weakly_canonical(path, failed);
    return failed ? path : real;
}

fs::path whole(const fs::path& path) {
    fs::path plain = path.lexically_normal();
    return plain.has_filename() ? plain : plain.parent_path(); // "/a/b/" is "/a/b"
}

Seen look_at(const std::string& path, const fs::path& work) {
    const fs::path asked = work / path; // an absolute path stays as it is
    const fs::path given = whole(asked);
    // The real path decides: ".." after a link is the parent of the link's target.
    const fs::path real = without_links(asked);
    const auto near = below(given, whole(work));
    const auto real_near = below(real, without_links(work));
    Seen seen{.path = near.value_or(given.string()), .outside = !real_near};
    const std::string real_path = real_near.value_or(real.string());
    if (real_path != seen.path) {
        seen.led_to = real_path;
    }
    return seen;
}

void add_cwd(Json& details, const Json& params, const ApprovalPlace& place) {
    const std::string cwd = text_in(params, "cwd");
    const Seen seen = look_at(cwd.empty() ? place.work.string() : cwd, place.work);
    details["cwd"] = seen.path;
    if (!seen.led_to.empty()) {
        details["cwdRealPath"] = seen.led_to;
    }
    details["cwdOutsideWorkFolder"] = seen.outside;
}

void add_sandbox(Json& details, std::string_view sandbox, Json network) {
    details["sandbox"] = sandbox;
    details["network"] = std::move(network);
}

Json any_network() {
    return Json::object({{"access", "any"}});
}

/// Codex names one host or the additional permissions; otherwise the question is to run the command
/// without the sandbox.
void add_command_sandbox(Json& details, const Json& params, const ApprovalPlace& place) {
    const Json* host = place.sandboxed ? member(params, "networkApprovalContext") : nullptr;
    const Json* more = place.sandboxed ? member(params, "additionalPermissions") : nullptr;
    if (host != nullptr && host->is_object()) {
        Json network = Json::object({{"access", "host"}});
        copy_some(network, *host, "host");
        copy_some(network, *host, "protocol");
        add_sandbox(details, k_inside, std::move(network));
    } else if (more != nullptr && more->is_object()) {
        const bool on = bool_member(object_in(*more, "network"), "enabled").value_or(false);
        add_sandbox(details, k_extended, Json::object({{"access", on ? "any" : "as-before"}}));
        details["permissions"] = *more;
    } else {
        add_sandbox(details, k_outside, any_network());
    }
}

Json command_details(const Json& params, const ApprovalPlace& place) {
    const bool input = text_view_in(params, "kind") == "writeStdin";
    Json details = Json::object({{"kind", input ? "command-input" : "command"}});
    details["command"] = codex::bare_command(params);
    details["commandLine"] = text_in(params, "command"); // includes the shell that runs it
    add_cwd(details, params, place);
    copy_some(details, params, "reason");
    add_command_sandbox(details, params, place);
    return details;
}

Json file_details(const Json& params, const ApprovalPlace& place) {
    Json details = Json::object({{"kind", "file-change"}});
    copy_some(details, params, "reason");
    if (const std::string root = text_in(params, "grantRoot"); !root.empty()) {
        details["writeRoot"] = look_at(root, place.work).path;
    }
    details["sandbox"] = k_outside; // inside the sandbox Codex does not ask
    details["files"] = Json::array();
    return details;
}

Json permission_details(const Json& params, const ApprovalPlace& place) {
    Json details = Json::object({{"kind", "permissions"}});
    copy_some(details, params, "reason");
    add_cwd(details, params, place);
    details["sandbox"] = k_extended;
    details["permissions"] = Json::object();
    if (const Json* wanted = member(params, "permissions"); wanted != nullptr) {
        copy_some(details["permissions"], *wanted, "fileSystem");
        copy_some(details["permissions"], *wanted, "network");
    }
    return details;
}

/// An MCP server runs outside Codex's sandbox.
Json mcp_details(const Json& params) {
    Json details = Json::object({{"kind", "mcp-call"}, {"server", text_in(params, "serverName")}});
    const Json* meta = member(params, "_meta");
    if (meta == nullptr) {
        return details;
    }
    details["tool"] = text_in(*meta, "tool_name");
    const Json* arguments = member(*meta, "tool_params");
    details["arguments"] = arguments == nullptr ? Json::object() : *arguments;
    if (const std::string text = text_in(*meta, "tool_description"); !text.empty()) {
        details["description"] = text;
    }
    copy_some(details, params, "message");
    if (const Json* hints = member(*meta, "tool_annotations"); hints != nullptr) {
        for (const char* hint : {"readOnlyHint", "destructiveHint", "openWorldHint"}) {
            copy_some(details, *hints, hint);
        }
    }
    add_sandbox(details, k_outside, any_network());
    return details;
}

/// At most `limit` bytes of `text`, cut between characters.
std::string cut(const std::string& text, std::size_t limit) {
    return std::string(cut_at_code_point(text, limit));
}

void add_place(
    Json& file,
    const Json& from,
    std::string_view key,
    std::string_view as,
    const ApprovalPlace& place
) {
    const std::string path = text_in(from, key);
    if (path.empty()) {
        return;
    }
    const Seen seen = look_at(path, place.work);
    file[std::string(as)] = seen.path;
    if (!seen.led_to.empty()) {
        file[as == "path" ? "realPath" : "moveRealPath"] = seen.led_to;
    }
    const bool before = bool_member(file, "outsideWorkFolder").value_or(false);
    file["outsideWorkFolder"] = before || seen.outside;
}

Json file_of(const Json& change, std::size_t& left, const ApprovalPlace& place) {
    Json file = Json::object();
    add_place(file, change, "path", "path", place);
    const Json& kind = object_in(change, "kind");
    file["kind"] = text_in(kind, "type");
    add_place(file, kind, "move_path", "movePath", place);
    const std::string diff = text_in(change, "diff");
    std::string shown = cut(diff, std::min(left, k_diff_bytes));
    left -= shown.size();
    if (shown.size() < diff.size()) {
        file["diffBytes"] = diff.size();
    }
    file["diff"] = std::move(shown);
    return file;
}

} // namespace

Json approval_details(std::string_view method, const Json& params, const ApprovalPlace& place) {
    if (method == "item/commandExecution/requestApproval") {
        return command_details(params, place);
    }
    if (method == "item/fileChange/requestApproval") {
        return file_details(params, place);
    }
    return method == "item/permissions/requestApproval" ? permission_details(params, place)
                                                        : mcp_details(params);
}

void add_files(Json& details, const Json& changes, const ApprovalPlace& place) {
    if (!changes.is_array()) {
        return;
    }
    Json files = Json::array();
    std::size_t left = k_diffs_bytes;
    for (const Json& change : changes) {
        files.push_back(file_of(change, left, place));
    }
    details["files"] = std::move(files);
}

} // namespace oa_stream::authority

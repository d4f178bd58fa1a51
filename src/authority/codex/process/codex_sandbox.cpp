#include "codex_sandbox.hpp"

#include "oa_stream/base/child.hpp"
#include "oa_stream/base/file.hpp"
#include "oa_stream/base/json_members.hpp"
#include "oa_stream/base/option_names.hpp"
#include "oa_stream/base/text.hpp"
#include "oa_stream/base/url.hpp"

#include "codex_toml.hpp"

#include <fmt/format.h>

#include <sstream>
#include <system_error>

namespace oa_stream::authority {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t k_most_paths = 200; ///< paths per check: an argument list has a size limit
constexpr std::string_view k_checked = "checked";
constexpr std::string_view k_readable = "readable ";
constexpr std::string_view k_unwritable = "unwritable";

constexpr std::string_view k_script = R"(for path in "$@"; do
if head -c 1 -- "$path" >/dev/null 2>&1 || ls -A -- "$path/" >/dev/null 2>&1
then printf 'readable %s\n' "$path"; fi; done
[ -w . ] || echo unwritable
echo checked
)";

fs::path resolved(const fs::path& path) {
    std::error_code failed;
    fs::path real = fs::canonical(path, failed);
    return failed ? fs::path{} : real;
}

/// Codex runs itself and its helpers inside the sandbox. Their root is the npm package, the folder
/// it was unpacked to, or the executable alone.
fs::path program_root(const fs::path& program) {
    const fs::path real = resolved(find_program(program.string()));
    for (fs::path at = real; at.has_relative_path(); at = at.parent_path()) {
        if (at.filename() == "@openai" && at.parent_path().filename() == "node_modules") {
            return at;
        }
    }
    const fs::path unpacked = real.parent_path().parent_path();
    std::error_code failed;
    return fs::is_directory(unpacked / "codex-resources", failed) ? unpacked : real;
}

std::string entry(const fs::path& path, std::string_view access) {
    return fmt::format("{} = \"{}\"\n", toml_string(path.string()), access);
}

bool is_file(const fs::path& path) {
    std::error_code failed;
    return fs::is_regular_file(path, failed);
}

} // namespace

std::string owner_folder(std::string_view owner) {
    std::string folder = percent_encode(owner);
    if (folder.starts_with('.')) { // "." and "..", and hidden folders
        folder.replace(0, 1, "%2E");
    }
    return folder.empty() ? "%" : folder; // no owner's name becomes this
}

bool runs_commands(const CodexOptions& options) {
    if (!options.config_file) {
        return options.profile == CodexProfile::agent;
    }
    const auto text = read_file(*options.config_file, 1U << 20U);
    if (!text) {
        return true;
    }
    const ConfigFacts facts = read_config_facts(*text);
    return facts.permissions || (facts.sandbox_mode && facts.sandbox_mode != "read-only") ||
           options.profile == CodexProfile::agent;
}

std::string sandbox_tables(const CodexOptions& options, const fs::path& command_home) {
    std::string out = "\n[shell_environment_policy]\ninherit = \"core\"\n";
    if (!command_home.empty()) {
        out += fmt::format("set = {{ HOME = {} }}\n", toml_string(command_home.string()));
    }
    // TMPDIR belongs to this child; /tmp is shared with other users.
    out += fmt::format(
        "\n[permissions.{}.filesystem]\n\":minimal\" = \"read\"\n"
        "\":project_roots\" = \"write\"\n\":tmpdir\" = \"write\"\n",
        k_permissions
    );
    if (const fs::path root = program_root(options.program); !root.empty()) {
        out += entry(root, "read");
    }
    for (const fs::path& folder : options.read_dirs) {
        out += entry(folder, "read");
    }
    for (const fs::path& file : options.hidden) {
        if (is_file(file)) { // codex cannot hide a missing file, and need not
            out += entry(file, "deny");
        }
    }
    return out + fmt::format("\n[permissions.{}.network]\nenabled = false\n", k_permissions);
}

bool needs_sandbox_check(const CodexOptions& options) {
    return options.config_file ? options.confined : options.profile == CodexProfile::agent;
}

Json sandbox_check_params(const CodexHome& home, const CodexOptions& options) {
    Json command = Json::array({"/bin/sh", "-c", k_script, "check"});
    command.push_back((home.home / "config.toml").string());
    for (const auto& list : {options.hidden, options.shut}) {
        for (const fs::path& path : list) {
            if (is_there(path) && command.size() < k_most_paths) {
                command.push_back(path.string());
            }
        }
    }
    Json params = Json::object({{"command", std::move(command)}});
    params["cwd"] = home.work.string();
    return params;
}

Result<void> judge_sandbox_check(const Json& result) {
    const std::string out = text_in(result, "stdout");
    std::istringstream lines(out);
    bool checked = false;
    for (std::string line; std::getline(lines, line);) {
        if (line.starts_with(k_readable)) {
            return fail(
                Code::precondition,
                "a command in Codex's sandbox can read what it must not",
                line.substr(k_readable.size()),
                "keep work folders apart from the state directory, tokens and each other"
            );
        }
        if (line == k_unwritable) {
            return fail(Code::precondition, "a command cannot write to its work folder");
        }
        checked = checked || line == k_checked;
    }
    if (!checked) {
        return fail(
            Code::precondition,
            fmt::format(
                "Codex's sandbox cannot run a command here: {}",
                printable(trim(text_in(result, "stderr")), 200)
            ),
            {},
            fmt::format(
                "allow user namespaces to the lane's user, in a unit as docs/install.md says, or "
                "use {} chat",
                names::codex_profile
            )
        );
    }
    return {};
}

} // namespace oa_stream::authority

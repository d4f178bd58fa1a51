// Playbook files: reads YAML with variables into a Playbook, and explains playbooks.
#pragma once

#include "oa_stream/base/json.hpp"
#include "oa_stream/config/problems.hpp"
#include "oa_stream/config/variables.hpp"
#include "oa_stream/playbook/playbook.hpp"

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace oa_stream::playbook {

/// One row of the `variables:` list.
struct Variable {
    std::string name;
    std::optional<std::string> fallback{}; ///< unset: a value is required
    std::string help{};
};

enum class Unset {
    refuse, ///< a run: every required variable must have a value
    keep, ///< for display: variables stay "${name}", and whatever depends on them is not judged
};

struct Loaded {
    std::string file; ///< name for messages
    std::vector<Variable> variables{};
    std::vector<std::string> unset{}; ///< required ones without a value (Unset::keep only)
    std::optional<Playbook> playbook{}; ///< set exactly when there are no problems
    std::vector<config::Problem> problems{}; ///< by position; at most config::Problems::k_most
};

/// Reads and validates. Never fails: all errors are in `problems`, including those in --set.
[[nodiscard]] Loaded
load_playbook(std::string_view text, std::string_view file, const config::Values& set, Unset unset);

/// The same for a run; returns the first problem as the error.
[[nodiscard]] Result<Playbook>
read_playbook(std::string_view text, std::string_view file, const config::Values& set);

/// The kind that a file states; reads nothing else, because the rest may still need values. Unset:
/// the file states none, or uses a variable.
[[nodiscard]] std::optional<Kind> stated_kind(std::string_view text);

struct NamedText {
    std::string file; ///< path, or "cutover" for a built-in one
    std::string text;
};
/// Finds a shipped playbook by its name ("cutover"); anything with a slash or ending in .yaml or
/// .yml is a file. Code::unreadable; Code::usage with the nearest name.
[[nodiscard]] Result<NamedText> find_playbook(std::string_view name);

struct ShippedPlaybook {
    std::string_view name; ///< file name without ".yaml"
    std::string_view text;
};
/// The playbooks of playbooks/, embedded in the binary at build time.
[[nodiscard]] std::span<const ShippedPlaybook> shipped_playbooks() noexcept;
/// By its name, or by the name of its kind and driver: "cutover-cloud-run" is shipped as "cutover".
/// nullptr: not found.
[[nodiscard]] const ShippedPlaybook* shipped_playbook(std::string_view name);

/// Describes each step of the playbook in plain sentences.
[[nodiscard]] std::string explain(const Playbook& playbook);

/// Both are generated from the table that reads the files: playbooks/playbook.schema.json and
/// docs/playbooks.md.
[[nodiscard]] Json playbook_schema();
[[nodiscard]] std::string playbook_page();

} // namespace oa_stream::playbook

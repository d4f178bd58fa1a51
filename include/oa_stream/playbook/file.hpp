// Playbook files: YAML with variables → Playbook, and what they say.
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
    std::optional<std::string> fallback{}; ///< unset: must be given
    std::string help{};
};

enum class Unset {
    refuse, ///< a run: every required variable must have a value
    keep,   ///< a look: they stay "${name}" and what depends on them is not judged
};

struct Loaded {
    std::string file;                 ///< as in messages
    std::vector<Variable> variables{};
    std::vector<std::string> unset{}; ///< required ones without a value (Unset::keep only)
    std::optional<Playbook> playbook{}; ///< set exactly when there are no problems
    std::vector<config::Problem> problems{}; ///< by position; at most config::Problems::k_most
};

/// Reads and validates; never fails: what is wrong is in `problems`, --set mistakes included.
[[nodiscard]] Loaded
load_playbook(std::string_view text, std::string_view file, const config::Values& set, Unset unset);

/// The same for a run: the first problem as the error.
[[nodiscard]] Result<Playbook>
read_playbook(std::string_view text, std::string_view file, const config::Values& set);

/// The kind that a file states, of which nothing else is read: what it needs comes later. Unset: it
/// states none, or by a variable.
[[nodiscard]] std::optional<Kind> stated_kind(std::string_view text);

struct NamedText {
    std::string file; ///< path, or "cutover" for one that is built in
    std::string text;
};
/// A shipped playbook by its name ("cutover"), anything with a slash or ending in .yaml or .yml as
/// a file. Code::unreadable; Code::usage with the nearest name.
[[nodiscard]] Result<NamedText> find_playbook(std::string_view name);

struct ShippedPlaybook {
    std::string_view name; ///< of the file without ".yaml"
    std::string_view text;
};
/// Those of playbooks/, put into the binary when it is built.
[[nodiscard]] std::span<const ShippedPlaybook> shipped_playbooks() noexcept;
/// By its name, also by that of its kind and its driver: "cutover-cloud-run" is shipped as
/// "cutover". nullptr: none has it.
[[nodiscard]] const ShippedPlaybook* shipped_playbook(std::string_view name);

/// What it will do, step by step, in plain sentences.
[[nodiscard]] std::string explain(const Playbook& playbook);

/// Both are made from the table that reads the files: playbooks/playbook.schema.json and
/// docs/playbooks.md.
[[nodiscard]] Json playbook_schema();
[[nodiscard]] std::string playbook_page();

} // namespace oa_stream::playbook

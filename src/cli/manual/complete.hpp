// Completes the word at the cursor from the command table alone; the shells' scripts only query it.
#pragma once

#include "oa_stream/playbook/playbook.hpp"
#include "oa_stream/run/run_facts.hpp"

#include "core/command.hpp"

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace oa_stream::cli {

struct Candidate {
    std::string word;
    std::string help{}; ///< one line; may be empty
    friend bool operator==(const Candidate&, const Candidate&) = default;
};

struct Completion {
    enum class Files {
        none,
        files, ///< paths are also allowed
        folders, ///< paths of folders are also allowed
    };
    std::vector<Candidate> candidates{}; ///< each begins with the typed text
    Files files = Files::none;
};

struct KnownPlaybook {
    std::string name;
    playbook::Kind kind;
};

struct KnownRun {
    std::string name;
    std::string state; ///< short text
    run::RunKind kind;
};

/// Values specific to this machine; called only when they are allowed at the cursor.
struct KnownHere {
    std::function<std::vector<Candidate>()> runs = [] { return std::vector<Candidate>{}; };
    /// Runs that moved traffic, those left undone first.
    std::function<std::vector<KnownRun>()> traffic_runs = [] { return std::vector<KnownRun>{}; };
    /// "name=" for each variable of a playbook, given its name or file.
    std::function<std::vector<Candidate>(std::string_view)> variables = [](std::string_view) {
        return std::vector<Candidate>{};
    };
    std::function<std::vector<KnownPlaybook>()> playbooks = [] {
        return std::vector<KnownPlaybook>{};
    };
};

/// `words`: those after the program's name up to the cursor; the last one is being typed and may be
/// empty. Never fails: invalid input has no completions.
[[nodiscard]] Completion complete(std::span<const std::string> words, const KnownHere& here);

/// For the shells: one line `word<TAB>help` each, then `:files` or `:folders` where paths are
/// allowed.
[[nodiscard]] std::string to_lines(const Completion& completion);

/// The answer for the scripts: to_lines(complete()) with the runs and playbooks of this machine.
[[nodiscard]] std::string answer_shell(std::span<const std::string> words);

/// The shell's script; empty for an unsupported shell.
[[nodiscard]] std::string_view completion_script(std::string_view shell) noexcept;

} // namespace oa_stream::cli

// What could stand where the cursor is, from the command table alone. The shells' scripts only ask.
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
        files, ///< and paths may stand there
        folders, ///< and paths of folders
    };
    std::vector<Candidate> candidates{}; ///< each begins with what was typed
    Files files = Files::none;
};

struct KnownPlaybook {
    std::string name;
    playbook::Kind kind;
};

struct KnownRun {
    std::string name;
    std::string state; ///< in a few words
    run::RunKind kind;
};

/// What only this machine knows; called only when it could stand there.
struct KnownHere {
    std::function<std::vector<Candidate>()> runs = [] { return std::vector<Candidate>{}; };
    /// Those that moved traffic, what was left undone first.
    std::function<std::vector<KnownRun>()> traffic_runs = [] { return std::vector<KnownRun>{}; };
    /// "name=" of each variable of a playbook, by its name or file.
    std::function<std::vector<Candidate>(std::string_view)> variables = [](std::string_view) {
        return std::vector<Candidate>{};
    };
    std::function<std::vector<KnownPlaybook>()> playbooks = [] {
        return std::vector<KnownPlaybook>{};
    };
};

/// `words` are those behind the program's name up to the cursor; the last one is being typed and
/// may be empty. Never fails: what makes no sense completes to nothing.
[[nodiscard]] Completion complete(std::span<const std::string> words, const KnownHere& here);

/// For the shells: a line `word<TAB>help` each, then `:files` or `:folders` where paths may stand.
[[nodiscard]] std::string to_lines(const Completion& completion);

/// What the scripts ask: to_lines(complete()) with the runs and playbooks of this machine.
[[nodiscard]] std::string answer_shell(std::span<const std::string> words);

/// The shell's script; empty for a shell we have none for.
[[nodiscard]] std::string_view completion_script(std::string_view shell) noexcept;

} // namespace oa_stream::cli

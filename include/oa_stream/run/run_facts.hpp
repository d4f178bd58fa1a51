// What a run is and how it ended: the typed members of run.json. Whoever asks what became of a run
// reads these, and nothing else of its name, its prose or its command line.
#pragma once

#include "oa_stream/base/json.hpp"

#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace oa_stream::run {

/// The member "kind", and part of the folder's name.
enum class RunKind {
    smoke_stream,
    smoke_completions,
    smoke_responses,
    smoke_control,
    load,
    shadow,
    slo_gate,
    slo_budget,
    slo_status,
    steady_state,
    rehearsal,
    cutover,
    rollback,
    rollback_drill,
    route_split,
    route_verify,
    other, ///< written by another version; taken for one that changes things
};
[[nodiscard]] std::string_view to_string(RunKind kind) noexcept;
/// RunKind::other for a word that is none.
[[nodiscard]] RunKind run_kind(std::string_view word) noexcept;
/// The words of all kinds but RunKind::other.
[[nodiscard]] std::span<const std::string_view> run_kind_words();
/// Whether runs of this kind are there to change traffic or routes. Its own run.json may say
/// otherwise of one run: a dry run, or one on lanes of its own.
[[nodiscard]] bool kind_mutates(RunKind kind) noexcept;

/// The member "ended"; null while the run lasts.
enum class RunEnding {
    completed,   ///< every step was done; the verdict says how it went
    failed,      ///< a step could not be done, and nothing was changed
    stopped,     ///< by a signal, and nothing was changed
    refused,     ///< a precondition or a lock, and nothing was changed
    rolled_back, ///< what was changed is back, verified
    held,        ///< what was changed stays, as the playbook says
    rollback_unverified,
    died, ///< its process is gone; never written by the run itself
};
[[nodiscard]] std::string_view to_string(RunEnding ending) noexcept;

struct RunFacts {
    RunKind kind = RunKind::other;
    /// It may change traffic or routes that outlive it. A run that changes nothing never needs
    /// somebody.
    bool mutates = true;
    /// The run whose routes it was to restore; empty: none. The member "restores" of "target".
    std::string restores{};
    std::optional<RunEnding> ended{}; ///< unset: it runs, or nobody wrote how it ended
    bool died = false; ///< before a rollback, whose verdict and headline run.json has for it
    /// It changes things and has done so, as far as anybody knows.
    bool mutated = true;
    bool users_missed = false; ///< at the end of its last rollback they did not meet the baseline
    bool next_manual = false; ///< "next" begins with what a person types without oa-stream
};

/// From `document`, the run.json of `folder`; empty when it cannot be read. Members that a run of
/// an earlier version has not, or that are damaged, are derived here and only here: the kind from
/// the folder's name, the rest from what the kind stands for, exit code, target, command line,
/// headline, checks and next step.
[[nodiscard]] RunFacts facts_of(const std::filesystem::path& folder, const Json& document);
/// Reads run.json itself.
[[nodiscard]] RunFacts facts_of(const std::filesystem::path& folder);

/// The checks of the last rollback of the run, or of the run itself while there was none; an empty
/// array where run.json has no such list. Part of `document`.
[[nodiscard]] const Json& last_checks(const Json& document);

} // namespace oa_stream::run

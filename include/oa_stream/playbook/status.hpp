// What the runs of this machine left behind, by their folders alone.
#pragma once

#include "oa_stream/base/error.hpp"
#include "oa_stream/base/json.hpp"
#include "oa_stream/run/run_facts.hpp"
#include "oa_stream/run/run_journal.hpp"

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace oa_stream::playbook {

enum class RunState {
    running, ///< a living process works on it
    ended,
    died, ///< its process is gone and it did not end
};
[[nodiscard]] std::string_view to_string(RunState state) noexcept;

struct RunStatus {
    std::string run;
    std::filesystem::path folder;
    run::RunFacts facts{};
    RunState state = RunState::ended;
    std::string target{};
    std::string baseline{}; ///< what served before; empty: nothing was begun
    std::string serving{};  ///< last seen by it
    std::string pending{};  ///< may serve or not: set out to be written, never answered
    bool moved = false;     ///< something other than the baseline may serve
    /// False: its journal has no line, and its timeline has no shift. The first line comes before
    /// the first write.
    bool began = true;
    bool planned = false; ///< its plan can be read: `rollback apply --run` can roll it back
    std::string step{}; ///< last one that changes traffic
    std::string last_at{}; ///< of the journal's last line
    std::string ending{}; ///< verdict and exit code
    std::string holder{}; ///< "process 12 on host since …" while it runs
    bool stopped = false; ///< its process, on this host: nothing watches what it moved
    std::string paused{}; ///< why, and where, while it waits for a person
    std::string stage{}; ///< the one under way
    std::vector<std::string> done{}; ///< steps seen serving
    std::string routes{}; ///< how far the route half came; empty: it did not begin
    bool routes_unverified = false; ///< overrides of this run may stand, and nothing verified them
    std::string fault{}; ///< planted by a drill, and still there: "error-rate=0.5 in FILE"
    /// Which of its files cannot be read, or should be there and are not; then `moved` is true
    /// unless what can be read says otherwise.
    std::string unread{};
    std::string base_url{}; ///< where its users come in; empty: its plan does not say
    std::string canary{}; ///< the revision that it gives users to
    bool own_lanes = false; ///< a rehearsal's, which end with it
    std::string restores{}; ///< a route restore: the run whose overrides it was to restore
    /// Why somebody has to act: it died or was stopped with something moved, it holds its split, or
    /// its rollback was not verified. Empty: nobody has to.
    std::string open{};
    Advice next{}; ///< what to type; empty: nothing
    std::optional<run::JournalEnd> end{}; ///< by its journal: of it, or of a rollback of it
    [[nodiscard]] bool needs_somebody() const noexcept { return !open.empty(); }
    /// It is under way, and what it changes outlives it: no verification, dry run or rehearsal on
    /// lanes of its own.
    [[nodiscard]] bool is_moving() const noexcept {
        return state == RunState::running && facts.mutates;
    }
    /// It died, and nothing that it changed is left: a dry run, one on lanes of its own, or one
    /// that did not begin to move traffic.
    [[nodiscard]] bool left_nothing() const noexcept {
        return state == RunState::died && open.empty() && fault.empty() &&
               (own_lanes || !facts.mutates || !began);
    }
};
[[nodiscard]] Json to_json(const RunStatus& status);
/// What is known of its traffic and routes, by name; empty values are unknown or do not apply.
/// Views of `status`.
[[nodiscard]] std::vector<std::pair<std::string_view, std::string_view>>
status_lines(const RunStatus& status);
/// Some lines.
[[nodiscard]] std::string status_text(const RunStatus& status);

/// Of any run folder, also of one that was moved. Never fails: what cannot be read is reported.
[[nodiscard]] RunStatus
status_in(const std::filesystem::path& state_dir, const std::filesystem::path& folder);
/// Whether the run set out to move traffic or routes, or that cannot be known, or its fault is
/// still planted.
[[nodiscard]] bool holds_traffic(const std::filesystem::path& folder);

/// Of the run that `run` names, see find_run(). Code::usage when there is no such run, Code::io
/// when the runs cannot be listed.
[[nodiscard]] Result<RunStatus>
status_of(const std::filesystem::path& state_dir, std::string_view run);

/// Every run that moves traffic, oldest first. Code::io when they cannot be listed: then nobody
/// knows.
[[nodiscard]] Result<std::vector<RunStatus>> all_statuses(const std::filesystem::path& state_dir);

/// Of those, what a rollback may be about: runs under way, and those that need somebody.
[[nodiscard]] Result<std::vector<RunStatus>>
unfinished_statuses(const std::filesystem::path& state_dir);

/// The run that is meant when none is named: the one under way that moves traffic, else another one
/// under way (`takes_orders`: one that listens for them). Nothing when there is none. Code::usage
/// with their names when there are several.
[[nodiscard]] Result<std::optional<RunStatus>>
run_under_way(const std::filesystem::path& state_dir, bool takes_orders = false);

/// The command that takes back what the newest run that moved traffic left serving, and what that
/// is; where no run of this machine did: the one that takes back what anybody moved. For a hint.
[[nodiscard]] Advice run_to_roll_back(const std::filesystem::path& state_dir);

} // namespace oa_stream::playbook

// What the runs of this machine left behind, read from their folders alone.
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
    died, ///< its process is gone although it had not ended
};
[[nodiscard]] std::string_view to_string(RunState state) noexcept;

struct RunStatus {
    std::string run;
    std::filesystem::path folder;
    run::RunFacts facts{};
    RunState state = RunState::ended;
    std::string target{};
    std::string baseline{}; ///< the split that served before; empty: nothing was begun
    std::string serving{}; ///< the split that the run saw last
    std::string pending{}; ///< may be serving: its write was intended and never confirmed
    bool moved = false; ///< something other than the baseline may serve
    /// False: its journal has no lines, and its timeline has no shift. A journal line always
    /// precedes the first write.
    bool began = true;
    bool planned = false; ///< its plan is readable, so `rollback apply --run` can roll it back
    std::string step{}; ///< last step that changes traffic
    std::string last_at{}; ///< time of the journal's last line
    std::string ending{}; ///< verdict and exit code
    std::string holder{}; ///< "process 12 on host since …" while the run is under way
    bool stopped = false; ///< its process on this host is stopped: nothing watches what it moved
    std::string paused{}; ///< why and where the run waits for an operator
    std::string stage{}; ///< the current stage
    std::vector<std::string> done{}; ///< steps whose split was seen serving
    std::string routes{}; ///< progress of the route half; empty: it did not begin
    bool routes_unverified = false; ///< overrides of this run may be set without verification
    std::string fault{}; ///< a drill's fault that is still planted: "error-rate=0.5 in FILE"
    /// The files that cannot be read or are missing; `moved` is then true unless the readable files
    /// show otherwise.
    std::string unread{};
    std::string base_url{}; ///< the address that its users connect to; empty: not in its plan
    std::string canary{}; ///< the revision that it shifts users to
    bool own_lanes = false; ///< a rehearsal's lanes, which end with it
    std::string restores{}; ///< for a route restore: the run whose overrides it restores
    /// Why an operator must act: the run died or was stopped with something moved, it holds its
    /// split, or its rollback was not verified. Empty: no action is needed.
    std::string open{};
    Advice next{}; ///< the command to run; empty: none
    std::optional<run::JournalEnd> end{}; ///< from its journal: of the run, or of a rollback of it
    [[nodiscard]] bool needs_somebody() const noexcept { return !open.empty(); }
    /// The run is under way and its changes outlive it: not a verification, a dry run or a
    /// rehearsal on its own lanes.
    [[nodiscard]] bool is_moving() const noexcept {
        return state == RunState::running && facts.mutates;
    }
    /// The run died and left no change: a dry run, a run on its own lanes, or one that had not
    /// begun to move traffic.
    [[nodiscard]] bool left_nothing() const noexcept {
        return state == RunState::died && open.empty() && fault.empty() &&
               (own_lanes || !facts.mutates || !began);
    }
};
[[nodiscard]] Json to_json(const RunStatus& status);
/// The known facts about its traffic and routes, by name; empty values are unknown or do not apply.
/// Views of `status`.
[[nodiscard]] std::vector<std::pair<std::string_view, std::string_view>>
status_lines(const RunStatus& status);
/// The status as a few lines.
[[nodiscard]] std::string status_text(const RunStatus& status);

/// Status of any run folder, including one that was moved. Never fails: unreadable files are
/// reported.
[[nodiscard]] RunStatus
status_in(const std::filesystem::path& state_dir, const std::filesystem::path& folder);
/// Whether the run began to move traffic or routes, or that is unknown, or its fault is still
/// planted.
[[nodiscard]] bool holds_traffic(const std::filesystem::path& folder);

/// Status of the run that `run` names, see find_run(). Code::usage when there is no such run,
/// Code::io when the runs cannot be listed.
[[nodiscard]] Result<RunStatus>
status_of(const std::filesystem::path& state_dir, std::string_view run);

/// All runs that move traffic, oldest first. Code::io when they cannot be listed.
[[nodiscard]] Result<std::vector<RunStatus>> all_statuses(const std::filesystem::path& state_dir);

/// The runs that a rollback may concern: those under way, and those that need an operator.
[[nodiscard]] Result<std::vector<RunStatus>>
unfinished_statuses(const std::filesystem::path& state_dir);

/// The default run when none is named: the one under way that moves traffic, otherwise another one
/// under way (`takes_orders`: one that listens for orders). Unset when there is none. Code::usage
/// with their names when there are several.
[[nodiscard]] Result<std::optional<RunStatus>>
run_under_way(const std::filesystem::path& state_dir, bool takes_orders = false);

/// For a hint: the command that rolls back what the newest traffic-moving run left serving, with a
/// description. When no run of this machine moved traffic: the command that rolls back whatever
/// serves.
[[nodiscard]] Advice run_to_roll_back(const std::filesystem::path& state_dir);

} // namespace oa_stream::playbook

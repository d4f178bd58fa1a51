// What the parts of a run share. Private to the room.
#pragma once

#include "oa_stream/playbook/runner.hpp"

#include "mover.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace oa_stream::playbook {

enum class Next { go_on, stop };

struct Hold;

/// The users of a drill: unpinned probes from its first shift until its end.
struct UserWatch {
    double per_s = 0;
    std::vector<measure::Sample> seen{};
};

struct Session {
    explicit Session(RunInput input);
    Session(const Session&) = delete;
    Session& operator=(const Session&) = delete;
    ~Session() = default;

    [[nodiscard]] const Playbook& playbook() const noexcept { return in.plan->playbook; }
    [[nodiscard]] double now() const { return in.folder->seconds_since_start(); }
    [[nodiscard]] bool stop_requested() const noexcept {
        return in.stop != nullptr && in.stop->requested();
    }
    /// False: mutations are only previewed.
    [[nodiscard]] bool changes_traffic() const noexcept { return in.mode == RunMode::live; }
    [[nodiscard]] JournalSink sink() const;
    void say(std::string_view line) const;
    /// Timeline and screen.
    void
    tell(std::string_view event, std::string_view line, const Json& fields = Json::object()) const;
    void add(Check check);
    void add(std::string id, Verdict verdict, std::string detail, Json data = Json::object());
    void keep(const measure::Sample& sample, std::string_view where) const;
    [[nodiscard]] Mover mover(Millis limit, Json exact = nullptr, bool fenced = false);

    RunInput in;
    Journal journal;
    RunOutcome out{};
    traffic::Split serving{};           ///< last confirmed
    std::vector<traffic::Split> ours{}; ///< baseline and every split we set out to write
    std::vector<measure::Sample> canary_all{};
    std::vector<measure::Sample> stable_all{};
    std::optional<double> fault_s{};
    std::optional<double> seen_s{};   ///< the first bad answer after it
    std::optional<UserWatch> drill{}; ///< set while users are watched
    Hold* holding = nullptr; ///< the stage under way, which wants the users' answers, too
    bool fence = false; ///< a write of a process that died may be under way
    bool refused = false; ///< drift or a precondition
    bool denied = false; ///< credentials were refused
    Json machine = Json::object(); ///< the driver's own facts when our split was last seen
    std::optional<double> measured_since_s{}; ///< the first stage's hold, seconds since 1970
    bool source_failed = false; ///< what is measured with could not be asked
    bool loose = false; ///< see LastStep
    bool ground_lost = false; ///< somebody or something took our split away
};

/// Holds one stage: planted faults, probes, looks, gates, split. Leaves checks and a row.
[[nodiscard]] Task<Next> hold_stage(Session* session, int stage);

/// From here on users are watched.
[[nodiscard]] Next begin_drill(Session& session);
/// The way back of a drill: restores, then waits until users are well, and says how long it took.
[[nodiscard]] Task<Next> recover(Session* session, const Step* step);

/// Says whether `step` could be done, and does nothing.
[[nodiscard]] Task<Next> preview_step(Session* session, const Step* step);

/// The budget that must be left before anything is moved.
[[nodiscard]] Task<Next> judge_budget(Session* session);

/// The gates over the whole run.
[[nodiscard]] Task<Next> judge_run(Session* session);

/// Restores the baseline and verifies it by read-back and over fresh connections.
[[nodiscard]] Task<report::RollbackFacts>
bring_back(Session* session, std::string step, std::string reason);

} // namespace oa_stream::playbook

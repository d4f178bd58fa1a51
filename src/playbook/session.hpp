// What the parts of a run share. Private to the room.
#pragma once

#include "oa_stream/playbook/runner.hpp"

#include "mover.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace oa_stream::playbook {

enum class Next { go_on, stop };

struct Session {
    explicit Session(RunInput input);
    Session(const Session&) = delete;
    Session& operator=(const Session&) = delete;

    [[nodiscard]] const Playbook& playbook() const noexcept { return in.plan->playbook; }
    [[nodiscard]] double now() const { return in.folder->seconds_since_start(); }
    [[nodiscard]] bool stop_requested() const noexcept {
        return in.stop != nullptr && in.stop->requested();
    }
    void say(std::string_view line) const;
    /// Timeline and screen.
    void tell(std::string_view event, std::string line, Json fields = Json::object()) const;
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
    bool fence = false;   ///< a write of a process that died may be under way
    bool refused = false; ///< drift or a precondition
};

/// Holds one stage: planted faults, probes, looks, gates, split. Leaves checks and a row.
[[nodiscard]] Task<Next> hold_stage(Session* session, int stage);

/// The gates over the whole run.
[[nodiscard]] Next judge_run(Session& session);

/// Restores the baseline and verifies it by read-back and over fresh connections.
[[nodiscard]] Task<evidence::RollbackFacts>
bring_back(Session* session, std::string step, std::string reason);

} // namespace oa_stream::playbook

// One stage under way. Private to the room.
#pragma once

#include "engine/drift.hpp"
#include "engine/run_context.hpp"
#include "stage_sources.hpp"

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace oa_stream::playbook {

struct StageRun {
    RunContext& run;
    int index;
    int percent;
    std::string where;
    report::StageRow row{};
    std::map<std::string, std::uint64_t, std::less<>> met{}; ///< revision → unpinned answers
    std::uint64_t unknown = 0; ///< unpinned probes that nobody answered
    std::map<std::string, std::uint64_t, std::less<>> strays{}; ///< arm → answered by another
    std::uint64_t delivered = 0; ///< samples of all kinds
    DriftLook drift{};         ///< the last look
    int drift_looks = 0;
    std::optional<Clock::time_point> unreadable_since{};
    std::optional<traffic::TrafficState> first_seen{}; ///< by the first look
    bool users_came = true;
    std::string users_text{}; ///< how many, or why that is not known
    Clock::time_point begun = Clock::now();
    double since_s = wall_seconds(); ///< the split was read back: from here on sources are asked
    SourceAnswers sources{};
    Millis planned{0};
    bool extended = false;

    [[nodiscard]] double elapsed_s() const {
        return std::chrono::duration<double>(Clock::now() - begun).count();
    }
    void add_sample(measure::Sample sample);
};

/// The samples so far, as a gate is to see them.
[[nodiscard]] measure::GateInput input_of(const StageRun& stage, const measure::Look& look);

/// A look's record goes to measure/gates.ndjson, whatever becomes of it.
void keep_look(const StageRun& stage, const measure::GateRecord& record);

/// Every gate of the stage on the samples and the sources' answers so far.
[[nodiscard]] std::vector<measure::GateRecord>
look_at(const StageRun& stage, const measure::Look& look);

/// A gate of the row decides.
[[nodiscard]] bool judged(const StageRun& stage);
/// A gate that decides has this verdict.
[[nodiscard]] bool any(const std::vector<measure::GateRecord>& records, Verdict verdict);

/// Records the gates of the row as checks and evidence; sets the row's verdict.
void record_gates(StageRun& stage);

/// Did unpinned probes meet the canary as often as the split says? And did pinned ones meet whom
/// they were meant for? What errors cannot show: an edge that answers for a dead canary.
void check_split(StageRun& stage);

/// With on_no_traffic: hold, a stage is only judged when users came, too: looks whether they did.
void check_users(StageRun& stage);
/// Leaves the check of it.
void record_users(StageRun& stage);

/// The stage that a drill makes fail.
[[nodiscard]] bool is_drilled(const StageRun& stage);
/// True: this is that stage, and it failed as planned. `judged`: it was held to a verdict.
[[nodiscard]] bool record_drill(StageRun& stage, bool judged);

} // namespace oa_stream::playbook

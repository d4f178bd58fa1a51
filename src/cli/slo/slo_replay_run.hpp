// A run's recorded gates and samples, and the settings for judging them again.
#pragma once

#include "oa_stream/measure/gate_reading.hpp"

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace oa_stream::cli {

/// The last record of one gate at one stage in measure/gates.ndjson.
struct RecordedGate {
    std::string stage{}; ///< "5%"; "run": all stages together
    measure::GateSpec spec{};
    Verdict then = Verdict::error;
    measure::Look look{};
    std::string source{}; ///< "probe", or the source that counted
    bool earlier = false; ///< compared with stable's samples of the earlier stages
    std::uint64_t n = 0;
    std::uint64_t reference_n = 0;
    std::uint64_t bad = 0;
    std::uint64_t reference_bad = 0;
    bool blurred = false; ///< its source reported that its numbers were not exact
    /// The basis of the judgement; nullopt: the run's version did not record it.
    std::optional<measure::GateBasis> basis{};
    std::string sentence{};
};

struct RecordedSample {
    std::string stage{};
    measure::Sample sample{};
};

struct RecordedRun {
    std::string name{};
    std::vector<RecordedGate> gates{}; ///< in the order of their first look
    std::vector<RecordedSample> samples{};
    /// Number of unreadable lines: cut by a crash, or written by another version.
    std::uint64_t unreadable = 0;
};

/// The error for a run without gates: Code::unreadable.
[[nodiscard]] std::unexpected<Error> no_gates(const std::filesystem::path& folder);
/// Reads a run folder. no_gates() without any.
[[nodiscard]] Result<RecordedRun> read_recorded_run(const std::filesystem::path& folder);

struct JudgedGate {
    RecordedGate gate{};
    Verdict now = Verdict::inconclusive;
    std::string sentence{};
    Json record = nullptr;
    [[nodiscard]] bool decides() const { return gate.spec.mode == measure::GateMode::decide; }
};
struct JudgedRun {
    std::string name{};
    /// Verdict of its gates; other checks are not part of a replay.
    Verdict then = Verdict::inconclusive;
    Verdict now = Verdict::inconclusive;
    std::uint64_t unreadable = 0;
    std::vector<JudgedGate> gates{};
};

/// One --set.
struct ReplaySetting {
    std::string gate{}; ///< empty: every gate that has such a limit
    std::string key{};
    std::string value{};
    double number = 0;
    std::optional<int> unit{}; ///< for a limit: a config::LimitUnit
};
[[nodiscard]] Result<std::vector<ReplaySetting>>
parse_replay_settings(const std::vector<std::string>& texts);
/// True when the setting applies to `spec` and was set in it.
[[nodiscard]] bool apply_setting(const ReplaySetting& setting, measure::GateSpec& spec);

/// Judges the limits of a load again by its totals (measure/load.json). Its other checks stay
/// unchanged, because they are about the load itself. nullopt: the run is not a load with recorded
/// totals; no_gates() when it ended before a limit was judged. `used`: which settings applied to a
/// limit.
[[nodiscard]] Result<std::optional<std::vector<JudgedGate>>> judge_load(
    const std::filesystem::path& folder,
    const std::vector<ReplaySetting>& settings,
    std::vector<bool>& used
);

/// A new judgement. Without a record its basis was not stored: `why` says what is missing, and the
/// verdict is the recorded one where it cannot change.
struct Rejudged {
    std::optional<measure::GateRecord> record{};
    std::string why{};
    Verdict verdict = Verdict::inconclusive;
};
/// `same`: the gate is judged under its own limits.
[[nodiscard]] Rejudged
rejudge(const RecordedRun& run, const RecordedGate& gate, const measure::GateSpec& spec, bool same);

} // namespace oa_stream::cli

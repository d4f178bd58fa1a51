// What a run kept of its gates and samples, and the settings they are judged under again.
#pragma once

#include "oa_stream/measure/gate_reading.hpp"

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace oa_stream::cli {

/// The last word on one gate at one stage, as it stands in measure/gates.ndjson.
struct RecordedGate {
    std::string stage{}; ///< "5%"; "run": all stages together
    measure::GateSpec spec{};
    Verdict then = Verdict::error;
    measure::Look look{};
    std::string source{}; ///< "probe", or who counted instead
    bool earlier = false; ///< compared with stable's samples of the stages before
    std::uint64_t n = 0;
    std::uint64_t reference_n = 0;
    std::uint64_t bad = 0;
    std::uint64_t reference_bad = 0;
    bool blurred = false; ///< its source reported that its numbers were not exact
    /// By what it was judged; nullopt: the run is of a version that did not keep it.
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
    std::uint64_t unreadable = 0; ///< lines: a crash cut one, or another version wrote them
};

/// Why a run without gates is not judged again: Code::unreadable.
[[nodiscard]] std::unexpected<Error> no_gates(const std::filesystem::path& folder);
/// Of a run folder. no_gates() without any.
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
    Verdict then = Verdict::inconclusive; ///< of its gates; other checks are none of a replay's
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
    std::optional<int> unit{}; ///< of a limit: a config::LimitUnit
};
[[nodiscard]] Result<std::vector<ReplaySetting>>
parse_replay_settings(const std::vector<std::string>& texts);
/// True when `spec` is one that the setting is about, and was given its value.
[[nodiscard]] bool apply_setting(const ReplaySetting& setting, measure::GateSpec& spec);

/// The limits of a load, by its totals (measure/load.json), among its other checks, which stand as
/// they were: those are about the load itself. nullopt: the run is not a load that kept them;
/// no_gates() when it ended before a limit was judged.
/// `used`: which settings some limit took.
[[nodiscard]] Result<std::optional<std::vector<JudgedGate>>> judge_load(
    const std::filesystem::path& folder,
    const std::vector<ReplaySetting>& settings,
    std::vector<bool>& used
);

/// Judged again. Without a record, what it was judged by was not kept; `why` says what, and the
/// verdict is the recorded one where that cannot change.
struct Rejudged {
    std::optional<measure::GateRecord> record{};
    std::string why{};
    Verdict verdict = Verdict::inconclusive;
};
/// `same`: the gate is judged under its own limits.
[[nodiscard]] Rejudged
rejudge(const RecordedRun& run, const RecordedGate& gate, const measure::GateSpec& spec, bool same);

} // namespace oa_stream::cli

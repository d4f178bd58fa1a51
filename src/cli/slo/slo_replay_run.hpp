// What a run kept of its gates and samples, and the settings they are judged under again.
#pragma once

#include "oa_stream/measure/gate_reading.hpp"

#include <filesystem>
#include <optional>
#include <span>
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
    bool blurred = false; ///< its source said that its numbers were not exact
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

/// Of a run folder. Code::unreadable without gates.
[[nodiscard]] Result<RecordedRun> read_recorded_run(const std::filesystem::path& folder);

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

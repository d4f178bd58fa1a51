// One timeline out of several sources: run timelines and journals, lane logs, notes of operators.
#pragma once

#include "oa_stream/base/error.hpp"
#include "oa_stream/base/json.hpp"
#include "oa_stream/base/redact.hpp"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace oa_stream::incident {

/// What may be left out first when there is not room for all.
enum class Weight {
    access,  ///< a request that went well
    passed,  ///< a check that passed or was skipped
    routine, ///< everything else
    turning, ///< what changed something: stages, shifts, faults
    key,     ///< failures, notes of people, the rollback, beginning and end
};

struct TimelineEvent {
    std::string at;     ///< 2026-02-22T04:36:00.123Z, so that text order is time order
    double t = 0;       ///< seconds since the first event of the whole timeline
    std::string source; ///< "run 1", "canary.log"
    std::string text;   ///< one line
    Weight weight = Weight::routine;
    /// Of an access log's line that is a turn request: whether it ended badly.
    std::optional<bool> bad_turn{};
    /// Of a line of the access log that counts lines which the lane could not write: how many.
    std::uint64_t lost = 0;
    /// Of an access log's line: equal for one that was written twice.
    std::optional<std::uint64_t> access_id{};
};

struct Timeline {
    std::vector<TimelineEvent> events{};
    std::size_t undated = 0; ///< lines that say nothing of when
    std::size_t repeated = 0; ///< lines of access logs that merge() found twice
    std::uint64_t damaged = 0; ///< lines of access logs that may have been requests
};

/// An event of timeline.ndjson, a line of a journal or of a structured log as a person reads it.
[[nodiscard]] std::string event_text(const Json& line);
[[nodiscard]] Weight event_weight(const Json& line);

/// Timeline, notes and journal of a run. What is torn or missing is left out. Redacted: a secret
/// that a long line cuts would not be found behind it.
[[nodiscard]] Timeline own_timeline(
    const std::filesystem::path& folder, std::string_view source, const Redactor& redactor
);
/// … and the logs of the lanes that it started.
[[nodiscard]] Timeline run_timeline(
    const std::filesystem::path& folder, std::string_view source, const Redactor& redactor
);
/// JSON lines or logfmt with a ts, at or time; plain lines that begin with a time. Redacted.
/// Code::unreadable, also for one of more than 256 MiB; Code::usage for one that is compressed.
[[nodiscard]] Result<Timeline>
log_timeline(const std::filesystem::path& file, std::string_view source, const Redactor& redactor);
/// All of them in the order of time, each event's `t` counted from the first. Of two at the same
/// time the one that was given first comes first. A line of an access log that repeats another one
/// is left out.
[[nodiscard]] Timeline merge(std::vector<Timeline> timelines);

/// RFC 3339 with any offset, or seconds since the epoch, to milliseconds UTC; nullopt: it is none.
[[nodiscard]] std::optional<std::string> utc_millis(std::string_view text);

/// Lines of {at, t, source, text}.
[[nodiscard]] std::string timeline_ndjson(const Timeline& timeline);

} // namespace oa_stream::incident

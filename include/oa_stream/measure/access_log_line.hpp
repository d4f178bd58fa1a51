// Strict reader of one line of a lane's access log (docs/observability.md), JSON or logfmt. An
// incomplete line is damaged, a line without any of our fields is foreign; neither is guessed at.
// Gates and incident timelines both read lines with it, so they count the same requests.
#pragma once

#include "oa_stream/telemetry/classes.hpp"
#include "oa_stream/telemetry/turns.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace oa_stream::measure {

/// One request, in the terms that a Question uses.
struct AccessLine {
    /// When the lane wrote it, seconds since 1970: ts and the later of end_ms and turn_ms.
    double ended_s = 0;
    /// The line was written later than `ended_s`, by an unknown time: the reader left, and lanes of
    /// earlier versions do not log when the turn ended.
    bool held = false;
    std::string revision{};
    std::string route{};
    int status = 0;
    bool post = false;
    bool accepted = false; ///< the request started a turn
    bool probe = false; ///< sent by an operator's probe, not by a user
    telemetry::BadSet bad = 0;
    telemetry::ClassSet classes = 0;
    /// Set for accepted requests only. +Inf: the turn ran into a time limit before any content
    /// while the reader waited.
    std::optional<double> first_content_s{};
    /// Time to the turn's end, for turns that ended well and whose reader waited for the end; +Inf
    /// as above.
    std::optional<double> duration_s{};
    std::uint64_t id = 0; ///< of the line; a line that was written twice has the same id
    std::uint64_t lost = 0; ///< lines that the lane could not write before this one

    friend bool operator==(const AccessLine&, const AccessLine&) = default;
};

enum class LineKind {
    request,
    event, ///< an event line, as a lane without --access-log writes both to stderr
    /// Reports how many lines the lane could not write (a full disk, for example), or a turn whose
    /// end no line reports.
    lost,
    /// Has parts of one of our lines but is not a valid one: cut, joined, wrapped, of another
    /// version.
    damaged,
    foreign, ///< written by another program
    blank,
};

/// A longer line (without its LF) is damaged, whatever it contains.
inline constexpr std::size_t k_longest_access_line = std::size_t{64} << 10U;

/// For LineKind::request fills `into`. For LineKind::lost fills `lost`, `id` and, as the line's
/// time, `ended_s`. `line` has no LF. A trailing CR and leading NUL bytes (the fill of a truncated
/// file) are ignored.
[[nodiscard]] LineKind read_access_line(std::string_view line, AccessLine& into);

/// How many access lines begin in a text that is not one complete line: 2 for two joined lines.
[[nodiscard]] std::uint64_t access_lines_begun(std::string_view text) noexcept;

/// "2026-11-20T10:05:00.123Z" as seconds since 1970; nullopt for anything else.
[[nodiscard]] std::optional<double> parse_log_time(std::string_view text) noexcept;

} // namespace oa_stream::measure

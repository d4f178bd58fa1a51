// One line of a lane's access log (docs/observability.md), JSON or logfmt, read strictly: a line
// that is not whole is damaged, one without anything of ours is foreign, and neither is guessed at.
// Gates and the timelines of incidents read lines with it, so both count the same requests.
#pragma once

#include "oa_stream/telemetry/classes.hpp"
#include "oa_stream/telemetry/turns.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace oa_stream::measure {

/// What a request was, in the terms that questions ask for.
struct AccessLine {
    /// When the lane wrote it, seconds since 1970: ts and the later of end_ms and turn_ms.
    double ended_s = 0;
    /// Written later than `ended_s`, how much is not known: its reader left, and lanes of earlier
    /// versions do not say when the turn ended.
    bool held = false;
    std::string revision{};
    std::string route{};
    int status = 0;
    bool post = false;
    bool accepted = false; ///< it started a turn
    bool probe = false; ///< of an operator, not of a user
    telemetry::BadSet bad = 0;
    telemetry::ClassSet classes = 0;
    /// Of accepted ones; +Inf: its turn ran into a time limit before any, and the reader waited.
    std::optional<double> first_content_s{};
    /// Until the end, of turns that ended well and whose reader waited for it; +Inf as above.
    std::optional<double> duration_s{};
    std::uint64_t id = 0; ///< of this line: equal for one that was written twice
    std::uint64_t lost = 0; ///< lines that the lane could not write before this one

    friend bool operator==(const AccessLine&, const AccessLine&) = default;
};

enum class LineKind {
    request,
    event, ///< an event line, as a lane without --access-log writes both to stderr
    /// Tells how many lines the lane could not write, as on a full disk, or of a turn whose end no
    /// line tells.
    lost,
    damaged, ///< has what a line of ours has and is none: cut, joined, wrapped, of another version
    foreign, ///< somebody else's
    blank,
};

/// A longer line, without its LF, is damaged whatever it holds.
inline constexpr std::size_t k_longest_access_line = std::size_t{64} << 10U;

/// Fills `into` for LineKind::request; for LineKind::lost `lost`, `id` and, as the time, `ended_s`.
/// `line` without its LF; a CR and NUL bytes before it (what a truncated file was filled up with)
/// are ignored.
[[nodiscard]] LineKind read_access_line(std::string_view line, AccessLine& into);

/// How many access lines begin in a text that is not one whole: of two that were joined, two.
[[nodiscard]] std::uint64_t access_lines_begun(std::string_view text) noexcept;

/// "2026-11-20T10:05:00.123Z" as seconds since 1970; nullopt for anything else.
[[nodiscard]] std::optional<double> parse_log_time(std::string_view text) noexcept;

} // namespace oa_stream::measure

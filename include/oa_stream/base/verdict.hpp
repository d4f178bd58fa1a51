// Verdict words and exit codes (DESIGN: verdicts and exit codes). One table each.
#pragma once

#include "oa_stream/base/error.hpp"

#include <optional>
#include <span>
#include <string_view>

namespace oa_stream {

enum class Verdict {
    pass,
    fail,         ///< a breach, proven
    inconclusive, ///< not enough or missing data
    error,        ///< could not measure
    skipped,      ///< by request, with a reason
};

/// "PASS", "FAIL", "INCONCLUSIVE", "ERROR", "SKIPPED".
[[nodiscard]] std::string_view to_string(Verdict verdict) noexcept;
/// The verdict of such a word; nullopt: it is none.
[[nodiscard]] std::optional<Verdict> verdict_of(std::string_view word) noexcept;
/// "PASS" 0, "INCONCLUSIVE", "ERROR", "FAIL" 3; nullopt for anything else.
[[nodiscard]] std::optional<int> badness(std::string_view word) noexcept;

/// The word of a check that nobody has to look at: "PASS", "SKIPPED".
[[nodiscard]] bool is_quiet(std::string_view word) noexcept;

/// The verdict of a whole: FAIL > ERROR > INCONCLUSIVE > PASS. SKIPPED parts do not count; a whole
/// in which nothing passed is INCONCLUSIVE, never PASS.
[[nodiscard]] Verdict worst(std::span<const Verdict> parts) noexcept;

enum class ExitCode : int {
    ok = 0,
    breach = 1,
    usage = 2,
    inconclusive = 3,
    not_executed = 4,
    credentials = 5,
    refused = 6,
    rolled_back = 7,
    rollback_unverified = 8,
    has_changes = 10,
    interrupted = 130,
    terminated = 143,
};

[[nodiscard]] ExitCode exit_code(Verdict verdict) noexcept;
[[nodiscard]] ExitCode exit_code(Code code) noexcept;

} // namespace oa_stream

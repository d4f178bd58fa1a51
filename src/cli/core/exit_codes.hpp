// The explanations of exit codes for the manual and docs, and the codes that a command can end
// with.
#pragma once

#include "oa_stream/base/verdict.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <initializer_list>
#include <string_view>

namespace oa_stream::cli {

struct ExitCodeRow {
    ExitCode code;
    std::string_view meaning{};
};

inline constexpr std::array k_exit_codes{
    ExitCodeRow{ExitCode::ok, "Pass, or nothing to change."},
    ExitCodeRow{ExitCode::breach, "A breach of the contract or of a limit, proven."},
    ExitCodeRow{ExitCode::usage, "Usage, configuration or an input file is wrong."},
    ExitCodeRow{ExitCode::inconclusive, "Inconclusive: not enough data, or a time-out."},
    ExitCodeRow{
        ExitCode::not_executed, "Could not execute: network, authority, tool or disk trouble."
    },
    ExitCodeRow{ExitCode::credentials, "Credentials are missing or were refused."},
    ExitCodeRow{
        ExitCode::refused, "A precondition or a lock refused: drift, an expired plan, another run."
    },
    ExitCodeRow{ExitCode::rolled_back, "Failed and rolled back; the rollback is verified."},
    ExitCodeRow{ExitCode::rollback_unverified, "The rollback could not be verified: page someone."},
    ExitCodeRow{ExitCode::has_changes, "The plan has changes."},
    ExitCodeRow{ExitCode::interrupted, "Interrupted (SIGINT) before anything was mutated."},
    ExitCodeRow{ExitCode::terminated, "Terminated (SIGTERM) before anything was mutated."},
};

/// How a command can end, apart from ok, usage and not_executed. A row with a meaning states the
/// code's narrower meaning for this command.
class Exits {
public:
    constexpr Exits() = default;
    // NOLINTNEXTLINE(google-explicit-constructor): `.exits = {{ExitCode::breach}}`
    constexpr Exits(std::initializer_list<ExitCodeRow> rows) { add(rows); }
    /// These and more; a row with an existing code replaces its meaning.
    [[nodiscard]] constexpr Exits with(std::initializer_list<ExitCodeRow> rows) const {
        Exits out = *this;
        out.add(rows);
        return out;
    }
    /// nullptr: not among them.
    [[nodiscard]] constexpr const ExitCodeRow* find(ExitCode code) const noexcept {
        const auto* end = rows_.begin() + count_;
        const auto* found = std::ranges::find(rows_.begin(), end, code, &ExitCodeRow::code);
        return found == end ? nullptr : found;
    }

private:
    constexpr void add(std::initializer_list<ExitCodeRow> rows) {
        for (const ExitCodeRow& row : rows) {
            auto* end = rows_.begin() + count_;
            auto* place = std::ranges::find(rows_.begin(), end, row.code, &ExitCodeRow::code);
            count_ += place == end ? 1U : 0U;
            *place = row;
        }
    }

    std::array<ExitCodeRow, k_exit_codes.size()> rows_{};
    std::size_t count_ = 0;
};

/// Sets that several commands share.
namespace exits {
using enum ExitCode;
inline constexpr Exits k_serves{{credentials}, {refused}, {interrupted}, {terminated}};
inline constexpr Exits k_looks{{breach}, {inconclusive}, {credentials}};
inline constexpr Exits k_judges = k_looks.with({{interrupted}, {terminated}});
inline constexpr Exits k_loads = k_judges.with({{refused}});
inline constexpr Exits k_plans = k_loads.with({{has_changes}});
inline constexpr Exits k_restores = k_loads.with({{rollback_unverified}});
inline constexpr Exits k_moves = k_restores.with({{rolled_back}});
inline constexpr Exits k_shows_and_moves = k_moves.with({{has_changes}});
} // namespace exits

} // namespace oa_stream::cli

// Exit codes as they are explained to people: in the manual and in docs.
#pragma once

#include "oa_stream/base/verdict.hpp"

#include <array>
#include <string_view>

namespace oa_stream::cli {

struct ExitCodeRow {
    ExitCode code;
    std::string_view meaning;
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

} // namespace oa_stream::cli

// What the commands on incidents share: which runs, which logs, what to search for.
#pragma once

#include "oa_stream/cli/command.hpp"
#include "oa_stream/evidence/incident.hpp"

#include "runs_args.hpp"

#include <array>

namespace oa_stream::cli {

/// Runs in any number that a person would type.
inline constexpr std::array k_run_positionals{
    PositionalSpec{
        "RUN",
        "Runs: names of folders, unique beginnings or ends of them, or `last`; `last` if none.",
        false
    },
    PositionalSpec{"RUN2", "", false},
    PositionalSpec{"RUN3", "", false},
    PositionalSpec{"RUN4", "", false},
    PositionalSpec{"RUN5", "", false},
    PositionalSpec{"RUN6", "", false},
};
inline constexpr OptionSpec k_title_option{"--title", "TEXT", "The issue's title."};

/// An incident, and what must not leave with it.
struct Gathered {
    evidence::Incident incident;
    Redactor redactor;
};
[[nodiscard]] Result<Gathered> gather(const Args& args, const Context& context);

/// The words that name these runs, for a command to type next.
[[nodiscard]] std::string run_words(const evidence::Incident& incident);

} // namespace oa_stream::cli

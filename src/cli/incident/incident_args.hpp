// What the commands on incidents share: which runs, which logs, what to search for.
#pragma once

#include "oa_stream/incident/incident.hpp"

#include "core/command.hpp"
#include "runs/runs_args.hpp"

#include <array>

namespace oa_stream::cli {

/// An incident of more runs than this is read by nobody.
inline constexpr std::array k_run_positionals{
    PositionalSpec{
        "RUN",
        "Up to 32 runs: names, unique beginnings or ends of one, or `last`; `last` if none.",
        false,
        32
    },
};
inline constexpr OptionSpec k_title_option{"--title", "TEXT", "The issue's title."};

/// An incident, and what must not leave with it.
struct Gathered {
    incident::Incident incident;
    Redactor redactor;
};
[[nodiscard]] Result<Gathered> gather(const Args& args, const Context& context);

/// Adds what is true of this machine now: what doctor finds, and what the runs' commands are set to
/// and by whom. For a text that goes into an issue, not for a bundle, which is the same again.
void add_present(incident::Incident& incident, const Context& context);

/// The words that name these runs, for a command to type next.
[[nodiscard]] std::string run_words(const incident::Incident& incident, const Context& context);

} // namespace oa_stream::cli

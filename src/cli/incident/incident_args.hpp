// Common options of the incident commands: runs, logs, and secrets to search for.
#pragma once

#include "oa_stream/base/task.hpp"
#include "oa_stream/incident/incident.hpp"

#include "core/command.hpp"
#include "runs/runs_args.hpp"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace oa_stream::cli {

inline constexpr std::int64_t k_oldest_ms = std::int64_t{366} * 24 * 3600 * 1000;

/// The limit keeps an incident readable.
struct IncidentOptions {
    std::vector<std::string> runs{};
    std::vector<std::filesystem::path> logs{};
    std::vector<std::string> secrets{};
    std::string title{};
    std::optional<Millis> since{};
    std::string alert{};
};
inline constexpr auto k_run_positionals =
    positionals<IncidentOptions>(positional<&IncidentOptions::runs>(
                                     "RUN",
                                     "Up to 32 runs: names, unique beginnings or ends of them, or "
                                     "`last`. Without it: the newest "
                                     "that failed or was rolled back."
    )
                                     .optional()
                                     .up_to(32));
inline constexpr auto k_incident_since =
    option<&IncidentOptions::since>(
        "--since", "D", "Choose every run of the last D that failed or was rolled back."
    )
        .range(1, k_oldest_ms);
[[nodiscard]] std::span<const std::string_view> alert_words();
inline constexpr auto k_incident_alert =
    option<&IncidentOptions::alert>(
        "--alert", "NAME", "Choose the run that most likely caused this alert of `slo rules`."
    )
        .suggesting(alert_words);
inline constexpr auto k_incident_log = option<&IncidentOptions::logs>(
    "--log", "FILE", "Add a lane's log or access log, of at most 256 MiB, to the timeline."
);
inline constexpr auto k_incident_title =
    option<&IncidentOptions::title>("--title", "TEXT", "Set the title of the issue.");
inline constexpr auto k_incident_secret = option<&IncidentOptions::secrets>(
    "--secret", "REF", "Also search for this secret: env:NAME, file:PATH, fd:N or command:PROGRAM."
);
inline constexpr auto k_incident_options = options<IncidentOptions>(
    k_incident_log, k_incident_since, k_incident_alert, k_incident_title, k_incident_secret
);

/// An incident, and the secrets that must not be in its output.
struct Gathered {
    incident::Incident incident;
    Redactor redactor;
    std::string chosen; ///< why these runs were chosen; empty: they were named
};
[[nodiscard]] Result<Gathered> gather(const IncidentOptions& options, const Context& context);

/// Adds this machine's present state: doctor's findings, and the settings of the runs' commands
/// with their origin. For an issue's text; a bundle must stay reproducible, so it does not contain
/// this.
void add_present(incident::Incident& incident, const Context& context);

/// `command` for the same incident, as the next command: the same runs, logs, title, and secrets.
/// `more`: further options.
[[nodiscard]] Suggestion typed_next(
    std::string command,
    const incident::Incident& incident,
    const IncidentOptions& options,
    const Context& context,
    const std::vector<std::string>& more = {}
);

} // namespace oa_stream::cli

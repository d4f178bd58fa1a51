// The content of an incident issue: the data of some runs, collected once and printed as text.
#pragma once

#include "oa_stream/base/check.hpp"
#include "oa_stream/incident/timeline.hpp"
#include "oa_stream/measure/sample.hpp"
#include "oa_stream/run/runs.hpp"

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

namespace oa_stream::incident {

/// The longest body that an issue takes.
inline constexpr std::size_t k_body_limit = 65'536;

using Fact = std::pair<std::string, std::string>;
using Facts = std::vector<Fact>;

struct Artefact {
    std::string path; ///< as in a bundle: "runs/ID/report.md"
    std::string digest; ///< SHA-256; empty: its run goes on
};

struct SampleGroup {
    std::string stage; ///< "5%"; empty: none is named
    std::string arm;   ///< "canary", "stable", "users"
    std::vector<measure::Sample> samples;
};

struct IncidentRun {
    run::RunEntry entry;
    std::string label; ///< "run 1"; oldest first
    run::SumsCheck sums;
    std::vector<SampleGroup> samples{};
    std::string open{}; ///< why somebody must still act, and what to type
};

struct Incident {
    std::string title;
    std::string id; ///< of the newest run
    std::vector<IncidentRun> runs;
    Timeline timeline;
    std::vector<Fact> facts{}; ///< of the machine that gathers and of the programs
    std::vector<Fact> settings{};  ///< of the runs' commands here and now, and who set them
    std::vector<Check> doctor{};   ///< problems of this machine, and their fixes
    std::vector<Artefact> artefacts{};
    std::vector<std::filesystem::path> logs{};
    std::string bundle_command{}; ///< makes the bundle of these runs; empty: by their names
};

struct IncidentInput {
    std::vector<run::RunEntry> runs; ///< at least one, in any order, none twice
    std::vector<std::string> open{}; ///< beside each run; see IncidentRun
    std::vector<std::filesystem::path> logs{};
    std::string title{}; ///< empty: made of the worst run
    std::string version{};
    Redactor redactor{};
};

/// Reads everything there is, torn lines excepted. Code::usage without a run, Code::unreadable for
/// a log or for sums that are none. Says nothing of the present, so that it is the same again.
[[nodiscard]] Result<Incident> gather_incident(IncidentInput input);

/// Machine and operating system: {"system", "Linux 6.1 x86_64"}, …
[[nodiscard]] std::vector<Fact> machine_facts();

/// Markdown of at most `limit` bytes, redacted. What must go first goes first – requests that went
/// well, checks that passed, streams among the artefacts –, failures, notes and the rollback stay;
/// each part says what was left out of it.
[[nodiscard]] std::string
incident_body(const Incident& incident, const Redactor& redactor, std::size_t limit = k_body_limit);

/// First content by stage and arm as bars, bad answers over time: lines for a fixed-width font.
/// Empty without samples.
[[nodiscard]] std::string text_charts(const std::vector<SampleGroup>& samples);
/// One file, readable in light and dark: every sample over time, bad ones marked, stages named.
/// Empty without samples.
[[nodiscard]] std::string
svg_chart(const std::vector<SampleGroup>& samples, std::string_view title);

} // namespace oa_stream::incident

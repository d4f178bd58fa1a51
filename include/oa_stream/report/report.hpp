// What a person reads after a run: report.md.
#pragma once

#include "oa_stream/base/check.hpp"
#include "oa_stream/base/json.hpp"
#include "oa_stream/measure/gate.hpp"
#include "oa_stream/report/series.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace oa_stream {
class Redactor;
} // namespace oa_stream

namespace oa_stream::report {

/// One stage as it was lived through.
struct StageRow {
    std::string name;        ///< "5%"
    std::string split;       ///< "canary 5%, stable 95%"
    std::string observed{};  ///< what unpinned probes met: "canary 5 of 100"
    double seconds = 0;      ///< how long it was held
    std::optional<double> began_s{}; ///< since the run began
    Verdict verdict = Verdict::inconclusive;
    bool judged = true; ///< false: nothing went wrong, and no gate decided; SKIPPED
    std::vector<measure::Sample> canary{}; ///< summarised in the table, listed in measure/
    std::vector<measure::Sample> stable{};
    std::vector<measure::GateRecord> gates{};
};

/// The verdict as people are shown it: "PASS", or "not judged".
[[nodiscard]] std::string_view verdict_word(const StageRow& row) noexcept;

/// Seconds since the run began, unless stated otherwise.
struct RollbackFacts {
    std::string reason;                    ///< one sentence
    bool planned = false; ///< the playbook ends where it began; nothing went wrong
    std::string from;                      ///< split before
    std::string to;                        ///< split restored
    std::optional<double> fault_s{};       ///< when the fault was injected
    std::optional<double> seen_s{};        ///< the first bad answer after that
    double decided_s = 0;                  ///< the verdict that ended the stage
    std::optional<double> written_s{};     ///< the write returned
    std::optional<double> read_back_s{};   ///< the driver shows the old split
    std::optional<double> user_visible_s{}; ///< first of the unbroken row of good fresh connections
    std::optional<double> confirmed_s{}; ///< the row was complete
    int probes = 0; ///< fresh connections made
    int row = 0; ///< of them in an unbroken row right at the end
    bool verified = false;
    std::string streams{}; ///< "open at the switch 3, finished 3, cut 0"
};

/// What users met while the rollback was tried: unpinned probes over fresh connections, from the
/// first shift to the end. Seconds since the run began, unless stated otherwise.
struct DrillFacts {
    std::string stage; ///< that was made to fail
    std::string fault{}; ///< what was planted; empty: the failure was only ruled
    double users_per_s = 0; ///< each at a random moment of its own interval
    std::uint64_t users = 0; ///< answers to users
    std::uint64_t users_bad = 0; ///< of them, not well
    std::uint64_t users_canary = 0; ///< of them, by the revision that was made to fail
    double decided_s = 0; ///< the rollback was decided
    std::optional<double> hurt_s{}; ///< the last user who was not well or not on the baseline
    std::optional<double> well_s{}; ///< the first user after that one, in an unbroken row
    double limit_s = 0; ///< how long that may take after the decision
    [[nodiscard]] std::optional<double> recovery_s() const noexcept;
    /// The longest time between two users.
    [[nodiscard]] double known_to_within_s() const noexcept {
        return users_per_s > 0 ? 2 / users_per_s : 0;
    }
};

/// How a smoke names streams of `/v1`; they are judged by rules of their own.
inline constexpr std::string_view k_completions_file = "completions-";
inline constexpr std::string_view k_responses_file = "responses-";

/// Which of its evidence a run has: a report names no other.
struct KeptEvidence {
    bool streams = true; ///< of chats
    bool completions = false; ///< streams of /v1/chat/completions
    bool responses = false; ///< streams of /v1/responses
    bool journal = true; ///< something was to be changed
    bool measure = true;
};

/// What a run says of itself at its end: the source of report.md, report.html, run.json and the
/// screen. Id, verdict, exit code, times and checks are the run's own; see run::RunSession.
struct Report {
    std::string id{};
    std::string title{};
    Verdict verdict = Verdict::inconclusive;
    int exit_code = 0;
    std::string headline{}; ///< why, in one sentence
    std::string started_at{}; ///< RFC 3339
    double duration_s = 0;
    std::vector<std::pair<std::string, std::string>> facts{}; ///< name, value
    std::vector<StageRow> stages{};
    std::vector<Check> checks{};
    std::optional<RollbackFacts> rollback{};
    std::optional<DrillFacts> drill{};
    std::vector<std::string> notes{};
    Advice next{}; ///< command to type; empty on PASS
    KeptEvidence kept{};
    std::string appendix{}; ///< Markdown at the end of report.md
    std::vector<Series> series{}; ///< charts of report.html, besides those of stages
    Json more = Json::object(); ///< further members of run.json and of the result's document
    std::string headline_check{}; ///< the id of the check that the headline begins with
    std::string target_keeps{}; ///< the one of the notes that a screen shows, too
};

/// Before anything is made of it: each text of it, as what is written passes the redactor. A server
/// may have sent a secret, and the forms below escape its characters.
void redact(Report& report, const Redactor& redactor);

/// Rows of a table of checks, in their order. Skips of one reason share a row: a target that is not
/// there makes dozens of them.
[[nodiscard]] std::vector<std::vector<const Check*>> rows_of_checks(const std::vector<Check>& checks
);

[[nodiscard]] std::string report_markdown(const Report& report);

/// The same facts for run.json.
[[nodiscard]] Json to_json(const RollbackFacts& facts);
[[nodiscard]] Json to_json(const DrillFacts& facts);
[[nodiscard]] Json to_json(const StageRow& row);

} // namespace oa_stream::report

// What a person reads after a run: report.md.
#pragma once

#include "oa_stream/base/check.hpp"
#include "oa_stream/measure/gate.hpp"

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace oa_stream::evidence {

/// One stage as it was lived through.
struct StageRow {
    std::string name;        ///< "5%"
    std::string split;       ///< "canary 5%, stable 95%"
    std::string observed{};  ///< what unpinned probes met: "canary 5 of 100"
    double seconds = 0;      ///< how long it was held
    Verdict verdict = Verdict::inconclusive;
    std::vector<measure::Sample> canary{}; ///< summarised in the table, listed in measure/
    std::vector<measure::Sample> stable{};
    std::vector<measure::GateRecord> gates{};
};

/// Seconds since the run began, unless said otherwise.
struct RollbackFacts {
    std::string reason;                    ///< one sentence
    bool planned = false; ///< the playbook ends where it began; nothing went wrong
    std::string from;                      ///< split before
    std::string to;                        ///< split restored
    std::optional<double> fault_s{};       ///< when the fault was injected
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

struct Report {
    std::string id;
    std::string title;
    Verdict verdict = Verdict::inconclusive;
    int exit_code = 0;
    std::string headline; ///< why, in one sentence
    std::string started_at;
    double duration_s = 0;
    std::vector<std::pair<std::string, std::string>> facts{}; ///< name, value
    std::vector<StageRow> stages{};
    std::vector<Check> checks{};
    std::optional<RollbackFacts> rollback{};
    std::vector<std::string> notes{};
    std::string next{}; ///< command to type; empty on PASS
};

[[nodiscard]] std::string report_markdown(const Report& report);

/// The same facts for run.json.
[[nodiscard]] Json to_json(const RollbackFacts& facts);
[[nodiscard]] Json to_json(const StageRow& row);

} // namespace oa_stream::evidence

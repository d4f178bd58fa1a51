// One judged fact of a run: what smokes, gates and verifications leave behind.
#pragma once

#include "oa_stream/base/json.hpp"
#include "oa_stream/base/verdict.hpp"

#include <string>
#include <vector>

namespace oa_stream {

/// How a check came to its verdict. Only live passes can make a run PASS.
enum class CheckMode {
    live,
    rehearsed, ///< not done, but it could be: a mutation in a dry run
    replayed,  ///< on stored data
    asserted,  ///< stated by somebody, with a reason, instead of measured
    skipped,
};
[[nodiscard]] std::string_view to_string(CheckMode mode) noexcept;

struct Check {
    std::string id;         ///< stable, "stream.happy.chat", "gate.error-rate@5%"
    Verdict verdict = Verdict::error;
    CheckMode mode = CheckMode::live;
    bool required = true;
    std::string detail{};   ///< one sentence: expected and seen, value and limit
    std::vector<std::string> evidence{}; ///< paths relative to the run folder
    Json data = Json::object();          ///< the record the sentence is made from

    /// SKIPPED, and a run may pass without it.
    void leave_out() noexcept {
        verdict = Verdict::skipped;
        mode = CheckMode::skipped;
        required = false;
    }
};
/// Live, unless it is SKIPPED.
[[nodiscard]] Check
make_check(std::string id, Verdict verdict, std::string detail, Json data = Json::object());

/// The verdict of a run over its checks: worst() over those that are not skipped; a required check
/// that was skipped, or no live pass at all, makes PASS into INCONCLUSIVE.
[[nodiscard]] Verdict run_verdict(const std::vector<Check>& checks) noexcept;
[[nodiscard]] Json to_json(const Check& check);
/// "PASS id: detail", without a line's end.
[[nodiscard]] std::string check_line(const Check& check);
/// A line for each, indented by two, in columns.
[[nodiscard]] std::string check_rows(const std::vector<Check>& checks);

} // namespace oa_stream

// Runs one judging slo command: queries its source inside a run, and leaves the run's folder.
#pragma once

#include "oa_stream/base/check.hpp"
#include "oa_stream/measure/gate.hpp"
#include "oa_stream/measure/source.hpp"
#include "oa_stream/run/run_folder.hpp"

#include "core/command.hpp"
#include "core/suggestion.hpp"
#include "slo_args.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace oa_stream::cli {

/// Queries the source and keeps queries and answers in measure/readings.ndjson.
class SloDesk {
public:
    SloDesk(measure::Source& source, run::RunFolder& folder) : source_(source), folder_(folder) {}

    /// Queries the window of length `window_s` that ends when the run began to query.
    [[nodiscard]] Task<Result<std::shared_ptr<const measure::DatedReading>>>
    ask(measure::Question question, double window_s);
    /// Writes the gate's line of measure/gates.ndjson: judged on the first answer and, versus
    /// stable, on the last.
    void keep_gate(const measure::GateRecord& record);

private:
    measure::Source& source_;
    run::RunFolder& folder_;
    double now_s_ = unix_seconds(std::chrono::system_clock::now());
    std::size_t asked_ = 0; ///< lines of measure/readings.ndjson
};

/// A command's findings from the answers.
struct SloFindings {
    std::vector<Check> checks{};
    std::string text{}; ///< for display, below the verdict
    std::string note{}; ///< one line for display, below the checks; empty: none
    Json more = Json::object(); ///< members of the document in addition to the common ones
    /// The command to run, instead of repeating this one, when it could not be decided; empty: no
    /// command decides it.
    std::optional<Advice> retry{};
    /// The command to run when the data itself is at fault, so that more of it would not help;
    /// empty: it is not, or no command shows it.
    Advice look{};
};

/// Opens folder, source and loop, runs `find`, concludes, prints. An error of `find` is printed as
/// the run's ERROR; Code::usage before the first query is returned to the caller. `again`: the
/// command to run, with this command's options, when it could not be measured or decided.
[[nodiscard]] Result<ExitCode> run_slo(
    run::RunKind kind,
    const CommandSpec& retry,
    const SloSource& source,
    const std::function<Task<SloFindings>(SloDesk&)>& find,
    Context& context
);

/// The check for a failed query.
[[nodiscard]] Check slo_error(std::string id, const Error& error);

} // namespace oa_stream::cli

// One judging command of slo: asks its source inside a run, and leaves the run's folder behind.
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

    /// The window that ends when the run began to ask, `window_s` long.
    [[nodiscard]] Task<Result<std::shared_ptr<const measure::DatedReading>>>
    ask(measure::Question question, double window_s);
    /// Writes the gate's line of measure/gates.ndjson: judged by the first answer and, versus
    /// stable, by the last.
    void keep_gate(const measure::GateRecord& record);

private:
    measure::Source& source_;
    run::RunFolder& folder_;
    double now_s_ = unix_seconds(std::chrono::system_clock::now());
    std::size_t asked_ = 0; ///< lines of measure/readings.ndjson
};

/// What a command makes of the answers.
struct SloFindings {
    std::vector<Check> checks{};
    std::string text{}; ///< for people, below the verdict
    std::string note{}; ///< one line for people, below the checks; empty: none
    Json more = Json::object(); ///< members of the document besides the common ones
    /// To type when it could not be decided, instead of the command itself; empty: nothing that is
    /// typed decides it.
    std::optional<Advice> retry{};
    /// To type when the data itself is at fault, and more of it would show no more; empty: it is
    /// not, or nothing shows that.
    Advice look{};
};

/// Opens folder, source and loop, runs `find`, concludes, prints. What `find` fails with is printed
/// as the run's ERROR; Code::usage before anything is asked is the caller's. `again`: the command
/// to type, with the options of this one, when it could not be measured or decided.
[[nodiscard]] Result<ExitCode> run_slo(
    run::RunKind kind,
    const CommandSpec& retry,
    const SloSource& source,
    const std::function<Task<SloFindings>(SloDesk&)>& find,
    Context& context
);

/// The check of what could not be asked.
[[nodiscard]] Check slo_error(std::string id, const Error& error);

} // namespace oa_stream::cli

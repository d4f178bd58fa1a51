// The sources' readings of users' requests during a stage. Private to the room.
#pragma once

#include "oa_stream/measure/source.hpp"

#include "engine/run_context.hpp"

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace oa_stream::playbook {

/// Gates with the same question for the same source share its answer.
struct Asked {
    std::string_view source{}; ///< "prometheus"
    std::string events{}; ///< "http_5xx | terminal_error"; empty: only times are needed
    measure::Timing timing = measure::Timing::first_content;
    std::string signal{}; ///< for a spike
    std::string promql{};
    std::string promql_of{};
    bool wants_value = false; ///< `promql` is a gate's expression
    /// Stable's part covers the time before the first stage: as configured, or because stable has
    /// no users now.
    bool before = false;
    friend auto operator<=>(const Asked&, const Asked&) = default;
};

/// Shared with the records of the gates that were judged on them.
struct Readings {
    std::shared_ptr<const measure::DatedReading> canary{};
    std::shared_ptr<const measure::DatedReading> stable{};
};

/// Number of users so far, excluding the run's own probes.
struct Arrivals {
    double elapsed_s = 0;
    double canary = 0;
    double all = 0;
};

struct Silence {
    Clock::time_point since{};
    std::string why{};
};

struct SourceAnswers {
    std::map<Asked, Readings> readings{}; ///< the last answers
    std::map<Asked, std::vector<Arrivals>> arrivals{};
    std::map<std::string_view, Silence> silent{}; ///< sources that do not answer now
};

/// Seconds since 1970.
[[nodiscard]] double wall_seconds();
/// From `begun` until now. If the clock is changed meanwhile, the window moves but keeps its
/// length.
[[nodiscard]] measure::Span since(Clock::time_point begun);

/// One question to a source of the run, with a deadline. Code::config when the source does not
/// exist.
[[nodiscard]] Task<Result<measure::SourceReading>>
ask_source(RunContext* run, std::string_view source, measure::Question question);

/// The same; also keeps the reading with its question.
[[nodiscard]] Task<Result<std::shared_ptr<const measure::DatedReading>>>
ask_and_keep(RunContext* run, std::string_view source, measure::Question question);

/// The same; waits for a source that does not answer, as long as the playbook allows.
[[nodiscard]] Task<Result<std::shared_ptr<const measure::DatedReading>>>
ask_patiently(RunContext* run, std::string_view source, measure::Question question);

/// The window's question about one revision, for this gate's events.
[[nodiscard]] measure::Question
question_of(const measure::GateSpec& gate, std::string revision, measure::Span window);

struct StageRun;

/// Queries periodically, keeping each answer and making an interim look, until a deciding source
/// has been silent for too long. Ends only then.
[[nodiscard]] Task<void> keep_asking(StageRun* stage);

/// The reading that a stage's verdict requires: waits for a source that does not answer, as long as
/// the playbook allows. False: it did not answer.
[[nodiscard]] Task<bool> sources_answer(StageRun* stage);

/// The gate's record from the last answers. The run's own probes are judged in addition and may
/// only FAIL; where no users can come or do come, they replace the source as the playbook
/// specifies.
[[nodiscard]] measure::GateRecord
look_at_source(const StageRun& stage, const measure::GateSpec& gate, const measure::Look& look);

} // namespace oa_stream::playbook

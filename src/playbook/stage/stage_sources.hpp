// What the sources report of users' requests during a stage. Private to the room.
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

/// Gates that ask the same of the same source share its answer.
struct Asked {
    std::string_view source{}; ///< "prometheus"
    std::string events{}; ///< "http_5xx | terminal_error"; empty: only times are asked for
    measure::Timing timing = measure::Timing::first_content;
    std::string signal{}; ///< of a spike
    std::string promql{};
    std::string promql_of{};
    bool wants_value = false; ///< `promql` is a gate's expression
    /// Stable's part is of the time before the first stage: asked for so, or nobody serves it now.
    bool before = false;
    friend auto operator<=>(const Asked&, const Asked&) = default;
};

/// Shared with the records of the gates that were judged by them.
struct Readings {
    std::shared_ptr<const measure::DatedReading> canary{};
    std::shared_ptr<const measure::DatedReading> stable{};
};

/// How many users had come, besides the run's own probes.
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
/// From `begun` until now. A clock that is set meanwhile moves the window and does not stretch it.
[[nodiscard]] measure::Span since(Clock::time_point begun);

/// One question to a source of the run, with a deadline. Code::config when it is not there.
[[nodiscard]] Task<Result<measure::SourceReading>>
ask_source(RunContext* run, std::string_view source, measure::Question question);

/// The same, kept with its question.
[[nodiscard]] Task<Result<std::shared_ptr<const measure::DatedReading>>>
ask_and_keep(RunContext* run, std::string_view source, measure::Question question);

/// The same; a source that does not answer is waited for, at most as long as the playbook says.
[[nodiscard]] Task<Result<std::shared_ptr<const measure::DatedReading>>>
ask_patiently(RunContext* run, std::string_view source, measure::Question question);

/// The window's question about one revision, for gates of these events.
[[nodiscard]] measure::Question
question_of(const measure::GateSpec& gate, std::string revision, measure::Span window);

struct StageRun;

/// Asks now and then, each answer an interim look that is kept, until a source that decides has
/// been silent for too long. Ends only then.
[[nodiscard]] Task<void> keep_asking(StageRun* stage);

/// The reading that a stage's verdict needs: a source that does not answer is waited for, at most
/// as long as the playbook says. False: it did not.
[[nodiscard]] Task<bool> sources_answer(StageRun* stage);

/// The gate's record from the last answers. The run's own probes are looked at beside them and may
/// only FAIL; where no users can or do come they fill in, as the playbook says.
[[nodiscard]] measure::GateRecord
look_at_source(const StageRun& stage, const measure::GateSpec& gate, const measure::Look& look);

} // namespace oa_stream::playbook

// Where numbers come from: one question, one answer, whatever measured it. Prometheus, an access
// log and the run's own probes answer in the same form, so gates and budgets cannot tell them
// apart.
#pragma once

#include "oa_stream/base/error.hpp"
#include "oa_stream/base/json.hpp"
#include "oa_stream/base/task.hpp"
#include "oa_stream/measure/tally.hpp"
#include "oa_stream/telemetry/turns.hpp"

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace oa_stream::measure {

using telemetry::BadEvent;
/// "http_5xx | terminal_error" → both; "" → those of telemetry::default_bad(). Code::usage naming
/// the word that is none.
[[nodiscard]] Result<std::vector<BadEvent>> parse_bad_events(std::string_view text);

/// "truncated | stalled" → its words, trimmed; "" → none.
[[nodiscard]] std::vector<std::string_view> event_words(std::string_view events);
/// Who can count a gate's events: sources need bad events alone or classes alone, probes anything
/// but those classes that no answer shows.
[[nodiscard]] bool sources_count(std::string_view events);
[[nodiscard]] bool probes_count(std::string_view events);

/// Seconds since 1970; half-open: [from, to). A request counts when it has ended.
struct Span {
    double from_s = 0;
    double to_s = 0;
    [[nodiscard]] double seconds() const noexcept { return to_s - from_s; }
};

struct Question {
    std::string revision{}; ///< empty: all of them together
    std::vector<std::string> routes{}; ///< templates; empty: all turn routes
    std::vector<BadEvent> bad = telemetry::default_bad();
    /// Besides, a request is bad whose first content took longer (an slo with `good:
    /// first_content <= 2.5s`): then `bad` is not counted and `requests` are those with a time.
    std::optional<double> slower_than_s{};
    Timing timing = Timing::first_content; ///< which times are wanted
    Span window{};
    /// Instead of `bad`, turns of these classes count: words of telemetry/classes.hpp.
    std::vector<std::string> classes{};
    /// Prometheus: the number that an expression gives, or with `promql_of` events among requests
    /// that are none of the lane's. Placeholders as in measure/gate.hpp.
    std::string promql{};
    std::string promql_of{};
    bool wants_value = false; ///< `promql` gives a value (Tally::value), not a count of events
};

/// Everything a gate's or a budget's record says about where its numbers came from.
struct SourceReading {
    enum class State {
        measured, ///< `tally` holds what was seen; zero requests are zero requests
        missing, ///< nothing says anything about the window: unknown, not zero
    };
    State state = State::missing;
    std::string why{}; ///< one line when missing: which side, which query, which time
    /// The file, of several, that `why` or `uncovered` is about; may be empty.
    std::string at_fault{};
    Tally tally{};
    std::string source{}; ///< "prometheus http://127.0.0.1:9090", "access log /var/log/…"
    std::string query{}; ///< what was asked, so that somebody can ask again
    double newest_s = 0; ///< seconds since 1970 of the newest datum; 0: none
    double covered_s = 0; ///< how much of the window there is data for
    /// What the tally cannot tell exactly: "increase() extrapolates: ±1 event a series".
    std::vector<std::string> notes{};
    /// Half-width of what the source itself blurs in each count (extrapolation, scrape edges), in
    /// events; 0 for lists of requests.
    double count_error = 0;
    /// Events next to the window's ends that may be counted in or left out (a scrape comes when it
    /// comes). Good and bad ones alike, so it blurs no share; it matters when two sources' counts
    /// are compared.
    double edge_error = 0;
    /// Requests next to the window's ends that are not in `tally`, and of which each may be of the
    /// window or not: the source has only a sum of them that the window cuts. A PASS must hold with
    /// the bad ones among them, a FAIL with the good ones. Times are in buckets.
    Tally edge{};
    /// Turns that failed and of which the source cannot tell whether they ran into a time limit
    /// before any content: so many times may be missing, each of them infinite. Blurs times alone.
    double time_error = 0;
    /// Bad events that may have been in the window and are not in the tally: a series had them when
    /// it was first seen, a restart hides them, or they are late turns (`time_error`) where slow
    /// ones are bad. A PASS must hold with them.
    double may_have_missed = 0;
    /// Requests that may have been there and that a restart hides; their bad ones are in
    /// `may_have_missed`.
    double requests_missed = 0;
    /// Times that a restart hides, of any length: buckets and requests are counted apart.
    double times_missed = 0;
    /// Requests that may have been there and could not be read (damaged lines of a log): bad or
    /// good, with any time, or none at all.
    double unread = 0;
    /// Why a part of the window may hold requests that are not in the tally, of which nothing is
    /// known; a gate does not PASS then. Empty: all of it is covered.
    std::string uncovered{};
    /// How many requests that part may have held, at the rate of the rest.
    double uncovered_requests = 0;
    /// The run's own probes are in the tally, beside users' requests. False when the source
    /// separates them apart and leaves them out.
    bool counts_probes = true;
    /// So many of the times in the buckets are not of turns that ended well (durations of lanes
    /// without a histogram of whole turns), and nothing says which. A PASS must hold without the
    /// fastest of them, a FAIL without the slowest.
    double other_times = 0;
};

/// A reading with the question it answers.
struct DatedReading {
    std::string revision{};
    double window_s = 0;
    SourceReading reading{};
};
/// A line of measure/readings.ndjson. Nothing is rounded: times that came one by one stand there as
/// [seconds, how many].
[[nodiscard]] Json to_json(const DatedReading& reading);
/// Its opposite, to the last digit. Code::unreadable naming the member that is wrong.
[[nodiscard]] Result<DatedReading> reading_from_json(const Json& line);

/// One thread; answers one question at a time. Bounded memory whatever comes.
class Source {
public:
    virtual ~Source() = default;
    Source() = default;
    Source(const Source&) = delete;
    Source& operator=(const Source&) = delete;

    [[nodiscard]] virtual std::string_view name() const noexcept = 0; ///< "prometheus"
    /// An error means that it could not be measured (ERROR): unreachable, refused, garbage, too
    /// large. What is not there is a Reading in State::missing (INCONCLUSIVE).
    [[nodiscard]] virtual Task<Result<SourceReading>> read(Question question) = 0;
};

} // namespace oa_stream::measure

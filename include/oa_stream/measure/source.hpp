// Where numbers come from: one Question, one SourceReading. Prometheus, an access log and the run's
// own probes answer in the same form, so gates and budgets treat them alike.
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
/// "http_5xx | terminal_error" → both; "" → telemetry::default_bad(). Code::usage naming an unknown
/// word.
[[nodiscard]] Result<std::vector<BadEvent>> parse_bad_events(std::string_view text);

/// "truncated | stalled" → its words, trimmed; "" → none.
[[nodiscard]] std::vector<std::string_view> event_words(std::string_view events);
/// Who can count a gate's events. Sources can count bad events alone or classes alone; probes can
/// count everything except the classes that no answer shows.
[[nodiscard]] bool sources_count(std::string_view events);
[[nodiscard]] bool probes_count(std::string_view events);

/// Seconds since 1970; half-open: [from, to). A request belongs to the span in which it ended.
struct Span {
    double from_s = 0;
    double to_s = 0;
    [[nodiscard]] double seconds() const noexcept { return to_s - from_s; }
};

struct Question {
    std::string revision{}; ///< empty: all revisions together
    std::vector<std::string> routes{}; ///< route templates; empty: all turn routes
    std::vector<BadEvent> bad = telemetry::default_bad();
    /// A request is also bad when its first content took longer (an slo with `good: first_content
    /// <= 2.5s`). `bad` is then not counted, and `requests` are those with a time.
    std::optional<double> slower_than_s{};
    Timing timing = Timing::first_content; ///< the times that are wanted
    Span window{};
    /// Count turns of these classes instead of `bad`: words of telemetry/classes.hpp.
    std::vector<std::string> classes{};
    /// Prometheus only: an expression whose value is wanted or, with `promql_of`, an expression
    /// that counts events among requests of another service. Placeholders as in measure/gate.hpp.
    std::string promql{};
    std::string promql_of{};
    bool wants_value = false; ///< `promql` gives a value (Tally::value), not a count of events
};

/// Everything that a gate's or a budget's record reports about the origin of its numbers.
struct SourceReading {
    enum class State {
        measured, ///< `tally` holds what was measured; zero requests means zero requests
        missing, ///< there is no data about the window: unknown, not zero
    };
    State state = State::missing;
    std::string why{}; ///< one line when missing: the side, query or time concerned
    /// The file, of several, that `why` or `uncovered` refers to; may be empty.
    std::string at_fault{};
    Tally tally{};
    std::string source{}; ///< "prometheus http://127.0.0.1:9090", "access log /var/log/…"
    std::string query{}; ///< the query, so that it can be repeated
    double newest_s = 0; ///< time of the newest datum, seconds since 1970; 0: none
    double covered_s = 0; ///< seconds of the window that have data
    /// What the tally does not give exactly: "increase() extrapolates: ±1 event a series".
    std::vector<std::string> notes{};
    /// Half-width of the error that the source itself causes in each count (extrapolation, scrape
    /// edges), in events; 0 for lists of requests.
    double count_error = 0;
    /// Events near the window's ends that may be counted or left out, depending on when scrapes
    /// happen. Good and bad events are affected alike, so shares stay exact; it matters when two
    /// sources' counts are compared.
    double edge_error = 0;
    /// Requests near the window's ends that are not in `tally` and of which each may belong to the
    /// window: the source only has their sum over a period that the window cuts. A PASS must hold
    /// with the bad ones included, a FAIL with the good ones. Times are in buckets.
    Tally edge{};
    /// Failed turns for which the source cannot determine whether they ran into a time limit before
    /// any content: up to this many infinite times may be missing. Affects times only.
    double time_error = 0;
    /// Bad events that may have been in the window but are not in the tally: a series had them when
    /// it was first scraped, a restart hides them, or they are late turns (`time_error`) where slow
    /// ones are bad. A PASS must hold with them.
    double may_have_missed = 0;
    /// Requests that a restart may hide; their bad ones are in `may_have_missed`.
    double requests_missed = 0;
    /// Times, of any length, that a restart hides: buckets and requests are counted separately.
    double times_missed = 0;
    /// Possible requests that could not be read (damaged log lines): bad or good, with any time or
    /// none.
    double unread = 0;
    /// Why a part of the window may hold requests that are not in the tally and about which nothing
    /// is known; a gate then does not PASS. Empty: the whole window is covered.
    std::string uncovered{};
    /// How many requests that part may have held, at the rate of the rest.
    double uncovered_requests = 0;
    /// The run's own probes are in the tally, together with users' requests. False when the source
    /// can separate them and leaves them out.
    bool counts_probes = true;
    /// This many of the times in the buckets are not of turns that ended well (durations of lanes
    /// without a histogram of whole turns), and it is unknown which. A PASS must hold without the
    /// fastest of them, a FAIL without the slowest.
    double other_times = 0;
};

/// A reading with the revision and window that it answers for.
struct DatedReading {
    std::string revision{};
    double window_s = 0;
    SourceReading reading{};
};
/// A line of measure/readings.ndjson. Nothing is rounded; individual times are stored as [seconds,
/// how many].
[[nodiscard]] Json to_json(const DatedReading& reading);
/// Inverse of to_json(), to the last digit. Code::unreadable naming the invalid member.
[[nodiscard]] Result<DatedReading> reading_from_json(const Json& line);

/// Not thread-safe; answers one question at a time. Memory is bounded whatever the input.
class Source {
public:
    virtual ~Source() = default;
    Source() = default;
    Source(const Source&) = delete;
    Source& operator=(const Source&) = delete;

    [[nodiscard]] virtual std::string_view name() const noexcept = 0; ///< "prometheus"
    /// An error means that it could not be measured (ERROR): unreachable, refused, invalid or too
    /// large answers. Absent data is a reading in State::missing (INCONCLUSIVE).
    [[nodiscard]] virtual Task<Result<SourceReading>> read(Question question) = 0;
};

} // namespace oa_stream::measure

// A gate: one limit, judged on samples with its uncertainty, leaving one record.
#pragma once

#include "oa_stream/base/check.hpp"
#include "oa_stream/base/seconds.hpp"
#include "oa_stream/measure/fraction.hpp"
#include "oa_stream/measure/sample.hpp"
#include "oa_stream/measure/tally.hpp"

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace oa_stream::measure {

struct GateBasis;

enum class Metric {
    bad_rate,          ///< share of bad requests
    quantile,          ///< of a time of each request: GateSpec::timing and ::quantile
    spike, ///< events of one kind, counted by a source: does the canary have many more?
    expression, ///< what a PromQL expression gives, in GateSpec::quantity
};
enum class Against {
    limit, ///< canary alone; `limit` is a share (0.01) or seconds (2.5)
    stable, ///< canary versus stable; `limit` is a difference of shares (0.01 = one percentage
            ///< point) or a relative change of the p95 or of a rate (0.2 = +20 %)
    before, ///< canary, or a service that knows no revisions, versus the same length of time before
            ///< the first stage; `limit` is a relative change. Spikes and expressions only.
};
[[nodiscard]] std::string_view to_string(Against against) noexcept; ///< "limit", "stable", "before"

/// What a PromQL expression gives.
enum class Quantity { share, seconds, per_second, count };
inline constexpr std::array<std::string_view, 4> k_quantity_words{
    "share", "seconds", "per_second", "count"
};
/// What stands in PromQL for the revision that is asked about, and for the window's length.
inline constexpr std::string_view k_revision_placeholder = "$revision";
inline constexpr std::string_view k_window_placeholder = "$window";
enum class GateMode {
    decide,
    observe, ///< evaluated and reported, never decides
};

/// Signals that a gate may watch for spikes (the canary runbook's gates 3 to 5).
inline constexpr std::array<std::string_view, 3> k_signal_words{
    "auth_errors", "sync_token_errors", "audit_errors"
};

struct EventCounts {
    std::uint64_t events = 0;
    std::uint64_t requests = 0; ///< among how many: the arms have different shares of the traffic
    friend bool operator==(const EventCounts&, const EventCounts&) = default;
};
/// A source's numbers of one kind of events.
struct EventReading {
    EventCounts canary{};
    EventCounts stable{};
    std::string source{}; ///< "asserted: counted in the log, 10:05-10:15Z"
    bool asserted = false; ///< stated by somebody instead of measured
    bool enough = true; ///< false: stated, and a live apply may not go on by it alone
    friend bool operator==(const EventReading&, const EventReading&) = default;
};

struct GateSpec {
    std::string id; ///< "error-rate"; unique within a stage
    Metric metric = Metric::bad_rate;
    Against against = Against::limit;
    double limit = 0.01;
    double confidence = 0.95; ///< one-sided, 0.5 < confidence < 1
    Timing timing = Timing::first_content; ///< quantile: of which time
    Fraction quantile = k_p95; ///< quantile: which
    /// quantile versus stable: a rise by less, in seconds, is not a rise, however many per cent it
    /// is.
    double unnoticed_s = 0.010;
    /// bad_rate: failures may come in clumps of so many, of which the window need not show any.
    std::uint64_t clump = 1;
    GateMode mode = GateMode::decide;
    bool alone = false; ///< what is judged is nobody's canary
    /// bad_rate: which events were asked for ("http_5xx | terminal_error"); empty: any. Probes
    /// count every ending but ok, which includes them all.
    std::string events{};
    std::uint64_t min_n = 0; ///< with fewer samples an arm it does not PASS; it may still FAIL
    /// Which source judges it: "probe", "prometheus", "access_log"; empty: whoever is asked.
    std::string from{};
    std::string signal{}; ///< spike: which events, "auth_errors"
    /// spike: fewer events at the canary are not a spike, whatever the ratio: 1 against 0 is noise.
    std::uint64_t min_events = 10;
    std::optional<EventReading> reading{}; ///< spike: what a playbook states
    /// expression: what is judged. spike: how many events there were; empty: the lane's own count.
    /// PromQL with placeholders.
    std::string promql{};
    std::string promql_of{}; ///< spike with promql: among how many requests; empty: the lane's
    Quantity quantity = Quantity::count; ///< expression: its unit
    /// expression: less is worse, so `limit` is a lower bound (versus: the least change, -0.2).
    bool at_least = false;
};
[[nodiscard]] Json to_json(const GateSpec& spec);
/// Seconds per token inside, tokens per second to people: its quantile, limit and values are turned
/// round where they are shown or read.
[[nodiscard]] bool is_token_rate(const GateSpec& spec) noexcept;
/// The quantile as a playbook says it.
[[nodiscard]] Fraction shown_quantile(const GateSpec& spec) noexcept;
/// "p95", "p99.5"
[[nodiscard]] std::string quantile_text(Fraction quantile);
/// "first-content", "duration-p99-vs-stable": the id of a gate on a quantile that names none.
[[nodiscard]] std::string quantile_id(const GateSpec& spec);

/// Stable's time as a limit on a rise takes it: one that the canary may exceed by
/// `unnoticed_s` at least.
[[nodiscard]] double raised_reference(const GateSpec& spec, double stable_s) noexcept;
/// percent_text() of a change, with its sign.
[[nodiscard]] std::string signed_percent(double change, double limit);

/// Looking often at growing data finds "breaches" that are not there. So the number of looks that
/// may decide is fixed before (the end of the window, and the end of its extension), and each of
/// the `of` looks gets an equal share of the error: confidence 1 − (1 − c) / of. Interim looks in
/// between may only FAIL, each spending (1 − c) / 500: even looking after every sample from n to
/// 1000 n then adds no more than a tenth of 1 − c to the chance of a false FAIL (docs/gates.md).
struct Look {
    int number = 1; ///< 1-based
    int of = 1;
    bool interim = false;
};
inline constexpr double k_interim_share = 1.0 / 500;
[[nodiscard]] double confidence_of(const GateSpec& spec, const Look& look) noexcept;

struct GateInput {
    std::span<const Sample> canary{};
    std::span<const Sample> stable{};
    std::string window{}; ///< "stage 5%, 4s"
    std::string reference_window{}; ///< of stable, when another
    std::string source = "probe";
    std::string query{}; ///< what the source was asked
    Look look{};
    std::uint64_t seed = 1; ///< of the bootstrap
    /// Instead of samples, when a source counts rather than lists; not owned.
    const Tally* canary_tally = nullptr;
    const Tally* stable_tally = nullptr;
    std::string arm = "canary"; ///< what the sentence calls the one that is judged
};

struct GateRecord {
    GateSpec spec;
    Verdict verdict = Verdict::inconclusive;
    std::string rule{}; ///< which rule fired, one word of the table in gate.cpp
    std::optional<double> value{}; ///< in the unit of spec.limit
    std::optional<double> low{}; ///< one-sided bound at `confidence`; nullopt: unbounded
    std::optional<double> high{}; ///< the same from above
    double confidence = 0; ///< of each bound, after the correction for looks
    std::uint64_t n = 0; ///< canary samples (spike: requests) that entered
    std::uint64_t reference_n = 0; ///< stable samples that entered
    std::uint64_t bad = 0; ///< bad_rate, and the events of a spike
    std::uint64_t reference_bad = 0;
    std::optional<double> measured{}; ///< canary's own number (share or seconds)
    std::optional<double> reference{}; ///< stable's own number
    std::optional<std::uint64_t> needs_n{}; ///< when INCONCLUSIVE: samples an arm to decide
    std::string window{};
    std::string reference_window{};
    std::string source{};
    std::string query{}; ///< what the source was asked; empty for samples
    std::vector<std::string> notes{}; ///< what the numbers cannot tell exactly, who filled in
    bool asserted = false; ///< by a stated reading
    Look look{};
    std::string sentence{};
    std::shared_ptr<const GateBasis> basis{}; ///< set by evaluate_basis(): what it was judged by
    std::string arm{}; ///< see GateInput
};

/// Never fails: what is missing makes the record INCONCLUSIVE and is said in its sentence.
[[nodiscard]] GateRecord evaluate(const GateSpec& spec, const GateInput& input);

[[nodiscard]] Json to_json(const GateRecord& record);
/// The check of a gate that only observes is SKIPPED and says what it would have been: it never
/// decides a run.
[[nodiscard]] Check to_check(const GateRecord& record, std::string id);

} // namespace oa_stream::measure

// A gate: one limit, judged on samples with their uncertainty. Each judgement leaves one record.
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
    quantile, ///< quantile of GateSpec::timing, at GateSpec::quantile
    spike, ///< events of one kind, counted by a source: does the canary have many more?
    expression, ///< the value of a PromQL expression, in the unit GateSpec::quantity
};
enum class Against {
    limit, ///< canary alone; `limit` is a share (0.01) or seconds (2.5)
    stable, ///< canary versus stable; `limit` is a difference of shares (0.01 = one percentage
            ///< point) or a relative change of the p95 or of a rate (0.2 = +20 %)
    /// Canary, or a service without revisions, versus an equally long window before the first
    /// stage; `limit` is a relative change. Spikes and expressions only.
    before,
};
[[nodiscard]] std::string_view to_string(Against against) noexcept; ///< "limit", "stable", "before"

/// Unit of a PromQL expression's value.
enum class Quantity { share, seconds, per_second, count };
inline constexpr std::array<std::string_view, 4> k_quantity_words{
    "share", "seconds", "per_second", "count"
};
/// Placeholders in PromQL for the revision being judged and for the window's length.
inline constexpr std::string_view k_revision_placeholder = "$revision";
inline constexpr std::string_view k_window_placeholder = "$window";
enum class GateMode {
    decide,
    observe, ///< evaluated and reported, never decides
};

/// Signals that a gate can watch for spikes (the canary runbook's gates 3 to 5).
inline constexpr std::array<std::string_view, 3> k_signal_words{
    "auth_errors", "sync_token_errors", "audit_errors"
};

struct EventCounts {
    std::uint64_t events = 0;
    std::uint64_t requests = 0; ///< the events' base: the arms have different shares of the traffic
    friend bool operator==(const EventCounts&, const EventCounts&) = default;
};
/// A source's counts of one kind of events.
struct EventReading {
    EventCounts canary{};
    EventCounts stable{};
    std::string source{}; ///< "asserted: counted in the log, 10:05-10:15Z"
    bool asserted = false; ///< stated by a person instead of measured
    bool enough = true; ///< false: stated, and not sufficient by itself to continue a live apply
    friend bool operator==(const EventReading&, const EventReading&) = default;
};

struct GateSpec {
    std::string id; ///< "error-rate"; unique within a stage
    Metric metric = Metric::bad_rate;
    Against against = Against::limit;
    double limit = 0.01;
    double confidence = 0.95; ///< one-sided, 0.5 < confidence < 1
    Timing timing = Timing::first_content; ///< quantile: the time it is taken of
    Fraction quantile = k_p95; ///< quantile: which one
    /// quantile versus stable: a rise by less than this many seconds does not count as a rise,
    /// whatever its percentage.
    double unnoticed_s = 0.010;
    /// bad_rate: failures may come in clumps of this size even if the window shows none.
    std::uint64_t clump = 1;
    GateMode mode = GateMode::decide;
    bool alone = false; ///< the judged lane is not anyone's canary: there is no stable arm
    /// bad_rate: the events that count ("http_5xx | terminal_error"); empty: any. Probes then count
    /// every ending but ok, which includes all events.
    std::string events{};
    std::uint64_t min_n = 0; ///< with fewer samples per arm the gate cannot PASS; it may still FAIL
    /// Source that judges the gate: "probe", "prometheus", "access_log"; empty: any available one.
    std::string from{};
    std::string signal{}; ///< spike: the kind of events, "auth_errors"
    /// spike: fewer canary events than this are no spike, whatever the ratio: 1 against 0 is noise.
    std::uint64_t min_events = 10;
    std::optional<EventReading> reading{}; ///< spike: counts stated in a playbook
    /// PromQL with placeholders. expression: the judged value. spike: the number of events; empty:
    /// the lane's own count.
    std::string promql{};
    std::string promql_of{}; ///< spike with promql: the number of requests; empty: the lane's
    Quantity quantity = Quantity::count; ///< expression: its unit
    /// expression: lower is worse, so `limit` is a lower bound (versus: the smallest allowed
    /// change, -0.2).
    bool at_least = false;
};
[[nodiscard]] Json to_json(const GateSpec& spec);
/// The metric is stored as seconds per token and shown as tokens per second: its quantile, limit
/// and values are inverted when they are shown or read.
[[nodiscard]] bool is_token_rate(const GateSpec& spec) noexcept;
/// The quantile as written in a playbook.
[[nodiscard]] Fraction shown_quantile(const GateSpec& spec) noexcept;
/// "p95", "p99.5"
[[nodiscard]] std::string quantile_text(Fraction quantile);
/// "first-content", "duration-p99-vs-stable": the default id of a quantile gate.
[[nodiscard]] std::string quantile_id(const GateSpec& spec);

/// Stable's time, raised so that the canary may exceed it by at least `unnoticed_s`.
[[nodiscard]] double raised_reference(const GateSpec& spec, double stable_s) noexcept;
/// percent_text() of a change, with a sign.
[[nodiscard]] std::string signed_percent(double change, double limit);

/// Frequent looks at growing data find "breaches" that do not exist. The number of looks that may
/// decide is therefore fixed in advance (the end of the window and the end of its extension), and
/// each of the `of` looks gets an equal share of the error: confidence 1 − (1 − c) / of. Interim
/// looks in between may only FAIL, each spending (1 − c) / 500: even a look after every sample from
/// n to 1000 n then adds at most a tenth of 1 − c to the chance of a false FAIL (docs/gates.md).
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
    std::string reference_window{}; ///< stable's window, when it differs
    std::string source = "probe";
    std::string query{}; ///< the query sent to the source
    Look look{};
    std::uint64_t seed = 1; ///< seed of the bootstrap
    /// Used instead of samples when a source gives counts, not a list of requests; not owned.
    const Tally* canary_tally = nullptr;
    const Tally* stable_tally = nullptr;
    std::string arm = "canary"; ///< the judged arm's name in the sentence
};

struct GateRecord {
    GateSpec spec;
    Verdict verdict = Verdict::inconclusive;
    std::string rule{}; ///< the rule that decided, one word of the table in gate.cpp
    std::optional<double> value{}; ///< in the unit of spec.limit
    std::optional<double> low{}; ///< one-sided bound at `confidence`; nullopt: unbounded
    std::optional<double> high{}; ///< the same from above
    double confidence = 0; ///< of each bound, after the correction for looks
    std::uint64_t n = 0; ///< canary samples (spike: requests) that entered
    std::uint64_t reference_n = 0; ///< stable samples that entered
    std::uint64_t bad = 0; ///< bad requests (bad_rate) or events (spike)
    std::uint64_t reference_bad = 0;
    std::optional<double> measured{}; ///< canary's own number (share or seconds)
    std::optional<double> reference{}; ///< stable's own number
    std::optional<std::uint64_t> needs_n{}; ///< when INCONCLUSIVE: samples per arm needed to decide
    std::string window{};
    std::string reference_window{};
    std::string source{};
    std::string query{}; ///< the query sent to the source; empty for samples
    /// Limits of the numbers' accuracy, and which source substituted for another.
    std::vector<std::string> notes{};
    bool asserted = false; ///< judged on a stated reading
    Look look{};
    std::string sentence{};
    /// Set by evaluate_basis(): the input of the judgement.
    std::shared_ptr<const GateBasis> basis{};
    std::string arm{}; ///< see GateInput
};

/// Never fails: missing input makes the record INCONCLUSIVE, and its sentence names it.
[[nodiscard]] GateRecord evaluate(const GateSpec& spec, const GateInput& input);

[[nodiscard]] Json to_json(const GateRecord& record);
/// The check of a gate that only observes is SKIPPED and names the verdict it would have had: it
/// never decides a run.
[[nodiscard]] Check to_check(const GateRecord& record, std::string id);

} // namespace oa_stream::measure

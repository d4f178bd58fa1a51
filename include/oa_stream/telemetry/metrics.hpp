// The lane's metrics: names, labels, kinds, buckets. /metrics, every query, watch and the docs use
// this table.
#pragma once

#include "oa_stream/telemetry/turns.hpp"

#include <array>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace oa_stream::telemetry {

/// Prefix of every metric's name.
inline constexpr std::string_view k_prefix = "oa_stream_";

/// Upper bounds in seconds, without +Inf. A service objective's threshold must be one of them.
inline constexpr std::array k_duration_bounds{
    0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0
};
inline constexpr std::array k_first_content_bounds{
    0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0
};

enum class Kind { counter, gauge, histogram };
[[nodiscard]] std::string_view to_string(Kind kind) noexcept;

struct Metric {
    std::string_view name; ///< in full
    Kind kind;
    std::string_view labels; ///< separated by commas
    std::string_view help; ///< # HELP and the docs
    std::string_view watch{}; ///< for a counter: watch shows its rise under this caption
};

/// In the order of /metrics.
inline constexpr std::array k_metrics{
    Metric{
        "oa_stream_http_requests_total",
        Kind::counter,
        "route,method,status,lane,probe",
        "Requests whose response ended or broke; 499: the client left before a status line."
    },
    Metric{
        "oa_stream_http_request_duration_seconds",
        Kind::histogram,
        "route,probe",
        "First byte of the request to last byte sent, streams included."
    },
    Metric{
        "oa_stream_turn_duration_seconds",
        Kind::histogram,
        "route,probe",
        "First byte of the request to last byte sent, of whole turns: begun by it, completed and "
        "read to the end."
    },
    Metric{
        "oa_stream_first_content_seconds",
        Kind::histogram,
        "route,probe",
        "First byte of the request to the first text, reasoning or tool of the turn it started."
    },
    Metric{
        "oa_stream_chunk_gap_seconds",
        Kind::histogram,
        "route,probe",
        "Longest silence between two chunks of a turn that ended; heartbeats do not count as "
        "chunks."
    },
    Metric{
        "oa_stream_compat_rejected_total",
        Kind::counter,
        "code,probe",
        "Handshakes refused before the stream (426), by code."
    },
    Metric{
        "oa_stream_terminal_total",
        Kind::counter,
        "class,route,probe",
        "Accepted turns that ended, by how; each once, resumes never."
    },
    Metric{
        "oa_stream_bridge_accepted_total",
        Kind::counter,
        "route,probe",
        "Turns the authority accepted."
    },
    Metric{"oa_stream_active_streams", Kind::gauge, "", "Streams open now."},
    Metric{
        "oa_stream_normaliser_repairs_total",
        Kind::counter,
        "kind",
        "Events of the authority that had to be repaired."
    },
    Metric{
        "oa_stream_empty_turns_total",
        Kind::counter,
        "route,probe",
        "Completed turns without text, reasoning or tool.",
        "empty turns"
    },
    Metric{
        "oa_stream_usage_unknown_total",
        Kind::counter,
        "route,probe",
        "Ended turns whose usage the authority never reported."
    },
    Metric{
        "oa_stream_terminal_5xx_total",
        Kind::counter,
        "route,probe",
        "Turns that ended in a bad class and were answered 5xx: subtract them where 5xx answers "
        "and bad classes are added up."
    },
    Metric{
        "oa_stream_build_info",
        Kind::gauge,
        "revision,version",
        "Which build this process is; always 1."
    },
    Metric{
        "oa_stream_process_info",
        Kind::gauge,
        "id",
        "A random id of this process; always 1. It distinguishes processes behind one address."
    },
    Metric{
        "oa_stream_process_start_time_seconds",
        Kind::gauge,
        "",
        "When this process started, in seconds since 1970."
    },
    Metric{"oa_stream_ready", Kind::gauge, "", "1 while /readyz answers 200."},
};

/// The row of that name, looked up at compile time.
[[nodiscard]] consteval const Metric& metric(std::string_view name) {
    for (const Metric& row : k_metrics) {
        if (row.name.substr(k_prefix.size()) == name) {
            return row;
        }
    }
    throw "no such metric"; // rejected by the compiler
}

// Probes ------------------------------------------------------------------------------------

/// A request with this header is an operator's probe. It is counted in separate series, which have
/// the label below, and its access log line has a member of that name.
inline constexpr std::string_view k_probe_header = "x-oa-probe";
inline constexpr std::string_view k_probe_label = "probe";
inline constexpr std::string_view k_probe_value = "true";
/// The header's value as it is logged: letters, digits and '-'; "other" for anything else.
[[nodiscard]] std::string probe_word(std::string_view header);

// Turns in counters -------------------------------------------------------------------------

/// A label that must have one of these values.
struct LabelIs {
    std::string_view label;
    std::vector<std::string> values;
    bool pattern = false; ///< a dot in the values matches any character
    [[nodiscard]] bool takes(std::string_view value) const noexcept;
};
/// One counter's part of a count of turns.
struct Term {
    const Metric* metric = nullptr;
    std::vector<LabelIs> labels{};
    std::string_view word{}; ///< "requests", "http_5xx": its name in messages
    bool subtract = false;
    /// Lanes of earlier builds lack it: absence then means 0, not missing.
    bool optional = false;
};
/// Turn requests on these routes; without any, on all turn routes.
[[nodiscard]] Term requests_term(std::span<const std::string> routes = {});
/// The counters that add up to the bad turn requests, in the sense of bad_events().
[[nodiscard]] std::vector<Term>
bad_terms(std::span<const BadEvent> events, std::span<const std::string> routes = {});
/// Turns that a time limit may have ended before any content.
[[nodiscard]] Term late_term(std::span<const std::string> routes = {});
/// The terms that add up to requests, of any method, other than turns that ended well.
[[nodiscard]] std::array<Term, 2> other_terms(std::span<const std::string> routes = {});
[[nodiscard]] LabelIs route_is(std::span<const std::string> routes = {});
/// Excludes probes; empty for a metric that does not distinguish them.
[[nodiscard]] std::vector<LabelIs> no_probes(const Metric& metric);
/// The routes with a handshake: those of the lane compat.
[[nodiscard]] std::vector<std::string> handshake_routes();

} // namespace oa_stream::telemetry

#include "serve_store.hpp"

#include <algorithm>
#include <array>
#include <iterator>

namespace oa_stream::cli {

namespace {

constexpr std::string_view k_errors =
    "Answers of the store that were errors, or that did not come.";
constexpr std::string_view k_fenced =
    "Turns that another lane had taken, by where this one learned of it.";
constexpr std::string_view k_rtt = "How long the store took to answer.";

/// Of RoundTrips::k_bounds_s, and of what took longer.
constexpr std::array<std::string_view, store::RoundTrips::k_bounds_s.size() + 1> k_rtt_buckets{
    "store_rtt_seconds_bucket{le=0.0001}",
    "store_rtt_seconds_bucket{le=0.00025}",
    "store_rtt_seconds_bucket{le=0.0005}",
    "store_rtt_seconds_bucket{le=0.001}",
    "store_rtt_seconds_bucket{le=0.0025}",
    "store_rtt_seconds_bucket{le=0.005}",
    "store_rtt_seconds_bucket{le=0.01}",
    "store_rtt_seconds_bucket{le=0.025}",
    "store_rtt_seconds_bucket{le=0.05}",
    "store_rtt_seconds_bucket{le=0.1}",
    "store_rtt_seconds_bucket{le=0.25}",
    "store_rtt_seconds_bucket{le=1}",
    "store_rtt_seconds_bucket{le=2.5}",
    "store_rtt_seconds_bucket{le=+Inf}"
};

std::vector<authority::Reading> round_trips(const store::RoundTrips& seen) {
    std::vector<authority::Reading> out;
    double below = 0;
    for (std::size_t i = 0; i < k_rtt_buckets.size(); ++i) {
        below += static_cast<double>(seen.counts.at(i));
        out.push_back({k_rtt_buckets.at(i), k_rtt, below});
    }
    out.push_back({"store_rtt_seconds_sum", k_rtt, seen.sum_s});
    out.push_back({"store_rtt_seconds_count", k_rtt, below});
    return out;
}

} // namespace

std::vector<authority::Reading> store_readings(const store::Store& store) {
    const auto numbers = store.numbers();
    const auto& turns = store.turns;
    const auto count = [](std::uint64_t value) { return static_cast<double>(value); };
    std::vector<authority::Reading> out{
        {"store_up", "1 while the store answers.", numbers.up ? 1.0 : 0.0},
        {"store_errors_total{kind=late}", k_errors, count(numbers.errors.late)},
        {"store_errors_total{kind=down}", k_errors, count(numbers.errors.down)},
        {"store_errors_total{kind=full}", k_errors, count(numbers.errors.full)},
        {"store_errors_total{kind=refused}", k_errors, count(numbers.errors.refused)},
        {"store_errors_total{kind=other}", k_errors, count(numbers.errors.other)},
        {"store_appends_total", "Pieces of turns written to the store.", count(numbers.appends)},
        {"store_append_bytes_total", "Bytes of them.", count(numbers.append_bytes)},
        {"store_unacked_bytes",
         "Bytes of running turns that the store does not have yet.",
         count(turns.unacked)},
        {"store_unsettled_ends_total",
         "Endings that were told before the store had them.",
         count(turns.unsettled)},
        {"store_memory_ratio",
         "Share of the store's maxmemory that is used; 0 when it has no limit.",
         numbers.memory},
        {"store_wait_short_total",
         "Decisions that no copy of the store had within 200 ms.",
         count(numbers.short_waits)},
        {"sessions", "Lanes alive on the store.", count(numbers.sessions)},
        {"turns_held", "Turns this lane holds.", count(numbers.held)},
        {"relays", "Turns of other lanes that are read here.", count(turns.relays)},
        {"tails", "Running turns of other lanes that are followed here.", count(turns.tails)},
        {"fenced_total{where=append}", k_fenced, count(turns.fenced.append)},
        {"fenced_total{where=end}", k_fenced, count(turns.fenced.end)},
        {"fenced_total{where=commit}", k_fenced, count(turns.fenced.commit)},
        {"fenced_total{where=validate}", k_fenced, count(turns.fenced.validate)},
        {"adopted_total", "Turns of dead or draining lanes that went on here.", count(turns.adopted)
        },
        {"reaped_total", "Turns of dead lanes that were ended here.", count(turns.reaped)},
        {"released_total", "Turns left for other lanes.", count(turns.released)},
        {"tail_gaps_total", "Readers cut because a log was lost.", count(turns.gaps)},
    };
    std::ranges::move(round_trips(numbers.round_trips), std::back_inserter(out));
    return out;
}

} // namespace oa_stream::cli

#include "serve_store.hpp"

#include <fmt/format.h>

#include <array>
#include <string>

namespace oa_stream::cli {

namespace {

constexpr std::string_view k_errors =
    "Answers of the store that were errors, or that did not come.";
constexpr std::string_view k_fenced =
    "Turns that another lane had taken, by where this one learned of it.";
constexpr std::string_view k_rtt = "How long the store took to answer.";
constexpr std::string_view k_lag =
    "From another lane's write of a piece until it was here, by the clocks of both.";

/// The names of a histogram's series: the buckets of Delays::k_bounds_s, and the one above them.
struct Family {
    std::array<std::string, store::Delays::k_bounds_s.size() + 1> buckets;
    std::string sum;
    std::string count;

    explicit Family(std::string_view name)
        : sum(fmt::format("{}_sum", name)), count(fmt::format("{}_count", name)) {
        const auto& bounds = store::Delays::k_bounds_s;
        for (std::size_t i = 0; i < buckets.size(); ++i) {
            const auto bound = i < bounds.size() ? fmt::format("{}", bounds.at(i)) : "+Inf";
            buckets.at(i) = fmt::format("{}_bucket{{le={}}}", name, bound);
        }
    }
};

void add(
    std::vector<authority::Reading>& out,
    const Family& family,
    std::string_view help,
    const store::Delays& seen
) {
    double below = 0;
    for (std::size_t i = 0; i < family.buckets.size(); ++i) {
        below += static_cast<double>(seen.counts.at(i));
        out.push_back({family.buckets.at(i), help, below});
    }
    out.push_back({family.sum, help, seen.sum_s});
    out.push_back({family.count, help, below});
}

} // namespace

std::vector<authority::Reading> store_readings(const store::Store& store) {
    const auto numbers = store.numbers();
    const auto& turns = store.turns;
    const auto count = [](std::uint64_t value) { return static_cast<double>(value); };
    std::vector<authority::Reading> out{
        {"store_up",
         "1 while the store answers and takes writes, and no connection to it stays away.",
         numbers.up ? 1.0 : 0.0},
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
         "Endings that were sent before the store had them.",
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
    static const Family k_trips("store_rtt_seconds");
    static const Family k_lags("tail_lag_seconds");
    add(out, k_trips, k_rtt, numbers.round_trips);
    add(out, k_lags, k_lag, numbers.tail_lags);
    return out;
}

} // namespace oa_stream::cli

#include "serve_store.hpp"

namespace oa_stream::cli {

std::vector<authority::Reading> store_readings(const store::Store& store) {
    const auto numbers = store.numbers();
    const auto& turns = store.turns;
    const auto count = [](std::uint64_t value) { return static_cast<double>(value); };
    return {
        {"store_up", "1 while the store answers.", numbers.up ? 1.0 : 0.0},
        {"store_rtt_seconds", "Round trip of the last lease renewal.", numbers.rtt_s},
        {"store_errors_total",
         "Answers of the store that were errors or late.",
         count(numbers.errors)},
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
        {"fenced_total", "Turns that another lane had taken.", count(turns.fenced)},
        {"adopted_total", "Turns of dead or draining lanes that went on here.", count(turns.adopted)
        },
        {"reaped_total", "Turns of dead lanes that were ended here.", count(turns.reaped)},
        {"released_total", "Turns left for other lanes.", count(turns.released)},
        {"tail_gaps_total", "Readers cut because a log was lost.", count(turns.gaps)},
    };
}

} // namespace oa_stream::cli

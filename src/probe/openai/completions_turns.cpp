// The number of running turns, and what happens to a turn whose client leaves.
#include "oa_stream/base/text.hpp"

#include "completions_held.hpp"

#include <fmt/format.h>

#include <array>

namespace oa_stream::probe {

namespace {

std::optional<std::uint64_t> count_of(const net::Headers& headers, std::string_view name) {
    const auto count = parse_count(headers.get(name).value_or(""), 1, 1'000'000);
    return count ? std::optional(*count) : std::nullopt;
}

std::string counts_fault(const Run& run) {
    for (const auto* answer : {&run.first, &run.stream}) {
        const auto limit = count_of(answer->response.headers, "x-conc-limit");
        const auto active = count_of(answer->response.headers, "x-conc-active");
        if (!limit || !active || *active > *limit) {
            return "x-conc-limit and x-conc-active are not counts, or more turns run than allowed";
        }
    }
    return {};
}

/// The count from a turn that was only begun to read it; 0: refused at the limit.
Task<std::uint64_t> active_now(RunPtr run) {
    const auto held = co_await hold_stream(run, body_of(*run, true));
    co_return held->status == 200 ? count_of(held->headers, "x-conc-active").value_or(0) : 0;
}

/// If places are not freed, there is one fewer after every stream that is left. Unset: others run
/// turns meanwhile, so the counts are not only ours.
Task<std::optional<std::string>> left_fault(RunPtr run, std::uint64_t before, std::uint64_t limit) {
    constexpr std::array k_pauses{Millis{200}, Millis{500}, Millis{800}, Millis{1000}};
    // The most that this check may have left running.
    constexpr std::uint64_t k_ours = 2 + k_pauses.size();
    std::uint64_t last = before;
    bool reported = false;
    for (const auto pause : k_pauses) {
        (void)co_await sleep_for(pause);
        const auto active = co_await active_now(run);
        if (active != 0 && active <= last) {
            co_return std::string();
        }
        if (active > k_ours) {
            co_return std::nullopt;
        }
        reported = reported || active != 0;
        last = active == 0 ? last : active;
    }
    if (!reported && limit > k_ours) {
        co_return std::nullopt;
    }
    co_return fmt::format(
        "streams whose client left still count after 2.5 s: {} turns, then {}", before, last
    );
}

/// Two streams in parallel count as two. Unset: the first one ended too soon to decide, or others
/// run turns.
Task<std::optional<std::string>> together_fault(RunPtr run) {
    const auto one = co_await hold_stream(run, body_of(*run, true));
    const auto two = co_await hold_stream(run, body_of(*run, true));
    if (one->status != 200 || one->ended || (two->status != 200 && two->status != 429)) {
        co_return std::nullopt;
    }
    const auto active = count_of(two->headers, "x-conc-active").value_or(0);
    if (two->status == 200 && active < 2) {
        co_return fmt::format("two turns run, x-conc-active is {}", active);
    }
    one->transfer.reset();
    two->transfer.reset();
    const auto limit = count_of(one->headers, "x-conc-limit").value_or(0);
    co_return co_await left_fault(run, std::max<std::uint64_t>(active, 1), limit);
}

} // namespace

Task<void> check_turns(RunPtr run) {
    const auto wrong = counts_fault(*run);
    run->judge("conc-headers", wrong, "counts");
    if (!wrong.empty()) {
        run->skip("conc-count", "there are no counts");
        co_return;
    }
    const auto found = co_await together_fault(run);
    if (!found) {
        run->skip(
            "conc-count", "a stream ended too soon to count two, or others run turns meanwhile"
        );
        co_return;
    }
    run->judge("conc-count", *found, "two at once are two, and a place is given back");
}

} // namespace oa_stream::probe

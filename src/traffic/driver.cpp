#include "oa_stream/traffic/driver.hpp"

#include <fmt/format.h>

namespace oa_stream::traffic {

Task<Result<void>> TrafficDriver::restore(Split target, Json exact, std::string etag) {
    static_cast<void>(exact);
    co_return co_await set(std::move(target), std::move(etag));
}

std::string serving_text(const TrafficState& state) {
    const auto why = state.serving.empty() ? string_member(state.extra, "no_split") : std::nullopt;
    return why ? std::string(*why) : state.serving.text();
}

std::string serves_text(const TrafficState& state) {
    return state.serving.empty() ? "what serves is not a split: " + serving_text(state)
                                 : serving_text(state) + " serves";
}

// The driver outlives the call: its owner awaits it.
Task<Result<TrafficState>> // NOLINTNEXTLINE(cppcoreguidelines-avoid-reference-coroutine-parameters)
poll_until(TrafficDriver& driver, Split target, Millis limit, Millis pause) {
    const auto deadline = Clock::now() + limit;
    std::string seen = "nothing";
    while (true) {
        auto state = co_await driver.read();
        if (state && state->settled && state->serving == target) {
            co_return state;
        }
        seen = !state           ? state.error().text()
               : state->settled ? serving_text(*state)
                                : serving_text(*state) + ", still changing";
        if (Clock::now() + pause > deadline || !co_await sleep_for(pause)) {
            break;
        }
    }
    co_return fail(Code::timeout, fmt::format("expected {} to serve, saw {}", target.text(), seen));
}

} // namespace oa_stream::traffic

#include "oa_stream/traffic/driver.hpp"

#include <fmt/format.h>

#include <filesystem>

namespace oa_stream::traffic {

bool MachineryProcess::is_newer_than(const MachineryProcess& before) const noexcept {
    const bool another = !before.id.empty() && !id.empty() && before.id != id;
    return another || (before.uptime_s && uptime_s && *uptime_s < *before.uptime_s);
}

Task<Result<void>> TrafficDriver::restore(Split target, Json exact, std::string etag) {
    static_cast<void>(exact);
    co_return co_await set(std::move(target), std::move(etag));
}

std::string canonical_path(const std::string& path) {
    constexpr int k_most_links = 40; // the limit of Linux
    std::error_code error; // without any existing component the path would stay relative
    auto whole = std::filesystem::absolute(path, error);
    // A link must mean the same while its target is absent, like a socket during a restart.
    for (int i = 0; i < k_most_links && !error && std::filesystem::is_symlink(whole, error); ++i) {
        whole = whole.parent_path() / std::filesystem::read_symlink(whole, error);
    }
    if (!error || error == std::errc::no_such_file_or_directory) {
        whole = std::filesystem::weakly_canonical(whole, error);
    }
    return error ? path : whole.string();
}

std::string serving_text(const TrafficState& state) {
    const auto why = state.serving.empty() ? string_member(state.extra, "no_split") : std::nullopt;
    return why ? std::string(*why) : state.serving.text();
}

std::string serves_text(const TrafficState& state) {
    return state.serving.empty() ? "what serves is not a split: " + serving_text(state)
                                 : serving_text(state) + " serves";
}

bool rests_at(const TrafficState& state, const Split& split) noexcept {
    return state.serving == split && state.wanted == split;
}

// The driver outlives the call: its owner awaits it.
Task<Result<TrafficState>> // NOLINTNEXTLINE(cppcoreguidelines-avoid-reference-coroutine-parameters)
poll_until(TrafficDriver& driver, Split target, Millis limit, Millis pause, Lacks lacks) {
    const auto deadline = Clock::now() + limit;
    while (true) {
        auto state = co_await driver.read();
        std::string seen;
        if (!state) {
            seen = "saw " + state.error().text();
        } else if (!state->settled || state->serving != target) {
            seen = fmt::format(
                "saw {}{}", serving_text(*state), state->settled ? "" : ", still changing"
            );
        } else if (!rests_at(*state, target)) {
            seen = fmt::format("but {} is requested", state->wanted.text());
        } else if (lacks) {
            seen = lacks(*state);
        }
        if (seen.empty()) {
            co_return state;
        }
        if (Clock::now() + pause > deadline || !co_await sleep_for(pause)) {
            co_return fail(
                Code::timeout, fmt::format("expected {} to serve, {}", target.text(), seen)
            );
        }
    }
}

} // namespace oa_stream::traffic

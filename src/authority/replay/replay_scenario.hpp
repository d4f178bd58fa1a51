// scenario:NAME;k=v in a prompt → a synthetic recording. oa_stream/authority/replay.hpp describes
// the dialect.
#pragma once

#include "oa_stream/authority/authority.hpp"

#include "replay_library.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace oa_stream::authority {

/// How the turns of one replay authority ended. Turns of `capabilities` and `stats` do not count.
struct ReplayCounts {
    std::uint64_t started = 0;
    std::uint64_t interrupted = 0;
    std::uint64_t completed = 0;
};

struct Scenario {
    std::string name{};
    std::map<std::string, std::string, std::less<>> args{}; ///< percent-decoded

    [[nodiscard]] bool counts() const { return name != "capabilities" && name != "stats"; }
};

/// The last scenario in `text` with a known NAME; nullopt when there is none. It ends at white
/// space.
[[nodiscard]] std::optional<Scenario> find_scenario(std::string_view text);

/// The scenario's recording. Errors: those with which `http-500` and `http-429` refuse the turn.
[[nodiscard]] Result<Recording>
play_scenario(const Scenario& scenario, const TurnRequest& request, const ReplayCounts& counts);

} // namespace oa_stream::authority

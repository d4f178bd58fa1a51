#include "commands.hpp"
#include "globals.hpp"

#include <array>

namespace oa_stream::cli {

namespace {

#define OA_COUNT(name) +1
constexpr std::array k_groups{
    CommandGroup{"Serve", "run a lane", {}},
    CommandGroup{"Verify", "judge a lane from outside", {}},
    CommandGroup{"Cut over", "move traffic, and roll it back", {}},
    CommandGroup{"Measure", "what users see, and objectives", {}},
    CommandGroup{"Incident", "what happened, with evidence", {}},
    CommandGroup{"Setup", "this machine", {}},
};
constexpr std::array<std::size_t, k_groups.size()> k_sizes{
    OA_SERVE_COMMANDS(OA_COUNT),
    OA_VERIFY_COMMANDS(OA_COUNT),
    OA_CUTOVER_COMMANDS(OA_COUNT),
    OA_MEASURE_COMMANDS(OA_COUNT),
    OA_INCIDENT_COMMANDS(OA_COUNT),
    OA_SETUP_COMMANDS(OA_COUNT),
};
#undef OA_COUNT

} // namespace

std::span<const CommandSpec> all_commands() noexcept {
#define OA_ROW(name) name,
    static const std::array k_commands{OA_COMMANDS(OA_ROW)};
#undef OA_ROW
    return k_commands;
}

std::span<const CommandGroup> command_groups() {
    static const auto k_filled = [] {
        auto out = k_groups;
        auto rest = all_commands();
        for (std::size_t at = 0; at < out.size(); ++at) {
            out[at].commands = rest.first(k_sizes[at]);
            rest = rest.subspan(k_sizes[at]);
        }
        return out;
    }();
    return k_filled;
}

std::span<const CommandSpec* const> frequent_commands() noexcept {
    static constexpr std::array k_frequent{
        &serve_command,
        &smoke_stream_command,
        &cutover_rehearse_command,
        &cutover_status_command,
        &watch_command,
    };
    return k_frequent;
}

std::span<const OptionSpec> global_options() noexcept {
    return k_global_options;
}

} // namespace oa_stream::cli

#include "commands.hpp"
#include "globals.hpp"

#include <array>

namespace oa_stream::cli {

std::span<const CommandSpec> all_commands() noexcept {
#define OA_ROW(name) name,
    static const std::array k_commands{OA_COMMANDS(OA_ROW)};
#undef OA_ROW
    return k_commands;
}

std::span<const OptionSpec> global_options() noexcept {
    return k_global_options;
}

} // namespace oa_stream::cli

#include "exits.hpp"

namespace oa_stream::cli {

std::vector<ExitCodeRow> exits_of(const CommandSpec& command) {
    using enum ExitCode;
    std::vector<ExitCodeRow> out;
    for (const ExitCodeRow& usual : k_exit_codes) {
        const ExitCodeRow* own = command.exits.find(usual.code);
        if (own != nullptr && !own->meaning.empty()) {
            out.push_back(*own);
        } else if (own != nullptr || usual.code == ok || usual.code == usage ||
                   usual.code == not_executed) {
            out.push_back(usual);
        }
    }
    return out;
}

} // namespace oa_stream::cli

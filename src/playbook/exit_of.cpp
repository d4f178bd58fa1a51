#include "oa_stream/playbook/runner.hpp"

#include <csignal>

namespace oa_stream::playbook {

ExitCode exit_of(const Ending& ending) noexcept {
    if (!ending.mutated) {
        if (ending.signal != 0) {
            return ending.signal == SIGTERM ? ExitCode::terminated : ExitCode::interrupted;
        }
        if (ending.denied && ending.verdict == Verdict::error) {
            return ExitCode::credentials;
        }
        return ending.refused ? ExitCode::refused : exit_code(ending.verdict);
    }
    const bool passed = ending.completed && ending.verdict == Verdict::pass;
    if (passed && (ending.stays || ending.restored)) {
        return ExitCode::ok;
    }
    return ending.restored ? ExitCode::rolled_back : ExitCode::rollback_unverified;
}

} // namespace oa_stream::playbook

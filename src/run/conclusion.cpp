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
    const bool arrived = ending.completed && (ending.stays || ending.restored);
    if (arrived && ending.verdict == Verdict::pass) {
        return ExitCode::ok;
    }
    if (arrived && ending.unjudged && ending.verdict == Verdict::inconclusive) {
        return ExitCode::inconclusive;
    }
    return ending.restored ? ExitCode::rolled_back : ExitCode::rollback_unverified;
}

} // namespace oa_stream::playbook

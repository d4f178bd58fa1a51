#include "oa_stream/run/conclusion.hpp"

#include "oa_stream/base/lists.hpp"
#include "oa_stream/base/secret.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <csignal>

namespace oa_stream::run {
namespace {

ExitCode exit_of(const EndFacts& facts) noexcept {
    if (!facts.mutated) {
        if (facts.signal != 0) {
            return facts.signal == SIGTERM ? ExitCode::terminated : ExitCode::interrupted;
        }
        if (facts.denied && facts.verdict == Verdict::error) {
            return ExitCode::credentials;
        }
        if (facts.error) {
            return exit_code(*facts.error);
        }
        return facts.refused ? ExitCode::refused : exit_code(facts.verdict);
    }
    const bool arrived = facts.completed && (facts.stays || facts.restored);
    if (arrived && facts.verdict == Verdict::pass) {
        return ExitCode::ok;
    }
    if (arrived && facts.unjudged && facts.verdict == Verdict::inconclusive) {
        return ExitCode::inconclusive;
    }
    return facts.restored ? ExitCode::rolled_back : ExitCode::rollback_unverified;
}

RunEnding ending_of(const EndFacts& facts, ExitCode exit) noexcept {
    switch (exit) {
    case ExitCode::rolled_back:
        return RunEnding::rolled_back;
    case ExitCode::rollback_unverified:
        return facts.held ? RunEnding::held : RunEnding::rollback_unverified;
    case ExitCode::refused:
        return RunEnding::refused;
    case ExitCode::interrupted:
    case ExitCode::terminated:
        return RunEnding::stopped;
    default:
        return facts.completed ? RunEnding::completed : RunEnding::failed;
    }
}

} // namespace

Conclusion conclude(const EndFacts& facts) noexcept {
    Conclusion out{.verdict = facts.verdict};
    if (facts.signal != 0 && !facts.mutated && facts.verdict == Verdict::pass) {
        out.verdict = Verdict::inconclusive;
    }
    out.exit = exit_of(facts);
    out.ended = ending_of(facts, out.exit);
    return out;
}

bool credentials_refused(const std::vector<Check>& checks) {
    return std::ranges::any_of(checks, [](const Check& check) {
        return check.verdict == Verdict::error &&
               (string_member(check.data, "outcome") == k_unauthorised ||
                string_member(check.data, "code") == "credentials");
    });
}

const Check* first_trouble(const std::vector<Check>& checks) {
    for (const Verdict verdict : {Verdict::fail, Verdict::error, Verdict::inconclusive}) {
        if (const Check* found = find_or_null(checks, verdict, &Check::verdict)) {
            return found;
        }
    }
    return find_if_or_null(checks, [](const Check& check) {
        return check.verdict == Verdict::skipped && check.required;
    });
}

std::string count_text(const std::vector<Check>& checks) {
    const auto count = [&](Verdict verdict) {
        return std::ranges::count(checks, verdict, &Check::verdict);
    };
    return fmt::format(
        "{} passed, {} failed, {} could not be measured, {} skipped",
        count(Verdict::pass),
        count(Verdict::fail),
        count(Verdict::error) + count(Verdict::inconclusive),
        count(Verdict::skipped)
    );
}

std::string headline_of(const std::vector<Check>& checks, Verdict verdict) {
    const Check* trouble = verdict == Verdict::pass ? nullptr : first_trouble(checks);
    return trouble == nullptr ? count_text(checks)
                              : fmt::format("{}: {}", trouble->id, trouble->detail);
}

} // namespace oa_stream::run

#include "why_open.hpp"

#include "oa_stream/base/json_members.hpp"
#include "oa_stream/base/verdict.hpp"

#include <fmt/format.h>

#include <cstdint>
#include <optional>

namespace oa_stream::playbook {
namespace {

constexpr std::int64_t k_unverified = static_cast<std::int64_t>(ExitCode::rollback_unverified);

/// Exit code of the run's last rollback, if there was one.
std::optional<std::int64_t> rollback_exit(const Json& run) {
    return int_member(object_in(run, "rolled_back"), "exit_code");
}

constexpr const char* k_rollback_unverified = "its rollback was not verified";
constexpr const char* k_held = "its split was left as it is";

std::string died_why(const RunStatus& out) {
    if (!out.moved && !out.routes_unverified) {
        return {};
    }
    if (!out.unread.empty()) {
        return fmt::format("it cannot be read whether its traffic is back ({})", out.unread);
    }
    return out.moved ? "it died, and the traffic may not be where it began"
                     : "it died, and routes may not be where they began";
}

std::string ended_why(const RunStatus& out, const Json& run) {
    const auto back = rollback_exit(run);
    const auto exit = back ? back : int_member(run, "exit_code");
    if (exit == k_unverified) {
        return !back && bool_member(run, "held").value_or(false) ? k_held : k_rollback_unverified;
    }
    // For a run that is closed but not sealed, the journal is authoritative.
    if (!back && out.end && out.end->exit == k_unverified) {
        if (!out.end->rollback && out.end->ended.empty()) {
            return "its evidence could not be written";
        }
        return out.end->ended == to_string(run::RunEnding::held) ? k_held : k_rollback_unverified;
    }
    return !exit && out.ending.empty() && out.moved ? "how it ended cannot be read" : "";
}

} // namespace

bool is_rollback_unverified(const Json& run) {
    return rollback_exit(run) == k_unverified;
}

std::string why_open(const RunStatus& out, const Json& run) {
    if (is_rollback_unverified(run)) {
        return k_rollback_unverified;
    }
    const std::string why = out.state == RunState::died ? died_why(out) : ended_why(out, run);
    const bool back = !out.moved && !out.routes_unverified;
    const bool only_fault = !out.fault.empty() && (back || why.empty());
    return only_fault ? "its fault is still planted: " + out.fault : why;
}

} // namespace oa_stream::playbook

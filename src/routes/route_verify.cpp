// Looks over fresh connections, until enough of them in a row say the same.
#include "oa_stream/base/lists.hpp"
#include "oa_stream/routes/route_change.hpp"

#include "route_look.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace oa_stream::routes {
namespace {

std::string differs(const RouteExpectation& wanted, const RouteDecision& seen) {
    return fmt::format(
        "{} is served by {} ({}), expected {}{}",
        wanted.path,
        seen.target,
        seen.reason,
        wanted.target.empty() ? "the cohort's choice" : wanted.target,
        wanted.reason.empty() ? "" : " (" + wanted.reason + ")"
    );
}

bool fits(const RouteExpectation& wanted, const RouteDecision& seen) {
    return (wanted.target.empty() || wanted.target == seen.target) &&
           (wanted.reason.empty() || wanted.reason == seen.reason);
}

} // namespace

std::vector<RouteExpectation> expectations_of(
    const RouteStatus& status, const Overrides& goal, const std::vector<std::string>& paths
) {
    const RouteStatus after = with_overrides(status, goal);
    std::vector<RouteExpectation> out;
    out.reserve(paths.size());
    for (const std::string& path : paths) {
        RouteRule rule = rule_for(after, path);
        out.push_back({path, std::move(rule.target), std::move(rule.reason)});
    }
    return out;
}

// NOLINTBEGIN(*-avoid-reference-coroutine-parameters): the caller awaits them, client in hand
Task<Result<RouteSnapshot>> snapshot_routes(RouteSplitClient& client, RouteLooks looks) {
    RouteSnapshot out;
    std::vector<int> counts;
    const auto deadline = Clock::now() + looks.limit;
    // Once two memories were met, a few more looks show which of them is the common one.
    const auto enough = [&] { return out.seen.size() == 1 && counts.front() >= looks.agree; };
    const auto late = [&] { return out.seen.size() > 1 && Clock::now() >= deadline; };
    while (!enough() && out.looks < 2 * looks.agree && !late()) {
        // The client has asked more than once, each time over a new connection.
        OA_CO_TRY(RouteStatus status, co_await client.status());
        ++out.looks;
        const Overrides now = overrides_of(status);
        add_once(out.seen, now);
        counts.resize(out.seen.size());
        const auto index =
            static_cast<std::size_t>(std::ranges::find(out.seen, now) - out.seen.begin());
        if (++counts[index] == *std::ranges::max_element(counts)) {
            out.status = std::move(status);
        }
    }
    out.agreed = enough();
    co_return out;
}

Task<Result<RouteLook>> look_at_routes(
    RouteSplitClient& client,
    std::optional<Overrides> overrides,
    std::vector<RouteExpectation> paths,
    std::string cohort_key,
    bool twice
) {
    RouteLook out;
    for (int turn = 0; turn < (overrides ? twice ? 2 : 1 : 0); ++turn) {
        OA_CO_TRY(const RouteStatus status, co_await client.status());
        const Overrides memory = overrides_of(status);
        out.memory = memory;
        if (overrides && memory != *overrides) {
            out.seen =
                fmt::format("overrides are {}, expected {}", memory.text(), overrides->text());
            co_return out;
        }
    }
    for (const RouteExpectation& wanted : paths) {
        OA_CO_TRY(const RouteDecision seen, co_await client.evaluate(wanted.path, cohort_key));
        if (!fits(wanted, seen)) {
            out.seen = differs(wanted, seen);
            co_return out;
        }
    }
    out.ok = true;
    co_return out;
}

Task<Result<RouteVerified>> verify_routes(
    RouteSplitClient& client,
    std::optional<Overrides> overrides,
    std::vector<RouteExpectation> paths,
    std::string cohort_key,
    RouteLooks looks
) {
    RouteVerified out;
    for (; out.row < looks.agree; ++out.row) {
        const bool twice = out.looks % 2 == 1;
        OA_CO_TRY(
            const RouteLook look,
            co_await look_at_routes(client, overrides, paths, cohort_key, twice)
        );
        ++out.looks;
        if (look.memory) {
            add_once(out.memories, *look.memory);
        }
        if (!look.ok) { // nothing was changed that has yet to reach each process
            out.row = 0;
            out.seen = look.seen;
            co_return out;
        }
    }
    out.ok = true;
    co_return out;
}
// NOLINTEND(*-avoid-reference-coroutine-parameters)

} // namespace oa_stream::routes

// Checks that the users' address gives answers that could verify a rollback.
#include "oa_stream/probe/opened_threads.hpp"
#include "oa_stream/probe/prober.hpp"

#include "forecast.hpp"
#include "stage/live_sample.hpp"
#include "stage/live_targets.hpp"

#include <fmt/format.h>

#include <optional>
#include <utility>

namespace oa_stream::playbook {
namespace {

// One bad answer may be chance; a rollback requires a row of good ones.
constexpr std::size_t k_tries = 3;

} // namespace

Task<std::vector<std::string>>
try_users(const Outside* outside, const Playbook* playbook, const traffic::Split* serving) {
    std::vector<std::string> threads;
    std::optional<std::string> missed;
    do {
        threads.push_back(probe::probe_thread());
        auto request = probe::probe_request(threads.back(), playbook->target.prompt);
        request.pacing = probe::PacingMode::observe;
        const auto sample = to_sample(
            "users",
            0,
            co_await probe::probe_stream(*outside->client, outside->users, std::move(request), {})
        );
        missed = reaches(sample, *serving) ? std::nullopt : std::optional(missed_text(sample));
    } while (missed && threads.size() < k_tries);
    LiveOptions options;
    options.users = outside->users;
    options.arms = playbook->traffic.arms();
    const LiveTargets targets{options, outside->driver.get()};
    const probe::Removal removal = co_await probe::remove_threads(
        *outside->client,
        {{targets.where("users"), std::move(threads)}},
        {},
        {.longest = k_removing}
    );
    std::vector<std::string> warnings;
    if (missed) {
        warnings.push_back(fmt::format(
            "a rollback could not be verified as things are: none of {} fresh connections to {} "
            "was answered well by a revision that serves; the last: {}",
            k_tries,
            outside->users.base_url,
            *missed
        ));
    }
    if (!removal.left.empty()) {
        warnings.push_back("the target keeps " + probe::left_text(removal, " of the plan"));
    }
    co_return warnings;
}

} // namespace oa_stream::playbook

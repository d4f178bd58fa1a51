#include "starved_smoke.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <string_view>

namespace oa_stream::playbook {
namespace {

constexpr int k_tries = 3;
/// A recorded answer takes 0.4 s: a stall of this length changes the result.
constexpr double k_missed_s = 0.1;

/// Checks whose outcome depends on when we read and write.
constexpr std::array<std::string_view, 7> k_of_pace{
    ".streaming.incremental",
    ".resume.live",
    ".stop.live",
    ".stop.state",
    ".abort.recovers",
    ".abort.state",
    ".abort.disconnect",
};

bool failed_of_pace(const Check& check) {
    return (check.verdict == Verdict::fail || check.verdict == Verdict::error) &&
           std::ranges::any_of(k_of_pace, [&](std::string_view name) {
               return check.id.ends_with(name);
           });
}

struct Excuse {
    const probe::StallMeter& meter;
    Clock::time_point began = Clock::now();

    [[nodiscard]] bool holds(const Check& check) const {
        return failed_of_pace(check) && meter.longest_s(began, Clock::now()) >= k_missed_s;
    }
    /// A failure that no stall explains.
    [[nodiscard]] bool excludes(const Check& check) const {
        return (check.verdict == Verdict::fail || check.verdict == Verdict::error) && !holds(check);
    }
    [[nodiscard]] Check applied(Check check) const {
        if (holds(check)) {
            check.verdict = Verdict::inconclusive;
            check.detail = fmt::format(
                "not measured, since oa-stream itself was starved: it stood still for {:.0f} ms at "
                "a time; seen: {}",
                meter.longest_s(began, Clock::now()) * 1000,
                check.detail
            );
        }
        return check;
    }
};

} // namespace

Task<std::vector<Check>> smoke_unless_starved(
    net::HttpClient* client, const probe::StallMeter* meter, probe::SmokeOptions options
) {
    std::vector<Check> footprints; // from earlier attempts
    for (int attempt = 1;; ++attempt) {
        const Excuse excuse{*meter};
        probe::SmokeOptions mine = options;
        if (options.on_check) {
            mine.on_check = [excuse, show = options.on_check](const Check& check) {
                show(excuse.applied(check));
            };
        }
        if (options.keep && attempt > 1) {
            mine.keep = [attempt, keep = options.keep](
                            const std::string& stem, const probe::ProbeSample& sample
                        ) { return keep(fmt::format("{}-{}", stem, attempt), sample); };
        }
        std::vector<Check> checks = co_await probe::smoke_stream(*client, std::move(mine));
        const bool retry =
            attempt < k_tries &&
            std::ranges::none_of(
                checks, [&](const Check& one) { return excuse.excludes(one); }
            ) &&
            std::ranges::any_of(checks, [&](const Check& one) { return excuse.holds(one); });
        if (!retry) {
            std::ranges::transform(checks, checks.begin(), [&](const Check& one) {
                return excuse.applied(one);
            });
            std::ranges::move(footprints, std::back_inserter(checks));
            co_return checks;
        }
        for (Check& check : checks) {
            if (check.id.ends_with(".footprint")) {
                check.id += fmt::format("-{}", attempt);
                footprints.push_back(std::move(check));
            }
        }
    }
}

} // namespace oa_stream::playbook

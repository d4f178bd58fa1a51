#include "who_answers.hpp"

#include "oa_stream/base/text.hpp"
#include "oa_stream/probe/prober.hpp"

#include "engine/within.hpp"
#include "plan_back.hpp"

#include <fmt/format.h>

#include <utility>

namespace oa_stream::playbook {
namespace {

/// Users wait for the rollback.
constexpr Millis k_look{1000};

/// The revision as named by answers at the users' address, by which a rollback is verified; empty:
/// not named.
Task<Result<std::string>>
revision_at(const Outside* outside, const Playbook* playbook, std::string arm) {
    OA_CO_TRY(
        auto target, pinned_target(outside->users, *outside->driver, playbook->traffic.arms(), arm)
    );
    const std::string header = target.revision_header;
    const auto response = co_await probe::ask_version(outside->client.get(), std::move(target));
    co_return response.status == 200 ? std::string(response.headers.get(header).value_or(""))
                                     : std::string();
}

} // namespace

Task<Result<void>>
check_who_answers(const Outside* outside, const Playbook* playbook, traffic::Split split) {
    for (const auto& [revision, percent] : split.all()) {
        if (percent == 0) {
            continue;
        }
        const auto named = co_await within(k_look, revision_at(outside, playbook, revision));
        if (named && !named->empty() && *named != revision) {
            co_return fail(
                Code::precondition,
                fmt::format(
                    "{} answers at the address of {}, which is to get {}% of the users",
                    printable(*named),
                    revision,
                    percent
                ),
                {},
                "to give it the users all the same, name it as stable: " +
                    Advice(plan_back_of(outside->driver->target()))
            );
        }
    }
    co_return Result<void>{};
}

} // namespace oa_stream::playbook

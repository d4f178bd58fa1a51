// Finds out during planning what a cutover would do to conversations.
#include "oa_stream/net/http_client.hpp"
#include "oa_stream/probe/continuity.hpp"

#include "forecast.hpp"

namespace oa_stream::playbook {
namespace {

// Far more than matters for the decision; counting further would only delay the plan.
constexpr std::uint64_t k_most_counted = 10'000;

/// Unknown where stable cannot be queried: the number is for display and decides nothing.
Task<std::optional<probe::ThreadCount>>
count_left_behind(const Outside* outside, const Playbook* playbook) {
    const Traffic& traffic = playbook->traffic;
    auto stable = pinned_target(outside->users, *outside->driver, traffic.arms(), traffic.stable);
    if (!stable) {
        co_return std::nullopt;
    }
    co_return co_await probe::count_threads(
        *outside->client, *std::move(stable), {}, k_most_counted
    );
}

} // namespace

Task<Result<Json>> try_continuity(const Outside* outside, const Playbook* playbook, bool probes) {
    if (playbook->continuity == Continuity::new_threads_only) {
        const auto count = co_await count_left_behind(outside, playbook);
        // If only probes' conversations were examined, nothing is known about users'.
        const bool known = count && (count->known > 0 || !count->more);
        Json out = {{"threads", known ? Json(count->known) : Json(nullptr)}};
        if (known && count->more) {
            out["more"] = true;
        }
        co_return out;
    }
    if (playbook->continuity != Continuity::required || !probes) {
        co_return Json(nullptr);
    }
    const Traffic& traffic = playbook->traffic;
    const auto pinned = [&](const std::string& revision) {
        return pinned_target(outside->users, *outside->driver, traffic.arms(), revision);
    };
    OA_CO_TRY(const probe::Target stable, pinned(traffic.stable));
    OA_CO_TRY(const probe::Target canary, pinned(traffic.canary));
    probe::Continuity conversations(*outside->client, {}, playbook->target.prompt);
    const Check check = co_await conversations.across(
        {traffic.stable, stable}, {traffic.canary, canary, true}, "continuity"
    );
    const probe::Removal removal = co_await probe::remove_threads(
        *outside->client, {{{stable, canary}, conversations.take()}}, {}, {.longest = k_removing}
    );
    if (check.verdict == Verdict::fail) {
        co_return fail(
            Code::precondition,
            "users would lose their conversations: " + check.detail,
            "continuity",
            "let both revisions use the same threads; if only new ones matter, declare it in the "
            "playbook: continuity: new-threads-only, with a continuity_reason"
        );
    }
    if (check.verdict != Verdict::pass && check.verdict != Verdict::skipped) {
        const bool untrusted = outside->client->tls_trouble() == net::TlsTrouble::untrusted;
        co_return fail(
            Code::unavailable,
            "whether users keep their conversations could not be tried: " + check.detail,
            "continuity",
            untrusted ? "in a playbook that is the key `ca` of its target; then plan again"
                      : "let the revisions answer and plan again; if only new conversations "
                        "matter, declare it in the playbook: continuity: new-threads-only, with a "
                        "continuity_reason"
        );
    }
    const std::string left = probe::left_text(removal, " of the plan");
    co_return Json{
        {"verdict", to_string(check.verdict)},
        {"detail", check.detail + (left.empty() ? "" : "; the target keeps " + left)},
    };
}

} // namespace oa_stream::playbook

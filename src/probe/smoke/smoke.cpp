// The order of a smoke, and which steps are skipped when an earlier one makes them pointless.
#include "oa_stream/probe/smoke.hpp"

#include "oa_stream/base/layout.hpp"
#include "oa_stream/probe/opened_threads.hpp"

#include "smoke_run.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <iterator>

namespace oa_stream::probe {
namespace {

bool outlasted_us(const Smoke& smoke) {
    return smoke.happy.back().sample.outcome == Outcome::too_slow;
}

constexpr const char* k_refused = "the target refused the credentials";
constexpr Millis k_removing{20'000};

Task<Removal> remove_all(SmokePtr smoke) {
    if (smoke->options.on_opened || smoke->opened.empty()) {
        co_return Removal{};
    }
    std::vector<OpenedThreads> opened{{{smoke->options.target}, smoke->opened}};
    co_return co_await remove_threads(
        *smoke->client, std::move(opened), smoke->options.limits, {.longest = k_removing}
    );
}

std::string footprint_text(const Smoke& smoke) {
    if (smoke.turns == 0) { // a lost answer may have begun a turn
        return "no answer showed a turn";
    }
    return fmt::format(
        "{} on {}: {}",
        counted(smoke.turns, "turn"),
        counted(smoke.threads.size(), "thread"),
        fmt::join(smoke.threads, ", ")
    );
}

Task<void> footprint(SmokePtr smoke) {
    const Removal removal = co_await remove_all(smoke);
    const bool any = removal.removed > 0 || !removal.left.empty();
    if (smoke->turns == 0 && !any) {
        smoke->not_applicable("footprint", "no turn was started");
        co_return;
    }
    Json data;
    data["turns"] = smoke->turns;
    data["threads"] = smoke->threads;
    const bool removes = !smoke->options.on_opened;
    if (removes) {
        data["conversations"] = to_json(removal);
    }
    smoke->report(
        "footprint",
        Verdict::pass,
        footprint_text(*smoke) + (removes ? removed_text(removal) : ""),
        std::move(data)
    );
}

Task<void> probe_all(SmokePtr smoke) {
    co_await smoke_happy(smoke);
    if (refused_us(*smoke)) {
        if (smoke->options.hops.empty()) { // otherwise their turns must be reported
            smoke->skip_rest(k_refused);
        }
        co_return;
    }
    if (outlasted_us(*smoke)) { // a dozen more would take an hour
        co_return;
    }
    smoke_headers(*smoke);
    co_await smoke_streaming(smoke);
    co_await smoke_afterwards(smoke);
    co_await smoke_auth(smoke);
    co_await smoke_compat(smoke);
    co_await smoke_reject(smoke);
    co_await smoke_replayed(smoke);
    co_await smoke_lifetime(smoke);
    co_await smoke_concurrency(smoke);
}

Task<std::vector<Check>> hops_of(SmokePtr smoke) {
    const SmokeOptions& options = smoke->options;
    co_return co_await probe_hops(
        *smoke->client,
        {.target = options.target,
         .hops = options.hops,
         .longest = options.hops_longest,
         .limits = options.limits,
         .id_prefix = options.id_prefix,
         .on_check = options.on_check,
         .on_turn = options.on_turn,
         .on_answer = [smoke](
                          const std::string& thread, const ProbeSample& answer
                      ) { smoke->note_turn(thread, answer); }}
    );
}

} // namespace

// NOLINTNEXTLINE(cppcoreguidelines-avoid-reference-coroutine-parameters): outlives every smoke
Task<std::vector<Check>> smoke_stream(net::HttpClient& client, SmokeOptions options) {
    const auto smoke = std::make_shared<Smoke>(&client, std::move(options));
    co_await smoke_reach(smoke);
    if (smoke->unreachable) {
        smoke->skip_rest("the target cannot be reached: " + smoke->unreachable_why);
        co_return smoke->in_order();
    }
    if (!smoke->options.probes) {
        co_await smoke_unknown_thread(smoke);
        smoke->skip_rest("only GETs were asked for");
        co_return smoke->in_order();
    }
    co_await probe_all(smoke);
    if (!smoke->has("resume.unknown")) { // earlier turns showed whether the token is accepted
        co_await smoke_unknown_thread(smoke);
    }
    std::vector<Check> hops;
    if (!smoke->options.hops.empty()) {
        hops = co_await hops_of(smoke);
    }
    if (!smoke->has("footprint")) {
        co_await footprint(smoke);
    }
    if (refused_us(*smoke)) {
        smoke->skip_rest(k_refused);
    } else if (outlasted_us(*smoke)) {
        smoke->skip_rest("an answer did not end in time");
    }
    auto checks = smoke->in_order();
    std::ranges::move(hops, std::back_inserter(checks));
    co_return checks;
}

} // namespace oa_stream::probe

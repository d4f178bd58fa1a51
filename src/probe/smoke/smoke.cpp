// The order of a smoke, and what is left out when an earlier step makes a later one pointless.
#include "oa_stream/probe/smoke.hpp"

#include "smoke_run.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <iterator>

namespace oa_stream::probe {
namespace {

void skip_rest(Smoke& smoke, std::string_view reason) {
    for (const SmokeRule& rule : smoke_rules()) {
        if (!smoke.has(rule.name)) {
            smoke.skip(rule.name, std::string(reason));
        }
    }
}

bool refused_us(const Smoke& smoke) {
    return std::ranges::all_of(smoke.happy, [](const Happy& happy) {
        return happy.sample.outcome == Outcome::unauthorised;
    });
}

void footprint(Smoke& smoke) {
    if (smoke.turns == 0) {
        smoke.not_applicable("footprint", "no turn was started");
        return;
    }
    Json data;
    data["turns"] = smoke.turns;
    data["threads"] = smoke.threads;
    smoke.report(
        "footprint",
        Verdict::pass,
        fmt::format(
            "{} turns on {} threads: {}",
            smoke.turns,
            smoke.threads.size(),
            fmt::join(smoke.threads, ", ")
        ),
        std::move(data)
    );
}

Task<void> probe_all(SmokePtr smoke) {
    co_await smoke_happy(smoke);
    if (refused_us(*smoke)) {
        skip_rest(*smoke, "the target refused the credentials");
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
    footprint(*smoke);
}

std::vector<Check> in_order(Smoke& smoke) {
    std::vector<Check> checks;
    for (const SmokeRule& rule : smoke_rules()) {
        if (const auto it = smoke.done.find(rule.name); it != smoke.done.end()) {
            checks.push_back(std::move(it->second));
        }
    }
    return checks;
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
         .on_check = options.on_check}
    );
}

} // namespace

// NOLINTNEXTLINE(cppcoreguidelines-avoid-reference-coroutine-parameters): outlives every smoke
Task<std::vector<Check>> smoke_stream(net::HttpClient& client, SmokeOptions options) {
    const auto smoke = std::make_shared<Smoke>();
    smoke->client = &client;
    smoke->options = std::move(options);
    co_await smoke_reach(smoke);
    if (smoke->unreachable) {
        skip_rest(*smoke, "the target cannot be reached: " + smoke->unreachable_why);
        co_return in_order(*smoke);
    }
    co_await smoke_unknown_thread(smoke);
    if (!smoke->options.probes) {
        skip_rest(*smoke, "only GETs were asked for");
        co_return in_order(*smoke);
    }
    co_await probe_all(smoke);
    auto checks = in_order(*smoke);
    if (!smoke->options.hops.empty()) {
        std::ranges::move(co_await hops_of(smoke), std::back_inserter(checks));
    }
    co_return checks;
}

} // namespace oa_stream::probe

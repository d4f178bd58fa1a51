// Checks whether each backend is ready, over fresh connections, as a new request would find it.
#include "front_core.hpp"

#include <fmt/format.h>

namespace oa_stream::traffic {
namespace {

void judge(FrontCore& core, Arm& arm, bool good, std::string seen) {
    const bool first = arm.checks++ == 0;
    arm.health = std::move(seen);
    if (good == arm.ready) {
        arm.row = 0;
        return;
    }
    const int needed = good ? core.options.health.rise : core.options.health.fall;
    if (++arm.row < needed && !first) {
        return;
    }
    arm.ready = good;
    arm.row = 0;
    core.apply_weights();
    if (core.options.note) {
        core.options.note(fmt::format(
            "{} is {} ({})", arm.backend.name, good ? "ready" : "not ready: no share", arm.health
        ));
    }
}

Task<void> check(CorePtr core, std::size_t index) {
    const HealthOptions& health = core->options.health;
    net::ClientRequest request;
    request.url = core->arms[index].backend.url + health.path;
    request.fresh_connection = true;
    request.connect_timeout = health.timeout;
    request.total_timeout = health.timeout;
    request.max_body = 64U << 10U;
    const auto response = co_await core->client->fetch(std::move(request));
    const bool whole = response.failure == net::TransferFailure::none;
    judge(
        *core,
        core->arms[index],
        whole && response.status / 100 == 2,
        whole ? fmt::format("HTTP {}", response.status)
              : std::string(net::to_string(response.failure))
    );
}

/// Holds the core while it checks, not while it waits.
Task<void> watch(std::weak_ptr<FrontCore> weak, std::shared_ptr<Wake> wake, std::size_t index) {
    while (true) {
        Millis pause{};
        {
            const CorePtr core = weak.lock();
            if (!core || core->closed) {
                co_return;
            }
            co_await check(core, index);
            if (core->closed) {
                co_return;
            }
            pause = core->options.health.interval;
        }
        co_await wake->wait(pause);
    }
}

} // namespace

void start_health_checks(const CorePtr& core) {
    if (core->options.health.path.empty()) {
        return;
    }
    for (std::size_t i = 0; i < core->arms.size(); ++i) {
        auto wake = std::make_shared<Wake>(core->executor);
        core->watches.push_back(wake);
        spawn(core->executor, "health", watch(core, std::move(wake), i));
    }
}

} // namespace oa_stream::traffic

// The order of a control smoke, and what is left out when an earlier step makes a later one
// pointless.
#include "oa_stream/probe/control_smoke.hpp"

#include "control_run.hpp"

namespace oa_stream::probe {
namespace {

Task<void> look(ControlRunPtr run) {
    co_await control_reach(run);
    co_await control_anonymous(run);
    co_await control_status(run);
    co_await control_compat(run);
    co_await control_route_split(run);
    co_await control_session(run);
    co_await control_sync_token(run);
    co_await control_entry(run);
    co_await control_shell(run);
}

std::vector<Check> in_order(ControlRun& run) {
    std::vector<Check> checks;
    for (const ControlRule& rule : control_rules()) {
        if (!run.has(rule.name)) {
            run.skip(
                rule.name,
                run.unreachable ? "the target cannot be reached"
                                : "the target does not answer in time"
            );
        }
        checks.push_back(std::move(run.done.find(rule.name)->second));
    }
    return checks;
}

} // namespace

// NOLINTNEXTLINE(cppcoreguidelines-avoid-reference-coroutine-parameters): outlives every smoke
Task<std::vector<Check>> smoke_control(net::HttpClient& client, ControlSmokeOptions options) {
    const auto run = std::make_shared<ControlRun>();
    run->client = &client;
    run->options = std::move(options);
    run->layout = run->options.layout;
    run->redactor.add_known(run->options.target.bearer);
    run->redactor.add_known(run->options.maintenance_cookie);
    co_await look(run);
    co_return in_order(*run);
}

} // namespace oa_stream::probe

// The order of a control smoke, and which steps are skipped when an earlier one makes them
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

} // namespace

// NOLINTNEXTLINE(cppcoreguidelines-avoid-reference-coroutine-parameters): outlives every smoke
Task<std::vector<Check>> smoke_control(net::HttpClient& client, ControlSmokeOptions options) {
    const auto run = std::make_shared<ControlRun>(&client, std::move(options));
    run->secrets.add_known(run->options.target.bearer);
    run->secrets.add_known(run->options.maintenance_cookie);
    co_await look(run);
    run->skip_rest(
        run->unreachable ? "the target cannot be reached" : "the target does not answer in time"
    );
    co_return run->in_order();
}

} // namespace oa_stream::probe

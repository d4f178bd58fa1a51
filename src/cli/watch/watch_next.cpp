#include "watch_next.hpp"

#include "oa_stream/base/option_names.hpp"
#include "oa_stream/playbook/status.hpp"

#include "core/commands.hpp"
#include "core/suggestion.hpp"

#include <algorithm>

namespace oa_stream::cli {

namespace {

constexpr const char* k_gate = "bad: http_5xx | terminal_error <= 1%";

/// The newest run that changed something and is not settled; empty: none.
std::string open_run(const Context& context) {
    const auto runs = playbook::all_statuses(context.state_dir);
    if (!runs) {
        return {};
    }
    std::string out;
    for (const playbook::RunStatus& status : *runs) {
        if (status.state == playbook::RunState::running || status.needs_somebody()) {
            out = std::max(out, status.run); // names begin with the time
        }
    }
    return out;
}

} // namespace

std::string watch_next(const WatchAsked& asked, const WatchView& view, const Context& context) {
    if (const std::string run = open_run(context); !run.empty()) {
        const Typed rollback{&rollback_apply_command};
        return typed_here(rollback.with(names::run, run), context);
    }
    if (asked.prometheus_url.empty()) {
        const Typed smoke{&smoke_stream_command};
        return typed_here(smoke.with(names::base_url, asked.first_lane), context);
    }
    Typed gate{&slo_gate_command};
    gate.args.given["EXPR"] = {k_gate};
    gate.args.given[names::prometheus] = {asked.prometheus_url};
    if (!view.guilty.empty()) {
        gate.args.given[names::revision] = {view.guilty.front()};
    }
    return typed_here(gate.text(), context);
}

} // namespace oa_stream::cli

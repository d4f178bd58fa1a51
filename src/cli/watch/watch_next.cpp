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

std::string
unreadable_next(const std::string& url, const WatchAsked& asked, const Context& context) {
    const Typed again{context.command, context.given};
    const std::size_t host = url.find("://");
    const std::size_t path = host == std::string::npos ? host : url.find('/', host + 3);
    if (asked.lanes.size() == 1 && path != std::string::npos) { // requests add paths of their own
        return typed_here(again.with(names::base_url, url.substr(0, path)), context);
    }
    const bool lane = url != asked.prometheus_url;
    const Typed smoke{&smoke_stream_command};
    return typed_here(lane ? smoke.with(names::base_url, url) : again.text(), context);
}

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

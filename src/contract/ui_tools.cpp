#include "ui_tools.hpp"

#include "oa_stream/base/text.hpp"
#include "oa_stream/wire/json_scan.hpp"

#include <fmt/format.h>

#include <utility>

namespace oa_stream::contract {

namespace {

std::string named(std::string_view call) {
    return fmt::format("call \"{}\"", printable(call, 60));
}

} // namespace

void UiTools::continue_with(const Continues& before) {
    for (const EarlierCall& earlier : before.calls) {
        add(Tool{
            .call = earlier.call,
            .name = earlier.name,
            .text = {},
            .stage = earlier.input_streaming ? Stage::streaming : Stage::input,
            .dynamic = earlier.dynamic,
            .earlier = true,
            .was_asked = earlier.asked,
            .has_output = earlier.has_output,
        });
    }
}

UiTools::Tool* UiTools::find(std::string_view call) {
    const auto found = places_.find(call);
    return found == places_.end() ? nullptr : &tools_[found->second];
}

UiTools::Tool* UiTools::find_or_suppose(std::string_view call, std::string_view rule) {
    Tool* known = find(call);
    if (known != nullptr || messages_known_) {
        return known;
    }
    undecided_.emplace(rule);
    return &add(Tool{
        .call = std::string(call),
        .name = {},
        .text = {},
        .stage = Stage::input,
        .earlier = true,
        .supposed = true,
        .was_asked = true,
    });
}

UiTools::Tool& UiTools::add(Tool tool) {
    if (Tool* known = find(tool.call); known != nullptr) {
        *known = std::move(tool);
        return *known;
    }
    places_.emplace(tool.call, tools_.size());
    return tools_.emplace_back(std::move(tool));
}

void UiTools::input_start(const wire::ui::ToolInputStart& chunk, const Report& report) {
    if (find(chunk.call) != nullptr) {
        report("T2", named(chunk.call) + " started again");
    }
    add(Tool{
        .call = chunk.call,
        .name = chunk.name,
        .text = {},
        .dynamic = chunk.dynamic,
        .provider = chunk.provider_executed
    });
}

void UiTools::input_delta(const wire::ui::ToolInputDelta& chunk, const Report& report) {
    Tool* tool = find(chunk.call);
    if (tool == nullptr || tool->stage != Stage::streaming) {
        report("T1", "tool-input-delta without an open tool-input-start, " + named(chunk.call));
        return;
    }
    tool->text += chunk.text;
    tool->deltas = true;
}

void UiTools::input_available(const wire::ui::ToolInputAvailable& chunk, const Report& report) {
    Tool* tool = find(chunk.call);
    if (tool == nullptr) {
        add(Tool{
            .call = chunk.call,
            .name = chunk.name,
            .text = {},
            .stage = Stage::input,
            .dynamic = chunk.dynamic,
            .provider = chunk.provider_executed
        });
        return;
    }
    if (tool->stage != Stage::streaming) {
        report("T2", named(chunk.call) + " has its input twice");
    }
    if (!tool->supposed && tool->name != chunk.name) {
        report("T5", "toolName changed, " + named(chunk.call));
    }
    if (!tool->supposed && tool->dynamic != chunk.dynamic) {
        report("T5", "dynamic changed, " + named(chunk.call));
    }
    if (tool->deltas) {
        const wire::ScannedJson joined = wire::scan_json(tool->text);
        if (joined.fault != wire::JsonFault::none || !wire::same_json(joined.value, chunk.input)) {
            report("T6", "the deltas do not spell input, " + named(chunk.call));
        }
    }
    tool->provider = tool->provider || chunk.provider_executed;
    tool->stage = Stage::input;
}

void UiTools::output(std::string_view call, bool dynamic, bool with_output, const Report& report) {
    const std::string_view type = with_output ? "tool-output-available" : "tool-output-error";
    Tool* tool = find_or_suppose(call, "T1");
    if (tool == nullptr) {
        report("T1", fmt::format("{} without a tool call, {}", type, named(call)));
        return;
    }
    if (tool->stage == Stage::done) {
        report("T2", named(call) + " has its output twice");
        return;
    }
    if (tool->stage == Stage::streaming && with_output) {
        report("T1", fmt::format("{} before tool-input-available, {}", type, named(call)));
    }
    if (!tool->supposed && tool->dynamic != dynamic) {
        report("T5", "dynamic changed, " + named(call));
    }
    tool->stage = Stage::done;
    tool->text = {}; // no longer needed; a turn may have many calls
    tool->deltas = false;
}

void UiTools::approval_request(const wire::ui::ToolApprovalRequest& chunk, const Report& report) {
    if (!approvals_.insert(chunk.approval).second) {
        report(
            "Q2", fmt::format("approval \"{}\" is asked for again", printable(chunk.approval, 60))
        );
    }
    Tool* tool = find_or_suppose(chunk.call, "Q1");
    const bool done = tool != nullptr && (tool->stage == Stage::done || tool->has_output);
    if (tool == nullptr || tool->stage == Stage::streaming || done) {
        const std::string_view why = tool == nullptr                   ? "without a tool call"
                                     : tool->stage == Stage::streaming ? "before its input"
                                                                       : "after its output";
        report("Q1", fmt::format("tool-approval-request {}, {}", why, named(chunk.call)));
        return;
    }
    tool->stage = Stage::asked;
    tool->was_asked = true;
}

void UiTools::denied(std::string_view call, const Report& report) {
    Tool* tool = find_or_suppose(call, "Q3");
    if (tool == nullptr || !tool->was_asked) {
        report("Q3", "tool-output-denied without an approval request, " + named(call));
        return;
    }
    if (tool->stage == Stage::done) {
        report("T2", named(call) + " has its output twice");
    }
    tool->stage = Stage::done;
}

void UiTools::unfinished_input(const Report& report) const {
    for (const Tool& tool : tools_) {
        if (!tool.earlier && tool.stage == Stage::streaming) {
            report("T3", named(tool.call) + " has unfinished input");
        }
    }
}

void UiTools::hold_without_output() {
    for (const Tool& tool : tools_) {
        if (!tool.earlier && tool.stage == Stage::input) {
            held_.push_back({tool.call, tool.provider});
        }
    }
}

void UiTools::without_output(bool client_acts, const Report& report) {
    for (const Held& held : std::exchange(held_, {})) {
        if (held.provider || !client_acts) {
            report("T4", named(held.call) + " has no output");
        }
    }
}

void UiTools::open_at_error(const Report& report) const {
    for (const Tool& tool : tools_) {
        if (!tool.earlier && tool.stage != Stage::done && tool.stage != Stage::left) {
            report("E3", named(tool.call) + " is still open");
        }
    }
}

void UiTools::leave_open() {
    for (Tool& tool : tools_) {
        if (tool.stage != Stage::done) {
            tool.stage = Stage::left;
        }
    }
}

} // namespace oa_stream::contract

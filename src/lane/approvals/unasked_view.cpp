#include "unasked_view.hpp"

#include "oa_stream/base/json_members.hpp"
#include "oa_stream/wire/ui_chunk.hpp"

#include <utility>

namespace oa_stream::lane {

namespace {

constexpr std::string_view k_data = "data: ";

bool is(std::string_view frame, std::string_view beginning) {
    return frame.starts_with(k_data) && frame.substr(k_data.size()).starts_with(beginning);
}

/// As the end of a call that was declined without a question. Only Codex's own calls are asked for.
std::shared_ptr<const std::string> declined(std::string_view frame) {
    const auto chunk = parse_json(frame.substr(k_data.size()));
    const auto call = chunk ? string_member(*chunk, "toolCallId").value_or("") : "";
    auto out = std::make_shared<std::string>();
    wire::ui::append_frame(
        *out, wire::ui::ToolOutputError{std::string(call), "The call was declined.", true, true}
    );
    return out;
}

} // namespace

void UnaskedView::hear(std::string_view frame, std::uint64_t at) {
    const auto end = at + frame.size();
    if (const auto from = std::exchange(paused_, std::nullopt)) { // a start: the turn goes on
        gaps_.push_back({.from = *from, .to = end});
        began_ = end;
    } else if (at == began_ && at != 0 && is(frame, R"({"type":"start-step")")) {
        gaps_.back().to = end; // the step goes on, too
    } else if (is(frame, R"({"type":"finish-step")")) {
        step_end_ = at;
    } else if (is(frame, "[DONE]")) {
        paused_ = step_end_;
    } else if (is(frame, R"({"type":"tool-approval-request")") ||
               is(frame, R"({"type":"data-approval")")) {
        gaps_.push_back({.from = at, .to = end});
    } else if (is(frame, R"({"type":"tool-output-denied")")) {
        gaps_.push_back({.from = at, .to = end, .instead = declined(frame)});
    }
}

} // namespace oa_stream::lane

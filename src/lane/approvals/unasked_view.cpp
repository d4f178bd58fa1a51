#include "unasked_view.hpp"

#include "oa_stream/wire/ui_chunk.hpp"

#include <utility>

namespace oa_stream::lane {

namespace {

/// The end of a call that was declined, for a page that saw no approval. Only Codex's own calls
/// need approvals.
std::shared_ptr<const std::string> declined(std::string_view frame) {
    const auto chunk = wire::ui::chunk_in(frame);
    const auto* denied = chunk ? std::get_if<wire::ui::ToolOutputDenied>(&*chunk) : nullptr;
    auto out = std::make_shared<std::string>();
    wire::ui::append_frame(
        *out,
        wire::ui::ToolOutputError{
            denied != nullptr ? denied->call : std::string(), "The call was declined.", true, true
        }
    );
    return out;
}

} // namespace

void UnaskedView::hear(std::string_view frame, std::uint64_t at) {
    const auto end = at + frame.size();
    const auto type = wire::ui::type_in(frame);
    // This frame is a start: the turn goes on
    if (const auto from = std::exchange(paused_, std::nullopt)) {
        gaps_.push_back({.from = *from, .to = end});
        began_ = end;
    } else if (at == began_ && at != 0 && type == "start-step") {
        gaps_.back().to = end; // the step of the previous answer goes on, too
    } else if (type == "finish-step") {
        step_end_ = at;
    } else if (type == "[DONE]") {
        paused_ = step_end_;
    } else if (type == "tool-approval-request" || type == "data-approval") {
        gaps_.push_back({.from = at, .to = end});
    } else if (type == "tool-output-denied") {
        gaps_.push_back({.from = at, .to = end, .instead = declined(frame)});
    }
}

} // namespace oa_stream::lane

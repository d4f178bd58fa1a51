// Restores a stream's state from its sent bytes, so that another lane can continue it.
#include "oa_stream/base/json_members.hpp"
#include "oa_stream/wire/sse.hpp"

#include "ui_encoder_state.hpp"

#include <variant>

namespace oa_stream::encode {

namespace {

/// Clients merge the last metadata into the first, so known names must not be overwritten with
/// empty ones.
void name(UiEncoderOptions& options, const ui::Start& start) {
    const Json none = Json::object();
    const Json& metadata = start.metadata ? *start.metadata : none;
    if (options.thread.empty() && options.turn.empty()) {
        options.thread = text_in(metadata, "threadId");
        options.turn = text_in(metadata, "turnId");
        options.message_id = start.message_id.value_or("");
    }
}

} // namespace

Result<void> UiEncoder::restore(std::string_view sent) {
    auto& state = *state_;
    std::string wrong;
    wire::SseReader reader({.event = [&](const wire::SseEvent& event) {
        const auto parsed = ui::parse_chunk(event.data, state.dialect());
        if (!parsed.chunk) {
            wrong = "a frame that is not a chunk";
            return;
        }
        if (std::holds_alternative<ui::Start>(*parsed.chunk) && state.machine.done()) {
            state.machine = contract::UiMachine(state.continues(), state.dialect());
        }
        state.begun = true;
        state.refusal.clear();
        state.machine.step(*parsed.chunk, state.report);
        wrong = state.refusal.empty() ? wrong : state.refusal;
        state.note(*parsed.chunk);
        if (const auto* start = std::get_if<ui::Start>(&*parsed.chunk)) {
            name(state.options, *start);
        }
        ++state.summary.frames;
    }});
    reader.feed(sent);
    state.ended = state.machine.done();
    if (!wrong.empty()) {
        return fail(Code::protocol, "the answer cannot be continued: " + wrong);
    }
    return {};
}

} // namespace oa_stream::encode

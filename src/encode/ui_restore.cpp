// A stream's state from the bytes that were sent of it, so that somebody else can go on.
#include "oa_stream/base/json_members.hpp"
#include "oa_stream/wire/sse.hpp"

#include "ui_encoder_state.hpp"

#include <variant>

namespace oa_stream::encode {

namespace {

using Phase = OpenTool::Phase;

/// What one chunk opens and closes.
struct Restorer {
    std::vector<OpenPart>* parts;
    std::vector<OpenTool>* tools;
    bool content = false;
    bool noted = false;
    bool spoke = false;
    bool answered = false;

    OpenTool& tool(const std::string& call, const std::string& name = {}) {
        const auto known = std::ranges::find(*tools, call, &OpenTool::call);
        return known != tools->end() ? *known : tools->emplace_back(call, name);
    }
    OpenTool& described(const auto& chunk) {
        auto& tool = this->tool(chunk.call, chunk.name);
        tool.dynamic = chunk.dynamic;
        tool.provider_executed = chunk.provider_executed;
        return tool;
    }
    void done(const std::string& call) { tool(call).phase = Phase::done; }

    void operator()(const ui::PartStart& chunk) {
        parts->push_back({chunk.id, chunk.kind});
        spoke = spoke || chunk.kind == ui::PartKind::text;
    }
    void operator()(const ui::PartDelta& chunk) {
        content = true;
        answered = answered || chunk.kind == ui::PartKind::text;
    }
    void operator()(const ui::PartEnd& chunk) {
        std::erase_if(*parts, [&chunk](const OpenPart& one) { return one.id == chunk.id; });
    }
    void operator()(const ui::ToolInputStart& chunk) {
        described(chunk);
        content = true;
        answered = false;
    }
    void operator()(const ui::ToolInputAvailable& chunk) {
        described(chunk).phase = Phase::running;
    }
    void operator()(const ui::ToolOutputAvailable& chunk) { done(chunk.call); }
    void operator()(const ui::ToolOutputError& chunk) { done(chunk.call); }
    void operator()(const ui::ToolOutputDenied& chunk) { done(chunk.call); }
    void operator()(const ui::ToolApprovalRequest& chunk) {
        auto& asking = tool(chunk.call);
        asking.approval = chunk.approval;
        asking.asked = true;
    }
    void operator()(const ui::Data& chunk) { noted = noted || !chunk.transient; }
    void operator()(const auto& /*chunk*/) {}
};

/// Clients merge the last metadata over the first: who knows no names must not empty them.
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
    Restorer restorer{&state.parts, &state.tools};
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
        std::visit(restorer, *parsed.chunk);
        if (const auto* start = std::get_if<ui::Start>(&*parsed.chunk)) {
            name(state.options, *start);
        }
        ++state.summary.frames;
    }});
    reader.feed(sent);
    state.summary.content = restorer.content;
    state.noted = restorer.noted;
    state.spoke = restorer.spoke;
    state.answered = restorer.answered;
    state.ended = state.machine.done();
    if (!wrong.empty()) {
        return fail(Code::protocol, "the answer cannot be continued: " + wrong);
    }
    return {};
}

} // namespace oa_stream::encode

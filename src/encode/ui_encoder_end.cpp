#include "oa_stream/encode/normaliser.hpp"

#include "empty_answer.hpp"
#include "ui_encoder_state.hpp"

namespace oa_stream::encode {
namespace {

[[nodiscard]] Json usage_json(const turn::Usage& usage) {
    Json out = Json::object();
    out["inputTokens"] = usage.input;
    out["cachedInputTokens"] = usage.cached_input;
    out["outputTokens"] = usage.output;
    out["reasoningOutputTokens"] = usage.reasoning_output;
    return out;
}

// The `status` of an answer that ends because a person has to decide first.
constexpr std::string_view k_waits_approval = "waiting-for-approval";

} // namespace

Result<void> UiEncoder::State::send_input(const OpenTool& open, Json input, std::string& out) {
    return send(
        ui::ToolInputAvailable{
            open.call, open.name, std::move(input), open.dynamic, open.provider_executed
        },
        out
    );
}

Result<void>
UiEncoder::State::send_tool_error(const OpenTool& open, std::string_view text, std::string& out) {
    return send(
        ui::ToolOutputError{open.call, std::string(text), open.dynamic, open.provider_executed}, out
    );
}

Result<void> UiEncoder::State::close_all(std::string& out) {
    // A part whose end the machine refuses counts as closed too, so that a failure is still sent.
    for (const OpenPart& open : std::exchange(parts, {})) {
        OA_CHECK(send(ui::PartEnd{open.kind, open.id}, out));
    }
    for (OpenTool& open : tools) {
        const auto phase = std::exchange(open.phase, OpenTool::Phase::done);
        if (phase == OpenTool::Phase::input) {
            OA_CHECK(send_input(open, Json::object(), out));
        }
        if (phase != OpenTool::Phase::done) {
            OA_CHECK(send_tool_error(open, k_no_output, out));
        }
    }
    return {};
}

Result<void> UiEncoder::State::send_failure(const turn::Failure& failure, std::string& out) {
    Json data = failure_json(failure);
    data["retryable"] = failure.retryable;
    if (failure.retry_after) {
        data["retryAfter"] = *failure.retry_after;
    }
    summary.failure = failure;
    OA_CHECK(send(ui::Data{"error", std::nullopt, std::move(data), false}, out));
    return send(ui::ErrorChunk{turn::sentence_of(failure)}, out);
}

Json UiEncoder::State::finish_metadata(const turn::TurnEnded& event) const {
    Json metadata = Json::object();
    metadata["threadId"] = options.thread;
    metadata["turnId"] = options.turn;
    metadata["status"] = turn::to_string(event.outcome);
    metadata["finishReason"] = turn::to_string(event.finish);
    if (const auto& spent = event.usage ? event.usage : usage) {
        metadata["usage"] = usage_json(*spent);
    }
    return metadata;
}

contract::Continues UiEncoder::State::continues() const {
    contract::Continues next{options.message_id};
    for (const OpenTool& open : tools) {
        if (open.phase != OpenTool::Phase::done) {
            next.calls.push_back(
                {open.call,
                 open.name,
                 open.dynamic,
                 open.phase == OpenTool::Phase::input,
                 !open.approval.empty()}
            );
        }
    }
    return next;
}

Result<std::optional<TurnEncoder::Break>> UiEncoder::State::pause(std::string& out) {
    const std::size_t before = out.size();
    Json metadata = Json::object();
    metadata["threadId"] = options.thread;
    metadata["turnId"] = options.turn;
    const bool asked = std::ranges::any_of(tools, &OpenTool::asked);
    metadata["status"] = asked ? k_waits_approval : k_waits_results;
    metadata["finishReason"] = turn::to_string(turn::Finish::tool_calls);
    Break at;
    OA_CHECK(send(ui::FinishStep{}, out));
    at.finish = out.size() - before;
    OA_CHECK(send(ui::Finish{std::move(metadata)}, out));
    OA_CHECK(send(ui::Done{}, out));
    at.end = out.size() - before;
    machine = contract::UiMachine(continues(), dialect());
    OA_CHECK(send_start(out));
    at.body = out.size() - before;
    OA_CHECK(send(ui::StartStep{}, out));
    return at;
}

Result<void> UiEncoder::State::end(const turn::TurnEnded& event, std::string& out) {
    OA_CHECK(close_all(out));
    // Codex drops the text of a refusal: a message is started and never ended, or only costs
    // tokens.
    const auto& spent = event.usage ? event.usage : usage;
    const bool spent_for_nothing =
        tools.empty() && !noted && !summary.content && ((spent && spent->output > 0) || spoke);
    const bool empty = event.outcome == turn::Outcome::completed && !answered &&
                       event.finish != turn::Finish::tool_calls &&
                       (event.withheld || turn::is_cut(event.finish) || spent_for_nothing);
    if (empty) { // write(), not send(): not content of the turn
        const std::string id(k_empty_answer_code);
        OA_CHECK(write(ui::PartStart{ui::PartKind::text, id}, out));
        OA_CHECK(write(
            ui::PartDelta{ui::PartKind::text, id, std::string(text_of_empty(event.finish))}, out
        ));
        OA_CHECK(write(ui::PartEnd{ui::PartKind::text, id}, out));
    }
    if (event.outcome == turn::Outcome::interrupted) {
        OA_CHECK(send(ui::Abort{}, out));
    } else if (event.outcome != turn::Outcome::completed) {
        OA_CHECK(send_failure(event.failure.value_or(turn::Failure{}), out));
    }
    OA_CHECK(send(ui::FinishStep{}, out));
    Json metadata = finish_metadata(event);
    if (empty) {
        metadata["notice"] = k_empty_answer_code;
    }
    OA_CHECK(send(ui::Finish{std::move(metadata)}, out));
    OA_CHECK(send(ui::Done{}, out));
    ended = true;
    return {};
}

} // namespace oa_stream::encode

#include "oa_stream/encode/ui_encoder.hpp"

#include "oa_stream/contract/ui_machine.hpp"
#include "oa_stream/wire/ui_chunk.hpp"

#include "safe_json.hpp"

#include <algorithm>
#include <type_traits>
#include <utility>
#include <vector>

namespace oa_stream::encode {
namespace {

namespace ui = wire::ui;

/// Above this the buffer that deltas are copied through is given back after use.
constexpr std::size_t k_keep_capacity = 64U << 10U;

struct OpenPart {
    std::string id;
    ui::PartKind kind;
};
struct Tool {
    enum class Phase { input, running, done };
    std::string call, name;
    bool dynamic;
    Phase phase = Phase::input;
    std::string approval{}; ///< id of the latest one
    bool asked = false; ///< … which is not settled
    bool denied = false;
};

[[nodiscard]] ui::PartKind wire_kind(turn::PartKind kind) noexcept {
    return kind == turn::PartKind::text ? ui::PartKind::text : ui::PartKind::reasoning;
}

[[nodiscard]] Json usage_json(const turn::Usage& usage) {
    Json out = Json::object();
    out["inputTokens"] = usage.input;
    out["cachedInputTokens"] = usage.cached_input;
    out["outputTokens"] = usage.output;
    out["reasoningOutputTokens"] = usage.reasoning_output;
    return out;
}

/// Calls run by Codex: without providerExecuted a page with sendAutomaticallyWhen asks again and
/// again, and `dynamic` must be the same on every chunk of a call.
constexpr bool k_provider_executed = true;

/// `status` of an answer that ends because a person has to decide before the turn goes on.
constexpr std::string_view k_waiting = "waiting-for-approval";

constexpr std::string_view k_no_output = "The answer ended before this call did.";

} // namespace

struct UiEncoder::State {
    explicit State(UiEncoderOptions given) : options(std::move(given)) {}

    [[nodiscard]] wire::ui::Dialect dialect() const noexcept {
        return options.approvals ? ui::Dialect::approvals : ui::Dialect::every_client;
    }

    UiEncoderOptions options;
    contract::UiMachine machine{std::nullopt, dialect()};
    std::string refusal{}; ///< the must-rule the chunk just stepped broke
    contract::UiMachine::Report report = [this](std::string_view rule, const std::string& message) {
        const contract::Rule* known = contract::find_rule(rule);
        if (known == nullptr || known->level == contract::Level::must) {
            refusal = std::string(rule) + ": " + message;
        }
    };
    std::vector<OpenPart> parts{};
    std::vector<Tool> tools{}; ///< ended ones too: a call id is used once
    std::optional<turn::Usage> usage{};
    ui::Chunk delta{ui::PartDelta{}}; ///< reused, so that a token costs no allocation
    bool begun = false;
    bool ended = false;
    TurnSummary summary{};

    /// The only place where bytes are made: what the machine refuses is not written.
    [[nodiscard]] Result<void> send(const ui::Chunk& chunk, std::string& out) {
        refusal.clear();
        machine.step(chunk, report);
        if (!refusal.empty()) {
            return fail(
                Code::internal, "the contract refuses " + ui::type_of(chunk) + ", " + refusal
            );
        }
        ui::append_frame(out, chunk);
        ++summary.frames;
        return {};
    }
    [[nodiscard]] static Result<void> illegal(std::string_view what, std::string_view id) {
        return fail(Code::internal, std::string(what) + " \"" + std::string(id) + "\"");
    }

    [[nodiscard]] auto part(std::string_view id) {
        return std::ranges::find(parts, id, &OpenPart::id);
    }
    /// The call in this phase, searched from the end, where the latest stand; nullptr if none.
    [[nodiscard]] Tool* tool(std::string_view call, Tool::Phase phase) {
        const auto found = std::ranges::find(tools.rbegin(), tools.rend(), call, &Tool::call);
        return found != tools.rend() && found->phase == phase ? &*found : nullptr;
    }

    [[nodiscard]] Result<void> begin(std::string& out) {
        if (begun) {
            return {};
        }
        begun = true;
        OA_CHECK(send_start(out));
        return send(ui::StartStep{}, out);
    }
    [[nodiscard]] Result<void> send_start(std::string& out) {
        Json metadata = Json::object();
        metadata["threadId"] = options.thread;
        metadata["turnId"] = options.turn;
        if (!options.model.empty()) {
            metadata["model"] = options.model;
        }
        return send(ui::Start{options.message_id, std::move(metadata)}, out);
    }

    // --- one overload per event --------------------------------------------------------------

    [[nodiscard]] Result<void> on(const turn::TurnStarted&, std::string&) { return {}; }

    [[nodiscard]] Result<void> on(const turn::PartOpened& event, std::string& out) {
        if (part(event.id) != parts.end()) {
            return illegal("part is open already:", event.id);
        }
        const ui::PartKind kind = wire_kind(event.kind);
        OA_CHECK(send(ui::PartStart{kind, event.id}, out));
        parts.push_back({event.id, kind});
        return {};
    }
    [[nodiscard]] Result<void> on(const turn::PartDelta& event, std::string& out) {
        const auto open = part(event.id);
        if (open == parts.end()) {
            return illegal("delta of no open part:", event.id);
        }
        auto& chunk = *std::get_if<ui::PartDelta>(&delta);
        chunk.kind = open->kind;
        chunk.id = event.id;
        chunk.delta = event.text;
        auto sent = send(delta, out);
        summary.content = summary.content || sent.has_value();
        if (chunk.delta.capacity() > k_keep_capacity) {
            std::string().swap(chunk.delta);
        }
        return sent;
    }
    [[nodiscard]] Result<void> on(const turn::PartClosed& event, std::string& out) {
        const auto open = part(event.id);
        if (open == parts.end()) {
            return illegal("end of no open part:", event.id);
        }
        OA_CHECK(send(ui::PartEnd{open->kind, event.id}, out));
        parts.erase(open);
        return {};
    }

    [[nodiscard]] Result<void> on(const turn::ToolOpened& event, std::string& out) {
        if (std::ranges::find(tools, event.call, &Tool::call) != tools.end()) {
            return illegal("call was announced already:", event.call);
        }
        OA_CHECK(send(
            ui::ToolInputStart{event.call, event.name, event.dynamic, k_provider_executed}, out
        ));
        tools.push_back({event.call, event.name, event.dynamic});
        summary.content = true;
        return {};
    }
    [[nodiscard]] Result<void> on(const turn::ToolInputDelta& event, std::string& out) {
        if (tool(event.call, Tool::Phase::input) == nullptr) {
            return illegal("input delta of no call that waits for input:", event.call);
        }
        return send(ui::ToolInputDelta{event.call, event.text}, out);
    }
    [[nodiscard]] Result<void> on(const turn::ToolInputReady& event, std::string& out) {
        Tool* open = tool(event.call, Tool::Phase::input);
        if (open == nullptr) {
            return illegal("input of no call that waits for input:", event.call);
        }
        return send_input(*open, safe_json(event.input), out);
    }
    [[nodiscard]] Result<void> on(const turn::ToolOutputDelta& event, std::string& out) {
        if (tool(event.call, Tool::Phase::running) == nullptr) {
            return illegal("output of no running call:", event.call);
        }
        Json data = Json::object();
        data["toolCallId"] = event.call;
        data["delta"] = event.text;
        return send(ui::Data{"tool-output", std::nullopt, std::move(data), true}, out);
    }
    [[nodiscard]] Result<void> on(const turn::ToolOutput& event, std::string& out) {
        Tool* open = tool(event.call, Tool::Phase::running);
        if (open == nullptr) {
            return illegal("output of no running call:", event.call);
        }
        OA_CHECK(send(
            ui::ToolOutputAvailable{
                event.call, safe_json(event.output), open->dynamic, k_provider_executed
            },
            out
        ));
        open->phase = Tool::Phase::done;
        return {};
    }
    [[nodiscard]] Result<void> on(const turn::ToolFailed& event, std::string& out) {
        Tool* open = tool(event.call, Tool::Phase::running);
        if (open == nullptr) {
            return illegal("failure of no running call:", event.call);
        }
        OA_CHECK(
            open->denied ? send(ui::ToolOutputDenied{event.call}, out)
                         : send_tool_error(*open, event.text, out)
        );
        open->phase = Tool::Phase::done;
        return {};
    }

    [[nodiscard]] Result<void> on(const turn::Note& event, std::string& out) {
        return send(ui::Data{event.name, event.id, safe_json(event.payload), event.transient}, out);
    }
    [[nodiscard]] Result<void> on(const turn::ApprovalAsked& event, std::string& out) {
        if (!options.approvals) {
            return {};
        }
        Tool* open = tool(event.call, Tool::Phase::running);
        if (open == nullptr) {
            return illegal("approval of no running call:", event.call);
        }
        OA_CHECK(send(ui::ToolApprovalRequest{event.id, event.call}, out));
        open->approval = event.id;
        open->asked = true;
        open->denied = false;
        return {};
    }
    [[nodiscard]] Result<void> on(const turn::ApprovalSettled& event, std::string&) {
        const auto found = std::ranges::find(tools, event.id, &Tool::approval);
        if (found != tools.end()) {
            found->asked = false;
            found->denied = !event.approved;
        }
        return {};
    }
    [[nodiscard]] Result<void> on(const turn::UsageKnown& event, std::string&) {
        usage = event.usage;
        return {};
    }
    [[nodiscard]] Result<void> on(const turn::TurnEnded& event, std::string& out) {
        return end(event, out);
    }

    // --- endings -----------------------------------------------------------------------------

    [[nodiscard]] Result<void> send_input(Tool& open, Json input, std::string& out) {
        open.phase = Tool::Phase::running;
        return send(
            ui::ToolInputAvailable{
                open.call, open.name, std::move(input), open.dynamic, k_provider_executed
            },
            out
        );
    }
    [[nodiscard]] Result<void>
    send_tool_error(const Tool& open, std::string_view text, std::string& out) {
        return send(
            ui::ToolOutputError{open.call, std::string(text), open.dynamic, k_provider_executed},
            out
        );
    }

    /// Nothing stays open: a page shows an open part or call as running for ever.
    [[nodiscard]] Result<void> close_all(std::string& out) {
        for (const OpenPart& open : std::exchange(parts, {})) {
            OA_CHECK(send(ui::PartEnd{open.kind, open.id}, out));
        }
        for (Tool& open : tools) {
            if (open.phase == Tool::Phase::input) {
                OA_CHECK(send_input(open, Json::object(), out));
            }
            if (std::exchange(open.phase, Tool::Phase::done) == Tool::Phase::running) {
                OA_CHECK(send_tool_error(open, k_no_output, out));
            }
        }
        return {};
    }

    /// useChat stops reading at the error chunk, so its code stands before it.
    [[nodiscard]] Result<void> send_failure(const turn::Failure& failure, std::string& out) {
        const turn::FailureWords& words = turn::words_of(failure.code);
        Json data = Json::object();
        data["code"] = words.word;
        data["message"] = words.sentence;
        data["retryable"] = failure.retryable;
        summary.error = true;
        OA_CHECK(send(ui::Data{"error", std::nullopt, std::move(data), false}, out));
        return send(ui::ErrorChunk{std::string(words.sentence)}, out);
    }

    [[nodiscard]] Json finish_metadata(const turn::TurnEnded& event) const {
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

    /// What the client's next request says of the calls it answers.
    [[nodiscard]] contract::Continues continues() const {
        contract::Continues next{options.message_id};
        for (const Tool& open : tools) {
            if (open.phase != Tool::Phase::done) {
                next.open_calls.push_back(
                    {open.call,
                     open.name,
                     open.dynamic,
                     open.phase == Tool::Phase::input,
                     !open.approval.empty()}
                );
            }
        }
        return next;
    }

    [[nodiscard]] Result<std::optional<Break>> pause(std::string& out) {
        const std::size_t before = out.size();
        Json metadata = Json::object();
        metadata["threadId"] = options.thread;
        metadata["turnId"] = options.turn;
        metadata["status"] = k_waiting;
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

    [[nodiscard]] Result<void> end(const turn::TurnEnded& event, std::string& out) {
        OA_CHECK(close_all(out));
        if (event.outcome == turn::Outcome::interrupted) {
            OA_CHECK(send(ui::Abort{}, out));
        } else if (event.outcome != turn::Outcome::completed) {
            OA_CHECK(send_failure(event.failure.value_or(turn::Failure{}), out));
        }
        OA_CHECK(send(ui::FinishStep{}, out));
        OA_CHECK(send(ui::Finish{finish_metadata(event)}, out));
        OA_CHECK(send(ui::Done{}, out));
        ended = true;
        return {};
    }
};

UiEncoder::UiEncoder(UiEncoderOptions options)
    : state_(std::make_unique<State>(std::move(options))) {
}
UiEncoder::~UiEncoder() = default;
UiEncoder::UiEncoder(UiEncoder&&) noexcept = default;
UiEncoder& UiEncoder::operator=(UiEncoder&&) noexcept = default;

void UiEncoder::begin(std::string& out) {
    // The machine allows start and start-step on a fresh stream, whatever the options say.
    std::ignore = state_->begin(out);
}

Result<void> UiEncoder::encode(const turn::Event& event, std::string& out) {
    if (state_->ended) {
        return fail(Code::internal, "event after the end of the stream");
    }
    OA_CHECK(state_->begin(out));
    const std::size_t mark = out.size();
    const std::uint64_t frames = state_->summary.frames;
    auto done = std::visit([&](const auto& one) { return state_->on(one, out); }, event);
    if (!done) {
        out.resize(mark);
        state_->summary.frames = frames;
    }
    return done;
}

void UiEncoder::fail_open(const turn::Failure& failure, std::string& out) {
    if (state_->ended) {
        return;
    }
    const bool aborted = turn::words_of(failure.code).terminal == turn::TerminalClass::turn_aborted;
    const turn::TurnEnded event{
        aborted ? turn::Outcome::aborted : turn::Outcome::failed, turn::Finish::error, failure, {}
    };
    std::ignore = state_->begin(out);
    std::ignore = state_->end(event, out);
    state_->ended = true;
}

Result<std::optional<TurnEncoder::Break>> UiEncoder::pause(std::string& out) {
    if (!state_->options.approvals || state_->ended) {
        return std::nullopt;
    }
    OA_CHECK(state_->begin(out));
    const std::size_t mark = out.size();
    auto done = state_->pause(out);
    if (!done) {
        out.resize(mark);
    }
    return done;
}

bool UiEncoder::ended() const noexcept {
    return state_->ended;
}
const TurnSummary& UiEncoder::summary() const noexcept {
    return state_->summary;
}

} // namespace oa_stream::encode

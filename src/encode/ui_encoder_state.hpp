// The open parts and calls of a UI message stream, with one function per event.
#pragma once

#include "oa_stream/base/lists.hpp"
#include "oa_stream/contract/ui_machine.hpp"
#include "oa_stream/encode/ui_encoder.hpp"
#include "oa_stream/wire/ui_chunk.hpp"

#include "kept_buffer.hpp"
#include "safe_json.hpp"

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace oa_stream::encode {

namespace ui = wire::ui;

struct OpenPart {
    std::string id;
    ui::PartKind kind;
};
struct OpenTool {
    enum class Phase { input, running, done };
    std::string call;
    std::string name{};
    bool dynamic = false; ///< the same on every chunk of a call
    /// For calls that Codex runs: without providerExecuted, a page with sendAutomaticallyWhen
    /// repeats its request for ever.
    bool provider_executed = false;
    Phase phase = Phase::input;
    std::string approval{}; ///< id of the latest one
    bool asked = false; ///< … which is still pending
    bool denied = false;
};

struct UiEncoder::State {
    explicit State(UiEncoderOptions given) : options(std::move(given)) {}

    [[nodiscard]] wire::ui::Dialect dialect() const noexcept {
        return options.approvals ? ui::Dialect::approvals : ui::Dialect::every_client;
    }

    UiEncoderOptions options;
    contract::UiMachine machine{std::nullopt, dialect()};
    std::string refusal{}; ///< the must-rule that the last chunk broke
    contract::UiMachine::Report report = [this](std::string_view rule, const std::string& message) {
        if (contract::is_must(rule)) {
            refusal = std::string(rule) + ": " + message;
        }
    };
    std::vector<OpenPart> parts{};
    std::vector<OpenTool> tools{}; ///< includes ended ones: a call id is used once
    std::optional<turn::Usage> usage{};
    ui::Chunk delta{ui::PartDelta{}}; ///< reused: no allocation per token
    bool begun = false;
    bool ended = false;
    bool noted = false; ///< a data part that is not transient was sent
    bool spoke = false; ///< a text was started
    bool answered = false; ///< a text was sent after the last call
    TurnSummary summary{};

    /// The only place that writes bytes: a chunk that the machine refuses is not written.
    [[nodiscard]] Result<void> write(const ui::Chunk& chunk, std::string& out) {
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
    [[nodiscard]] Result<void> send(const ui::Chunk& chunk, std::string& out) {
        OA_CHECK(write(chunk, out));
        note(chunk);
        return {};
    }
    [[nodiscard]] static Result<void> illegal(std::string_view what, std::string_view id) {
        return fail(Code::internal, std::string(what) + " \"" + std::string(id) + "\"");
    }

    [[nodiscard]] auto part(std::string_view id) {
        return std::ranges::find(parts, id, &OpenPart::id);
    }
    /// The call in this phase; searches from the end, where the latest are; nullptr if none.
    [[nodiscard]] OpenTool* tool(std::string_view call, OpenTool::Phase phase) {
        const auto found = std::ranges::find(tools.rbegin(), tools.rend(), call, &OpenTool::call);
        return found != tools.rend() && found->phase == phase ? &*found : nullptr;
    }

    // --- state changes by a sent chunk ----------------------------------------------------------

    void note(const ui::Chunk& sent) {
        std::visit([this](const auto& chunk) { on_sent(chunk); }, sent);
    }
    void on_sent(const ui::PartStart& chunk) {
        parts.push_back({chunk.id, chunk.kind});
        spoke = spoke || chunk.kind == ui::PartKind::text;
    }
    void on_sent(const ui::PartDelta& chunk) {
        summary.content = true;
        answered = answered || chunk.kind == ui::PartKind::text;
    }
    void on_sent(const ui::PartEnd& chunk) {
        std::erase_if(parts, [&chunk](const OpenPart& one) { return one.id == chunk.id; });
    }
    void on_sent(const ui::ToolInputStart& chunk) {
        describe(chunk);
        summary.content = true;
        answered = false;
    }
    void on_sent(const ui::ToolInputAvailable& chunk) {
        describe(chunk).phase = OpenTool::Phase::running;
    }
    void on_sent(const ui::ToolOutputAvailable& chunk) { finish(chunk.call); }
    void on_sent(const ui::ToolOutputError& chunk) { finish(chunk.call); }
    void on_sent(const ui::ToolOutputDenied& chunk) { finish(chunk.call); }
    void on_sent(const ui::ToolApprovalRequest& chunk) {
        auto& asking = tool(chunk.call);
        asking.approval = chunk.approval;
        asking.asked = true;
        asking.denied = false;
    }
    void on_sent(const ui::Data& chunk) { noted = noted || !chunk.transient; }
    void on_sent(const auto& /*chunk*/) {}

    /// The latest call with this id; a new one if there is none.
    OpenTool& tool(const std::string& call) {
        const auto known = std::ranges::find(tools.rbegin(), tools.rend(), call, &OpenTool::call);
        return known != tools.rend() ? *known : tools.emplace_back(call);
    }
    OpenTool& describe(const auto& chunk) {
        auto& described = tool(chunk.call);
        described.name = chunk.name;
        described.dynamic = chunk.dynamic;
        described.provider_executed = chunk.provider_executed;
        return described;
    }
    void finish(const std::string& call) {
        auto& finished = tool(call);
        finished.phase = OpenTool::Phase::done;
        finished.asked = false; // an ended call waits for no decision
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
        if (!options.ignored.empty()) {
            metadata["ignored"] = options.ignored;
        }
        return send(ui::Start{options.message_id, std::move(metadata)}, out);
    }

    // --- one overload per event --------------------------------------------------------------

    [[nodiscard]] Result<void> on(const turn::TurnStarted&, std::string&) { return {}; }

    [[nodiscard]] Result<void> on(const turn::PartOpened& event, std::string& out) {
        if (part(event.id) != parts.end()) {
            return illegal("part is open already:", event.id);
        }
        return send(ui::PartStart{event.kind, event.id}, out);
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
        return send(ui::PartEnd{open->kind, event.id}, out);
    }

    [[nodiscard]] Result<void> on(const turn::ToolOpened& event, std::string& out) {
        if (contains(tools, event.call, &OpenTool::call)) {
            return illegal("call was announced already:", event.call);
        }
        return send(ui::ToolInputStart{event.call, event.name, event.dynamic, !event.client}, out);
    }
    [[nodiscard]] Result<void> on(const turn::ToolInputDelta& event, std::string& out) {
        if (tool(event.call, OpenTool::Phase::input) == nullptr) {
            return illegal("input delta of no call that waits for input:", event.call);
        }
        return send(ui::ToolInputDelta{event.call, event.text}, out);
    }
    [[nodiscard]] Result<void> on(const turn::ToolInputReady& event, std::string& out) {
        OpenTool* open = tool(event.call, OpenTool::Phase::input);
        if (open == nullptr) {
            return illegal("input of no call that waits for input:", event.call);
        }
        return send_input(*open, safe_json(event.input), out);
    }
    [[nodiscard]] Result<void> on(const turn::ToolOutputDelta& event, std::string& out) {
        if (tool(event.call, OpenTool::Phase::running) == nullptr) {
            return illegal("output of no running call:", event.call);
        }
        Json data = Json::object();
        data["toolCallId"] = event.call;
        data["delta"] = event.text;
        return send(ui::Data{"tool-output", std::nullopt, std::move(data), true}, out);
    }
    [[nodiscard]] Result<void> on(const turn::ToolOutput& event, std::string& out) {
        OpenTool* open = tool(event.call, OpenTool::Phase::running);
        if (open == nullptr) {
            return illegal("output of no running call:", event.call);
        }
        return send(
            ui::ToolOutputAvailable{
                event.call, safe_json(event.output), open->dynamic, open->provider_executed
            },
            out
        );
    }
    [[nodiscard]] Result<void> on(const turn::ToolFailed& event, std::string& out) {
        OpenTool* open = tool(event.call, OpenTool::Phase::running);
        if (open == nullptr) {
            return illegal("failure of no running call:", event.call);
        }
        return open->denied ? send(ui::ToolOutputDenied{event.call}, out)
                            : send_tool_error(*open, event.text, out);
    }

    [[nodiscard]] Result<void> on(const turn::Note& event, std::string& out) {
        return send(ui::Data{event.name, event.id, safe_json(event.payload), event.transient}, out);
    }
    [[nodiscard]] Result<void> on(const turn::ApprovalAsked& event, std::string& out) {
        if (!options.approvals) {
            return {};
        }
        if (tool(event.call, OpenTool::Phase::running) == nullptr) {
            return illegal("approval of no running call:", event.call);
        }
        return send(ui::ToolApprovalRequest{event.id, event.call}, out);
    }
    [[nodiscard]] Result<void> on(const turn::ApprovalSettled& event, std::string&) {
        if (OpenTool* found = find_or_null(tools, event.id, &OpenTool::approval)) {
            found->asked = false;
            found->denied = !event.approved;
        }
        return {};
    }
    /// Its input was already sent; the page runs calls without providerExecuted.
    [[nodiscard]] Result<void> on(const turn::ClientCall&, std::string&) { return {}; }
    [[nodiscard]] Result<void> on(const turn::UsageKnown& event, std::string&) {
        usage = event.usage;
        return {};
    }
    [[nodiscard]] Result<void> on(const turn::TurnEnded& event, std::string& out) {
        return end(event, out);
    }

    // --- endings: ui_encoder_end.cpp ---------------------------------------------------------

    [[nodiscard]] Result<void> send_input(const OpenTool& open, Json input, std::string& out);
    [[nodiscard]] Result<void>
    send_tool_error(const OpenTool& open, std::string_view text, std::string& out);
    /// Nothing may stay open: a page shows an open part or call as running for ever.
    [[nodiscard]] Result<void> close_all(std::string& out);
    /// The error's code precedes the error chunk, because useChat stops reading there.
    [[nodiscard]] Result<void> send_failure(const turn::Failure& failure, std::string& out);
    [[nodiscard]] Json finish_metadata(const turn::TurnEnded& event) const;
    /// The state of the answered calls in the client's next request.
    [[nodiscard]] contract::Continues continues() const;
    [[nodiscard]] Result<std::optional<Break>> pause(std::string& out);
    [[nodiscard]] Result<void> end(const turn::TurnEnded& event, std::string& out);
};

} // namespace oa_stream::encode

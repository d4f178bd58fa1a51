#include "oa_stream/contract/completions_machine.hpp"
#include "oa_stream/encode/completions.hpp"
#include "oa_stream/encode/openai_errors.hpp"
#include "oa_stream/wire/completions_chunk.hpp"

#include "completion_turn.hpp"
#include "kept_buffer.hpp"
#include "openai_answer.hpp"

#include <memory>
#include <utility>

namespace oa_stream::encode {

namespace completions = wire::completions;

namespace {

struct StreamState {
    StreamState(CompletionIdentity identity, bool with_usage, TextRoom room)
        : turn(identity.demands), gathered(std::move(room)),
          json_object(identity.demands.json_object), include_usage(with_usage) {
        chunk().id = std::move(identity.id);
        chunk().created = identity.created;
        chunk().model = std::move(identity.model);
    }
    StreamState(const StreamState&) = delete; // the callback captures `this`
    StreamState& operator=(const StreamState&) = delete;
    ~StreamState() = default;

    CompletionTurn turn;
    Gathered gathered;
    bool json_object; ///< `turn` keeps the text to check it
    contract::CompletionsMachine machine{};
    std::string refusal{}; ///< the must-rule that the last event broke
    contract::CompletionsMachine::Report report = refuse_into(refusal);
    completions::Event event{completions::Chunk{}}; ///< reused: no allocation per token
    bool include_usage = false;
    bool begun = false;
    bool ended = false;
    TurnSummary summary{};

    [[nodiscard]] completions::Chunk& chunk() { return *std::get_if<completions::Chunk>(&event); }

    /// The only place that writes bytes: an event that the machine refuses is not written.
    [[nodiscard]] Result<void> send(const completions::Event& next, std::string& out) {
        refusal.clear();
        machine.step(next, report);
        if (!refusal.empty()) {
            return fail(Code::internal, "the contract refuses a frame, " + refusal);
        }
        completions::append_frame(out, next);
        ++summary.frames;
        return {};
    }

    [[nodiscard]] Result<void> begin(std::string& out) {
        if (std::exchange(begun, true)) {
            return {};
        }
        chunk().role = "assistant";
        chunk().content = "";
        auto sent = send(event, out);
        chunk().role.reset();
        chunk().content.reset();
        return sent;
    }

    /// Sends content or reasoning.
    [[nodiscard]] Result<void>
    send_text(std::optional<std::string>& as, std::string_view text, std::string& out) {
        if (text.empty()) {
            return {};
        }
        std::string& kept = buffer ? *buffer : buffer.emplace();
        kept.assign(text);
        as.swap(buffer);
        auto sent = send(event, out);
        as.swap(buffer);
        summary.content = summary.content || sent.has_value();
        if (buffer && buffer->capacity() > k_keep_capacity) {
            buffer.reset();
        }
        return sent;
    }
    [[nodiscard]] Result<void> send_delta(const CompletionTurn::Delta& delta, std::string& out) {
        OA_CHECK(send_text(chunk().reasoning, delta.reasoning, out));
        return send_text(chunk().content, delta.text, out);
    }
    std::optional<std::string> buffer{}; ///< used by send_text

    /// Codex reports a call when it is complete, so its start and its arguments are sent at once.
    [[nodiscard]] Result<void> send_call(const turn::ClientCall& call, std::string& out) {
        auto& pieces = chunk().tool_calls;
        pieces.push_back({.index = calls, .id = call.call, .name = call.name});
        auto sent = send(event, out);
        if (sent && !call.arguments.empty()) {
            pieces.front() = {.index = calls, .arguments = call.arguments};
            sent = send(event, out);
        }
        pieces.clear();
        ++calls;
        summary.content = summary.content || sent.has_value();
        return sent;
    }
    std::int64_t calls = 0;

    [[nodiscard]] Result<void> send_usage(std::string& out) {
        const auto usage = turn.usage();
        if (!include_usage || !usage) {
            return {};
        }
        chunk().has_choice = false;
        chunk().usage = usage;
        return send(event, out);
    }

    [[nodiscard]] Result<void> end(const CompletionTurn::Ending& ending, std::string& out) {
        if (ending) {
            chunk().finish = finish_reason(*ending);
            auto sent = send(event, out);
            chunk().finish.reset();
            OA_CHECK(std::move(sent));
            OA_CHECK(send_usage(out));
            OA_CHECK(send(completions::Done{}, out));
        } else {
            OA_CHECK(send_usage(out));
            OA_CHECK(send(openai_error_of(ending.error(), summary.content).error, out));
            summary.failure = ending.error();
        }
        ended = true;
        return {};
    }

    [[nodiscard]] Result<void>
    write(const turn::Event& one, const CompletionTurn::Delta& delta, std::string& out) {
        if (json_object && !gathered.add(delta.text.size())) {
            turn.fail(Gathered::outgrown());
        }
        const auto* call = turn.call(one);
        OA_CHECK(send_delta(delta, out));
        if (const auto& ending = turn.ending()) {
            return end(*ending, out);
        }
        return call == nullptr ? Result<void>{} : send_call(*call, out);
    }
};

} // namespace

std::unique_ptr<TurnEncoder>
completions_stream(CompletionIdentity identity, bool include_usage, TextRoom room) {
    return std::make_unique<OpenAiAnswer<StreamState, TurnEncoder>>(
        std::move(identity), include_usage, std::move(room)
    );
}

} // namespace oa_stream::encode

#include "oa_stream/base/text.hpp"
#include "oa_stream/contract/completions_machine.hpp"
#include "oa_stream/encode/completions.hpp"
#include "oa_stream/wire/completions_chunk.hpp"

#include "completion_turn.hpp"
#include "openai_answer.hpp"

#include <memory>
#include <utility>

namespace oa_stream::encode {

namespace completions = wire::completions;

namespace {

struct WholeState {
    WholeState(CompletionIdentity identity, TextRoom room)
        : turn(identity.demands), gathered(std::move(room)) {
        answer.id = std::move(identity.id);
        answer.created = identity.created;
        answer.model = std::move(identity.model);
    }

    CompletionTurn turn;
    completions::Answer answer{};
    Gathered gathered;
    bool ended = false;
    std::expected<Json, turn::Failure> result{std::unexpect};
    TurnSummary summary{};

    void add(std::string& to, std::string_view text) {
        summary.content = summary.content || !text.empty();
        if (gathered.add(text.size())) {
            append_valid(to, text);
        } else {
            turn.fail(Gathered::outgrown());
        }
    }
    void add_call(const turn::ClientCall& call) {
        summary.content = true;
        if (gathered.add(call.arguments.size())) {
            answer.tool_calls.push_back({call.call, call.name, call.arguments});
        } else {
            turn.fail(Gathered::outgrown());
        }
    }

    [[nodiscard]] Result<void> end(const CompletionTurn::Ending& ending, std::string& /*out*/) {
        if (!ending) {
            end_failed(ending.error());
            return {};
        }
        answer.finish = finish_reason(*ending);
        answer.usage = turn.usage();
        std::string refusal;
        contract::judge_answer(answer, [&](std::string_view rule, const std::string& message) {
            refusal = std::string(rule) + ": " + message;
        });
        if (!refusal.empty()) {
            return fail(Code::internal, "the contract refuses the answer, " + refusal);
        }
        result = completions::to_json(answer);
        summary.frames = 1;
        ended = true;
        return {};
    }

    void end_failed(const turn::Failure& failure) {
        result = std::unexpected(failure);
        summary.failure = failure;
        ended = true;
    }

    [[nodiscard]] static Result<void> begin(std::string& /*out*/) { return {}; }

    [[nodiscard]] Result<void>
    write(const turn::Event& event, const CompletionTurn::Delta& delta, std::string& out) {
        add(answer.reasoning, delta.reasoning);
        add(answer.content, delta.text);
        if (const auto* call = turn.ending() ? nullptr : turn.call(event)) {
            add_call(*call);
        }
        const auto& ending = turn.ending();
        return ending ? end(*ending, out) : Result<void>{};
    }
};

} // namespace

void append_valid(std::string& to, std::string_view text) {
    if (!invalid_utf8(text)) {
        to += text;
        return;
    }
    std::string literal;
    append_json_string(literal, text);
    if (const auto replaced = parse_json(literal)) {
        to += replaced->get_ref<const std::string&>();
    }
}

std::unique_ptr<WholeAnswer> completions_whole(CompletionIdentity identity, TextRoom room) {
    return std::make_unique<OpenAiWhole<WholeState>>(std::move(identity), std::move(room));
}

Json completions_error(
    std::string_view type,
    std::string_view code,
    std::string_view message,
    std::optional<std::string_view> param
) {
    return completions::to_json(completions::ErrorObject{
        .message = std::string(message),
        .type = std::string(type),
        .code = std::string(code),
        .param = param ? std::optional(std::string(*param)) : std::nullopt,
    });
}

} // namespace oa_stream::encode

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
    WholeState(CompletionIdentity identity, std::size_t text_cap)
        : turn(identity), most_text(text_cap) {
        answer.id = std::move(identity.id);
        answer.created = identity.created;
        answer.model = std::move(identity.model);
    }

    CompletionTurn turn;
    completions::Answer answer{};
    std::size_t most_text;
    bool overgrown = false; ///< the text so far was dropped: it cannot be an answer any more
    bool ended = false;
    std::expected<Json, turn::Failure> result{std::unexpect};
    TurnSummary summary{};

    void add(std::string& to, std::string_view text) {
        if (overgrown || text.size() > most_text - to.size()) {
            overgrown = true;
            std::string().swap(to);
        } else {
            append_valid(to, text);
        }
        summary.content = summary.content || !text.empty();
    }
    void add_call(const turn::ClientCall& call) {
        std::size_t size = call.arguments.size();
        for (const auto& other : answer.tool_calls) {
            size += other.arguments.size();
        }
        overgrown = overgrown || size > most_text;
        answer.tool_calls.push_back({call.call, call.name, call.arguments});
        summary.content = true;
    }

    [[nodiscard]] Result<void> end(const CompletionTurn::Ending& ending, std::string& /*out*/) {
        if (!ending || overgrown) {
            end_failed(ending ? turn::Failure{turn::FailureCode::overloaded} : ending.error());
            return {};
        }
        answer.finish = *ending;
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
    tell(const turn::Event& event, const CompletionTurn::Said& said, std::string& out) {
        add(answer.reasoning, said.reasoning);
        add(answer.content, said.text);
        if (const auto& ending = turn.ending()) {
            return end(*ending, out);
        }
        if (const auto* call = turn.call(event)) {
            add_call(*call);
        }
        return {};
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

std::unique_ptr<WholeAnswer> completions_whole(CompletionIdentity identity, std::size_t most_text) {
    return std::make_unique<OpenAiWhole<WholeState>>(std::move(identity), most_text);
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

#include "oa_stream/base/json_members.hpp"
#include "oa_stream/base/text.hpp"
#include "oa_stream/wire/completions_chunk.hpp"
#include "oa_stream/wire/object_scan.hpp"

#include "completions_members.hpp"
#include "completions_tools.hpp"

#include <fmt/format.h>

#include <array>

namespace oa_stream::wire::completions {

namespace {

constexpr std::array<std::string_view, 3> k_chunk_choice{"index", "delta", "finish_reason"};
constexpr std::array<std::string_view, 3> k_answer_choice{"index", "message", "finish_reason"};
constexpr std::array<std::string_view, 4> k_text_members{
    "role", "content", "reasoning_content", "tool_calls"
};

/// "reasoning_content", which may be missing or null.
std::optional<std::string> read_reasoning(const Members& of) {
    const Json* found = of.find("reasoning_content");
    return found == nullptr || found->is_null() ? std::nullopt : of.maybe_text("reasoning_content");
}

Chunk read_chunk(const Json& object, Notes& notes) {
    const Members of(object, "", "C6", notes);
    Envelope envelope = read_envelope(of, "chat.completion.chunk");
    Chunk chunk;
    chunk.id = std::move(envelope.id);
    chunk.created = envelope.created;
    chunk.model = std::move(envelope.model);
    chunk.has_choice = envelope.choice != nullptr;
    chunk.usage = read_usage(of, notes);
    if (!chunk.has_choice) {
        return chunk;
    }
    const Members choice(*envelope.choice, "choices[0]", "C6", notes);
    choice.only(k_chunk_choice);
    chunk.finish = read_finish(Members(*envelope.choice, "choices[0]", "C10", notes));
    if (const Json* delta = choice.object("delta")) {
        const Members text(*delta, "choices[0].delta", "C6", notes);
        text.only(k_text_members);
        chunk.role = text.maybe_text("role");
        chunk.tool_calls = read_call_pieces(text, "choices[0].delta", notes);
        chunk.reasoning = read_reasoning(text);
        const Json* content = text.find("content");
        const bool none = content != nullptr && content->is_null() &&
                          (!chunk.tool_calls.empty() || chunk.reasoning);
        chunk.content = none ? std::nullopt : text.maybe_text("content");
    }
    return chunk;
}

Answer read_answer(const Json& object, Notes& notes) {
    const Members of(object, "", "C20", notes);
    Envelope envelope = read_envelope(of, "chat.completion");
    Answer answer;
    answer.id = std::move(envelope.id);
    answer.created = envelope.created;
    answer.model = std::move(envelope.model);
    answer.usage = read_usage(of, notes);
    if (envelope.choice == nullptr) {
        if (envelope.has_choices) {
            of.note("choices", "is empty");
        }
        return answer;
    }
    const Members choice(*envelope.choice, "choices[0]", "C20", notes);
    choice.only(k_answer_choice);
    const auto finish = read_finish(choice);
    if (const Json* word = choice.find("finish_reason"); word != nullptr && word->is_null()) {
        choice.note("finish_reason", "is null");
    }
    answer.finish = finish.value_or("");
    if (const Json* message = choice.object("message")) {
        const Members text(*message, "choices[0].message", "C20", notes);
        text.only(k_text_members);
        if (const std::string role = text.text("role"); !role.empty() && role != "assistant") {
            text.note("role", fmt::format("is \"{}\"", printable(role, 40)));
        }
        answer.tool_calls = read_calls(text, "choices[0].message", notes);
        answer.reasoning = read_reasoning(text).value_or("");
        const Json* content = text.find("content");
        const bool none = content != nullptr && content->is_null() && !answer.tool_calls.empty();
        answer.content = none ? std::string() : text.text("content");
    }
    return answer;
}

/// One object: an error, or the result of `read`; nothing when it is not an object (noted by
/// `rule`).
template <class Out, class Read>
void parse_object(
    Out& out, std::string_view text, std::string_view rule, Notes& notes, const Read& read
) {
    auto scanned = scan_object(text, rule, notes);
    if (!scanned) {
        return;
    }
    if (scanned->lone_surrogate) {
        replace_lone_surrogates(scanned->value);
    }
    if (const Json* error = given(scanned->value, "error")) {
        out = read_error(scanned->value, *error, notes);
    } else {
        out = read(scanned->value, notes);
    }
}

} // namespace

Parsed parse_event(std::string_view data) {
    Parsed parsed;
    if (data == "[DONE]") {
        parsed.event = Done{};
        return parsed;
    }
    parse_object(parsed.event, data, "J1", parsed.notes, read_chunk);
    return parsed;
}

ParsedAnswer parse_answer(std::string_view body) {
    ParsedAnswer parsed;
    if (const auto at = invalid_utf8(body)) {
        parsed.notes.push_back({"S1", fmt::format("invalid byte at {}", *at)});
    }
    parse_object(parsed.body, body, "C19", parsed.notes, read_answer);
    return parsed;
}

} // namespace oa_stream::wire::completions

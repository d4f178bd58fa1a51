#include "oa_stream/base/json_members.hpp"
#include "oa_stream/wire/completions_chunk.hpp"
#include "oa_stream/wire/sse.hpp"

#include "plain_text.hpp"

#include <array>
#include <charconv>

namespace oa_stream::wire::completions {

namespace {

void number(std::string& out, std::int64_t value) {
    std::array<char, 24> digits{};
    const auto written = std::to_chars(digits.data(), digits.data() + digits.size(), value);
    out.append(digits.data(), written.ptr);
}

void piece(std::string& out, const ToolCallPiece& piece) {
    out += R"({"index":)";
    number(out, piece.index);
    if (piece.id) {
        text_member(out, R"(,"id":)", *piece.id);
        out += R"(,"type":"function")";
    }
    out += R"(,"function":{)";
    if (piece.name) {
        text_member(out, R"("name":)", *piece.name);
        out += ',';
    }
    text_member(out, R"("arguments":)", piece.arguments);
    out += "}}";
}

void pieces(std::string& out, const Chunk& chunk) {
    if (chunk.tool_calls.empty()) {
        return;
    }
    out +=
        chunk.role || chunk.content || chunk.reasoning ? R"(,"tool_calls":[)" : R"("tool_calls":[)";
    for (std::size_t i = 0; i < chunk.tool_calls.size(); ++i) {
        out += i == 0 ? "" : ",";
        piece(out, chunk.tool_calls[i]);
    }
    out += ']';
}

void choice(std::string& out, const Chunk& chunk) {
    out += R"({"index":0,"delta":{)";
    if (chunk.role) {
        text_member(out, R"("role":)", *chunk.role);
    }
    if (chunk.content) {
        text_member(out, chunk.role ? R"(,"content":)" : R"("content":)", *chunk.content);
    }
    if (chunk.reasoning) {
        out += chunk.role || chunk.content ? "," : "";
        text_member(out, R"("reasoning_content":)", *chunk.reasoning);
    }
    pieces(out, chunk);
    out += R"(},"finish_reason":)";
    if (chunk.finish) {
        append_json_string(out, *chunk.finish);
    } else {
        out += "null";
    }
    out += '}';
}

struct ChunkWriter {
    std::string& out;

    void operator()(const Chunk& chunk) const {
        text_member(out, R"(data: {"id":)", chunk.id);
        out += R"(,"object":"chat.completion.chunk","created":)";
        number(out, chunk.created);
        text_member(out, R"(,"model":)", chunk.model);
        out += R"(,"choices":[)";
        if (chunk.has_choice) {
            choice(out, chunk);
        }
        out += ']';
        if (chunk.usage) {
            out += R"(,"usage":)";
            out += dump_json(to_json(*chunk.usage));
        }
        out += "}\n\n";
    }
    void operator()(const ErrorObject& error) const {
        append_sse_data(out, dump_json(to_json(error)));
    }
    void operator()(const Done&) const { append_sse_done(out); }
};

} // namespace

void append_frame(std::string& out, const Event& event) {
    std::visit(ChunkWriter{out}, event);
}

Json to_json(const Usage& usage) {
    Json out = Json::object();
    out["prompt_tokens"] = usage.prompt;
    out["completion_tokens"] = usage.completion;
    out["total_tokens"] = usage.total;
    if (usage.cached) {
        out["prompt_tokens_details"]["cached_tokens"] = *usage.cached;
    }
    if (usage.reasoning) {
        out["completion_tokens_details"]["reasoning_tokens"] = *usage.reasoning;
    }
    return out;
}

Json to_json(const Answer& answer) {
    Json message = Json::object();
    message["role"] = "assistant";
    const bool only_calls = answer.content.empty() && !answer.tool_calls.empty();
    message["content"] = only_calls ? Json(nullptr) : Json(answer.content);
    if (!answer.reasoning.empty()) {
        message["reasoning_content"] = answer.reasoning;
    }
    for (const ToolCall& call : answer.tool_calls) {
        Json function = Json::object({{"name", call.name}, {"arguments", call.arguments}});
        Json one = Json::object({{"id", call.id}, {"type", "function"}});
        one["function"] = std::move(function);
        message["tool_calls"].push_back(std::move(one));
    }
    Json choice = Json::object();
    choice["index"] = 0;
    choice["message"] = std::move(message);
    choice["finish_reason"] = answer.finish;
    Json out = Json::object();
    out["id"] = answer.id;
    out["object"] = "chat.completion";
    out["created"] = answer.created;
    out["model"] = answer.model;
    out["choices"] = Json::array({std::move(choice)});
    if (answer.usage) {
        out["usage"] = to_json(*answer.usage);
    }
    return out;
}

Json to_json(const ErrorObject& error) {
    Json inner = Json::object();
    inner["message"] = error.message;
    inner["type"] = error.type;
    inner["param"] = or_null(error.param);
    inner["code"] = error.code;
    Json out = Json::object();
    out["error"] = std::move(inner);
    return out;
}

} // namespace oa_stream::wire::completions

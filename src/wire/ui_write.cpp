#include "oa_stream/base/json.hpp"
#include "oa_stream/wire/sse.hpp"
#include "oa_stream/wire/ui_chunk.hpp"

#include "plain_text.hpp"

namespace oa_stream::wire::ui {

namespace {

constexpr std::string_view k_begin = R"(data: {"type":)";

void json_member(std::string& out, std::string_view name, const Json& value) {
    out += name;
    out += dump_json(value);
}

void flags(std::string& out, bool dynamic, bool provider_executed) {
    if (dynamic) {
        out += R"(,"dynamic":true)";
    }
    if (provider_executed) {
        out += R"(,"providerExecuted":true)";
    }
}

/// Writes the members after "type".
struct UiWriter {
    std::string& out;

    void operator()(const PartDelta& chunk) const {
        text_member(out, R"(,"id":)", chunk.id);
        text_member(out, R"(,"delta":)", chunk.delta);
    }
    void operator()(const PartStart& chunk) const { text_member(out, R"(,"id":)", chunk.id); }
    void operator()(const PartEnd& chunk) const { text_member(out, R"(,"id":)", chunk.id); }
    void operator()(const Start& chunk) const {
        if (chunk.message_id) {
            text_member(out, R"(,"messageId":)", *chunk.message_id);
        }
        metadata(chunk.metadata);
    }
    void operator()(const ToolInputStart& chunk) const {
        text_member(out, R"(,"toolCallId":)", chunk.call);
        text_member(out, R"(,"toolName":)", chunk.name);
        flags(out, chunk.dynamic, chunk.provider_executed);
    }
    void operator()(const ToolInputDelta& chunk) const {
        text_member(out, R"(,"toolCallId":)", chunk.call);
        text_member(out, R"(,"inputTextDelta":)", chunk.text);
    }
    void operator()(const ToolInputAvailable& chunk) const {
        text_member(out, R"(,"toolCallId":)", chunk.call);
        text_member(out, R"(,"toolName":)", chunk.name);
        json_member(out, R"(,"input":)", chunk.input);
        flags(out, chunk.dynamic, chunk.provider_executed);
    }
    void operator()(const ToolOutputAvailable& chunk) const {
        text_member(out, R"(,"toolCallId":)", chunk.call);
        json_member(out, R"(,"output":)", chunk.output);
        flags(out, chunk.dynamic, chunk.provider_executed);
    }
    void operator()(const ToolOutputError& chunk) const {
        text_member(out, R"(,"toolCallId":)", chunk.call);
        text_member(out, R"(,"errorText":)", chunk.text);
        flags(out, chunk.dynamic, chunk.provider_executed);
    }
    void operator()(const ToolApprovalRequest& chunk) const {
        text_member(out, R"(,"approvalId":)", chunk.approval);
        text_member(out, R"(,"toolCallId":)", chunk.call);
    }
    void operator()(const ToolOutputDenied& chunk) const {
        text_member(out, R"(,"toolCallId":)", chunk.call);
    }
    void operator()(const Data& chunk) const {
        if (chunk.id) {
            text_member(out, R"(,"id":)", *chunk.id);
        }
        json_member(out, R"(,"data":)", chunk.data);
        if (chunk.transient) {
            out += R"(,"transient":true)";
        }
    }
    void operator()(const ErrorChunk& chunk) const {
        text_member(out, R"(,"errorText":)", chunk.text);
    }
    void operator()(const Finish& chunk) const { metadata(chunk.metadata); }
    void operator()(const StartStep&) const {}
    void operator()(const FinishStep&) const {}
    void operator()(const Abort&) const {}
    void operator()(const Other&) const {}
    void operator()(const Done&) const {}

private:
    void metadata(const std::optional<Json>& value) const {
        if (value) {
            json_member(out, R"(,"messageMetadata":)", *value);
        }
    }
};

struct TypeName {
    std::string operator()(const Start&) const { return "start"; }
    std::string operator()(const StartStep&) const { return "start-step"; }
    std::string operator()(const PartStart& chunk) const { return prefix(chunk.kind) + "-start"; }
    std::string operator()(const PartDelta& chunk) const { return prefix(chunk.kind) + "-delta"; }
    std::string operator()(const PartEnd& chunk) const { return prefix(chunk.kind) + "-end"; }
    std::string operator()(const ToolInputStart&) const { return "tool-input-start"; }
    std::string operator()(const ToolInputDelta&) const { return "tool-input-delta"; }
    std::string operator()(const ToolInputAvailable&) const { return "tool-input-available"; }
    std::string operator()(const ToolOutputAvailable&) const { return "tool-output-available"; }
    std::string operator()(const ToolOutputError&) const { return "tool-output-error"; }
    std::string operator()(const ToolApprovalRequest&) const { return "tool-approval-request"; }
    std::string operator()(const ToolOutputDenied&) const { return "tool-output-denied"; }
    std::string operator()(const Data& chunk) const { return "data-" + chunk.name; }
    std::string operator()(const ErrorChunk&) const { return "error"; }
    std::string operator()(const FinishStep&) const { return "finish-step"; }
    std::string operator()(const Finish&) const { return "finish"; }
    std::string operator()(const Abort&) const { return "abort"; }
    std::string operator()(const Other& chunk) const { return chunk.type; }
    std::string operator()(const Done&) const { return "[DONE]"; }

private:
    static std::string prefix(PartKind kind) { return std::string(to_string(kind)); }
};

} // namespace

std::string type_of(const Chunk& chunk) {
    return std::visit(TypeName{}, chunk);
}

std::string_view type_in(std::string_view frame) noexcept {
    if (!frame.starts_with(k_begin)) {
        return frame.starts_with("data: [DONE]") ? "[DONE]" : "";
    }
    const auto from = k_begin.size() + 1; // behind the quote
    const auto to = frame.find('"', from);
    return to == std::string_view::npos ? std::string_view() : frame.substr(from, to - from);
}

std::optional<Chunk> chunk_in(std::string_view frame) {
    constexpr std::string_view k_field = "data: ";
    if (!frame.starts_with(k_field)) {
        return std::nullopt;
    }
    frame.remove_prefix(k_field.size());
    return parse_chunk(frame.substr(0, frame.find('\n')), Dialect::approvals).chunk;
}

void append_frame(std::string& out, const Chunk& chunk) {
    if (std::holds_alternative<Done>(chunk)) {
        append_sse_done(out);
        return;
    }
    text_member(out, k_begin, type_of(chunk));
    std::visit(UiWriter{out}, chunk);
    out += "}\n\n";
}

} // namespace oa_stream::wire::ui

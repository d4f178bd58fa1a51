#include "oa_stream/base/json.hpp"
#include "oa_stream/wire/sse.hpp"
#include "oa_stream/wire/ui_chunk.hpp"

#include "plain_text.hpp"

namespace oa_stream::wire::ui {

namespace {

constexpr std::string_view k_open = R"(data: {"type":")";

void open(std::string& out, std::string_view type) {
    out += k_open;
    out += type;
    out += '"';
}

void close(std::string& out) {
    out += "}\n\n";
}

/// `name` with its punctuation: `,"id":`.
void text_member(std::string& out, std::string_view name, std::string_view text) {
    out += name;
    append_text(out, text);
}

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

std::string_view part(PartKind kind, std::string_view text, std::string_view reasoning) {
    return kind == PartKind::text ? text : reasoning;
}

struct Writer {
    std::string& out;

    void operator()(const PartDelta& chunk) const {
        open(out, part(chunk.kind, "text-delta", "reasoning-delta"));
        text_member(out, R"(,"id":)", chunk.id);
        text_member(out, R"(,"delta":)", chunk.delta);
        close(out);
    }
    void operator()(const PartStart& chunk) const {
        open(out, part(chunk.kind, "text-start", "reasoning-start"));
        text_member(out, R"(,"id":)", chunk.id);
        close(out);
    }
    void operator()(const PartEnd& chunk) const {
        open(out, part(chunk.kind, "text-end", "reasoning-end"));
        text_member(out, R"(,"id":)", chunk.id);
        close(out);
    }
    void operator()(const Start& chunk) const {
        open(out, "start");
        if (chunk.message_id) {
            text_member(out, R"(,"messageId":)", *chunk.message_id);
        }
        metadata(chunk.metadata);
        close(out);
    }
    void operator()(const ToolInputStart& chunk) const {
        open(out, "tool-input-start");
        text_member(out, R"(,"toolCallId":)", chunk.call);
        text_member(out, R"(,"toolName":)", chunk.name);
        flags(out, chunk.dynamic, chunk.provider_executed);
        close(out);
    }
    void operator()(const ToolInputDelta& chunk) const {
        open(out, "tool-input-delta");
        text_member(out, R"(,"toolCallId":)", chunk.call);
        text_member(out, R"(,"inputTextDelta":)", chunk.text);
        close(out);
    }
    void operator()(const ToolInputAvailable& chunk) const {
        open(out, "tool-input-available");
        text_member(out, R"(,"toolCallId":)", chunk.call);
        text_member(out, R"(,"toolName":)", chunk.name);
        json_member(out, R"(,"input":)", chunk.input);
        flags(out, chunk.dynamic, chunk.provider_executed);
        close(out);
    }
    void operator()(const ToolOutputAvailable& chunk) const {
        open(out, "tool-output-available");
        text_member(out, R"(,"toolCallId":)", chunk.call);
        json_member(out, R"(,"output":)", chunk.output);
        flags(out, chunk.dynamic, chunk.provider_executed);
        close(out);
    }
    void operator()(const ToolOutputError& chunk) const {
        open(out, "tool-output-error");
        text_member(out, R"(,"toolCallId":)", chunk.call);
        text_member(out, R"(,"errorText":)", chunk.text);
        flags(out, chunk.dynamic, chunk.provider_executed);
        close(out);
    }
    void operator()(const ToolApprovalRequest& chunk) const {
        open(out, "tool-approval-request");
        text_member(out, R"(,"approvalId":)", chunk.approval);
        text_member(out, R"(,"toolCallId":)", chunk.call);
        close(out);
    }
    void operator()(const ToolOutputDenied& chunk) const {
        open(out, "tool-output-denied");
        text_member(out, R"(,"toolCallId":)", chunk.call);
        close(out);
    }
    void operator()(const Data& chunk) const {
        out += R"(data: {"type":)";
        append_text(out, "data-" + chunk.name);
        if (chunk.id) {
            text_member(out, R"(,"id":)", *chunk.id);
        }
        json_member(out, R"(,"data":)", chunk.data);
        if (chunk.transient) {
            out += R"(,"transient":true)";
        }
        close(out);
    }
    void operator()(const ErrorChunk& chunk) const {
        open(out, "error");
        text_member(out, R"(,"errorText":)", chunk.text);
        close(out);
    }
    void operator()(const Finish& chunk) const {
        open(out, "finish");
        metadata(chunk.metadata);
        close(out);
    }
    void operator()(const StartStep&) const { bare("start-step"); }
    void operator()(const FinishStep&) const { bare("finish-step"); }
    void operator()(const Abort&) const { bare("abort"); }
    void operator()(const Other& chunk) const {
        out += R"(data: {"type":)";
        append_text(out, chunk.type);
        close(out);
    }
    void operator()(const Done&) const { append_sse_done(out); }

private:
    void bare(std::string_view type) const {
        open(out, type);
        close(out);
    }
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
    static std::string prefix(PartKind kind) {
        return kind == PartKind::text ? "text" : "reasoning";
    }
};

} // namespace

std::string type_of(const Chunk& chunk) {
    return std::visit(TypeName{}, chunk);
}

void append_frame(std::string& out, const Chunk& chunk) {
    std::visit(Writer{out}, chunk);
}

} // namespace oa_stream::wire::ui

// Chunks of the AI SDK's UI message stream (v1) as structs, with their JSON form. They have only
// the keys that all nine pinned clients accept; see docs/contract.md.
#pragma once

#include "oa_stream/base/json.hpp"
#include "oa_stream/turn/event.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace oa_stream::wire::ui {

struct Start {
    std::optional<std::string> message_id{};
    std::optional<Json> metadata{};
};
struct StartStep {};
using turn::PartKind;
struct PartStart {
    PartKind kind;
    std::string id;
};
struct PartDelta {
    PartKind kind;
    std::string id;
    std::string delta;
};
struct PartEnd {
    PartKind kind;
    std::string id;
};
struct ToolInputStart {
    std::string call, name;
    bool dynamic = false;
    bool provider_executed = false;
};
struct ToolInputDelta {
    std::string call, text;
};
struct ToolInputAvailable {
    std::string call, name;
    Json input;
    bool dynamic = false;
    bool provider_executed = false;
};
struct ToolOutputAvailable {
    std::string call;
    Json output;
    bool dynamic = false;
    bool provider_executed = false;
};
struct ToolOutputError {
    std::string call, text;
    bool dynamic = false;
    bool provider_executed = false;
};
/// AI SDK 6 and later: a person decides before the call runs. AI SDK 5 supports neither of these
/// two chunks.
struct ToolApprovalRequest {
    std::string approval, call;
};
struct ToolOutputDenied {
    std::string call;
};
struct Data {
    std::string name; ///< without "data-"
    std::optional<std::string> id{};
    Json data;
    bool transient = false;
};
struct ErrorChunk {
    std::string text;
};
struct FinishStep {};
struct Finish {
    std::optional<Json> metadata{};
};
struct Abort {};
/// Supported by every client but outside the contract (source-url, source-document, file,
/// message-metadata).
struct Other {
    std::string type;
};
/// The final "[DONE]", which is not JSON.
struct Done {};

using Chunk = std::variant<
    Start,
    StartStep,
    PartStart,
    PartDelta,
    PartEnd,
    ToolInputStart,
    ToolInputDelta,
    ToolInputAvailable,
    ToolOutputAvailable,
    ToolOutputError,
    ToolApprovalRequest,
    ToolOutputDenied,
    Data,
    ErrorChunk,
    FinishStep,
    Finish,
    Abort,
    Other,
    Done>;

/// "text-delta", "data-plan", "[DONE]".
[[nodiscard]] std::string type_of(const Chunk& chunk);

/// The clients of a stream. `every_client` has only the chunks that all nine pinned ones support;
/// `approvals` adds those of AI SDK 6 and later, for clients that requested them.
enum class Dialect { every_client, approvals };

/// A finding about rules J1–J10 in the bytes of one event.
struct ParseNote {
    std::string_view rule;
    std::string text;
};
struct Parsed {
    std::optional<Chunk> chunk{}; ///< unset when no client could read it (J1, J2)
    std::vector<ParseNote> notes{};
};
/// `data` is one SSE event's data. Missing strings become empty; wrong types are noted (J4) and
/// read as missing, so that the machine can continue to judge.
[[nodiscard]] Parsed parse_chunk(std::string_view data, Dialect dialect = Dialect::every_client);

/// Appends the chunk as one frame ("data: {…}\n\n"). Key order: type first, then as in the struct.
void append_frame(std::string& out, const Chunk& chunk);
/// Of such a frame: as type_of() has it, without reading the rest. Empty of any other one.
[[nodiscard]] std::string_view type_in(std::string_view frame) noexcept;
/// … and its chunk, of either dialect.
[[nodiscard]] std::optional<Chunk> chunk_in(std::string_view frame);

} // namespace oa_stream::wire::ui

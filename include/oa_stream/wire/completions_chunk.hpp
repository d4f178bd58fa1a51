// OpenAI chat completions as structs: the chunks of a stream, the whole answer and the error
// object, with their JSON forms. The same structs hold our own frames and those of other servers,
// whose chunks may combine more members than ours; the room contract decides what is allowed.
#pragma once

#include "oa_stream/base/json.hpp"
#include "oa_stream/wire/ui_chunk.hpp"

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace oa_stream::wire::completions {

/// Tokens. `prompt` includes `cached`, `completion` includes `reasoning`.
struct Usage {
    std::int64_t prompt = 0;
    std::int64_t completion = 0;
    std::int64_t total = 0;
    std::optional<std::int64_t> cached{};
    std::optional<std::int64_t> reasoning{};
    friend bool operator==(const Usage&, const Usage&) = default;
};

/// A call of a client function.
struct ToolCall {
    std::string id{}, name{};
    std::string arguments{}; ///< JSON, as the model wrote it
    friend bool operator==(const ToolCall&, const ToolCall&) = default;
};
/// A piece of a call, in a chunk: the first has id and name, later ones continue the arguments.
struct ToolCallPiece {
    std::int64_t index = 0; ///< index of the call in the answer
    std::optional<std::string> id{}, name{};
    std::string arguments{};
    friend bool operator==(const ToolCallPiece&, const ToolCallPiece&) = default;
};

/// One "chat.completion.chunk".
struct Chunk {
    std::string id{};
    std::int64_t created = 0; ///< seconds since the epoch
    std::string model{};
    bool has_choice = true; ///< false: choices is []
    std::optional<std::string> role{};
    std::optional<std::string> content{};
    std::optional<std::string> reasoning{}; ///< "reasoning_content"
    std::optional<std::string> finish{}; ///< unset: finish_reason is null
    std::optional<Usage> usage{};
    std::vector<ToolCallPiece> tool_calls{};
    friend bool operator==(const Chunk&, const Chunk&) = default;
};

/// {"error":{…}}: a frame of a stream, or a whole body.
struct ErrorObject {
    std::string message{}, type{}, code{};
    std::optional<std::string> param{};
    friend bool operator==(const ErrorObject&, const ErrorObject&) = default;
};

/// Values of ErrorObject::type. Clients decide by it what to do.
inline constexpr std::array<std::string_view, 3> k_error_types{
    "server_error", "rate_limit_error", "invalid_request_error"
};
/// The type for an error with this HTTP status.
[[nodiscard]] constexpr std::string_view error_type_of(int status) noexcept {
    if (status == 429) {
        return "rate_limit_error";
    }
    return status >= 500 ? "server_error" : "invalid_request_error";
}

/// The final "[DONE]", which is not JSON.
struct Done {
    friend bool operator==(const Done&, const Done&) = default;
};

using Event = std::variant<Chunk, ErrorObject, Done>;

/// The answer to a request without "stream": one "chat.completion".
struct Answer {
    std::string id{};
    std::int64_t created = 0; ///< seconds since the epoch
    std::string model{};
    std::string content{};
    std::string reasoning{}; ///< "reasoning_content"; empty: left out
    std::string finish{};
    std::optional<Usage> usage{};
    std::vector<ToolCall> tool_calls{};
    friend bool operator==(const Answer&, const Answer&) = default;
};

using ui::ParseNote;

struct Parsed {
    std::optional<Event> event{}; ///< unset when no client could read the event (J1, W2)
    std::vector<ParseNote> notes{};
};
/// `data` is one SSE event's data. Missing or wrong members are noted and read as empty, so that
/// the machine can continue to judge. Rules J1, J5–J7, W2, C6, C10, C13, C14, C18 and C21.
[[nodiscard]] Parsed parse_event(std::string_view data);

struct ParsedAnswer {
    /// unset when the body is not a JSON object
    std::optional<std::variant<Answer, ErrorObject>> body{};
    std::vector<ParseNote> notes{};
};
/// A whole body. Rules S1, J5–J7, W2, C13, C14 and C18–C21.
[[nodiscard]] ParsedAnswer parse_answer(std::string_view body);

/// Appends the event as one frame ("data: {…}\n\n").
void append_frame(std::string& out, const Event& event);
/// {"prompt_tokens",…}; only the details that are set.
[[nodiscard]] Json to_json(const Usage& usage);
[[nodiscard]] Json to_json(const Answer& answer);
/// {"error":{"message","type","param","code"}}
[[nodiscard]] Json to_json(const ErrorObject& error);

} // namespace oa_stream::wire::completions

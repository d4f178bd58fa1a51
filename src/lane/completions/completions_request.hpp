// The body of POST /v1/chat/completions, or /v1/responses, as one struct: which parameters are
// honoured, which are refused, which are only warned about.
#pragma once

#include "oa_stream/authority/authority.hpp"
#include "oa_stream/encode/completions.hpp"
#include "oa_stream/lane/config.hpp"

#include "chats/request_extras.hpp"
#include "gates/rejection.hpp"

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace oa_stream::lane {

struct ResponsesAsk;

struct CompletionsRequest {
    std::string model; ///< as the client wrote it
    bool stream = false;
    bool include_usage = false;
    std::string effort{}; ///< empty: the model's default
    std::string summary{}; ///< of reasoning; empty: as configured
    std::optional<Json> output_schema{};

    // The conversation, in its order and with its roles; nothing of it is left out.
    std::string instructions{}; ///< all system and developer text
    std::vector<authority::SeedMessage> seed{};
    /// The last message; empty when that is a tool's, which stands in the seed.
    std::vector<authority::InputPart> input{};

    std::vector<authority::ClientTool> tools{}; ///< those the model may call in this turn
    encode::AnswerDemands demands{};

    IgnoredNames ignored{}; ///< parameters that were named but have no effect
    std::shared_ptr<ResponsesAsk> responses{}; ///< of /v1/responses alone
};

struct CompletionsContext {
    std::span<const std::string> efforts{}; ///< the model's; empty: not known, the usual ones
    std::string worker{}; ///< the authority's; empty: it has none
    bool images = false;  ///< the authority takes them
    bool tools = false; ///< … and functions of the client's; images in earlier messages too
    bool history = true;      ///< … and what was said before the last message
    bool instructions = true; ///< … and instructions, and a form for the answer
    std::size_t messages = LaneLimits{}.messages;
    std::size_t text_chars =
        LaneLimits{}.text_chars; ///< code points of the last message, where a user says it
    bool flat_tools = false; ///< a tool's members are not below "function"
    std::optional<std::string> deployment{}; ///< the model that the path names
};

/// Calls of functions and their results are told as such to an authority that takes the client's
/// functions. How messages are told to one that knows users and assistants only:
/// - system and developer text is collected into the instructions;
/// - an assistant's tool calls follow its text as <tool_call id="…" name="…">arguments</tool_call>;
/// - the result of a tool is the user's <tool_result id="…">…</tool_result>, that of a function
///   <function_result name="…">…</function_result>;
/// - a participant's name stands before the text: "name: text";
/// - the last message is the turn's input. A conversation that ends with the assistant, or that is
///   instructions alone, is continued with k_continue.
inline constexpr std::string_view k_continue = "Continue.";

/// Errors are 400, with the place in details["param"] ("messages[1].content[0].type") and one of
/// the codes missing_required_parameter, invalid_type, invalid_value, string_above_max_length,
/// unsupported_parameter, unsupported_value. Whether the model exists is not looked at.
[[nodiscard]] Accepted<CompletionsRequest>
read_completions_request(const Json& body, const CompletionsContext& context);

} // namespace oa_stream::lane

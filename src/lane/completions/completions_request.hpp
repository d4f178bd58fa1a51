// The body of POST /v1/chat/completions or /v1/responses as one struct, with the parameters that
// are honoured, refused, or ignored with a warning.
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
    std::string model; ///< as the client spelled it
    bool stream = false;
    bool include_usage = false;
    std::string effort{}; ///< empty: the model's default
    std::string summary{}; ///< summary of the reasoning; empty: as configured
    std::optional<Json> output_schema{};

    // The whole conversation, in its order and with its roles.
    std::string instructions{}; ///< all system and developer texts
    std::vector<authority::SeedMessage> seed{};
    /// The last message; empty when it is a tool's, which is part of the seed.
    std::vector<authority::InputPart> input{};

    /// The functions that the model may call in this turn
    std::vector<authority::ClientTool> tools{};
    encode::AnswerDemands demands{};

    IgnoredNames ignored{}; ///< parameters in the request that have no effect
    std::shared_ptr<ResponsesAsk> responses{}; ///< set for /v1/responses only
};

struct CompletionsContext {
    /// Those of the model; empty: unknown, the usual ones apply
    std::span<const std::string> efforts{};
    std::string worker{}; ///< the authority's worker; empty: it has none
    bool images = false; ///< the authority accepts images
    bool tools = false; ///< … and the client's functions, and images in earlier messages
    bool history = true; ///< … and messages before the last one
    bool instructions = true; ///< … and instructions, and a format for the answer
    std::size_t messages = LaneLimits{}.messages;
    /// limit for a user's last message, in code points
    std::size_t text_chars = LaneLimits{}.text_chars;
    bool flat_tools = false; ///< a tool's members are not below "function"
    std::optional<std::string> deployment{}; ///< the model in the request's path
};

/// An authority that accepts the client's functions gets calls and results in their own form. For
/// an authority with only users and assistants, messages are converted:
/// - an assistant's tool calls follow its text as <tool_call id="…" name="…">arguments</tool_call>;
/// - a tool's result becomes the user's <tool_result id="…">…</tool_result>, a function's result
///   <function_result name="…">…</function_result>;
/// - a participant's name precedes the text: "name: text";
/// - the last message is the turn's input. A conversation that ends with the assistant, or that has
///   only instructions, is continued with k_continue.
inline constexpr std::string_view k_continue = "Continue.";

/// Errors are 400, with the place in details["param"] ("messages[1].content[0].type") and one of
/// the codes missing_required_parameter, invalid_type, invalid_value, string_above_max_length,
/// unsupported_parameter, unsupported_value. Does not check whether the model exists.
[[nodiscard]] Accepted<CompletionsRequest>
read_completions_request(const Json& body, const CompletionsContext& context);

} // namespace oa_stream::lane

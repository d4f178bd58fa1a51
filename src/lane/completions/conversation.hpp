// A conversation as a client of OpenAI's APIs sends it, and its conversion for an authority.
#pragma once

#include "completions_request.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace oa_stream::lane {

enum class Speaker { instructions, user, assistant, tool, function };

/// The speaker of a message's `role`; nullopt: there is no such role.
[[nodiscard]] std::optional<Speaker> speaker_of(std::string_view role);

struct ModelMessage {
    Speaker speaker = Speaker::user;
    std::string path;               ///< "messages[3]"
    std::vector<authority::InputPart> parts{};
    std::vector<authority::SeedCall> calls{};
    std::string answers{}; ///< the call that this message is the result of
    std::string calls_at{}, answers_at{}; ///< their places in the request
    bool detailed = false; ///< an image requests a detail level
    turn::TextPhase phase{}; ///< of an assistant's text
};

/// Adds the text as a part of its own.
void add_text(std::vector<authority::InputPart>& parts, std::string_view text);
/// 400 unless this speaker may send images; `path`: of the part.
[[nodiscard]] Accepted<void> takes_images(
    const CompletionsContext& context, const std::string& path, const ModelMessage& message
);
/// 400 when the authority accepts no history; `path`: of the first earlier message.
[[nodiscard]] Accepted<void>
takes_history(const CompletionsContext& context, const std::string& path);
/// 400 when the authority accepts no instructions; `path`: of the message with them.
[[nodiscard]] Accepted<void>
takes_instructions(const CompletionsContext& context, const std::string& path);
/// 400 when the authority accepts no format for its answer; `path`: of `type`.
[[nodiscard]] Accepted<void>
takes_format(const CompletionsContext& context, std::string_view type, const std::string& path);
/// `path`: of the URL.
[[nodiscard]] Accepted<void>
add_image(std::optional<std::string_view> url, const std::string& path, ModelMessage& out);
/// `image`: the object with its member `detail`.
void note_detail(const Json& image, ModelMessage& out);

// For an authority that accepts no functions of the client (see CompletionsRequest).
void add_call_text(const authority::SeedCall& call, std::vector<authority::InputPart>& parts);
void wrap_result(std::string_view call, ModelMessage& message);
void wrap(
    ModelMessage& message, std::string_view tag, std::string_view key, std::string_view value
);

/// 400 unless every result follows the call that it answers and every call has a result.
[[nodiscard]] Accepted<void> check_calls(const std::vector<ModelMessage>& conversation);

/// Converts the conversation into instructions, seed and input. 400 for a call whose result does
/// not follow directly, a result without a call, images before the last message where the authority
/// accepts no tools, a user's last message that is too long or empty, and content that the
/// authority does not accept.
[[nodiscard]] Accepted<void> take_conversation(
    std::vector<ModelMessage> conversation,
    const CompletionsContext& context,
    CompletionsRequest& out
);

} // namespace oa_stream::lane

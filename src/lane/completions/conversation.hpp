// A conversation as a client of OpenAI's APIs tells it, and what an authority is told of it.
#pragma once

#include "completions_request.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace oa_stream::lane {

enum class Speaker { instructions, user, assistant, tool, function };

/// By a message's `role`; nullopt: there is no such role.
[[nodiscard]] std::optional<Speaker> speaker_of(std::string_view role);

struct ModelMessage {
    Speaker speaker = Speaker::user;
    std::string path;               ///< "messages[3]"
    std::vector<authority::InputPart> parts{};
    std::vector<authority::SeedCall> calls{};
    std::string answers{}; ///< the call whose result it is
    std::string calls_at{}, answers_at{}; ///< their places in the request
    bool detailed = false; ///< an image asks for a detail
    turn::TextPhase phase{}; ///< of the assistant's text
};

/// As a part of its own.
void add_text(std::vector<authority::InputPart>& parts, std::string_view text);
/// 400 unless images are taken from this speaker; `path`: of the part.
[[nodiscard]] Accepted<void> takes_images(
    const CompletionsContext& context, const std::string& path, const ModelMessage& message
);
/// 400 where the authority takes none; `path`: of the first thing that was said before.
[[nodiscard]] Accepted<void>
takes_history(const CompletionsContext& context, const std::string& path);
/// 400 where the authority takes none; `path`: of what says them.
[[nodiscard]] Accepted<void>
takes_instructions(const CompletionsContext& context, const std::string& path);
/// 400 where the authority takes no form for its answer; `path`: of `type`.
[[nodiscard]] Accepted<void>
takes_format(const CompletionsContext& context, std::string_view type, const std::string& path);
/// `path`: of the URL.
[[nodiscard]] Accepted<void>
add_image(std::optional<std::string_view> url, const std::string& path, ModelMessage& out);
/// `image`: the object with its member `detail`.
void note_detail(const Json& image, ModelMessage& out);

// To an authority that takes no functions of the client's (CompletionsRequest says how).
void add_call_text(const authority::SeedCall& call, std::vector<authority::InputPart>& parts);
void wrap_result(std::string_view call, ModelMessage& message);
void wrap(
    ModelMessage& message, std::string_view tag, std::string_view key, std::string_view value
);

/// A result stands behind the call it answers, and no call is without one; 400 otherwise.
[[nodiscard]] Accepted<void> check_calls(const std::vector<ModelMessage>& conversation);

/// Becomes instructions, seed and input. 400 for a call without a result right behind it, a result
/// without a call, images in the midst of it where the authority takes no tools, a last message of
/// a user's that is too long or says nothing, and what the authority does not take.
[[nodiscard]] Accepted<void> take_conversation(
    std::vector<ModelMessage> conversation,
    const CompletionsContext& context,
    CompletionsRequest& out
);

} // namespace oa_stream::lane

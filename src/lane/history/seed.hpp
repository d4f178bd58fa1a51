// The messages that a page sends for a new conversation: what of them the model gets, and what the
// list of messages shows.
#pragma once

#include "oa_stream/authority/authority.hpp"
#include "oa_stream/base/json.hpp"

#include "chats/chat_request.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace oa_stream::lane {

struct SeedContext {
    bool images = false; ///< the authority accepts images
    bool calls = false; ///< … tool calls and their results
    std::size_t from = 0; ///< the place of the first message that is read
};

struct Seed {
    std::vector<authority::SeedMessage> messages{};
    Json shown = Json::array(); ///< UIMessages: id, role, parts as the page sent them
    /// "messages[2].parts[0]", "messages[0]": shown but not passed to the model, or passed to it
    /// but too large to be shown.
    std::vector<std::string> partly{};
};

/// Name of the member of Authority::kept() that holds Seed::shown.
inline constexpr std::string_view k_kept_messages = "messages";

/// `end`: the index of the newest user message, which begins the first turn. The model gets a
/// user's text and images, an assistant's text and tool parts. Every other part is named in
/// `partly`, except those for the page alone (step-start, data-*, source-*). If `shown` is larger
/// than an authority keeps, a text replaces the oldest files; if that is not enough, the oldest
/// messages are left out.
[[nodiscard]] Seed read_seed(const Json& body, std::size_t end, const SeedContext& context);

/// What a seed of the user's messages alone says, as one message.
[[nodiscard]] std::vector<authority::InputPart> input_of(const Seed& seed);

/// Adds a member to TurnRequest::keep, which is one JSON object.
void add_kept(authority::TurnRequest& request, std::string_view name, Json value);

/// For a body with more values than the lane keeps: only the texts. `partly` names "messages".
[[nodiscard]] Seed seed_of_texts(const std::vector<EarlierMessage>& earlier);

/// The text of the newest user message; empty when there is none.
[[nodiscard]] std::string newest_question(const std::vector<EarlierMessage>& earlier);

} // namespace oa_stream::lane

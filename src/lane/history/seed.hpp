// The messages that a page brings along for a new conversation: what the model is told of them, and
// what the list of messages shows.
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
    bool images = false; ///< the authority takes them
    bool calls = false; ///< … tool calls and their results
};

struct Seed {
    std::vector<authority::SeedMessage> messages{};
    Json shown = Json::array(); ///< UIMessages: id, role, parts as the page had them
    /// "messages[2].parts[0]", "messages[0]": shown but not told to the model, or told but too
    /// large to be shown.
    std::vector<std::string> partly{};
};

/// Member of Authority::kept() that has Seed::shown.
inline constexpr std::string_view k_kept_messages = "messages";

/// `end`: the place of the newest user message, which begins the first turn. A user's text and
/// images, an assistant's text and tool parts are told; every other part is named in `partly`,
/// except those that mean something to a page alone (step-start, data-*, source-*). Where `shown`
/// is more than an authority keeps, a text stands for the oldest files, and then the oldest
/// messages are not in it.
[[nodiscard]] Seed read_seed(const Json& body, std::size_t end, const SeedContext& context);

/// Adds a member to TurnRequest::keep, which is one JSON object.
void add_kept(authority::TurnRequest& request, std::string_view name, Json value);

/// Of a body with more values than the lane keeps: the texts alone. `partly` names "messages".
[[nodiscard]] Seed seed_of_texts(const std::vector<EarlierMessage>& earlier);

} // namespace oa_stream::lane

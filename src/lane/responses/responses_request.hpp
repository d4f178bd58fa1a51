// The body of POST /v1/responses. What it shares with chat completions is read into a
// CompletionsRequest. Its input may refer to earlier responses, which only the lane's thread can
// look up.
#pragma once

#include "completions/completions_request.hpp"
#include "completions/conversation.hpp"
#include "responses_store.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace oa_stream::lane {

/// One item of the input.
struct InputItem {
    ModelMessage message;
    std::string reference{}; ///< set instead: the id of an item of an earlier response
};

/// What CompletionsRequest does not have.
struct ResponsesAsk {
    Json echo = Json::object(); ///< the members that the response repeats from the request
    std::string previous{};     ///< previous_response_id
    bool store = true;
    bool summaries = false; ///< reasoning summaries are sent
    std::vector<InputItem> input{};
    std::vector<StoredItemPtr> conversation{}; ///< set once it was looked up
};

/// Like read_completions_request(). Also 400 unknown_parameter for a name that this API does not
/// have. Does not read the conversation yet.
[[nodiscard]] Accepted<CompletionsRequest>
read_responses_request(const Json& body, const CompletionsContext& context);

/// Checks one value of `include`. Values that clients always send are accepted, although the
/// response does not contain them.
[[nodiscard]] Accepted<void> check_included(std::string param, std::string_view value);

/// input[] → ResponsesAsk::input.
[[nodiscard]] Accepted<void>
read_responses_input(const Json& body, const CompletionsContext& context, ResponsesAsk& out);

/// Looks up what the input names and sets ResponsesAsk::conversation. 400
/// previous_response_not_found, item_not_found, and invalid_value for more items than a request may
/// have.
[[nodiscard]] Accepted<void> find_conversation(
    const ResponseStore& store,
    std::string_view owner,
    const CompletionsContext& context,
    ResponsesAsk& ask
);

/// Fills in the conversation. This takes longer the larger it is, so another thread may do it. 400
/// invalid_value for an item or a call that does not fit.
[[nodiscard]] Accepted<void>
resolve_conversation(const CompletionsContext& context, CompletionsRequest& request);

} // namespace oa_stream::lane

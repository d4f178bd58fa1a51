// Reads a chat request's body, in any form that clients send, into one struct.
#pragma once

#include "oa_stream/authority/authority.hpp"
#include "oa_stream/lane/config.hpp"

#include "gates/rejection.hpp"
#include "request_extras.hpp"
#include "turns/approvals.hpp"

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace oa_stream::lane {

using Role = authority::SeedMessage::Role;

/// A message of the request before the newest user message.
struct EarlierMessage {
    Role role = Role::user;
    std::string id;   ///< empty when the client gave none
    std::string text; ///< its text parts: joined for an answer, as lines for a user; may be empty
    std::size_t at = 0; ///< its place in messages[]
};

/// The messages that a thread began with.
struct SeededMessages {
    std::size_t count = 0;
    std::vector<std::string> ids{}; ///< in order; only the newest ones may be known; empty: unknown
};

struct ChatRequest {
    std::string thread; ///< the client's id, [A-Za-z0-9_-]{1,128}
    std::string worker{authority::k_usual_worker};
    /// Of the newest user message, in its order; TurnStarter::add_unsent() puts others in front.
    std::vector<authority::InputPart> input{};
    std::string text; ///< what the user typed, each part on its own line
    /// … joined without a separator, as in earlier releases: the digest of a repeated message is
    /// computed from it.
    std::string words{};
    std::string user_message_id; ///< id of the newest user message; may be empty
    std::string message_id; ///< member messageId; may be empty
    std::string answer_id{}; ///< id of the assistant's message that results continue; may be empty
    /// Messages of users and assistants before the newest user message. With answers_calls all of
    /// them, if one is a user's and each call of the last one has a result.
    std::vector<EarlierMessage> earlier{};
    /// Not empty: the request decides approvals of the running turn and has no input.
    std::vector<ApprovalAnswer> approvals{};
    std::vector<authority::CallResult> results{}; ///< see answers_calls
    /// The index in messages[] of an answer with results: with answers_calls the last message
    /// (otherwise it is `message`), else the answer before the newest user message.
    std::optional<std::size_t> results_at{};
    /// Places of new messages, and of parts of the newest one, that are not used; they are also in
    /// extras.ignored.
    std::vector<std::string> unused{};
    RequestExtras extras{};
    std::size_t newest = 0; ///< index of the newest user message in messages[]; after `earlier`
    bool with_unsent = false; ///< add_unsent() put others in front of the newest message
    bool thread_made = false; ///< the client sent no thread id, so the lane made one
    bool regenerate = false; ///< trigger: regenerate-message
    /// … without messages, or after results: the conversation already has the user's message or the
    /// results.
    bool kept_question = false;
    /// The last message is the assistant's and has results of the page's functions.
    /// read_call_results() puts them into `results` once the whole body was read. There is no
    /// input.
    bool answers_calls = false;
    /// The newest message has more members: unused_members() finds those that matter
    bool more = false;
    bool whole_list = false; ///< the request has messages[], so `earlier` is what the page holds
};

struct ChatRequestContext {
    std::optional<std::string> path_id{}; ///< the {id} in the path, still percent-encoded
    std::string_view query{}; ///< may contain the thread's id, too (?conversationId=…)
    std::size_t text_chars = LaneLimits{}.text_chars;
    bool images = false; ///< the authority accepts images
    std::size_t messages = LaneLimits{}.messages;
    std::string worker{}; ///< the only worker that a request may name; empty: any
    ExtrasContext extras{};
};

/// Every name that read_chat_request() reads, at any depth. A body that was reduced to these names
/// gives the same result.
[[nodiscard]] std::span<const std::string_view> chat_request_names() noexcept;
/// The names that are members of the body itself.
[[nodiscard]] std::span<const std::string_view> chat_body_names() noexcept;

/// 422 with the field, or with code unsupported_part and the part's path. Checks, in this order:
/// the thread (all names must agree), the newest user message, its parts, its length.
[[nodiscard]] Accepted<ChatRequest>
read_chat_request(const Json& body, const ChatRequestContext& context);

/// Number of code points of the user's text; text files count as well.
[[nodiscard]] std::size_t text_length(const std::vector<authority::InputPart>& input);
/// 422: the text exceeds that limit. `from`: the first of the earlier messages that go with it.
[[nodiscard]] Rejection reject_long_text(std::size_t most, std::string_view from = {});

/// A message's metadata contains more than what the lane itself adds and the empty member of a
/// library ({"custom": {}}).
[[nodiscard]] bool is_page_metadata(const Json& metadata);
/// A message has metadata, or members that the lane does not read.
[[nodiscard]] bool has_more(const Json& message);
/// Names of such members of the newest user message in the whole body: without empty ones and
/// without those that the lane itself added earlier.
[[nodiscard]] std::vector<std::string> unused_members(const Json& body, const ChatRequest& request);

/// Converts an id to the form used on the wire: other characters become '-', at most 128
/// characters; "x" when nothing is left. Message ids on the wire are turn ids in this form.
[[nodiscard]] std::string wire_id(std::string_view id);

} // namespace oa_stream::lane

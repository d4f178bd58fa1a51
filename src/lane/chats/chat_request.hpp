// A chat request's body, in any of the forms clients send, made into one struct.
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
    std::string text; ///< its text parts: an answer's are one, a user's lines; may be empty
    std::size_t at = 0; ///< its place in messages[]
};

/// Those that a thread began with.
struct SeededMessages {
    std::size_t count = 0;
    std::vector<std::string> ids{}; ///< in their order, of the newest ones; empty: not known
};

struct ChatRequest {
    std::string thread;       ///< the client's id, [A-Za-z0-9_-]{1,128}
    std::string worker{authority::k_usual_worker};
    /// Of the newest user message, in its order; TurnStarter::add_unsent() puts others in front.
    std::vector<authority::InputPart> input{};
    std::string text; ///< what the user typed, each part on a line of its own
    /// … with nothing between the parts: releases that joined them so know a message that is sent
    /// again by its digest.
    std::string words{};
    std::string user_message_id; ///< id of the newest user message; may be empty
    std::string message_id; ///< member messageId; may be empty
    std::string answer_id{}; ///< of the assistant's message that results go on with; may be empty
    /// Messages before the newest user message, of users and assistants only. Of a request with
    /// answers_calls all of them, when one is a user's and each call of the last one has a result.
    std::vector<EarlierMessage> earlier{};
    /// Not empty: the request answers approvals of the turn under way, and has no input.
    std::vector<ApprovalAnswer> approvals{};
    std::vector<authority::CallResult> results{}; ///< see answers_calls
    /// The place in messages[] of an answer that has such results: with answers_calls the last
    /// message (else it is `message`), or the answer in front of the newest user message.
    std::optional<std::size_t> results_at{};
    /// Places of new messages, and of the newest one's parts, that nothing is made of;
    /// extras.ignored has them.
    std::vector<std::string> unused{};
    RequestExtras extras{};
    std::size_t newest = 0; ///< place of the newest user message in messages[]; behind `earlier`
    bool thread_made = false; ///< the client gave no thread's id and this one was made up
    bool regenerate = false; ///< trigger: regenerate-message
    /// … without messages, or behind results: the conversation has the user's message, or these.
    bool kept_question = false;
    /// The last message is the assistant's and has results of the page's functions, which `results`
    /// holds once read_call_results() has read the whole body. There is no input either.
    bool answers_calls = false;
    bool more = false; ///< the newest has more members: unused_members() says which count
    bool whole_list = false; ///< came with messages[], so `earlier` is what the page holds
};

struct ChatRequestContext {
    std::optional<std::string> path_id{}; ///< still percent-encoded; the named route's {id}
    std::string_view query{}; ///< may name the thread too (?conversationId=…)
    std::size_t text_chars = LaneLimits{}.text_chars;
    bool images = false; ///< the authority takes them
    std::size_t messages = LaneLimits{}.messages;
    std::string worker{}; ///< the only one that a request may name; empty: any
    ExtrasContext extras{};
};

/// Every name that read_chat_request() looks for, at any depth. It finds the same in a body of
/// which nothing else was kept.
[[nodiscard]] std::span<const std::string_view> chat_request_names() noexcept;
/// Those of the body itself.
[[nodiscard]] std::span<const std::string_view> chat_body_names() noexcept;

/// 422 with the field, or with code unsupported_part and the part's path. Rules, in this order:
/// the thread (all names must agree), then the newest user message, then its parts, then its
/// length.
[[nodiscard]] Accepted<ChatRequest>
read_chat_request(const Json& body, const ChatRequestContext& context);

/// Code points that a user says; files that are told as text count as well.
[[nodiscard]] std::size_t text_length(const std::vector<authority::InputPart>& input);

/// A message's metadata has more than what the lane itself put there, or an empty frame of a
/// library's ({"custom": {}}).
[[nodiscard]] bool is_page_metadata(const Json& metadata);
/// A message has metadata, or members that nobody here reads.
[[nodiscard]] bool has_more(const Json& message);
/// Names of those of the newest user message in the whole body: not the ones that say nothing, nor
/// what the lane itself once put there.
[[nodiscard]] std::vector<std::string> unused_members(const Json& body, const ChatRequest& request);

/// The part of an id that may stand on the wire: other characters become '-', cut to 128; "x" when
/// nothing is left. Message ids are turn ids seen through this.
[[nodiscard]] std::string wire_id(std::string_view id);

} // namespace oa_stream::lane

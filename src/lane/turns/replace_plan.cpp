#include "replace_plan.hpp"

#include "oa_stream/base/lists.hpp"

#include "chats/projection.hpp"
#include "tools/call_results.hpp"

#include <algorithm>
#include <map>
#include <optional>
#include <ranges>
#include <span>

namespace oa_stream::lane {

namespace {

using Turns = std::vector<authority::PastTurn>;

/// The turn's question or its answer has this id.
bool has_message(const authority::PastTurn& turn, const std::string& id) {
    return contains(question_ids(turn), id) || wire_id(turn.id) == id;
}

std::optional<std::size_t> find_exact(const ChatRequest& request, const Turns& turns) {
    const auto& wanted = request.message_id.empty() ? request.user_message_id : request.message_id;
    for (std::size_t i = turns.size(); i-- > 0;) {
        if (has_message(turns[i], wanted)) {
            return i;
        }
    }
    return std::nullopt;
}

bool holds(const std::vector<std::string>& ids, const std::string& id) {
    return !id.empty() && contains(ids, id);
}

/// The page sent only the newest messages, or messages of another conversation.
Rejection reject_part() {
    return reject_regenerate("send the whole messages list to replace an earlier message");
}

bool without_question(const authority::PastTurn& turn) {
    return turn.user_text.empty() && turn.user_parts.empty();
}

bool begun_with_any(
    const authority::PastTurn& turn, const std::vector<authority::CallResult>& results
) {
    return std::ranges::any_of(results_begun_with(turn), [&](const auto& begun) {
        return contains(results, begun.call, &authority::CallResult::call);
    });
}

/// A first turn that began with results of another service's calls continues the last seeded
/// message: in the page, that message contains the turn's answer.
bool goes_on_with_seed(const Turns& turns, const SeededMessages& seeded) {
    return seeded.count > 0 && !turns.empty() && !turns.front().client_message_id &&
           without_question(turns.front()) && !turns.front().running &&
           turns.front().outcome == turn::Outcome::completed;
}

/// Index of the turn after the last answer that the page still holds, or after the last question
/// whose answer the page does not have.
Accepted<std::size_t>
find_by_position(const ChatRequest& request, const Turns& turns, const SeededMessages& seeded) {
    std::map<std::string, std::size_t> answers;
    std::map<std::string, std::size_t> questions;
    for (std::size_t at = 0; at < turns.size(); ++at) { // the first of equal ids counts
        answers.try_emplace(wire_id(turns[at].id), at);
        if (const auto message = message_gone_on_with(turns[at]); !message.empty()) {
            answers.insert_or_assign(message, at); // the message ends with this turn
        }
        for (std::string& id : question_ids(turns[at])) {
            questions.try_emplace(std::move(id), at);
        }
    }
    bool unknown_answer = false;
    for (auto i = request.earlier.size(); i-- > (seeded.ids.empty() ? seeded.count : 0);) {
        const auto& message = request.earlier[i];
        if (holds(seeded.ids, message.id)) {
            if (message.id != seeded.ids.back()) {
                return reject_part();
            }
            break;
        }
        const bool answer = message.role == Role::assistant;
        if (answer) {
            if (const auto found = answers.find(message.id); found != answers.end()) {
                return found->second + 1;
            }
        } else if (const auto found = questions.find(message.id); found != questions.end()) {
            return found->second + 1;
        }
        unknown_answer = unknown_answer || answer;
    }
    if (unknown_answer) {
        return reject_regenerate("the request's answers are not those of this conversation");
    }
    return goes_on_with_seed(turns, seeded) ? 1 : 0;
}

/// Every turn is known by the page's own id for its question.
bool asked_by_pages(const Turns& turns) {
    return std::ranges::all_of(turns, [](const auto& turn) {
        return turn.client_message_id && !turn.client_message_id->empty();
    });
}

/// … and none has the id of this question: it was refused or lost on its way.
bool never_arrived(const ChatRequest& request, const Turns& turns) {
    return !request.user_message_id.empty() && asked_by_pages(turns);
}

/// While the page could not send its question, another page started this turn. Not when the request
/// names an answer or contains nothing before its question: then it may mean this turn.
bool kept_out_by(const authority::PastTurn& turn, const ChatRequest& request, const Turns& turns) {
    const bool names_answer =
        !request.message_id.empty() && request.message_id != request.user_message_id;
    const bool alone = request.earlier.empty() && !request.with_unsent;
    return !names_answer && !alone && never_arrived(request, turns) &&
           !says_the_same(request, turn);
}

/// Whether the request replaces one of the seeded messages; it contains those before that one. Of a
/// large conversation the lane knows only the newest ids. A named message with another id is one of
/// the older ones, if its place in the list leaves no other possibility.
Accepted<bool>
replaces_seeded(const ChatRequest& request, const Turns& turns, const SeededMessages& seeded) {
    const auto place = request.earlier.size();
    const auto& ids = seeded.ids;
    const auto& id = request.user_message_id;
    if (place >= seeded.count || ids.empty() || id.empty()) {
        return place < seeded.count;
    }
    const auto unknown = seeded.count - std::min(seeded.count, ids.size());
    const auto from = std::min(place - std::min(place, unknown), ids.size());
    const auto to = std::min(place + 1, ids.size());
    if (contains(std::span(ids).subspan(from, to - from), id)) {
        return true;
    }
    if (holds(ids, id)) {
        return reject_part();
    }
    const auto before = place == 0 ? std::string() : request.earlier.back().id;
    const auto is_there = [&before](const auto& turn) { return has_message(turn, before); };
    const bool follows_known = holds(ids, before) || std::ranges::any_of(turns, is_there);
    return place < unknown && !request.message_id.empty() && !follows_known;
}

/// The position was only inferred: the ids and texts that both sides have must agree.
Accepted<void> verify(const ChatRequest& request, const authority::PastTurn& turn) {
    const bool other_id = turn.client_message_id && !request.user_message_id.empty() &&
                          *turn.client_message_id != request.user_message_id;
    const bool other_text =
        request.regenerate && !turn.user_text.empty() && !says_the_same(request, turn);
    if (other_id || other_text) {
        return reject_regenerate(
            "the request's messages do not match this conversation, so it is unclear which answer "
            "to replace"
        );
    }
    return {};
}

} // namespace

Rejection reject_regenerate(std::string message) {
    auto rejection = reject(422, "regenerate_unsupported", std::move(message));
    rejection.fields.emplace_back("messageId", rejection.message);
    return rejection;
}

Rejection reject_kept_question() {
    return reject_regenerate("send messages[]: this conversation does not have the user's message");
}

// The texts are joined without a separator: earlier releases stored a message's parts in this way.
bool says_the_same(const ChatRequest& request, const authority::PastTurn& turn) {
    return turn.user_parts.empty()
               ? turn.user_text == request.text
               : text_in_input(turn.user_parts, "") == text_in_input(request.input, "");
}

bool asks_to_replace(const ChatRequest& request) noexcept {
    return request.regenerate || !request.message_id.empty();
}

bool names_turn(const ChatRequest& request, const Turns& turns) {
    const bool newest = request.kept_question && request.message_id.empty();
    return newest ? !turns.empty() : find_exact(request, turns).has_value();
}

Accepted<void> take_question(ChatRequest& request, const Turns& turns) {
    const bool newest = request.message_id.empty() && !turns.empty();
    const auto at = newest ? std::optional(turns.size() - 1) : find_exact(request, turns);
    if (!at || without_question(turns[*at])) {
        return reject_kept_question();
    }
    const auto& turn = turns[*at];
    if (!request.results.empty() && !begun_with_any(turn, request.results)) {
        return reject_regenerate("the answer to replace is none to these results");
    }
    request.message_id = wire_id(turn.id);
    request.text = turn.user_text;
    request.input = turn.user_parts;
    if (request.input.empty()) {
        request.input.emplace_back(authority::InputText{turn.user_text});
    }
    request.words = text_in_input(request.input, "");
    request.user_message_id = turn.client_message_id.value_or("");
    return {};
}

bool may_be_unsent(const ChatRequest& request, const EarlierMessage& message) {
    const auto& newest = request.user_message_id;
    return message.role == Role::user && !message.id.empty() && !newest.empty() &&
           message.id != newest;
}

std::size_t
count_unsent(const ChatRequest& request, const Turns& turns, const SeededMessages& seeded) {
    const auto& earlier = request.earlier;
    if (!asked_by_pages(turns)) {
        return 0;
    }
    const auto newest_first = earlier | std::views::reverse;
    const auto answer = std::ranges::find(newest_first, Role::assistant, &EarlierMessage::role);
    const auto seen = std::ranges::find_if(turns, [&](const auto& turn) {
        return answer != newest_first.end() && wire_id(turn.id) == answer->id;
    });
    // A page may make new ids for each request: then one of the turns since has the text.
    const std::span since(turns.begin(), seen);
    const auto has = [&](const EarlierMessage& message) {
        const auto named = [&](const auto& turn) { return has_message(turn, message.id); };
        return contains(since, message.text, &authority::PastTurn::user_text) ||
               std::ranges::any_of(turns, named);
    };
    std::size_t count = 0;
    for (auto i = earlier.size(); i-- > seeded.count; ++count) {
        const auto& message = earlier[i];
        if (!may_be_unsent(request, message) || holds(seeded.ids, message.id) || has(message)) {
            break;
        }
    }
    return count;
}

Accepted<ReplacePlan>
plan_replace(const ChatRequest& request, const Turns& turns, const SeededMessages& seeded) {
    using Kind = ReplacePlan::Kind;
    if (!asks_to_replace(request)) {
        return ReplacePlan{};
    }
    if (const auto at = find_exact(request, turns)) {
        return ReplacePlan{Kind::revert, turns[*at].id};
    }
    if (!request.regenerate && request.message_id != request.user_message_id) {
        return reject_regenerate("messageId names no message of this conversation");
    }
    if (!request.whole_list && never_arrived(request, turns)) {
        return ReplacePlan{};
    }
    if (!request.whole_list) {
        return reject_part();
    }
    OA_TRY(const bool reseeds, replaces_seeded(request, turns, seeded));
    if (reseeds) {
        return ReplacePlan{Kind::reseed, {}};
    }
    // This is the page's first message or, if the page sends only its newest one, any message.
    const bool alone = request.earlier.empty() && !request.regenerate;
    if (alone && never_arrived(request, turns)) {
        return ReplacePlan{};
    }
    OA_TRY(const auto at, find_by_position(request, turns, seeded));
    if (at >= turns.size() || kept_out_by(turns[at], request, turns)) {
        return ReplacePlan{};
    }
    if (alone && !std::ranges::all_of(turns, without_question)) {
        return reject_part();
    }
    OA_CHECK(verify(request, turns[at]));
    return ReplacePlan{Kind::revert, turns[at].id};
}

} // namespace oa_stream::lane

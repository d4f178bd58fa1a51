#include "chat_request.hpp"

#include "oa_stream/base/ids.hpp"
#include "oa_stream/base/json_members.hpp"
#include "oa_stream/base/lists.hpp"
#include "oa_stream/base/text.hpp"
#include "oa_stream/base/utf8.hpp"

#include "bodies/resend_sieve.hpp"
#include "image_url.hpp"
#include "message_parts.hpp"
#include "thread_name.hpp"
#include "tools/call_results.hpp"
#include "turns/approval_answers.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace oa_stream::lane {

namespace {

constexpr std::string_view k_no_user_message =
    "a non-empty user message is required: send messages[] whose last message is the user's";

struct ListedMessage {
    bool user = false;
    bool assistant = false;
    std::string id;
    std::vector<Piece> pieces;
    bool passed_over = false; ///< messages with its role are not read
    bool more = false; ///< it has members that may have a meaning; they are read later
    std::vector<ApprovalAnswer> approvals; ///< only of an assistant
    bool results = false; ///< has results of the page's functions; only of an assistant
    bool open = false; ///< … or calls without a result

    [[nodiscard]] bool blank() const {
        const bool carries = std::ranges::any_of(pieces, [](const Piece& piece) {
            return piece.kind == Piece::Kind::image || piece.kind == Piece::Kind::file ||
                   piece.kind == Piece::Kind::refused;
        });
        return !carries && is_blank(joined_text(pieces));
    }
};

/// The parts have the words of the text beside them: pages join the parts in one of these ways.
bool same_words(const ListedMessage& one, const ListedMessage& other) {
    return joined_text(one.pieces) == joined_text(other.pieces) ||
           joined_text(one.pieces, "") == joined_text(other.pieces, "");
}

ListedMessage read_message(const Json& message, const std::string& path) {
    // On these routes a message without a role has always counted as the user's.
    const auto role = to_lower(string_member(message, "role").value_or("user"));
    ListedMessage out;
    out.user = role == "user";
    out.assistant = role == "assistant";
    out.id = std::string(string_member(message, "id").value_or(""));
    out.pieces = read_pieces(message, path);
    out.passed_over = !out.user && !out.assistant && role != "system" && role != "developer";
    out.more = has_more(message);
    if (out.assistant) {
        out.approvals = read_approval_answers(message);
        out.results = has_call_results(message);
        out.open = has_open_calls(message);
    }
    return out;
}

Accepted<std::vector<ListedMessage>> read_list(const Json& body, std::size_t most) {
    std::vector<ListedMessage> list;
    const auto* messages = given(body, "messages");
    if (messages == nullptr) {
        return list;
    }
    if (!messages->is_array()) {
        return invalid_field("messages", "messages must be an array");
    }
    if (messages->size() > most) {
        return invalid_field("messages", fmt::format("messages has more than {} entries", most));
    }
    for (std::size_t i = 0; i < messages->size(); ++i) {
        const auto path = fmt::format("messages[{}]", i);
        if (!(*messages)[i].is_object()) {
            return invalid_field("messages", path + " must be an object");
        }
        list.push_back(read_message((*messages)[i], path));
    }
    return list;
}

/// `text` or `message` beside the list: a string or, for `message`, a whole message.
Accepted<std::optional<ListedMessage>> read_single(const Json& body) {
    std::optional<ListedMessage> found;
    for (const auto* key : {"text", "message"}) {
        const auto* value = given(body, key);
        if (value == nullptr) {
            continue;
        }
        ListedMessage next;
        if (value->is_string()) {
            next.user = true;
            next.pieces.push_back({Piece::Kind::text, value->get<std::string>(), key, "text"});
        } else if (value->is_object() && std::string_view(key) == "message") {
            next = read_message(*value, key);
        } else {
            return invalid_field(key, fmt::format("{} has the wrong type", key));
        }
        if (next.blank() && next.approvals.empty() && !next.results) {
            continue;
        }
        if (found && !same_words(*found, next)) {
            return invalid_field("message", "text and message differ: send one of them");
        }
        found = std::move(next);
    }
    return found;
}

Rejection reject_assistant_last() {
    return invalid_field(
        "messages",
        "the last message is the assistant's and no question of this thread waits for an answer: "
        "send a user message"
    );
}

/// Index of the message that is the turn's input; the list's size when it is `single`.
Accepted<std::size_t>
choose(const std::vector<ListedMessage>& list, const std::optional<ListedMessage>& single) {
    if (single && single->assistant) {
        return reject_assistant_last();
    }
    for (std::size_t i = list.size(); i-- > 0;) {
        if (list[i].assistant) {
            // Looking further back would repeat a question that was answered.
            return single ? Accepted<std::size_t>(list.size()) : reject_assistant_last();
        }
        if (list[i].user && !list[i].blank()) {
            if (single && !same_words(*single, list[i])) {
                return invalid_field("messages", "the newest user message and text differ");
            }
            return i;
        }
    }
    if (single) {
        return list.size();
    }
    return invalid_field("messages", std::string(k_no_user_message));
}

Rejection reject_part(const Piece& piece, std::string_view why) {
    auto rejection = reject(
        422,
        "unsupported_part",
        fmt::format("{} ({}) cannot be sent to this assistant: {}", piece.path, piece.label, why)
    );
    rejection.fields.emplace_back(piece.path, rejection.message);
    rejection.details["part"] = Json{{"path", piece.path}, {"type", piece.label}};
    return rejection;
}

/// Why the model cannot get a piece; empty: it can.
std::string_view fault_of(const Piece& piece, bool images) {
    if (piece.value == k_file_too_large) { // in a text: a file that was pasted into it
        return piece.kind == Piece::Kind::text
                   ? "with it the request is larger than this lane takes; send a smaller file or "
                     "text"
                   : "with it the request is larger than this lane takes; send a smaller file, or "
                     "fewer in one message";
    }
    const bool passed_on = piece.kind == Piece::Kind::text || piece.kind == Piece::Kind::file;
    if (passed_on || piece.kind == Piece::Kind::page) {
        return "";
    }
    if (piece.value == k_left_out) {
        return "in a body this large, files of the last message alone are kept";
    }
    if (!piece.fault.empty()) {
        return piece.fault;
    }
    if (piece.kind != Piece::Kind::image) {
        return "only text, text files and images as data: URLs can";
    }
    return images ? image_fault(piece.value) : "it takes no images";
}

Accepted<std::vector<authority::InputPart>>
make_input(const std::vector<Piece>& pieces, bool images) {
    std::vector<authority::InputPart> input;
    for (const auto& piece : pieces) {
        if (const auto why = fault_of(piece, images); !why.empty()) {
            return reject_part(piece, why);
        }
        if (piece.kind == Piece::Kind::image) {
            input.emplace_back(authority::InputImage{piece.value});
        } else if (piece.kind != Piece::Kind::page && !piece.value.empty()) {
            input.emplace_back(authority::InputText{piece.value});
        }
    }
    return input;
}

std::vector<EarlierMessage> earlier_of(std::vector<ListedMessage>& list, std::size_t end) {
    std::vector<EarlierMessage> earlier;
    for (std::size_t i = 0; i < std::min(end, list.size()); ++i) {
        if (list[i].user || list[i].assistant) {
            const auto role = list[i].user ? Role::user : Role::assistant;
            auto text = joined_text(list[i].pieces, list[i].user ? "\n" : "");
            earlier.push_back({role, std::move(list[i].id), std::move(text), i});
        }
    }
    return earlier;
}

std::optional<std::size_t>
results_before(const std::vector<ListedMessage>& list, std::size_t newest) {
    for (std::size_t left = std::min(newest, list.size()); left > 0; --left) {
        const auto& message = list[left - 1];
        if (message.user) {
            break;
        }
        if (message.assistant) {
            return message.results ? std::optional(left - 1) : std::nullopt;
        }
    }
    return std::nullopt;
}

/// Places of new messages with other roles: those after the last answer or question before the
/// newest one.
std::vector<std::string> unused_places(const std::vector<ListedMessage>& list, std::size_t newest) {
    auto from = newest;
    while (from > 0 && !list[from - 1].user && !list[from - 1].assistant) {
        --from;
    }
    std::vector<std::string> places;
    for (auto i = from; i < list.size(); ++i) {
        if (list[i].passed_over) {
            places.push_back(fmt::format("messages[{}]", i));
        }
    }
    return places;
}

Accepted<void> read_trigger(const Json& body, ChatRequest& request) {
    const auto trigger = string_member(body, "trigger").value_or("submit-message");
    request.regenerate =
        trigger == "regenerate-message" || trigger == "regenerate-assistant-message";
    if (const auto* id = given(body, "messageId")) {
        if (!id->is_string()) {
            return invalid_field("messageId", "messageId must be a string");
        }
        request.message_id = id->get<std::string>();
    }
    return {};
}

Accepted<void>
read_input(const Json& body, const ChatRequestContext& context, ChatRequest& request) {
    OA_TRY(auto list, read_list(body, context.messages));
    OA_TRY(const auto lone, read_single(body));
    const auto* last = lone ? &*lone : list.empty() ? nullptr : &list.back();
    const bool results = last != nullptr && last->results && context.extras.allowed.tools;
    if (last != nullptr && (!last->approvals.empty() || results)) {
        request.approvals = last->approvals;
        request.answers_calls = results;
        if (results && !lone) {
            request.results_at = list.size() - 1;
        }
        request.answer_id = is_wire_id(last->id) ? last->id : std::string();
        if (results && !lone && !last->open && contains(list, true, &ListedMessage::user)) {
            request.newest = list.size();
            request.earlier = earlier_of(list, list.size());
        }
        return {};
    }
    if (request.regenerate && last == nullptr) {
        request.kept_question = true;
        return {};
    }
    OA_TRY(const auto at, choose(list, lone));
    // NOLINTNEXTLINE(bugprone-unchecked-optional-access): past the list means the lone one
    const auto& newest = at < list.size() ? list[at] : *lone;
    OA_TRY(request.input, make_input(newest.pieces, context.images));
    request.unused = unused_places(list, at);
    for (const auto& piece : newest.pieces) {
        if (piece.kind == Piece::Kind::page) {
            request.unused.push_back(piece.path);
        }
    }
    request.more = newest.more;
    request.text = joined_text(newest.pieces);
    request.words = joined_text(newest.pieces, "");
    request.user_message_id = newest.id;
    request.whole_list = at < list.size();
    request.newest = at;
    if (context.extras.allowed.tools) {
        request.results_at = results_before(list, at);
    }
    request.earlier = earlier_of(list, at);
    return {};
}

} // namespace

std::string wire_id(std::string_view id) {
    std::string out(id.substr(0, 128));
    for (auto& c : out) {
        c = is_alnum(c) || c == '_' ? c : '-';
    }
    return out.empty() ? "x" : out;
}

Accepted<ChatRequest> read_chat_request(const Json& body, const ChatRequestContext& context) {
    if (!body.is_object()) {
        return invalid_field("body", "the body must be one JSON object");
    }
    ChatRequest request;
    OA_TRY(auto thread, read_thread_name(body, context.path_id, context.query));
    request.thread_made = thread.empty();
    request.thread = thread.empty() ? new_thread_name() : std::move(thread);
    OA_TRY(auto worker, read_worker_name(body, context.worker));
    if (!worker.empty()) {
        request.worker = std::move(worker);
    }
    OA_CHECK(read_trigger(body, request));
    OA_CHECK(read_input(body, context, request));
    OA_TRY(request.extras, read_extras(body, context.extras, request.unused));
    if (text_length(request.input) > context.text_chars) {
        return reject_long_text(context.text_chars);
    }
    return request;
}

Rejection reject_long_text(std::size_t most, std::string_view from) {
    auto message = fmt::format("the text must not be longer than {} characters", most);
    if (!from.empty()) {
        message += fmt::format(", with {}, which no turn has answered and goes with it", from);
    }
    return invalid_field("request.params.text", std::move(message));
}

std::size_t text_length(const std::vector<authority::InputPart>& input) {
    std::size_t count = 0;
    for (const auto& part : input) {
        const auto* text = std::get_if<authority::InputText>(&part);
        count += text == nullptr ? 0 : code_points(text->text);
    }
    return count;
}

} // namespace oa_stream::lane

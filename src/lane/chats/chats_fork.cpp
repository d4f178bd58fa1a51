// POST /api/chats/{id}/fork: makes a copy of a conversation up to a message.
#include "oa_stream/base/clock.hpp"
#include "oa_stream/base/json_members.hpp"
#include "oa_stream/base/lists.hpp"

#include "chat_request.hpp"
#include "chat_title.hpp"
#include "chats.hpp"
#include "gates/gates.hpp"
#include "history/seed.hpp"
#include "projection.hpp"
#include "thread_name.hpp"
#include "tools/call_results.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>
#include <utility>

namespace oa_stream::lane {

namespace {

/// read_thread_name() accepts more aliases; these are the ones that copies accept.
constexpr std::array<std::string_view, 7> k_fork_names{
    "id", "thread_id", "threadId", "conversation_id", "conversationId", "messageId", "title"
};

Accepted<void> read_message_id(const Json& body, std::string& id) {
    const auto* value = given(body, "messageId");
    if (value == nullptr) {
        return {};
    }
    if (!value->is_string() || value->get_ref<const std::string&>().empty()) {
        return invalid_field("messageId", "messageId must be a message's id");
    }
    id = value->get<std::string>();
    return {};
}

/// How many of these messages a copy up to `message` contains.
std::optional<std::size_t> end_in(const Json& seed, const std::string& message) {
    const auto found = std::ranges::find_if(seed, [&](const Json& one) {
        return text_view_in(one, "id") == message;
    });
    if (found == seed.end()) {
        return std::nullopt;
    }
    const bool answer = text_view_in(*found, "role") != "user";
    return static_cast<std::size_t>(found - seed.begin()) + (answer ? 1 : 0);
}

} // namespace

/// A copy up to an answer includes it; a copy up to a question ends before it.
Task<Accepted<Chats::ForkPoint>> Chats::fork_point(ThreadRow row, std::string message) {
    authority::TurnsQuery query{.thread = row.thread, .limit = 50, .newest_first = true};
    query.detail = authority::TurnsQuery::Detail::question;
    bool asked = false; // the question was found: the next older turn is the last one of the copy
    while (true) {
        auto page = co_await lane_->authority().turns_page(query);
        if (!page) {
            co_return reject_read(page.error());
        }
        std::ranges::for_each(page->turns, drop_results_ahead);
        for (const auto& turn : page->turns) {
            if (!query.from.empty() && turn.id == query.from) {
                continue;
            }
            if (asked || message.empty() || wire_id(turn.id) == message ||
                message_gone_on_with(turn) == message) {
                co_return ForkPoint{.last_turn = turn.id};
            }
            asked = contains(question_ids(turn), message);
        }
        if (!page->more || page->turns.empty() || page->turns.back().id == query.from) {
            break;
        }
        query.from = page->turns.back().id;
    }
    auto seed = Json::array();
    if (row.seeded > 0) {
        OA_CO_TRY(seed, co_await read_seed_of(&lane_->authority(), std::move(row.thread)));
    }
    const auto end = asked || message.empty() ? seed.size() : end_in(seed, message);
    if (!end) {
        co_return invalid_field("messageId", "messageId names no message of this conversation");
    }
    seed.erase(seed.begin() + static_cast<std::ptrdiff_t>(*end), seed.end());
    co_return ForkPoint{.seed = std::move(seed)};
}

Task<Accepted<Chats::Fork>> Chats::read_fork(CallPtr call) {
    Fork asked;
    BodyUse use = [&asked](const Json& body) -> Accepted<void> {
        if (!body.is_object()) {
            return invalid_field("body", "the body must be one JSON object");
        }
        for (const auto& [name, value] : body.items()) {
            if (!contains(k_fork_names, name)) {
                return invalid_field(name, name + " means nothing to a copy");
            }
        }
        OA_TRY(asked.id, read_thread_name(body, std::nullopt, {}));
        OA_TRY(asked.title, read_title(body));
        return read_message_id(body, asked.message);
    };
    OA_CO_CHECK(co_await read_fields(call, std::move(use)));
    OA_CO_CHECK(open_for_turns(*lane_, *call));
    asked.id = asked.id.empty() ? new_thread_name() : std::move(asked.id);
    asked.came_s = call->came_s();
    co_return asked;
}

Task<Result<std::string>> Chats::copy_up_to(ThreadRow source, ForkPoint point) {
    auto& authority = lane_->authority();
    if (!point.last_turn.empty()) {
        co_return co_await authority.fork_thread(source.thread, point.last_turn);
    }
    authority::TurnRequest request{.owner = source.owner, .input = {}};
    if (const auto count = point.seed.size(); count > 0) {
        const auto able = authority.capabilities();
        auto listed = Json::array();
        for (const Json& message : point.seed) {
            listed.push_back(project_seeded({.thread = source.id}, message));
        }
        const Json body = Json::object({{"messages", std::move(listed)}});
        request.seed = read_seed(body, count, {able.images, able.client_tools}).messages;
        add_kept(request, k_kept_messages, std::move(point.seed));
    }
    co_return co_await authority.make_thread(std::move(request));
}

/// Makes the copy at the authority; returns its row, which is not stored yet.
Task<Accepted<ThreadRow>> Chats::copy_thread(ThreadRow source, Fork asked) {
    OA_CO_TRY(auto point, co_await fork_point(source, asked.message));
    auto& authority = lane_->authority();
    auto thread = co_await copy_up_to(source, point);
    if (!thread && thread.error().code == Code::precondition && !point.last_turn.empty()) {
        // If the message was replaced meanwhile, that turn is gone: find the point again.
        OA_CO_TRY(auto latest, co_await fork_point(source, std::move(asked.message)));
        if (latest.last_turn != point.last_turn) {
            point = std::move(latest);
            thread = co_await copy_up_to(source, point);
        }
    }
    if (!thread) {
        co_return reject_unable(thread.error(), "this assistant copies no conversations");
    }
    ThreadRow row{source.owner, std::move(asked.id), *std::move(thread)};
    const bool turnless = point.last_turn.empty();
    row.seeded = turnless ? point.seed.size() : source.seeded;
    const bool own = !asked.title.empty();
    if (own) {
        row.title = short_title(asked.title);
    } else if (turnless) { // a title from the first question would not fit
        row.title = short_title(co_await name_of(&authority, source.thread, {}));
    } else {
        row.title = source.title;
    }
    row.created_at = asked.came_s;
    row.updated_at = unix_now();
    if (row.title.empty()) {
        co_return row;
    }
    // The authority does not copy the source's name.
    auto named = co_await authority.name_thread(row.thread, own ? asked.title : row.title);
    if (!named && named.error().code != Code::precondition) {
        co_await drop_thread(row.thread);
        co_return reject_start(named.error());
    }
    co_return row;
}

Task<Accepted<net::Response>> Chats::fork(CallPtr call) {
    OA_CO_TRY(auto asked, co_await read_fork(call));
    auto& ids = lane_->ids();
    const std::string owner = call->record.owner;
    const std::string id = asked.id;
    // While a turn is being started, a replaced turn is gone already and its replacement not stored
    // yet.
    OA_CO_CHECK(co_await starter_->await_start(call));
    if (lane_->turns.starting(owner, call->record.thread)) {
        co_return reject_busy();
    }
    OA_CO_TRY(auto place, co_await take_new(call, id));
    auto source = ids.find(owner, call->record.thread);
    if (!source) {
        co_return reject_unknown_thread();
    }
    if (!co_await ids.writable()) {
        co_return reject_unstored();
    }
    auto row = co_await copy_thread(*std::move(source), std::move(asked));
    if (!row) {
        // An authority that serves several lanes does not report that another lane's turn is the
        // reason.
        const auto turn = lane_->shared ? co_await lane_->shared->find(owner, call->record.thread)
                                        : Accepted<std::shared_ptr<LiveTurn>>(nullptr);
        const bool busy = turn && *turn && !(*turn)->ended();
        co_return busy ? reject_busy() : std::move(row).error();
    }
    OA_CO_CHECK(co_await keep_made(*row, place.fence()));
    call->record.thread = id;
    const auto made = co_await summary_of(*std::move(row));
    co_return made_response(*call, made);
}

} // namespace oa_stream::lane

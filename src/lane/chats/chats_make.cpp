// POST /api/chats: makes an empty thread, or the thread of an exported file. The authority stores
// it and its title.
#include "oa_stream/base/clock.hpp"
#include "oa_stream/base/ids.hpp"
#include "oa_stream/base/lists.hpp"
#include "oa_stream/base/text.hpp"

#include "bodies/read_body.hpp"
#include "bodies/resend_sieve.hpp"
#include "chat_title.hpp"
#include "chats.hpp"
#include "chats_import.hpp"
#include "gates/gates.hpp"
#include "request_extras.hpp"
#include "thread_name.hpp"

#include <array>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace oa_stream::lane {

namespace {

/// The members that are read beside the id; others are reported as ignored.
constexpr std::array<std::string_view, 1> k_read{"title"};
constexpr std::array<std::string_view, 4> k_read_of_export{
    "format", "exportedAt", "conversation", "messages"
};

void name_unread(
    const Json& body, std::span<const std::string_view> read, std::vector<std::string>& unread
) {
    for (const auto& [key, value] : body.items()) {
        if (!contains(read, key) && !contains(k_thread_names, key)) {
            unread.push_back(key);
        }
    }
}

Accepted<void> read_new(
    const Json& body, std::string_view query, const ImportContext& context, ImportedChat& chat
) {
    if (!body.is_object()) {
        return reject(422, "invalid_request", "the body must be a JSON object");
    }
    OA_TRY(auto name, read_thread_name(body, std::nullopt, query));
    if (is_export(body)) {
        OA_TRY(chat, read_export(body, context));
        name_unread(body, k_read_of_export, chat.seed.partly);
        if (!name.empty()) {
            chat.id = std::move(name);
        }
        return {};
    }
    OA_TRY(auto title, read_title(body));
    name_unread(body, k_read, chat.seed.partly);
    chat.id = std::move(name);
    chat.title = std::move(title);
    return {};
}

constexpr std::array<Gate, 3> k_make_gates{resend_size, owner, optional_type};

} // namespace

/// A request without a body makes a thread without title and messages.
Task<Accepted<ImportedChat>> Chats::read_new_thread(CallPtr call) {
    auto sieve = std::make_unique<ResendSieve>();
    OA_CO_CHECK(co_await admit(*lane_, call, k_make_gates, std::move(sieve)));
    const auto& request = call->request();
    const auto able = lane_->authority().capabilities();
    const ImportContext context{
        .seed = {able.images, able.client_tools}, .messages = lane_->config.limits.messages
    };
    ImportedChat thread{};
    BodyUse use = [&](const Json& body) { return read_new(body, request.query, context, thread); };
    if (trim(request.body).empty()) {
        OA_CO_CHECK(use(Json::object()));
    } else {
        OA_CO_CHECK(co_await read_body(lane_, call, {}, std::move(use)));
    }
    OA_CO_CHECK(open_for_turns(*lane_, *call));
    if (thread.count > 0 && !able.can_seed) {
        co_return reject(501, "not_supported", "this assistant takes no conversations of others");
    }
    const auto lost = std::exchange(thread.seed.partly, {});
    OA_CO_CHECK(ignore_more(call->chat.extras, lane_->config.strict_body, lost));
    thread.id = thread.id.empty() ? new_thread_name() : thread.id;
    call->record.thread = thread.id;
    co_return thread;
}

/// No row refers to the thread: if it stayed, it would also keep the content that it was copied
/// from.
Task<void> Chats::drop_thread(std::string thread) {
    (void)co_await lane_->authority().delete_thread(std::move(thread));
}

/// The right to start a turn on the id, so that no other request makes the conversation meanwhile.
Task<Accepted<ThreadPlace>> Chats::take_new(CallPtr call, std::string id) {
    auto wish = wish_of(*lane_, *call, id);
    wish.supersedes = false;
    auto place = co_await take_thread(lane_, std::move(wish));
    const std::string owner = call->record.owner;
    if (!place && lane_->shared) { // its turn may run on another lane
        (void)co_await lane_->shared->refresh(owner, id);
    }
    if (lane_->ids().contains(owner, id)) {
        co_return reject_known_thread();
    }
    co_return std::move(place);
}

/// If this process was suspended, another lane may have made the conversation: the map then gets
/// that row.
Task<Accepted<void>> Chats::keep_made(ThreadRow row, std::uint64_t fence) {
    auto& ids = lane_->ids();
    ids.put(row);
    const auto stored = co_await commit_row(lane_, row.owner, row.id, fence);
    if (stored) {
        co_return Accepted<void>{};
    }
    ids.undo(row.owner, row.id, std::nullopt);
    co_await drop_thread(row.thread);
    if (lane_->shared && stored.error().code == Code::conflict) {
        (void)co_await lane_->shared->refresh(row.owner, row.id);
    }
    co_return ids.contains(row.owner, row.id) ? reject_known_thread() : reject_unstored();
}

Task<Accepted<net::Response>> Chats::make(CallPtr call) {
    OA_CO_TRY(auto asked, co_await read_new_thread(call));
    const std::string owner = call->record.owner;
    auto& ids = lane_->ids();
    auto& authority = lane_->authority();
    OA_CO_TRY(auto place, co_await take_new(call, asked.id));
    if (!co_await ids.writable()) {
        co_return reject_unstored();
    }
    authority::TurnRequest request{
        .owner = owner, .seed = std::move(asked.seed.messages), .input = {}
    };
    if (asked.count > 0) {
        add_kept(request, k_kept_messages, std::move(asked.seed.shown));
    }
    const auto thread = co_await authority.make_thread(std::move(request));
    if (!thread) {
        co_return reject_unable(thread.error(), "this assistant makes no empty conversations");
    }
    ThreadRow row{owner, asked.id, *thread};
    row.seeded = asked.count;
    row.archived = asked.archived;
    row.title = short_title(asked.title);
    row.created_at = call->came_s();
    row.updated_at = unix_now();
    if (!asked.title.empty()) {
        auto named = co_await authority.name_thread(row.thread, asked.title);
        if (!named && named.error().code != Code::precondition) {
            co_await drop_thread(row.thread);
            co_return reject_start(named.error());
        }
    }
    OA_CO_CHECK(co_await keep_made(row, place.fence()));
    authority::ThreadInfo info{.id = *thread};
    std::vector<std::string> wanted{*thread};
    if (auto infos = co_await authority.threads(std::move(wanted)); infos && !infos->empty()) {
        info = std::move(infos->front());
    }
    info = completed(std::move(info), row);
    info.title = asked.title.empty() ? info.title : asked.title;
    co_return made_response(*call, project_thread(asked.id, info, asked.archived));
}

net::Response Chats::made_response(const Call& call, const Json& made) {
    auto response = json_response(201, Json::object({{"data", made}}));
    response.headers.set("location", "/api/chats/" + call.record.thread);
    note_ignored(response.headers, call.chat.extras.ignored);
    return response;
}

} // namespace oa_stream::lane

// Makes a thread with the messages and functions that the page sends, and continues a conversation
// whose turn was stopped while its function calls waited.
#include "oa_stream/base/digest.hpp"
#include "oa_stream/base/json_members.hpp"
#include "oa_stream/base/lists.hpp"

#include "bodies/read_body.hpp"
#include "bodies/resend_sieve.hpp"
#include "chats/chat_request.hpp"
#include "chats/thread_pages.hpp"
#include "history/seed.hpp"
#include "replace_plan.hpp"
#include "tools/call_results.hpp"
#include "tools/client_tools.hpp"
#include "turn_starter.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <span>
#include <utility>

namespace oa_stream::lane {

namespace {

constexpr Millis k_settle_wait{2000};

constexpr std::string_view k_kept_tools = "tools"; ///< stored beside k_kept_messages

bool lists(const authority::PastTurn& turn, const std::string& call) {
    return std::ranges::any_of(turn.events, [&](const turn::Event& event) {
        const auto* opened = std::get_if<turn::ToolOpened>(&event);
        return opened != nullptr && opened->call == call;
    });
}

/// The calls were lost with the process that ran the turn. Not for a turn that began with results:
/// it continues the message of an earlier turn and does not list that turn's calls.
bool lacks_calls(
    const authority::PastTurn& stopped, const std::vector<authority::CallResult>& results
) {
    return message_gone_on_with(stopped).empty() && !holds_results(stopped) &&
           std::ranges::none_of(results, [&](const auto& one) { return lists(stopped, one.call); });
}

} // namespace

/// POST /api/chats made the thread and no turn has run in it: a new thread, made with the messages
/// and tools of the first request, replaces it.
Task<bool> TurnStarter::gives_way(CallPtr call) {
    const auto& row = call->row;
    const bool brings = !call->chat.earlier.empty() || !call->chat.extras.tools.empty();
    if (!row || row->seeded > 0 || !row->last_turn.empty() || !brings ||
        !lane_->authority().capabilities().can_seed) {
        co_return false;
    }
    authority::TurnsQuery query{.thread = row->thread, .limit = 1, .newest_first = true};
    query.detail = authority::TurnsQuery::Detail::none;
    const auto page = co_await lane_->authority().turns_page(std::move(query));
    co_return page && page->turns.empty();
}

Task<Accepted<void>> TurnStarter::seed_new_thread(CallPtr call, authority::TurnRequest* request) {
    request->thread.reset();
    request->revert_from_turn.reset();
    request->seed.clear();
    request->keep.clear();
    call->seeded = 0;
    const auto able = lane_->authority().capabilities();
    if (call->chat.earlier.empty()) {
        co_return Accepted<void>{};
    }
    if (!able.can_seed) {
        co_return ignore_more(call->chat.extras, lane_->config.strict_body, {"messages"});
    }
    OA_CO_TRY(auto seed, co_await read_earlier(call, 0));
    call->seeded = call->chat.earlier.size();
    request->seed = std::move(seed.messages);
    add_kept(*request, k_kept_messages, std::move(seed.shown));
    co_return ignore_more(call->chat.extras, lane_->config.strict_body, seed.partly);
}

/// The earlier messages from that place of messages[] on. Reads the whole body this time: most
/// requests need only their newest message.
Task<Accepted<Seed>> TurnStarter::read_earlier(CallPtr call, std::size_t from) {
    Seed seed;
    const auto able = lane_->authority().capabilities();
    const SeedContext context{able.images, able.client_tools, from};
    BodyUse use = [&](const Json& body) -> Accepted<void> {
        seed = read_seed(body, call->chat.newest, context);
        return {};
    };
    const BodyKeep all{{}, {}, 0, no_more_new};
    constexpr int k_too_large = 413;
    if (auto read = co_await read_body(lane_, call, all, std::move(use)); !read) {
        if (read.error().status != k_too_large) {
            co_return std::move(read).error();
        }
        auto texts = call->chat.earlier; // memory for these is used already
        std::erase_if(texts, [&](const auto& message) { return message.at < from; });
        seed = seed_of_texts(texts);
    }
    co_return seed;
}

/// What was refused, as while another page's turn ran, goes to the thread with the message that the
/// user typed next: both make one question.
Task<Accepted<void>> TurnStarter::add_unsent(CallPtr call, std::string thread) {
    auto& chat = call->chat;
    // A worker stores no ids of pages, and a look at its thread uses up a command of its minute.
    const bool sure = lane_->authority().capabilities().worker.empty();
    if (!sure || chat.earlier.empty() || !may_be_unsent(chat, chat.earlier.back()) ||
        chat.answers_calls || chat.kept_question) {
        co_return Accepted<void>{};
    }
    OA_CO_TRY(const auto turns, co_await newest_turns(call, std::move(thread), k_looked_through));
    OA_CO_TRY(const auto seeded, co_await read_seeded(&lane_->authority(), call->row));
    const auto newest = call->row.value_or(ThreadRow{}).last_turn;
    const auto kept = chat.earlier.size() - count_unsent(chat, turns, seeded);
    const bool listed = newest.empty() || contains(turns, newest, &authority::PastTurn::id);
    if (kept == chat.earlier.size() || !listed) { // one that has just ended may be stored later
        co_return Accepted<void>{};
    }
    const auto unsent = std::span(chat.earlier).subspan(kept);
    const auto from = unsent.front().at;
    OA_CO_TRY(const auto seed, co_await read_earlier(call, from));
    auto input = input_of(seed);
    input.insert(input.end(), chat.input.begin(), chat.input.end());
    if (const auto most = lane_->config.limits.text_chars; text_length(input) > most) {
        const auto places = mapped(unsent, [](const auto& message) {
            return fmt::format("messages[{}]", message.at);
        });
        co_return lane_->config.strict_body ? reject_long_text(most, places.front())
                                            : ignore_more(chat.extras, false, places);
    }
    std::string text, words;
    for (const auto& message : unsent) {
        text += message.text + '\n';
        words += message.text;
    }
    chat.input = std::move(input);
    chat.text = text + chat.text;
    chat.words = words + chat.words;
    chat.newest = from;
    chat.earlier.resize(kept);
    chat.with_unsent = true;
    co_return ignore_more(chat.extras, lane_->config.strict_body, seed.partly);
}

/// A thread keeps the functions of its first message: Codex accepts no others later.
Task<Accepted<void>> TurnStarter::offer_tools(CallPtr call, authority::TurnRequest* request) {
    const auto& tools = call->chat.extras.tools;
    const auto ignored = [&](const std::vector<std::string>& names) {
        return ignore_more(call->chat.extras, lane_->config.strict_body, names);
    };
    if (!lane_->config.allowed.tools) {
        co_return Accepted<void>{};
    }
    if (!lane_->authority().capabilities().client_tools) {
        co_return tools.empty() ? Accepted<void>{} : ignored({"tools"});
    }
    const auto wanted = tools.empty() ? std::string() : digest_of(tools);
    if (!request->thread) {
        request->tools = tools;
        if (!tools.empty()) {
            add_kept(*request, k_kept_tools, wanted);
        }
        request->wait_for_calls = call->waits_for_calls = !tools.empty();
        co_return Accepted<void>{};
    }
    const auto known = co_await tools_of(*request->thread);
    request->wait_for_calls = call->waits_for_calls = !known.empty();
    if (tools.empty() || known == wanted) {
        co_return Accepted<void>{};
    }
    co_return ignored({"tools"});
}

Task<std::string> TurnStarter::tools_of(std::string thread) {
    if (const auto known = tools_.find(thread); known != tools_.end()) {
        co_return known->second;
    }
    const auto kept = co_await lane_->authority().kept(thread);
    if (!kept) {
        co_return std::string(); // the start that follows reports the error
    }
    const auto parsed = parse_json(*kept);
    auto digest = parsed ? text_in(*parsed, k_kept_tools) : std::string();
    note(tools_, thread, digest);
    co_return digest;
}

void TurnStarter::note_settled(const Call& call, const authority::Turn& turn) {
    const auto& extras = call.chat.extras;
    note(
        settled_,
        turn.thread_id(),
        {.turn = wire_id(turn.turn_id()),
         .model = extras.model.empty() ? turn.model() : extras.model,
         .effort = extras.effort,
         .system = sha256_hex(extras.system)}
    );
}

/// For a turn that this lane took over, only the functions can be compared.
Task<Accepted<void>> TurnStarter::name_settled(CallPtr call, std::shared_ptr<LiveTurn> turn) {
    const auto row = lane_->ids().find(call->record.owner, call->chat.thread);
    if (!row || turn->ended()) {
        co_return Accepted<void>{};
    }
    auto& extras = call->chat.extras;
    std::vector<std::string> names;
    const auto settled = settled_.find(row->thread);
    if (settled != settled_.end() && settled->second.turn == turn->id()) {
        if (!extras.model.empty() && extras.model != settled->second.model) {
            names.push_back(extras.model_at);
        }
        if (!extras.effort.empty() && extras.effort != settled->second.effort) {
            names.push_back(extras.effort_at);
        }
        if (!extras.system.empty() && sha256_hex(extras.system) != settled->second.system) {
            names.push_back(extras.system_at);
        }
    }
    if (!extras.tools.empty()) {
        const auto offered = co_await tools_of(row->thread);
        const bool known = tools_.contains(row->thread); // false: the authority did not answer
        if (known && offered != digest_of(extras.tools)) {
            names.emplace_back("tools");
        }
    }
    co_return ignore_more(extras, lane_->config.strict_body, names);
}

/// Codex reports a turn's end before it has stored the whole turn. True while calls that this lane
/// sent, or that the page has from another replica, are not listed yet.
bool TurnStarter::stores_still(
    const Call& call, const authority::PastTurn& stopped, const std::vector<std::string>& calls
) const {
    const auto id = wire_id(stopped.id);
    const auto ended = lane_->turns.find(call.record.owner, call.chat.thread);
    const bool ours = ended && ended->ended() && ended->id() == id;
    const bool over = !stopped.running && stopped.outcome != turn::Outcome::interrupted;
    if (over || (!ours && call.chat.message_id != id)) {
        return false;
    }
    const auto known = ours ? ended->call_order() : calls;
    return std::ranges::any_of(calls, [&](const std::string& one) {
        return contains(known, one) && (stopped.running || !lists(stopped, one));
    });
}

/// Results of another service's calls begin the conversation, as part of the seed.
Task<Accepted<void>>
TurnStarter::begin_with_results(CallPtr call, authority::TurnRequest* request) {
    const auto& results = call->chat.results;
    if (only_stop_notices(results)) { // of a conversation that was deleted meanwhile
        co_return reject_call_over(first_call(results));
    }
    call->began_with = mapped(results, digest_of_result);
    OA_CO_CHECK(co_await seed_new_thread(call, request));
    const auto& seed = request->seed;
    if (seed.empty() || seed.back().role != authority::SeedMessage::Role::tool) {
        co_return reject_unknown_call(first_call(results));
    }
    call->chat.text = newest_question(call->chat.earlier); // for the title
    co_return Accepted<void>{};
}

/// The turn that asked is over: the results begin the next one, unless another turn came in
/// between.
Task<Accepted<void>> TurnStarter::take_results(CallPtr call, authority::TurnRequest* request) {
    const auto& results = call->chat.results;
    call->began_with = mapped(results, digest_of_result);
    const authority::TurnsQuery query{.thread = *request->thread, .limit = 1, .newest_first = true};
    const auto calls = mapped(results, &authority::CallResult::call);
    const auto until = Clock::now() + k_settle_wait;
    auto page = co_await lane_->authority().turns_page(query);
    while (page && !page->turns.empty() && stores_still(*call, page->turns.front(), calls) &&
           Clock::now() < until) {
        co_await sleep_for(k_turn_poll);
        page = co_await lane_->authority().turns_page(query);
    }
    if (!page) {
        answers_->log_start_failed(*call, page.error());
        co_return reject_start(page.error());
    }
    if (page->turns.empty()) {
        co_return reject_unknown_call(first_call(results));
    }
    const auto& newest = page->turns.front();
    if (newest.running) {
        co_return reject_busy();
    }
    const auto& asked_by = call->chat.message_id;
    if (!asked_by.empty() && wire_id(newest.id) != asked_by && open_calls(newest).empty()) {
        co_return reject_call_over(first_call(results));
    }
    OA_CO_TRY(auto text, results_text(newest, results));
    call->chat.text = text;
    call->chat.words = std::move(text);
    call->chat.user_message_id = results_id(call->chat.answer_id);
    request->client_message_id = call->chat.user_message_id;
    request->input = {authority::InputText{call->chat.text}};
    co_return Accepted<void>{};
}

/// The turn before the one that starts, if it was stopped; with a revert also the turn that is
/// replaced, in front of it.
Task<std::vector<authority::PastTurn>>
TurnStarter::stopped_before(CallPtr call, const authority::TurnRequest* request) {
    authority::TurnsQuery query{
        .thread = request->thread.value_or(""), .limit = 1, .newest_first = true
    };
    query.detail = authority::TurnsQuery::Detail::none; // most turns were not stopped
    if (const auto& first = request->revert_from_turn) {
        query.from = *first;
        query.limit = 2;
    }
    const auto live = lane_->turns.find(call->record.owner, call->chat.thread);
    const auto order = live ? live->call_order() : std::vector<std::string>();
    const auto until = Clock::now() + k_settle_wait;
    while (true) {
        auto page = co_await lane_->authority().turns_page(query);
        if (!page || page->turns.size() < query.limit) {
            // The start that follows reports the error
            co_return std::vector<authority::PastTurn>();
        }
        const auto& turn = page->turns.back();
        const bool whole = query.detail == authority::TurnsQuery::Detail::all;
        const bool unstored = turn.running || (whole && stores_still(*call, turn, order));
        if (unstored && Clock::now() < until) {
            co_await sleep_for(k_turn_poll);
            continue;
        }
        if (turn.running || turn.outcome != turn::Outcome::interrupted) {
            co_return std::vector<authority::PastTurn>();
        }
        if (whole) {
            co_return std::move(page->turns);
        }
        query.detail = authority::TurnsQuery::Detail::all;
    }
}

/// Results ahead of a message may belong to a turn that an earlier lane left. That turn is taken
/// over, so that the message ends it like any other turn and its open calls are known.
Task<Accepted<void>> TurnStarter::join_waiting(CallPtr call) {
    const auto& owner = call->record.owner;
    const auto& thread = call->chat.thread;
    if (!call->chat.results_at || call->chat.answers_calls ||
        lane_->turns.starting(owner, thread) || lane_->turns.find(owner, thread)) {
        co_return Accepted<void>{};
    }
    auto found = co_await find(call);
    co_return found ? Accepted<void>{} : std::move(found).error();
}

/// A page without automatic sending sends its results with the next message, which has stopped the
/// turn that waited for them. When such a message is replaced by a request without messages, its
/// results are kept.
Task<Accepted<void>> TurnStarter::add_results_ahead(CallPtr call, authority::TurnRequest* request) {
    const auto& chat = call->chat;
    const auto at = chat.results_at;
    const bool kept = request->revert_from_turn && !chat.whole_list;
    if ((!at && !kept) || chat.answers_calls || !request->thread ||
        (co_await tools_of(*request->thread)).empty()) {
        co_return Accepted<void>{};
    }
    const auto turns = co_await stopped_before(call, request);
    if (turns.empty() || (!at && open_calls(turns.back()).empty())) {
        co_return Accepted<void>{};
    }
    std::string text;
    if (at) {
        bool unknown = false;
        BodyUse use = [&](const Json& body) -> Accepted<void> {
            const auto results = read_call_results(body, at);
            text = results_ahead(turns.back(), results);
            unknown = lacks_calls(turns.back(), results);
            return {};
        };
        OA_CO_CHECK(co_await read_body(lane_, call, keep_message(at), std::move(use)));
        if (unknown || text.contains(k_left_out)) {
            auto& extras = call->chat.extras;
            const std::vector<std::string> partly{fmt::format("messages[{}]", *at)};
            OA_CO_CHECK(ignore_more(extras, lane_->config.strict_body, partly));
        }
    } else if (!holds_results(turns.front())) {
        text = results_ahead(turns.back(), results_begun_with(turns.front()));
    }
    if (!text.empty()) {
        request->input.insert(request->input.begin(), authority::InputText{std::move(text)});
        request->client_message_id = results_ahead_id(call->chat.user_message_id);
    }
    co_return Accepted<void>{};
}

} // namespace oa_stream::lane

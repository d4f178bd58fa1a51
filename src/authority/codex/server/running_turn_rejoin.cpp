// Continues a turn whose connection was lost or that another process began, and detects other
// clients' input on a shared server.
#include "oa_stream/base/json_members.hpp"

#include "codex/events/codex_events_items.hpp"
#include "codex/running_turn.hpp"

#include <algorithm>
#include <map>

namespace oa_stream::authority {

namespace {

Json notification(std::string_view method, Json params) {
    return Json::object({{"method", method}, {"params", std::move(params)}});
}

/// After a call codex sends a new request to the model, so the first usage report from here on may
/// not be the turn's first.
bool has_ended_call(const Json& stored) {
    return std::ranges::any_of(list_in(stored, "items"), [](const Json& item) {
        return codex::kind_of(text_view_in(item, "type")) == codex::ItemKind::tool &&
               text_view_in(item, "status") != "inProgress";
    });
}

/// The item as it was at its start: later text may not have been sent to the client.
Json at_its_beginning(Json item) {
    for (const char* key : {"text", "summary", "content"}) {
        item.erase(key);
    }
    return item;
}

} // namespace

void RunningTurn::adrift() {
    if (!over()) {
        adrift_since_ = adrift_since_.value_or(Clock::now()); // until catch_up()
        early_.clear(); // items that started on another connection are not continued on this one
        idle_since_.reset();
    }
}

void RunningTurn::join(const Json& stored, std::string model) {
    model_ = std::move(model);
    id_ = text_view_in(stored, "id");
    translator_ = CodexTranslator(thread_, id_, baseline_, cwd_);
    adrift_since_.reset();
    catch_up(stored, true);
    ask_early();
    call_early();
}

bool RunningTurn::heard_early(std::string_view method) const {
    return std::ranges::any_of(early_, [method](const Json& message) {
        return string_member(message, "method") == method;
    });
}

void RunningTurn::catch_up(const Json& stored, bool running) {
    adrift_since_.reset();
    torn_ = true;
    translator_.tear();
    calls_.tear();
    if (!baseline_known_ && has_ended_call(stored)) {
        translator_.lose_count();
    }
    whole_.clear();
    replayed_.clear();
    last_event_ = Clock::now();
    if (!started_) { // it is in the history, so it has started
        Json params = Json::object({{"threadId", thread_}, {"turn", Json::object({{"id", id_}})}});
        say("turn/started", notification("turn/started", std::move(params)));
    }
    replay_items(stored);
    for (const Json& message : std::exchange(early_, {})) {
        deliver(string_member(message, "method").value_or(""), message);
    }
    replayed_.clear(); // later notifications are new, even with the same id
    const std::string_view status = text_view_in(stored, "status");
    if (ended_ || (running && status == "inProgress")) {
        return;
    }
    if (status == "inProgress") {
        idle_since_ = Clock::now(); // its end is looked up in the history
    } else if (status == "interrupted" && !stop_wanted) {
        fail(Error{.code = Code::unavailable, .message = "the Codex server ended the turn"});
    } else {
        Json params = Json::object({{"threadId", thread_}, {"turn", stored}});
        apply("turn/completed", notification("turn/completed", std::move(params)));
    }
}

/// Codex's history has complete items, and calls also while they run.
void RunningTurn::replay_items(const Json& stored) {
    std::map<std::pair<std::string, std::string>, std::size_t> occurrences; // providers reuse ids
    for (const Json& item : list_in(stored, "items")) {
        const std::string type(text_view_in(item, "type"));
        const std::string id(text_view_in(item, "id"));
        const std::size_t occurrence = ++occurrences[{type, id}];
        const auto seen = translator_.seen(type, id);
        if (occurrence <= seen.done) {
            continue;
        }
        const auto translate = [&](std::string_view method, Json item) {
            Json params =
                Json::object({{"threadId", thread_}, {"turnId", id_}, {"item", std::move(item)}});
            say(method, notification(method, std::move(params)));
        };
        if (occurrence > seen.begun) {
            translate("item/started", at_its_beginning(item));
        }
        if (text_view_in(item, "status") != "inProgress") {
            translate("item/completed", item);
            replayed_.insert(id);
        }
    }
}

void RunningTurn::open_asked(const ApprovalQuestion& question) {
    Json item = Json::object({{"id", question.item}, {"status", "inProgress"}});
    if (question.kind == ApprovalQuestion::Kind::command) {
        item["type"] = "commandExecution";
        item["command"] = text_in(question.input, "command");
    } else if (question.kind == ApprovalQuestion::Kind::file_change) {
        item["type"] = "fileChange";
        item["changes"] = Json::array();
    } else {
        return;
    }
    Json params = Json::object({{"threadId", thread_}, {"turnId", id_}, {"item", std::move(item)}});
    say("item/started", notification("item/started", std::move(params)));
    whole_.insert(question.item);
}

/// True for a delta of an item whose start was missed (its end has the whole text), and for a
/// repeat of what the history contained.
bool RunningTurn::is_torn(std::string_view method, const Json& message) {
    const Json* params = member(message, "params");
    if (!method.starts_with("item/") || params == nullptr) {
        return false;
    }
    if (method == "item/started" || method == "item/completed") {
        std::string id = text_in(object_in(*params, "item"), "id");
        const bool ends = method == "item/completed";
        const auto replayed = replayed_.find(id);
        if (replayed != replayed_.end()) {
            if (ends) {
                replayed_.erase(replayed);
            }
            return true;
        }
        if (!ends) {
            whole_.insert(std::move(id));
        }
        return false;
    }
    return !whole_.contains(text_view_in(*params, "itemId"));
}

/// Applies one notification at once. One that contradicts the text sent before the loss ends the
/// turn.
void RunningTurn::apply(std::string_view method, const Json& message) {
    if (!torn_ || !is_torn(method, message)) {
        say(method, message);
    }
}

void RunningTurn::say(std::string_view method, const Json& message) {
    if (ended_) {
        return;
    }
    const auto before = translator_.text_mismatches();
    translate(method, message);
    if (torn_ && translator_.text_mismatches() > before) {
        fail(Error{
            .code = Code::unavailable,
            .message = "the answer does not continue the one before the connection was lost"
        });
    }
}

/// Codex adds a turn/start on a busy thread to the running turn as steering: the rest of the turn
/// also answers another client's message.
void RunningTurn::check_question(const Json& item) {
    const std::pair question{text_in(item, "id"), text_in(item, "clientId")};
    if (asked_as.value_or(question) != question && !over()) {
        foreign_input = true;
        fail(Error{
            .code = Code::unavailable, .message = "another client sent a message into this turn"
        });
    }
    asked_as = asked_as.value_or(question);
}

} // namespace oa_stream::authority

// Going on with a turn whose connection was lost, or that was begun by somebody else; and what a
// server that is shared lets others say in it.
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

/// Codex asks the model again behind a call: its first usage report from here on need not be the
/// turn's first one.
bool has_ended_call(const Json& stored) {
    return std::ranges::any_of(list_in(stored, "items"), [](const Json& item) {
        return codex::kind_of(text_view_in(item, "type")) == codex::ItemKind::tool &&
               text_view_in(item, "status") != "inProgress";
    });
}

/// The item as it was when it began: what it said since is not known to have been said.
Json at_its_beginning(Json item) {
    for (const char* key : {"text", "summary", "content"}) {
        item.erase(key);
    }
    return item;
}

} // namespace

void RunningTurn::adrift() {
    if (!over()) {
        adrift_since_ = adrift_since_.value_or(Clock::now()); // until it was caught up with
        early_.clear(); // what another connection began this one does not go on with
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
    if (!started_) { // history has it, so it has begun
        Json params = Json::object({{"threadId", thread_}, {"turn", Json::object({{"id", id_}})}});
        say("turn/started", notification("turn/started", std::move(params)));
    }
    replay_items(stored);
    for (const Json& message : std::exchange(early_, {})) {
        deliver(string_member(message, "method").value_or(""), message);
    }
    replayed_.clear(); // what comes from here on is new, whatever its id
    const std::string_view status = text_view_in(stored, "status");
    if (ended_ || (running && status == "inProgress")) {
        return;
    }
    if (status == "inProgress") {
        idle_since_ = Clock::now(); // its end is looked up
    } else if (status == "interrupted" && !stop_wanted) {
        fail(Error{.code = Code::unavailable, .message = "the Codex server ended the turn"});
    } else {
        Json params = Json::object({{"threadId", thread_}, {"turn", stored}});
        apply("turn/completed", notification("turn/completed", std::move(params)));
    }
}

/// Codex' history has an item once it is whole, and calls also while they run.
void RunningTurn::replay_items(const Json& stored) {
    std::map<std::pair<std::string, std::string>, std::size_t> occurrences; // ids repeat
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

/// True for a piece of an item whose beginning was missed, as its end has all of it; and for one
/// that history told already.
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

/// One notification, told at once. What does not fit to what was said before the loss ends the
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

/// Codex takes a turn/start on a busy thread for more of the turn that runs: what follows answers
/// somebody else, too.
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

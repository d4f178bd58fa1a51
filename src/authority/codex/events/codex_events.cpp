#include "codex_events.hpp"

#include "oa_stream/base/json_members.hpp"

#include "codex_events_items.hpp"
#include "codex_item_index.hpp"
#include "token_usage.hpp"

#include <algorithm>
#include <array>
#include <tuple>
#include <utility>

namespace oa_stream::authority {
namespace {

using codex::ItemKind;

/// The scope that a notification must match before its handler runs.
enum class Scope { thread, turn };

[[nodiscard]] Json plan_payload(const Json& params) {
    Json payload = Json::object();
    if (const std::string_view why = text_view_in(params, "explanation"); !why.empty()) {
        payload["explanation"] = why;
    }
    Json steps = Json::array();
    for (const Json& step : list_in(params, "plan")) {
        Json out = Json::object();
        out["step"] = text_view_in(step, "step");
        out["status"] = text_view_in(step, "status");
        steps.push_back(std::move(out));
    }
    payload["steps"] = std::move(steps);
    return payload;
}

/// A transient notice that is not stored. The text is ours, because Codex's may name hosts.
[[nodiscard]] turn::Note notice(std::string_view kind, std::string_view message) {
    Json payload = Json::object();
    payload["kind"] = kind;
    payload["message"] = message;
    return turn::Note{"notice", std::nullopt, true, std::move(payload)};
}

} // namespace

struct CodexTranslator::State {
    std::string thread, turn, cwd;
    turn::Usage baseline, total;
    bool started = false, ended = false, usage_reported = false;
    bool torn = false; ///< notifications were missed
    bool counted = true; ///< the usage is complete
    bool worded = false; ///< newest response used more than reasoning tokens
    std::optional<turn::Usage> usage{};
    codex::ItemIndex items{};
    std::string diff{};
    Json last_error{};
    std::vector<turn::Event>* out = nullptr; ///< output of the current notification

    void emit(turn::Event event) { out->push_back(std::move(event)); }

    void turn_started(const Json& params) {
        const std::string_view id = text_view_in(object_in(params, "turn"), "id");
        if (id.empty() || started || (!turn.empty() && turn != id)) {
            return;
        }
        started = true;
        turn = id;
        emit(turn::TurnStarted{thread, turn, ""});
    }

    codex::Item& begun_message(std::string_view id, const Json& raw) {
        codex::Item& item = items.add(id, "agentMessage");
        item.phase = codex::phase_of(raw);
        return item;
    }

    void item_started(const Json& params) {
        const Json* raw = member(params, "item");
        if (raw == nullptr) {
            return;
        }
        const std::string_view id = text_view_in(*raw, "id");
        const std::string_view type = text_view_in(*raw, "type");
        switch (codex::kind_of(type)) {
        case ItemKind::message:
            items.close_parts(*out);
            items.say(begun_message(id, *raw), text_view_in(*raw, "text"), *out);
            return;
        case ItemKind::reasoning:
            items.close_parts(*out);
            std::ignore = items.add(id, type);
            return;
        case ItemKind::tool:
            if (const auto* known = items.find(id, type); known == nullptr || known->done) {
                items.open_tool(items.add(id, type), *raw, cwd, *out);
            }
            return;
        case ItemKind::compaction:
            std::ignore = items.add(id, type); // do not send the item again if history repeats it
            emit(notice("compacting", "Earlier parts of this conversation are being summarised."));
            return;
        case ItemKind::plan:
        case ItemKind::nothing:
            return;
        }
    }

    void item_completed(const Json& params) {
        const Json* raw = member(params, "item");
        if (raw == nullptr) {
            return;
        }
        const std::string_view id = text_view_in(*raw, "id");
        const std::string_view type = text_view_in(*raw, "type");
        const ItemKind kind = codex::kind_of(type);
        if (kind == ItemKind::nothing) {
            return;
        }
        codex::Item* known = items.find(id, type);
        codex::Item& item = known == nullptr ? items.add(id, type) : *known;
        if (item.done) {
            return; // a repeat
        }
        if (kind == ItemKind::message) {
            if (item.phase == turn::TextPhase::unknown) {
                item.phase = codex::phase_of(*raw);
            }
            const bool complete = raw->contains("text"); // a worker may omit the text
            items.finish_text(item, complete ? text_view_in(*raw, "text") : item.text, *out);
        } else if (kind == ItemKind::reasoning) {
            const bool complete = raw->contains("summary") || raw->contains("content");
            items.finish_text(item, complete ? codex::reasoning_text(*raw) : item.text, *out);
        } else if (kind == ItemKind::compaction) {
            item.done = true;
            emit(notice("compacted", "Earlier parts of this conversation were summarised."));
        } else if (kind == ItemKind::plan) {
            item.done = true;
            emit(codex::plan_note(*raw, item.occurrence));
        } else {
            items.finish_tool(item, *raw, cwd, *out);
        }
    }

    void message_delta(const Json& params) {
        codex::Item& item = items.speaker(text_view_in(params, "itemId"), "agentMessage", *out);
        items.say(item, text_view_in(params, "delta"), *out);
    }

    void reasoning_delta(const Json& params, std::string_view kind, std::string_view index_key) {
        codex::Item& item = items.speaker(text_view_in(params, "itemId"), "reasoning", *out);
        const std::string_view text = text_view_in(params, "delta");
        if (text.empty()) {
            return;
        }
        std::string section(kind);
        section += std::to_string(int_member(params, index_key).value_or(0));
        if (!item.text.empty() && section != item.section) {
            items.say(item, codex::k_reasoning_break, *out);
        }
        item.section = std::move(section);
        items.say(item, text, *out);
    }
    void summary_delta(const Json& params) { reasoning_delta(params, "s", "summaryIndex"); }
    void raw_delta(const Json& params) { reasoning_delta(params, "c", "contentIndex"); }

    /// Calls of two types may share an id; workers send the output of any type as a command's.
    void tool_text(const Json& params, std::string_view type, std::string text) {
        const std::string_view id = text_view_in(params, "itemId");
        codex::Item* typed = items.find(id, type);
        codex::Item* item = typed != nullptr && typed->open ? typed : items.find(id);
        if (item != nullptr && item->open && item->kind == ItemKind::tool && !text.empty()) {
            codex::ItemIndex::send_input(*item, Json::object(), *out);
            emit(turn::ToolOutputDelta{item->wire, std::move(text)});
        }
    }
    void command_delta(const Json& params) {
        tool_text(params, "commandExecution", std::string(text_view_in(params, "delta")));
    }
    void patch_delta(const Json& params) {
        tool_text(params, "fileChange", std::string(text_view_in(params, "delta")));
    }
    void progress(const Json& params) {
        if (const std::string_view message = text_view_in(params, "message"); !message.empty()) {
            tool_text(params, "mcpToolCall", std::string(message) + "\n");
        }
    }

    void plan_updated(const Json& params) {
        emit(turn::Note{"plan", "plan", false, plan_payload(params)});
    }
    void diff_updated(const Json& params) {
        const std::string_view now = text_view_in(params, "diff");
        if (now != diff) { // Codex repeats it after every request
            diff = now;
            Json payload = Json::object();
            payload["diff"] = diff;
            emit(turn::Note{"diff", "diff", false, std::move(payload)});
        }
    }

    void usage_updated(const Json& params) {
        const auto now = read_usage(params);
        if (!now) {
            return;
        }
        total = *now;
        if (turn.empty() || text_view_in(params, "turnId") != turn) {
            baseline = usage_reported ? baseline : total;
            return;
        }
        usage_reported = true;
        if (const auto last = read_usage(params, "last")) {
            worded = last->output > last->reasoning_output;
        }
        turn::Usage spent = total;
        spent -= baseline;
        const bool sane = spent.input >= 0 && spent.cached_input >= 0 && spent.output >= 0 &&
                          spent.reasoning_output >= 0;
        // All zero: the provider reported no usage and Codex repeated the earlier numbers.
        if (!ended && counted && sane && spent != turn::Usage{} && usage != spent) {
            usage = spent;
            emit(turn::UsageKnown{spent});
        }
    }

    void error(const Json& params) {
        if (const Json* raw = member(params, "error")) {
            last_error = *raw;
        }
        if (bool_member(params, "willRetry").value_or(false)) {
            const auto from = static_cast<std::ptrdiff_t>(out->size());
            items.close_parts(*out); // the retry repeats the text from its start, in a new item
            for (turn::Event& event : std::ranges::subrange(out->begin() + from, out->end())) {
                std::get<turn::PartClosed>(event).broken = true;
            }
            emit(notice("reconnecting", "The connection to the model was lost; trying again."));
        }
    }

    void turn_completed(const Json& params) {
        const Json& raw = object_in(params, "turn");
        if (turn.empty() || text_view_in(raw, "id") != turn) {
            return;
        }
        ended = true;
        last_resort(raw);
        const std::string_view status = text_view_in(raw, "status");
        turn::TurnEnded end;
        end.usage = usage;
        if (status == "interrupted") {
            end.outcome = turn::Outcome::interrupted;
            end.finish = turn::Finish::other;
        } else if (status != "completed") {
            fail_turn(raw, status, end);
        } else {
            const bool spent = usage && usage->output > 0;
            // If the start of a message was missed, only its usage shows that there was text.
            end.withheld = items.withheld() || (spent && items.empty()) ||
                           (torn && worded && !items.answered());
        }
        emit(std::move(end));
    }

    /// turn.items is a summary; it is used as the answer only if no text was sent.
    void last_resort(const Json& raw) {
        if (items.spoke()) {
            return;
        }
        for (const Json& item : list_in(raw, "items")) {
            if (text_view_in(item, "type") == "agentMessage") {
                codex::Item& last = begun_message(text_view_in(item, "id"), item);
                items.finish_text(last, text_view_in(item, "text"), *out);
            }
        }
    }

    void fail_turn(const Json& raw, std::string_view status, turn::TurnEnded& end) {
        const Json* error = member(raw, "error");
        CodexFailure failure =
            classify_codex_error(error != nullptr && error->is_object() ? *error : last_error);
        end.finish = failure.finish;
        if (failure.truncated || failure.filtered) {
            end.withheld = !torn && !items.answered(); // history may lack text that was sent
            // the text so far was delivered: a completed turn with the finish that explains the cut
            return;
        }
        end.outcome = turn::Outcome::failed;
        if (status != "failed") {
            failure.failure.code = turn::FailureCode::codex_error;
            failure.failure.detail = "turn/completed with status \"" + std::string(status) + "\"";
        }
        end.failure = std::move(failure.failure);
    }
};

CodexTranslator::CodexTranslator(
    std::string thread, std::string turn, turn::Usage usage_baseline, std::string cwd
)
    : state_(std::make_unique<State>()) {
    state_->thread = std::move(thread);
    state_->turn = std::move(turn);
    state_->cwd = std::move(cwd);
    state_->baseline = usage_baseline;
    state_->total = usage_baseline;
}

CodexTranslator::~CodexTranslator() = default;
CodexTranslator::CodexTranslator(CodexTranslator&&) noexcept = default;
CodexTranslator& CodexTranslator::operator=(CodexTranslator&&) noexcept = default;

void CodexTranslator::notification(const Json& message, std::vector<turn::Event>& out) {
    struct Handler {
        std::string_view method;
        Scope scope;
        void (State::*handle)(const Json&);
    };
    static constexpr std::array k_handlers{
        Handler{"item/agentMessage/delta", Scope::turn, &State::message_delta},
        Handler{"item/reasoning/summaryTextDelta", Scope::turn, &State::summary_delta},
        Handler{"item/reasoning/textDelta", Scope::turn, &State::raw_delta},
        Handler{"item/commandExecution/outputDelta", Scope::turn, &State::command_delta},
        Handler{"item/fileChange/outputDelta", Scope::turn, &State::patch_delta},
        Handler{"item/mcpToolCall/progress", Scope::turn, &State::progress},
        Handler{"item/started", Scope::turn, &State::item_started},
        Handler{"item/completed", Scope::turn, &State::item_completed},
        Handler{"turn/plan/updated", Scope::turn, &State::plan_updated},
        Handler{"turn/diff/updated", Scope::turn, &State::diff_updated},
        Handler{"error", Scope::turn, &State::error},
        Handler{"turn/started", Scope::thread, &State::turn_started},
        Handler{"turn/completed", Scope::thread, &State::turn_completed},
        Handler{"thread/tokenUsage/updated", Scope::thread, &State::usage_updated},
    };
    const std::string_view method = text_view_in(message, "method");
    const auto* handler = std::ranges::find(k_handlers, method, &Handler::method);
    const Json* params = member(message, "params");
    if (handler == k_handlers.end() || params == nullptr ||
        text_view_in(*params, "threadId") != state_->thread) {
        return;
    }
    const bool of_turn = !state_->turn.empty() && text_view_in(*params, "turnId") == state_->turn;
    const bool late = state_->ended && method != "thread/tokenUsage/updated";
    if (late || (handler->scope == Scope::turn && !of_turn)) {
        return;
    }
    state_->out = &out;
    (state_.get()->*(handler->handle))(*params);
    state_->out = nullptr;
}

bool CodexTranslator::ended() const noexcept {
    return state_->ended;
}
void CodexTranslator::tear() noexcept {
    state_->torn = true;
}
void CodexTranslator::lose_count() noexcept {
    state_->counted = false;
}
const turn::Usage& CodexTranslator::total_usage() const noexcept {
    return state_->total;
}
std::uint64_t CodexTranslator::text_mismatches() const noexcept {
    return state_->items.mismatches();
}

CodexTranslator::Seen
CodexTranslator::seen(std::string_view type, std::string_view id) const noexcept {
    const auto [begun, done] = state_->items.count(type, id);
    return {begun, done};
}

std::vector<turn::Event> events_of_item(const Json& item, int occurrence, std::string_view cwd) {
    const ItemKind kind = codex::kind_of(text_view_in(item, "type"));
    std::string id = codex::call_id(text_view_in(item, "id"), occurrence);
    std::vector<turn::Event> out;
    if (kind == ItemKind::message || kind == ItemKind::reasoning) {
        const bool message = kind == ItemKind::message;
        std::string text =
            message ? std::string(text_view_in(item, "text")) : codex::reasoning_text(item);
        if (!text.empty()) {
            const auto part = message ? turn::PartKind::text : turn::PartKind::reasoning;
            out.emplace_back(turn::PartOpened{id, part, codex::phase_of(item)});
            out.emplace_back(turn::PartDelta{id, std::move(text)});
            out.emplace_back(turn::PartClosed{std::move(id)});
        }
    } else if (kind == ItemKind::tool) {
        out.emplace_back(turn::ToolOpened{id, codex::tool_name(item), true});
        out.emplace_back(
            turn::ToolInputReady{id, codex::tool_input(item, cwd).value_or(Json::object())}
        );
        out.push_back(codex::tool_result(std::move(id), item));
    } else if (kind == ItemKind::plan) {
        out.emplace_back(codex::plan_note(item, occurrence));
    }
    return out;
}

} // namespace oa_stream::authority

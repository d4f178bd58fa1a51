#include "worker_translator.hpp"

#include "oa_stream/base/json_members.hpp"

#include "codex/events/token_usage.hpp"
#include "contract_dialect.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace oa_stream::authority {

namespace {

constexpr std::size_t k_output_limit = 1U << 20U; ///< limit of the live output kept for one tool
/// Complete texts that wait for an earlier text's end. Workers post notifications concurrently, so
/// one can overtake another; an end that never arrives must not block the rest of the turn.
constexpr std::ptrdiff_t k_most_held = 2;

/// How a turn ended, by the method of its last notification.
struct End {
    std::string_view method;
    std::optional<turn::Outcome> outcome{}; ///< unset: the notification's status decides
    std::optional<turn::FailureCode> code{}; ///< unset: not a failure
};

constexpr std::array k_ends{
    End{.method = "turn/completed"},
    End{.method = "turn/failed",
        .outcome = turn::Outcome::failed,
        .code = turn::FailureCode::turn_failed},
    End{.method = "turn/aborted",
        .outcome = turn::Outcome::aborted,
        .code = turn::FailureCode::turn_aborted},
    End{.method = "turn/interrupted", .outcome = turn::Outcome::interrupted},
};

const End* end_of(std::string_view method) {
    const auto* const found = std::ranges::find(k_ends, method, &End::method);
    return found == k_ends.end() ? nullptr : found;
}

void rename_member(Json& object, const char* from, const char* to) {
    if (const auto found = object.find(from); found != object.end() && !object.contains(to)) {
        Json value = std::move(*found);
        object[to] = std::move(value);
    }
}

std::string_view status_of(const Json& params) {
    const auto status = text_view_in(object_in(params, "turn"), "status");
    return status.empty() ? text_view_in(params, "status") : status;
}

bool will_retry(const Json& params) {
    const Json* flag = either_member(params, "willRetry", "will_retry");
    return flag != nullptr && flag->is_boolean() && flag->get<bool>();
}

bool is_text(std::string_view type) {
    return type == "agentMessage" || type == "reasoning";
}

bool has_text(const Json& item) {
    return item.contains("text") || item.contains("summary");
}

} // namespace

WorkerTranslator::WorkerTranslator(Settings settings)
    : settings_(std::move(settings)), codex_(
                                          settings_.thread,
                                          settings_.turn,
                                          settings_.baseline.value_or(turn::Usage{}),
                                          settings_.cwd
                                      ) {
}

bool WorkerTranslator::completes(std::string_view method, const Json& params) {
    return method == "turn/completed" && status_of(params) == "completed";
}

bool WorkerTranslator::ends(std::string_view method) {
    return end_of(method) != nullptr;
}

void WorkerTranslator::push(std::string_view method, Json params, Events& out) {
    if (ended_) {
        return;
    }
    if (method == "turn/started") {
        start(text_view_in(params, "model"), out);
    } else if (method == "item/started" || method == "item/completed" || method == "item/updated") {
        item(method, params, out);
    } else if (method == "item/agentMessage/delta") {
        delta(method, std::move(params), Delta::message, out);
    } else if (method == "item/reasoning/summaryTextDelta" ||
               method == "item/reasoning/textDelta") {
        delta(method, std::move(params), Delta::reasoning, out);
    } else if (method == "item/toolOutput/delta" || method == "item/commandExecution/outputDelta" ||
               method == "item/fileChange/outputDelta" || method == "item/mcpToolCall/progress") {
        delta(method, std::move(params), Delta::tool, out);
    } else if (method == "turn/plan/updated" || method == "turn/diff/updated") {
        start({}, out);
        translate(method, std::move(params), out);
    } else if (method == k_usage) {
        usage(std::move(params), out);
    } else if (method == "error" || method == "codex/error") {
        start({}, out);
        rename_member(params, "will_retry", "willRetry");
        method == "error" ? translate(method, std::move(params), out) : codex_error(params, out);
    } else if (const End* const how = end_of(method); how == nullptr) {
        ++unknown_;
    } else if (const auto outcome = how->outcome) {
        const auto failure_in = [&](turn::FailureCode code) {
            auto failure = turn::failure_of(code, text_in(params, "message"));
            failure.retryable = failure.retryable || will_retry(params);
            return failure;
        };
        end(*outcome, how->code.transform(failure_in), out);
    } else {
        start({}, out);
        completed(params, out);
    }
}

void WorkerTranslator::start(std::string_view model, Events& out) {
    if (std::exchange(started_, true)) {
        return;
    }
    const std::string name = model.empty() ? settings_.model : std::string(model);
    out.emplace_back(turn::TurnStarted{settings_.thread, settings_.turn, name});
}

void WorkerTranslator::translate(std::string_view method, Json params, Events& out) {
    params["threadId"] = settings_.thread;
    params["turnId"] = settings_.turn;
    codex_.notification(
        Json::object({{"method", std::string(method)}, {"params", std::move(params)}}), out
    );
}

void WorkerTranslator::item(std::string_view method, const Json& params, Events& out) {
    if (auto plan = plan_of_todo_list(params)) {
        start({}, out);
        translate("turn/plan/updated", Json::object({{"plan", *std::move(plan)}}), out);
        return;
    }
    const std::string id = ids_of(params).item;
    Json raw = app_server_item(params, id);
    const std::string type = text_in(raw, "type");
    if (codex::kind_of(type) == codex::ItemKind::nothing) {
        unknown_ += type == "userMessage" ? 0 : 1;
        return;
    }
    start({}, out);
    const Key key{type, id};
    if (method == "item/completed") {
        item_completed(key, std::move(raw), params, out);
    } else if (method == "item/started" && overtaken_.erase(key) == 0) {
        begun_.insert(key);
        // An open item was started by a delta that overtook this item/started.
        if (open(key)) {
            done_.erase(key);
            translate(method, Json::object({{"item", std::move(raw)}}), out);
        }
    }
}

void WorkerTranslator::item_completed(const Key& key, Json raw, const Json& params, Events& out) {
    if (!done_.insert(key).second) {
        return;
    }
    const bool was_open = open_.erase(key) != 0;
    if (begun_.erase(key) == 0) {
        overtaken_.insert(key);
    }
    if (is_text(key.first)) {
        if (was_open || has_text(raw)) {
            text_completed(key, std::move(raw), out);
        }
        return;
    }
    const auto before = out.size();
    translate("item/completed", Json::object({{"item", std::move(raw)}}), out);
    if (tells_item(params)) {
        return;
    }
    // For a tool whose item has only an end, the live output becomes its output.
    const auto output_text = outputs_.find(key.second);
    for (auto event = out.begin() + static_cast<std::ptrdiff_t>(before); event != out.end();
         ++event) {
        if (auto* output = std::get_if<turn::ToolOutput>(&*event)) {
            output->output = output_text == outputs_.end() ? Json{{"status", "completed"}}
                                                           : Json{{"output", output_text->second}};
        }
    }
}

bool WorkerTranslator::open(const Key& key) {
    const bool is_new = open_.insert(key).second;
    if (is_new && is_text(key.first) && settings_.text == WorkerText::items) {
        texts_.push_back({key, {}});
    }
    return is_new;
}

void WorkerTranslator::text_completed(const Key& key, Json raw, Events& out) {
    if (has_text(raw)) {
        kept_.erase(key);
    }
    auto text = std::ranges::find_if(texts_, [&](const Text& each) {
        return each.key == key && !each.end;
    });
    if (text == texts_.end()) {
        text = texts_.insert(texts_.end(), {key, {}});
    }
    text->end = std::move(raw);
    auto held =
        std::ranges::count_if(texts_, [](const Text& each) { return each.end.has_value(); });
    while (!texts_.empty() && (texts_.front().end || held > k_most_held)) {
        if (texts_.front().end) {
            tell_text(texts_.front(), out);
            --held;
        }
        texts_.pop_front();
    }
}

void WorkerTranslator::tell_text(Text& text, Events& out) {
    tell_kept(text.key, out);
    if (text.end) {
        translate("item/completed", Json::object({{"item", *std::move(text.end)}}), out);
    }
}

void WorkerTranslator::delta(std::string_view method, Json params, Delta kind, Events& out) {
    const std::string id = ids_of(params).item;
    const auto text = text_in(
        params,
        method == "item/mcpToolCall/progress" && params.contains("message") ? "message" : "delta"
    );
    if (id.empty() || text.empty()) {
        ++unknown_;
        return;
    }
    params["itemId"] = id;
    if (kind == Delta::tool) {
        start({}, out);
        if (std::string& output_text = outputs_[id];
            output_text.size() + text.size() <= k_output_limit) {
            output_text += text;
        }
        const bool shared = method == "item/toolOutput/delta";
        translate(shared ? "item/commandExecution/outputDelta" : method, std::move(params), out);
        return;
    }
    const Key key{kind == Delta::message ? "agentMessage" : "reasoning", id};
    if (done_.contains(key)) {
        return; // arrived after the item's end, which had its text
    }
    start({}, out);
    rename_member(params, "summary_index", "summaryIndex");
    rename_member(params, "content_index", "contentIndex");
    open(key);
    if (settings_.text == WorkerText::items) {
        kept_[key].emplace_back(method, std::move(params));
        return;
    }
    translate(method, std::move(params), out);
}

void WorkerTranslator::tell_kept(const Key& key, Events& out) {
    if (auto kept = kept_.extract(key)) {
        for (auto& [method, params] : kept.mapped()) {
            translate(method, std::move(params), out);
        }
    }
}

void WorkerTranslator::flush(Events& out) {
    for (auto& text : std::exchange(texts_, {})) {
        tell_text(text, out);
    }
    while (!kept_.empty()) {
        tell_kept(Key(kept_.begin()->first), out);
    }
}

void WorkerTranslator::usage(Json params, Events& out) {
    if (const auto total = read_usage(params)) {
        total_ = total;
        if (settings_.baseline) {
            translate(k_usage, std::move(params), out);
        }
    }
}

void WorkerTranslator::spent_by_others(const Json& params) {
    if (const auto total = read_usage(params)) {
        total_ = total;
        settings_.baseline = settings_.baseline ? settings_.baseline : total;
        Json renamed = params;
        renamed["threadId"] = settings_.thread;
        renamed["turnId"] = "";
        Events none; // only affects the baseline
        codex_.notification(
            Json::object({{"method", k_usage}, {"params", std::move(renamed)}}), none
        );
    }
}

void WorkerTranslator::codex_error(const Json& params, Events& out) {
    auto message = text_in(params, "message");
    if (!will_retry(params)) {
        end(turn::Outcome::failed,
            turn::failure_of(turn::FailureCode::codex_error, std::move(message)),
            out);
        return;
    }
    Json error = Json::object({{"message", std::move(message)}});
    translate("error", Json::object({{"error", std::move(error)}, {"willRetry", true}}), out);
}

void WorkerTranslator::completed(const Json& params, Events& out) {
    flush(out);
    Json turn = Json::object();
    if (const Json* reported = member(params, "turn");
        reported != nullptr && reported->is_object()) {
        turn = *reported;
    } else {
        turn["status"] = std::string(status_of(params));
        turn["error"] = Json::object({{"message", text_in(params, "message")}});
    }
    turn["id"] = settings_.turn;
    const auto before = out.size();
    translate("turn/completed", Json::object({{"turn", std::move(turn)}}), out);
    ended_ = codex_.ended();
    const auto spent = usage_of_turn(params);
    for (auto event = out.begin() + static_cast<std::ptrdiff_t>(before); event != out.end();
         ++event) {
        if (auto* last = std::get_if<turn::TurnEnded>(&*event); last != nullptr && spent) {
            last->usage = spent;
        }
    }
}

void WorkerTranslator::end(
    turn::Outcome outcome, std::optional<turn::Failure> failure, Events& out
) {
    start({}, out);
    flush(out);
    ended_ = true;
    const bool stopped = outcome == turn::Outcome::interrupted;
    out.emplace_back(turn::TurnEnded{
        outcome, stopped ? turn::Finish::other : turn::Finish::error, std::move(failure), {}
    });
}

} // namespace oa_stream::authority

// Runs and their events: one run per turn.
#include "oa_stream/base/digest.hpp"
#include "oa_stream/base/json_members.hpp"
#include "oa_stream/base/utf8.hpp"
#include "oa_stream/encode/ui_message.hpp"

#include "chat_request.hpp"
#include "projection.hpp"
#include "projection_time.hpp"

#include <algorithm>
#include <map>

namespace oa_stream::lane {

namespace {

/// Converts turn events to run events, in order.
class EventList {
public:
    explicit EventList(std::vector<Json>& out) : out_(out) {}

    void add(std::string_view type, Json payload, Json at, std::string_view actor = "system") {
        Json event = Json::object();
        const auto seq = static_cast<std::int64_t>(out_.size()) + 1;
        event["id"] = seq;
        event["seq"] = seq;
        event["type"] = type;
        event["autopilotId"] = nullptr;
        event["actorType"] = actor;
        event["actorAutopilotId"] = nullptr;
        event["payload"] = std::move(payload);
        event["createdAt"] = std::move(at);
        out_.push_back(std::move(event));
    }

    /// `at`: Unix milliseconds, 0 when unknown.
    void add(const turn::Event& event, std::int64_t at) {
        at_ = at;
        std::visit(*this, event);
    }

    void operator()(const turn::PartOpened& event) { kinds_[event.id] = event.kind; }
    void operator()(const turn::PartDelta& event) { texts_[event.id] += event.text; }
    void operator()(const turn::PartClosed& event) {
        const bool text = kinds_[event.id] == turn::PartKind::text;
        const std::string& part = texts_[event.id];
        if (text) {
            answer_ += part;
        }
        Json payload = Json::object({{"part_id", event.id}, {"text", part}});
        payload["text_sha256"] = sha256_hex(part);
        add(text ? "text" : "reasoning", std::move(payload), time_json(at_));
    }
    void operator()(const turn::ToolOpened& event) { calls_[event.call].name = event.name; }
    void operator()(const turn::ToolInputReady& event) {
        Call& call = calls_[event.call];
        call.params_hash = canonical_hash(event.input);
        call.began = at_;
        Json payload = call_payload(event.call, call);
        payload["params"] = event.input;
        add("tool_call_started", std::move(payload), time_json(at_));
    }
    void operator()(const turn::ToolOutput& event) {
        Json payload = ended_payload(event.call);
        payload["output_hash"] = canonical_hash(event.output);
        payload["output"] = event.output;
        payload["error"] = nullptr;
        add("tool_call_succeeded", std::move(payload), time_json(at_));
    }
    void operator()(const turn::ToolFailed& event) {
        Json payload = ended_payload(event.call);
        payload["output_hash"] = nullptr;
        payload["error"] = event.text;
        add("tool_call_failed", std::move(payload), time_json(at_));
    }
    void operator()(const turn::Note& event) {
        Json payload = Json::object({{"name", event.name}, {"data", event.payload}});
        add("note", std::move(payload), time_json(at_));
    }
    void operator()(const auto&) {}

    [[nodiscard]] const std::string& answer() const noexcept { return answer_; }
    [[nodiscard]] bool used_tools() const noexcept { return !calls_.empty(); }

private:
    struct Call {
        std::string name{};
        std::string params_hash{};
        std::int64_t began = 0;
    };

    [[nodiscard]] static Json call_payload(const std::string& id, const Call& call) {
        Json payload = Json::object({{"tool_call_id", id}, {"tool_name", call.name}});
        payload["params_hash"] = call.params_hash;
        return payload;
    }
    [[nodiscard]] Json ended_payload(const std::string& id) {
        const Call& call = calls_[id];
        Json payload = call_payload(id, call);
        const bool known = at_ > 0 && call.began > 0;
        payload["latency_ms"] = known ? Json(std::max<std::int64_t>(0, at_ - call.began)) : Json();
        return payload;
    }

    std::vector<Json>& out_;
    std::map<std::string, turn::PartKind, std::less<>> kinds_{};
    std::map<std::string, std::string, std::less<>> texts_{};
    std::map<std::string, Call, std::less<>> calls_{};
    std::string answer_{};
    std::int64_t at_ = 0;
};

bool is_failed(const authority::PastTurn& turn) {
    const auto outcome = outcome_of(turn);
    return !turn.running && (outcome == turn::Outcome::failed || outcome == turn::Outcome::aborted);
}

/// As the stream had it, but for the time: nobody knows when the list is read.
Json failure_of(const authority::PastTurn& turn) {
    const auto* end =
        turn.events.empty() ? nullptr : std::get_if<turn::TurnEnded>(&turn.events.back());
    turn::Failure failure{turn.failure.value_or(turn::FailureCode::turn_failed)};
    if (end != nullptr && end->failure) {
        failure.cause = end->failure->cause;
    }
    return encode::failure_json(failure);
}

void add_end(EventList& list, const authority::PastTurn& turn) {
    const Json at = turn.completed_at ? seconds_json(*turn.completed_at) : Json();
    if (turn.running || turn.unknown) {
        return;
    }
    if (is_failed(turn)) {
        list.add("run_failed", Json::object({{"error", failure_of(turn)}}), at);
        return;
    }
    if (turn.outcome == turn::Outcome::interrupted) {
        list.add("run_interrupted", Json::object(), at);
        return;
    }
    list.add("model_finished", Json::object({{"reason", nullptr}, {"usage", nullptr}}), at);
    const auto missing = encode::missing_answer(turn.events);
    const bool unstored = !missing.text.empty() && !missing.empty;
    if (list.answer().empty() && !list.used_tools() && !unstored) {
        list.add("model_empty_response", Json::object(), at);
    }
    Json totals = Json::object({{"assistant_sha256", sha256_hex(list.answer())}});
    totals["assistant_chars"] = code_points(list.answer());
    list.add("run_completed", std::move(totals), at);
}

} // namespace

std::string canonical_hash(const Json& value) {
    // The library's plain objects are sorted maps, and it escapes neither slashes nor unicode.
    return sha256_hex(
        nlohmann::json(value).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace)
    );
}

Json project_run(const ProjectionContext& context, const authority::PastTurn& turn) {
    const Json began = seconds_json(turn.started_at);
    const Json ended = turn.completed_at ? seconds_json(*turn.completed_at) : Json();
    const bool failed = is_failed(turn);
    Json out = Json::object();
    out["id"] = wire_id(turn.id);
    out["status"] = failed ? turn::to_string(turn::Outcome::failed) : status_of(turn);
    out["autopilotId"] = nullptr;
    out["autopilotConfigVersion"] = nullptr;
    out["modelProvider"] = context.provider;
    out["model"] = or_null(model_of(context, turn));
    out["usage"] = nullptr;
    out["meta"] = nullptr;
    out["error"] = failed ? failure_of(turn) : Json();
    out["startedAt"] = began;
    out["completedAt"] = ended;
    out["createdAt"] = began;
    out["updatedAt"] = ended.is_null() ? began : ended;
    return out;
}

std::vector<Json>
project_events(const ProjectionContext& context, const authority::PastTurn& turn) {
    std::vector<Json> out;
    EventList list(out);
    const Json began = seconds_json(turn.started_at);
    Json prompt = Json::object({{"prompt_sha256", sha256_hex(turn.user_text)}});
    prompt["prompt_chars"] = code_points(turn.user_text);
    list.add("run_started", std::move(prompt), began, "user");
    Json model = Json::object({{"provider", context.provider}});
    model["model"] = or_null(model_of(context, turn));
    list.add("model_stream_started", std::move(model), began);
    for (std::size_t i = 0; i < turn.events.size(); ++i) {
        list.add(turn.events[i], i < turn.times_ms.size() ? turn.times_ms[i] : 0);
    }
    add_end(list, turn);
    return out;
}

} // namespace oa_stream::lane

#include "projection.hpp"

#include "oa_stream/base/clock.hpp"
#include "oa_stream/base/json_bounds.hpp"
#include "oa_stream/base/json_members.hpp"
#include "oa_stream/base/redact.hpp"
#include "oa_stream/base/text.hpp"
#include "oa_stream/base/utf8.hpp"
#include "oa_stream/encode/ui_message.hpp"
#include "oa_stream/wire/ui_part.hpp"

#include "bodies/text_file.hpp"
#include "chat_request.hpp"
#include "chat_title.hpp"
#include "image_url.hpp"
#include "projection_time.hpp"
#include "tools/call_results.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace oa_stream::lane {

namespace {

constexpr std::string_view k_untitled = "New conversation";

/// Replaces runs of white space, line ends included, by one space.
std::string one_line(std::string_view text) {
    std::string out;
    for (const char c : trim_blanks(text)) {
        const bool space = c == ' ' || c == '\t' || c == '\n' || c == '\r';
        if (!space || !out.ends_with(' ')) {
            out += space ? ' ' : c;
        }
    }
    return out;
}

Json metadata_of(const ProjectionContext& context, const authority::PastTurn& turn) {
    Json metadata = Json::object();
    metadata["threadId"] = context.thread;
    metadata["turnId"] = wire_id(turn.id);
    metadata["status"] = status_of(turn);
    return metadata;
}

Json file_part(authority::InputImage image) {
    const auto named = data_type(image.url);
    std::string type(named.empty() ? "image/*" : named);
    return Json::object(
        {{"type", "file"}, {"mediaType", std::move(type)}, {"url", std::move(image.url)}}
    );
}

Json text_part(std::string_view text) {
    return Json::object({{"type", "text"}, {"text", text}});
}

/// Images leave the turn: they are large.
Json user_parts(authority::PastTurn& turn) {
    Json parts = Json::array();
    for (authority::InputPart& part : turn.user_parts) {
        auto* image = std::get_if<authority::InputImage>(&part);
        parts.push_back(
            image != nullptr ? file_part(std::move(*image))
                             : text_part(std::get<authority::InputText>(part).text)
        );
    }
    if (parts.empty()) {
        parts.push_back(text_part(turn.user_text));
    }
    return parts;
}

Json message(std::string id, const authority::PastTurn& turn, std::string_view role) {
    Json out = Json::object();
    out["id"] = std::move(id);
    out["runId"] = wire_id(turn.id);
    out["autopilotId"] = nullptr;
    out["role"] = role;
    return out;
}

void finish_message(
    Json& message, std::string content, Json created, Json updated, Json parts, Json metadata
) {
    message["content"] = std::move(content);
    message["meta"] = nullptr;
    message["createdAt"] = std::move(created);
    message["updatedAt"] = std::move(updated);
    message["parts"] = std::move(parts);
    message["metadata"] = std::move(metadata);
}

/// A turn from a seed may have only an answer.
bool has_user_message(const authority::PastTurn& turn) {
    return !holds_results(turn) && (turn.user_item_id || turn.client_message_id ||
                                    !turn.user_text.empty() || !turn.user_parts.empty());
}

/// The newest turn waits for results of the page, or was stopped while it did.
bool waits(const ProjectionContext& context, const authority::PastTurn& turn) {
    return turn.id == context.newest &&
           (turn.running ? !context.calls.empty() : !open_calls(turn).empty());
}

bool has_content(const authority::PastTurn& turn) {
    return std::ranges::any_of(turn.events, [](const turn::Event& event) {
        return !std::holds_alternative<turn::TurnEnded>(event);
    });
}

/// Adds the sentence that replaces a missing answer, as in the stream.
void add_missing_answer(const authority::PastTurn& turn, Json& parts, Json& metadata) {
    const auto missing = encode::missing_answer(turn.events);
    if (missing.text.empty()) {
        return;
    }
    Json& part = parts.emplace_back(text_part(missing.text));
    part["state"] = "done";
    if (missing.empty) {
        metadata["notice"] = encode::k_empty_answer_code;
    }
}

/// The place of a call: before the first event that follows it in the stream.
std::size_t place_of(
    const std::vector<turn::Event>& events,
    const std::string& call,
    const std::vector<std::string>& order
) {
    const auto own = std::ranges::find(order, call);
    const auto later = std::ranges::find_if(events, [&](const turn::Event& event) {
        const auto* opened = std::get_if<turn::ToolOpened>(&event);
        return opened != nullptr && std::find(own, order.end(), opened->call) != order.end();
    });
    return static_cast<std::size_t>(later - events.begin());
}

/// For a running turn Codex lists only what has ended; the calls that wait are added here.
void add_waiting(const ProjectionContext& context, std::vector<turn::Event>& events) {
    for (const auto& call : context.calls) {
        auto input = parse_any_json(call.arguments).value_or(Json::object());
        const std::array<turn::Event, 3> waiting{
            turn::ToolOpened{call.call, call.name, false, true},
            turn::ToolInputReady{call.call, std::move(input)},
            call
        };
        const auto place = place_of(events, call.call, context.call_order);
        events.insert(
            events.begin() + static_cast<std::ptrdiff_t>(place), waiting.begin(), waiting.end()
        );
    }
}

} // namespace

Json time_json(std::int64_t millis) {
    if (millis <= 0) {
        return nullptr;
    }
    return rfc3339_millis(WallTime(std::chrono::milliseconds(millis)));
}

const std::string& model_of(const ProjectionContext& context, const authority::PastTurn& turn) {
    return turn.model.empty() ? context.model : turn.model;
}

Json seconds_json(std::int64_t seconds) {
    return time_json(seconds * 1000);
}

turn::Outcome outcome_of(const authority::PastTurn& turn) noexcept {
    return turn.failure ? turn::outcome_of(*turn.failure) : turn.outcome;
}

std::string_view status_of(const authority::PastTurn& turn) noexcept {
    if (turn.running) {
        return "running";
    }
    return turn.unknown ? "unknown" : turn::to_string(outcome_of(turn));
}

/// Redacts keys that are set in the process's environment, however they are written.
const Redactor& title_redactor() {
    static const Redactor redactor = [] {
        Redactor out;
        out.add_environment();
        return out;
    }();
    return redactor;
}

std::string short_title(std::string_view text) {
    const auto words = words_beside_files(text);
    const auto size = offset_of_code_point(words, k_title_chars);
    return title_redactor().apply(one_line(words.substr(0, size)));
}

Json project_thread(std::string_view id, const authority::ThreadInfo& info, bool archived) {
    Json out = Json::object();
    out["id"] = id;
    out["title"] = info.title.empty() ? std::string(k_untitled) : short_title(info.title);
    out["autopilotId"] = nullptr;
    out["archived"] = archived;
    out["createdAt"] = seconds_json(info.created_at);
    out["updatedAt"] = seconds_json(info.updated_at);
    return out;
}

std::vector<std::string> question_ids(const authority::PastTurn& turn) {
    std::vector<std::string> out;
    for (const auto& id : {turn.client_message_id, turn.user_item_id}) {
        if (id && !id->empty()) {
            out.push_back(*id);
        }
    }
    out.push_back(wire_id(turn.id) + "-user");
    return out;
}

std::vector<Json> project_messages(const ProjectionContext& context, authority::PastTurn turn) {
    std::vector<Json> out;
    const Json began = seconds_json(turn.started_at);
    const Json ended = turn.completed_at ? seconds_json(*turn.completed_at) : began;
    if (has_user_message(turn)) {
        Json& user = out.emplace_back(message(question_ids(turn).front(), turn, "user"));
        Json parts = user_parts(turn);
        auto content = wire::ui::text_in_parts(parts, "user");
        finish_message(
            user, std::move(content), began, began, std::move(parts), metadata_of(context, turn)
        );
    }
    const bool completed =
        !turn.running && !turn.unknown && turn.outcome == turn::Outcome::completed;
    const bool waiting = waits(context, turn);
    if (completed || waiting || (!turn.running && has_content(turn))) {
        if (turn.running) {
            add_waiting(context, turn.events);
        }
        Json parts = encode::ui_message_parts(turn.events, turn.outcome, waiting);
        Json metadata = metadata_of(context, turn);
        if (waiting) {
            metadata["status"] = encode::k_waits_results;
        }
        if (const auto& model = model_of(context, turn); !model.empty()) {
            metadata["model"] = model;
        }
        if (completed && !waiting) {
            add_missing_answer(turn, parts, metadata);
        }
        auto content = wire::ui::text_in_parts(parts, "assistant");
        finish_message(
            out.emplace_back(message(wire_id(turn.id), turn, "assistant")),
            std::move(content),
            began,
            ended,
            std::move(parts),
            std::move(metadata)
        );
    }
    return out;
}

Json project_seeded(const ProjectionContext& context, Json message) {
    Json out = Json::object();
    out["id"] = message.value("id", "");
    out["runId"] = nullptr;
    out["autopilotId"] = nullptr;
    out["role"] = message.value("role", "user");
    Json parts = message.contains("parts") ? std::move(message["parts"]) : Json::array();
    auto content = wire::ui::text_in_parts(parts, text_view_in(out, "role"));
    Json metadata = Json::object({{"threadId", context.thread}, {"status", "seeded"}});
    if (const auto* notice = member(message, "notice")) {
        metadata["notice"] = *notice;
    }
    finish_message(
        out, std::move(content), nullptr, nullptr, std::move(parts), std::move(metadata)
    );
    return out;
}

} // namespace oa_stream::lane

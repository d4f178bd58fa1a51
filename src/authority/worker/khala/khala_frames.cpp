#include "khala_frames.hpp"

#include "oa_stream/base/digest.hpp"
#include "oa_stream/base/json_bounds.hpp"
#include "oa_stream/base/json_members.hpp"
#include "oa_stream/base/text.hpp"

#include "worker/control/control_answers.hpp"

#include <algorithm>
#include <utility>

namespace oa_stream::authority {

namespace {

using Kind = KhalaFrame::Kind;

constexpr std::int64_t k_longest_pause_ms = 60'000;

std::optional<Millis> pause_of(const Json& object, std::string_view key) {
    const auto value = int_member(object, key);
    return value && *value >= 0 ? std::optional(Millis(std::min(*value, k_longest_pause_ms)))
                                : std::nullopt;
}

void add(
    KhalaFrame& frame, std::optional<WorkerEvent> event, std::uint64_t watermark, std::size_t bytes
) {
    frame.watermark = std::max(frame.watermark, watermark);
    if (event) {
        event->watermark = watermark;
        event->bytes = bytes;
        frame.events.push_back(*std::move(event));
    }
}

void read_message(KhalaFrame& frame, Json& body, const KhalaFilter& filter, std::size_t bytes) {
    const auto message = body.find("message");
    if (message == body.end() || text_view_in(*message, "topic") != filter.topic) {
        return;
    }
    const auto payload = message->find("payload");
    const auto sequence = count_in(*message, "sequence");
    if (payload == message->end() || !sequence) {
        return;
    }
    frame.kind = Kind::events;
    add(frame, read_update(std::move(*payload), filter.worker), *sequence, bytes);
}

/// The head of the first stale topic.
std::optional<std::uint64_t> head_of_stale(const Json& error) {
    const Json& topics = list_in(error, "stale_topics");
    return topics.empty() ? std::nullopt : count_in(topics.front(), "head_watermark");
}

/// "CODEX_STREAM_ERROR_CODE_STALE_CURSOR" is "stale_cursor".
std::string plain_code(std::string code) {
    constexpr std::string_view k_enum = "CODEX_STREAM_ERROR_CODE_";
    return code.starts_with(k_enum) ? to_lower(code.substr(k_enum.size())) : code;
}

bool refuses_build(std::string_view code) noexcept {
    return code.starts_with("unsupported_") || code == "upgrade_required" ||
           code == "invalid_client_build";
}

KhalaFrame read_error(const Json& error) {
    KhalaFrame frame{.kind = Kind::failed};
    frame.code = plain_code(text_in(error, "code"));
    frame.window = refuses_build(frame.code) ? compat_text(error) : std::string();
    frame.pause = pause_of(error, "reconnect_after_ms");
    if (frame.code == "stale_cursor") {
        frame.kind = Kind::stale;
        frame.head = head_of_stale(error);
    } else if (frame.code == "slow_consumer" || frame.code == "slow_consumer_evicted") {
        frame.kind = Kind::slow;
    } else if (frame.code == "reauth_required" || frame.code == "unauthorized") {
        frame.kind = Kind::reauth;
    }
    return frame;
}

KhalaFrame read_reply(const Json& payload, const KhalaFilter& filter) {
    const Json& response = object_in(payload, "response");
    if (text_view_in(payload, "status") != "ok") {
        return read_error(response);
    }
    KhalaFrame frame{.kind = Kind::joined};
    for (const Json& mark : list_in(response, "current_watermarks")) {
        if (text_view_in(mark, "topic") == filter.topic) {
            frame.head = count_in(mark, "watermark");
        }
    }
    return frame;
}

/// An update without its payload still identifies the worker and the event.
std::optional<WorkerEvent> hole_of(const Json& update, std::string_view worker) {
    WorkerEvent event;
    event.seq = seq_member(update, "doc_version");
    event.missing = true;
    const std::string key = "runtime/codex_worker_event:" + std::string(worker) + ":";
    const bool ours = text_view_in(update, "doc_key").starts_with(key);
    return ours && event.seq != 0 ? std::optional(std::move(event)) : std::nullopt;
}

KhalaFrame read_batch(Json& payload, const KhalaFilter& filter, std::size_t bytes) {
    KhalaFrame frame{.kind = Kind::events};
    const auto updates = payload.find("updates");
    if (updates == payload.end() || !updates->is_array()) {
        return {};
    }
    for (Json& update : *updates) {
        const auto watermark = count_in(update, "watermark");
        if (!watermark || text_view_in(update, "topic") != filter.topic) {
            continue;
        }
        const auto body = update.find("payload");
        const bool hole = bool_member(update, "hydration_required").value_or(false) ||
                          body == update.end() || !body->is_object();
        auto event =
            hole ? hole_of(update, filter.worker) : read_update(std::move(*body), filter.worker);
        add(frame, std::move(event), *watermark, bytes / updates->size());
    }
    return frame;
}

std::optional<std::string> base64_decoded(std::string text) {
    std::ranges::replace(text, '+', '-');
    std::ranges::replace(text, '/', '_');
    text.erase(std::min(text.find('='), text.size()));
    return base64url_decoded(text);
}

/// sync:frame repeats frames that already arrived under their own names, except for errors.
KhalaFrame read_framed(const Json& payload) {
    if (text_view_in(payload, "kind") != "KHALA_FRAME_KIND_ERROR") {
        return {};
    }
    const auto text = base64_decoded(text_in(payload, "payload_bytes"));
    const auto error = text ? parse_any_json(*text) : fail(Code::protocol, "");
    return error && error->is_object() ? read_error(*error) : KhalaFrame{};
}

} // namespace

KhalaFrame read_rust_frame(std::string_view text, const KhalaFilter& filter) {
    auto body = parse_any_json(text);
    if (!body || !body->is_object()) {
        return {};
    }
    const std::string type = text_in(*body, "type");
    KhalaFrame frame;
    if (type == "message") {
        read_message(frame, *body, filter, text.size());
    } else if (type == "hello") {
        frame.kind = Kind::hello;
        frame.pause = pause_of(*body, "recommended_reconnect_backoff_ms");
    } else if (type == "stale_cursor") {
        frame.kind = Kind::stale;
        frame.head = count_in(*body, "head_cursor");
    } else if (type == "error") {
        frame = read_error(*body);
    }
    return frame;
}

KhalaFrame read_phoenix_frame(std::string_view text, const KhalaFilter& filter) {
    auto body = parse_any_json(text);
    if (!body || !body->is_array() || body->size() != 5 || !(*body)[3].is_string() ||
        !(*body)[4].is_object()) {
        return {};
    }
    const std::string event = (*body)[3].get<std::string>();
    Json& payload = (*body)[4];
    KhalaFrame frame;
    if (event == "sync:update_batch") {
        frame = read_batch(payload, filter, text.size());
    } else if (event == "sync:error") {
        frame = read_error(payload);
    } else if (event == "sync:frame") {
        frame = read_framed(payload);
    } else if (event == "phx_reply") {
        frame = read_reply(payload, filter);
        frame.ref = (*body)[1].is_string() ? (*body)[1].get<std::string>() : std::string();
    } else if (event == "phx_error" || event == "phx_close") {
        frame.kind = Kind::closed;
    }
    return frame;
}

std::string phoenix_message(
    std::string_view join_ref, std::string_view ref, std::string_view event, Json payload
) {
    Json join = or_null(join_ref);
    return dump_json(Json::array(
        {std::move(join), std::string(ref), "sync:v1", std::string(event), std::move(payload)}
    ));
}

} // namespace oa_stream::authority

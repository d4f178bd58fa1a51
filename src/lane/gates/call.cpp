#include "call.hpp"

#include "oa_stream/base/ids.hpp"
#include "oa_stream/base/text.hpp"
#include "oa_stream/telemetry/metrics.hpp"

#include <algorithm>

namespace oa_stream::lane {

namespace {

bool is_lower_hex(std::string_view text) noexcept {
    return std::ranges::all_of(text, [](char c) { return is_digit(c) || (c >= 'a' && c <= 'f'); });
}

} // namespace

std::string request_id_of(const net::Headers& headers) {
    const auto given = headers.get("x-request-id");
    const bool fine = given && given->size() <= 128 && is_plain_word(*given, "._-");
    return fine ? std::string(*given) : "req_" + random_hex(12);
}

std::string traceparent_of(const net::Headers& headers) {
    const auto text = headers.get("traceparent").value_or("");
    const bool fine = text.size() == 55 && text.starts_with("00-") && text[35] == '-' &&
                      text[52] == '-' && is_lower_hex(text.substr(3, 32)) &&
                      is_lower_hex(text.substr(36, 16)) && is_lower_hex(text.substr(53, 2));
    return fine ? std::string(text) : std::string();
}

bool is_json_type(std::optional<std::string_view> content_type) {
    const auto media = media_type_of(content_type.value_or(""));
    return media == "application/json" || (media.contains('/') && media.ends_with("+json"));
}

void drop_request(Call& call) {
    call.exchange->drop_body();
    call.chat = {};
    call.completion.reset();
}

void note_arrival(Call& call, Clock::time_point received, net::Client client) {
    call.received = received;
    call.record.time =
        std::chrono::system_clock::now() -
        std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - received);
    call.record.client = std::move(client.address);
    call.record.secure = client.secure;
}

CallPtr open_call(const net::TrustedProxies& proxies, std::shared_ptr<net::Exchange> exchange) {
    auto call = std::make_shared<Call>();
    const auto& request = exchange->request();
    call->match = match_route(request.method, request.path);
    note_arrival(
        *call,
        request.received,
        net::client_of(proxies, request.peer, request.headers, request.secure)
    );
    call->traceparent = traceparent_of(request.headers);
    auto& record = call->record;
    record.request_id = request_id_of(request.headers);
    record.method = request.method;
    if (!call->match.pattern.empty()) {
        record.route = call->match.pattern;
    }
    record.lane = call->match.lane;
    if (!call->traceparent.empty()) {
        record.trace = call->traceparent.substr(3, 32);
    }
    if (const auto probe = request.headers.get(telemetry::k_probe_header)) {
        record.probe = telemetry::probe_word(*probe);
    }
    call->exchange = std::move(exchange);
    return call;
}

} // namespace oa_stream::lane

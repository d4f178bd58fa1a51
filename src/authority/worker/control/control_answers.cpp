#include "control_answers.hpp"

#include "oa_stream/base/clock.hpp"
#include "oa_stream/base/json_members.hpp"
#include "oa_stream/base/text.hpp"

#include "codex/codex_refusals.hpp"

#include <fmt/format.h>

#include <charconv>
#include <utility>

namespace oa_stream::authority {

namespace {

const Json& inner(const Json& response) {
    const Json* result = member(response, "result");
    return result != nullptr && result->is_object() ? *result : response;
}

std::string id_under(const Json& response, std::string_view object, std::string_view flat) {
    const Json& answer = inner(response);
    auto id = text_in(object_in(answer, object), "id");
    return id.empty() ? text_in(answer, flat) : id;
}

/// Reads from the worker's message only whether the thread is unknown; its text is never shown.
Error refusal_of(const std::string& message) {
    const auto kind = kind_of(Refusal{.message = message});
    if (kind == RefusalKind::thread_not_loaded) {
        return {
            Code::not_found,
            "the worker has not loaded the thread",
            std::string(ControlClient::k_thread)
        };
    }
    if (kind == RefusalKind::thread_unknown) {
        return {Code::not_found, "the worker does not know the thread"};
    }
    return {Code::unavailable, "the worker refused the command"};
}

std::optional<int> number_behind(std::string_view message, std::string_view mark) {
    const auto at = message.find(mark);
    if (at == std::string_view::npos) {
        return std::nullopt;
    }
    const auto rest = message.substr(at + mark.size());
    int number = 0;
    const auto read = std::from_chars(rest.data(), rest.data() + rest.size(), number);
    return read.ec == std::errc() && number > 0 ? std::optional(number) : std::nullopt;
}

} // namespace

std::string WorkerSnapshot::trouble() const {
    if (status != "running") {
        return "the worker is " + printable(status.empty() ? "unknown" : status, 20);
    }
    if (heartbeat != "fresh" && heartbeat != "healthy") {
        return "the worker's heartbeat is " +
               printable(heartbeat.empty() ? "missing" : heartbeat, 20);
    }
    return {};
}

std::string command_body(const WorkerCommand& command) {
    Json request = Json::object(
        {{"request_id", command.request},
         {"method", command.method},
         {"request_version", "v1"},
         {"source", "oa-stream"},
         {"sent_at", rfc3339_millis(std::chrono::system_clock::now())}}
    );
    Json params = command.params;
    if (!command.thread.empty()) {
        request["thread_id"] = command.thread;
        params["thread_id"] = command.thread;
    }
    request["params"] = std::move(params);
    return dump_json(Json::object({{"request", std::move(request)}}));
}

WorkerSnapshot read_snapshot(const Json& data) {
    WorkerSnapshot out;
    out.status = text_in(data, "status");
    out.heartbeat = text_in(data, "heartbeat_state");
    out.latest_seq = seq_member(data, "latest_seq");
    out.heartbeat_age_ms = int_member(data, "heartbeat_age_ms");
    return out;
}

WorkerLog read_log(Json data) {
    WorkerLog out;
    if (const Json* worker = member(data, "snapshot"); worker != nullptr && worker->is_object()) {
        out.worker = read_snapshot(*worker);
    }
    const auto rows = data.find("events");
    if (rows == data.end() || !rows->is_array()) {
        return out;
    }
    for (Json& row : *rows) {
        if (auto event = read_log_row(std::move(row))) {
            out.events.push_back(*std::move(event));
        }
    }
    return out;
}

Result<Json> read_receipt(const Json& body) {
    const Json* data = member(body, "data");
    if (data == nullptr || !data->is_object()) {
        return fail(Code::protocol, "control answered without a receipt");
    }
    const Json* response = member(*data, "response");
    const Json* error = response == nullptr ? nullptr : member(*response, "error");
    if (!bool_member(*data, "ok").value_or(true) || error != nullptr) {
        return std::unexpected(refusal_of(text_in(error == nullptr ? *data : *error, "message")));
    }
    return response == nullptr ? Json::object() : *response;
}

CommandEvent read_command_event(const Json& payload) {
    const auto code = text_in(payload, "code");
    if (!code.empty() || !bool_member(payload, "ok").value_or(true)) {
        return fail(Code::unavailable, "the worker refused the command", printable(code, 40));
    }
    return object_in(payload, "response");
}

std::string thread_of(const Json& response) {
    return id_under(response, "thread", "thread_id");
}

std::string turn_of(const Json& response) {
    return id_under(response, "turn", "turn_id");
}

const Json& thread_in(const Json& response) {
    return object_in(inner(response), "thread");
}

bool thread_runs(const Json& response) {
    return text_in(object_in(thread_in(response), "status"), "type") == "active";
}

std::string text_of_response(const Json& response, std::string_view key) {
    return text_in(inner(response), key);
}

std::optional<int> retry_seconds(std::string_view message) {
    return number_behind(message, "Retry in ");
}

std::optional<int> most_characters(std::string_view message) {
    return number_behind(message, "exceeds ");
}

std::string compat_text(const Json& body) {
    const Json* reported = member(body, "compatibility");
    const Json& facts = reported == nullptr ? body : *reported;
    const auto least = text_in(facts, "min_client_build_id");
    const auto most = text_in(facts, "max_client_build_id");
    return fmt::format(
        "this build is not served: {} (builds {} to {})",
        printable(text_in(facts, "code"), 60),
        printable(least.empty() ? "any" : least, 40),
        printable(most.empty() ? "any" : most, 40)
    );
}

} // namespace oa_stream::authority

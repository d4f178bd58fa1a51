#include "fake_lane.hpp"

#include "oa_stream/base/json.hpp"

namespace oa_stream::probe::test {
namespace {

constexpr std::string_view k_words =
    "alpha bravo charlie delta echo foxtrot golf hotel india juliett kilo lima mike november oscar "
    "papa quebec romeo sierra tango";
constexpr std::string_view k_window =
    "x-oa-compatibility-protocol-version: openagents.control.v1\r\n"
    "x-oa-compatibility-min-client-build-id: 20260101T000000Z\r\n"
    "x-oa-compatibility-min-schema-version: 1\r\n"
    "x-oa-compatibility-max-schema-version: 1\r\n";

std::vector<std::string> words() {
    std::vector<std::string> out;
    std::string_view rest = k_words;
    while (!rest.empty()) {
        const std::size_t end = rest.find(' ');
        const std::size_t size = end == std::string_view::npos ? rest.size() : end + 1;
        out.emplace_back(rest.substr(0, size));
        rest.remove_prefix(size);
    }
    return out;
}

Script incompatible(std::string_view code) {
    const std::string compatibility = fmt::format(
        R"(,"compatibility":{{"code":"{}","message":"m","retryable":false,"upgrade_required":true,)"
        R"("surface":"control_api","min_client_build_id":"20260101T000000Z","max_client_build_id":null,)"
        R"("min_schema_version":1,"max_schema_version":1,"protocol_version":"openagents.control.v1"}})",
        code
    );
    const std::string headers = fmt::format(
        "{}x-oa-compatibility-code: {}\r\nx-oa-compatibility-upgrade-required: true\r\n",
        k_window,
        code
    );
    return {Send{json_answer(426, envelope(code, compatibility), headers)}};
}

std::string_view wrong_handshake(const RawRequest& request) {
    if (request.header("x-oa-client-build-id").empty()) {
        return "invalid_client_build";
    }
    if (request.header("x-oa-protocol-version") != "openagents.control.v1") {
        return "unsupported_protocol_version";
    }
    if (request.header("x-oa-schema-version") != "1") {
        return "unsupported_schema_version";
    }
    return request.header("x-oa-client-build-id") < "20260101T000000Z" ? "upgrade_required" : "";
}

// The text of the last message; empty when it is not a user's.
std::string user_text(const Json& body) {
    const Json* list = member(body, "messages");
    if (list == nullptr || !list->is_array() || list->empty()) {
        return {};
    }
    const Json& last = list->back();
    if (string_member(last, "role") != "user") {
        return {};
    }
    for (const char* key : {"content", "parts"}) {
        const Json* value = member(last, key);
        if (value != nullptr && value->is_string()) {
            return value->get<std::string>();
        }
        if (value != nullptr && value->is_array() && !value->empty()) {
            return std::string(string_member((*value)[0], "text").value_or(""));
        }
    }
    return {};
}

// "/api/chats/<id>" or "/api/chats/<id>/<what>" → id.
std::string path_thread(const std::string& path) {
    constexpr std::string_view k_prefix = "/api/chats/";
    return path.starts_with(k_prefix)
               ? path.substr(k_prefix.size(), path.find('/', k_prefix.size()) - k_prefix.size())
               : "";
}

std::string answer_body(const std::string& turn, const std::string& prompt) {
    if (prompt == "replay:36-failed-context-window") {
        return failed_body();
    }
    std::string body = frame(fmt::format(R"({{"type":"start","messageId":"{}"}})", turn)) + k_step;
    if (prompt == "replay:16-mcp-call") {
        body += frame(
            R"({"type":"tool-input-available","toolCallId":"c1","toolName":"x","input":{},"dynamic":true,"providerExecuted":true})"
        );
        body += frame(
            R"({"type":"tool-output-available","toolCallId":"c1","output":1,"dynamic":true,"providerExecuted":true})"
        );
    }
    body += k_text_start;
    for (const std::string& word : words()) {
        body += delta(word);
    }
    return body + k_ending;
}

std::vector<std::string> split_frames(std::string_view body) {
    std::vector<std::string> out;
    while (!body.empty()) {
        const std::size_t end = body.find("\n\n");
        const std::size_t size = end == std::string_view::npos ? body.size() : end + 2;
        out.emplace_back(body.substr(0, size));
        body.remove_prefix(size);
    }
    return out;
}

const std::string k_stopped =
    k_text_end + frame(R"({"type":"abort"})") + k_step_end +
    frame(R"({"type":"finish","messageMetadata":{"status":"interrupted"}})") + k_done;

} // namespace

std::string envelope(std::string_view code, std::string_view more) {
    return fmt::format(R"({{"message":"m","error":{{"code":"{}","message":"m"}}{}}})", code, more);
}

FakeLane::FakeLane(const asio::any_io_executor& executor)
    : server_(std::make_unique<RawServer>(executor, [this](const RawRequest& r) {
          return answer(r);
      })) {
}

Script FakeLane::answer(const RawRequest& request) {
    const bool stream = request.method == "POST" && !request.path.ends_with("/stop");
    if (!stream) {
        Script said = other(request);
        return reply ? reply(request, std::move(said)) : said;
    }
    if (auto refusal = refuse(request)) {
        return reply ? reply(request, std::move(*refusal)) : *refusal;
    }
    return start(request);
}

std::optional<Script> FakeLane::refuse(const RawRequest& request) const {
    const auto code = wrong_handshake(request);
    const bool none = request.header("x-oa-protocol-version").empty();
    if (!code.empty() && (compat_required || !none) && !forgets.contains(426)) {
        return incompatible(code);
    }
    if (!token.empty() && request.header("authorization") != "Bearer " + token &&
        !forgets.contains(401)) {
        return Script{Send{json_answer(401, envelope("unauthorized"))}};
    }
    if (request.header("content-type") != "application/json" && !forgets.contains(415)) {
        return Script{Send{json_answer(415, envelope("unsupported_media_type"))}};
    }
    const auto json = parse_json(request.body);
    if (!json && !forgets.contains(400)) {
        return Script{Send{json_answer(400, envelope("invalid_json"))}};
    }
    if (json && user_text(*json).empty() && !forgets.contains(422)) {
        return Script{Send{json_answer(422, envelope("invalid_request"))}};
    }
    return std::nullopt;
}

Script FakeLane::start(const RawRequest& request) {
    const auto json = parse_json(request.body);
    std::string thread = path_thread(request.path);
    if (thread.empty() && json) {
        thread = string_member(*json, "id").value_or("");
    }
    if (busy_again && turns_.contains(thread)) {
        return {Send{json_answer(409, envelope("turn_in_progress"), "retry-after: 1\r\n")}};
    }
    threads.push_back(thread);
    auto turn = std::make_shared<Turn>();
    turn->id = fmt::format("turn-{}", threads.size());
    turn->thread = thread;
    turn->prompt = json ? user_text(*json) : "";
    turn->text = k_words;
    turn->body = answer_body(turn->id, turn->prompt);
    if (frames) {
        turn->body = frames(turn->body);
    }
    turns_[thread] = turn;
    runs_[thread].push_back(turn);
    Script played = play(turn);
    return script ? script(std::move(played)) : played;
}

std::string FakeLane::head_of(const Turn& turn) const {
    const std::string plain = stream_head({"x-oa-turn-id: " + turn.id});
    std::string text = head ? head(plain) : plain;
    constexpr std::string_view k_any = ": thread-1\r\n"; // of stream_head()
    if (const auto at = text.find(k_any); at != std::string::npos) {
        text.replace(at, k_any.size(), ": " + turn.thread + "\r\n");
    }
    return text;
}

// Deltas wait for each other; a stop is noticed before the next one.
Script FakeLane::play(const std::shared_ptr<Turn>& turn) const {
    Script out{Send{head_of(*turn)}};
    if (pace.count() == 0) {
        out.emplace_back(Send{chunk(turn->body) + last_chunk()});
        turn->ended = true;
        return out;
    }
    for (const std::string& piece : split_frames(turn->body)) {
        const bool paced = piece.find("text-delta") != std::string::npos;
        if (paced) {
            out.emplace_back(Wait{pace});
        }
        out.emplace_back(Later{[turn, piece] { return turn->stopped ? "" : chunk(piece); }});
    }
    out.emplace_back(Later{[turn] {
        turn->ended = true;
        return turn->stopped ? chunk(k_stopped) + last_chunk() : last_chunk();
    }});
    return out;
}

// A turn whose reader left never came to its end.
Script FakeLane::runs(const std::string& thread) const {
    const auto it = runs_.find(thread);
    if (it == runs_.end()) {
        return {Send{json_answer(404, envelope("not_found"))}};
    }
    Json list = Json::array();
    for (auto turn = it->second.rbegin(); turn != it->second.rend(); ++turn) {
        const bool whole = (*turn)->ended && !(*turn)->stopped;
        const std::string status = whole ? "completed" : "interrupted";
        list.push_back({{"id", (*turn)->id}, {"status", run_status.empty() ? status : run_status}});
    }
    return {Send{json_answer(200, dump_json(Json{{"data", list}}))}};
}

Script FakeLane::messages(const std::string& thread) const {
    const auto it = turns_.find(thread);
    if (it == turns_.end()) {
        return {Send{json_answer(404, envelope("not_found"))}};
    }
    Json user;
    user["role"] = "user";
    user["content"] = it->second->prompt;
    Json assistant;
    assistant["role"] = "assistant";
    assistant["content"] = it->second->text;
    Json body;
    body["data"] = Json::array({user, assistant});
    return {Send{json_answer(200, dump_json(body))}};
}

Script FakeLane::remove(const std::string& thread) {
    runs_.erase(thread);
    if (turns_.erase(thread) == 0) {
        return {Send{json_answer(404, envelope("not_found"))}};
    }
    return {Send{"HTTP/1.1 204 No Content\r\n\r\n"}};
}

Script FakeLane::other(const RawRequest& request) {
    const std::string& path = request.path;
    if (path == "/healthz" || path == "/readyz") {
        return {Send{json_answer(200, R"({"status":"ok"})")}};
    }
    if (path == "/version" && !authority.empty()) {
        const bool object = authority.starts_with('{');
        return {Send{json_answer(
            200, fmt::format(R"({{"authority":{0}{1}{0}}})", object ? "" : "\"", authority)
        )}};
    }
    if (!token.empty() && request.header("authorization") != "Bearer " + token) {
        return {Send{json_answer(401, envelope("unauthorized"))}};
    }
    const std::string thread = path_thread(path);
    if (path.starts_with("/api/chats?")) {
        return {Send{json_answer(200, R"({"data":[]})")}};
    }
    if (request.method == "DELETE") {
        return remove(thread);
    }
    if (path.find("/runs") != std::string::npos) {
        return runs(thread);
    }
    if (path.ends_with("/messages")) {
        return messages(thread);
    }
    const auto it = turns_.find(thread);
    if (it == turns_.end()) {
        return {Send{json_answer(404, envelope("not_found"))}};
    }
    if (path.ends_with("/stop")) {
        it->second->stopped = true;
        return {Send{json_answer(200, R"({"stopped":true})")}};
    }
    return {Send{head_of(*it->second) + chunk(it->second->body) + last_chunk()}};
}

} // namespace oa_stream::probe::test

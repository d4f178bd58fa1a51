#include "oa_stream/lane/access_log.hpp"

#include "oa_stream/lane/auth.hpp"

#include <cmath>

namespace oa_stream::lane {

namespace {

void put_text(Json& line, const char* name, std::string_view value) {
    if (!value.empty()) {
        line[name] = value;
    }
}

/// Whole microseconds: more digits would be noise.
void put_time(Json& line, const char* name, double seconds) {
    if (seconds >= 0) {
        line[name] = std::round(seconds * 1e6) / 1e3;
    }
}

Json usage_json(const turn::Usage& usage) {
    return Json{
        {"input", usage.input},
        {"cached_input", usage.cached_input},
        {"output", usage.output},
        {"reasoning_output", usage.reasoning_output}
    };
}

} // namespace

std::string owner_hash(std::string_view owner) {
    return owner.empty() ? std::string() : to_hex(sha256(owner)).substr(0, 12);
}

std::string access_line(const RequestRecord& record, std::string_view revision) {
    Json line = Json::object();
    line["ts"] = rfc3339_millis(record.time);
    line["event"] = "request";
    line["request_id"] = record.request_id;
    line["route"] = record.route;
    line["method"] = record.method;
    line["status"] = record.status;
    line["lane"] = record.lane;
    line["revision"] = revision;
    put_text(line, "error", record.error);
    put_text(line, "owner", owner_hash(record.owner));
    put_text(line, "thread", record.thread);
    put_text(line, "turn", record.turn);
    put_text(line, "trace", record.trace);
    put_time(line, "accepted_ms", record.accepted_s);
    put_time(line, "headers_ms", record.headers_s);
    put_time(line, "first_byte_ms", record.first_byte_s);
    put_time(line, "first_event_ms", record.first_event_s);
    put_time(line, "first_content_ms", record.first_content_s);
    put_time(line, "end_ms", record.end_s);
    line["frames"] = record.frames;
    line["bytes"] = record.bytes;
    if (record.reader) {
        line["reader"] = to_string(*record.reader);
    }
    if (record.terminal) {
        line["terminal"] = turn::to_string(*record.terminal);
        line["usage"] = record.usage ? usage_json(*record.usage) : Json(nullptr);
    }
    return dump_json(line);
}

std::string
event_line(WallTime now, std::string_view level, std::string_view event, const Json& fields) {
    Json line = Json::object();
    line["ts"] = rfc3339_millis(now);
    line["level"] = level;
    line["event"] = event;
    line.update(fields);
    return dump_json(line);
}

} // namespace oa_stream::lane

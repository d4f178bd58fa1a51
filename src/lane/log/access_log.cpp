#include "oa_stream/lane/access_log.hpp"

#include "oa_stream/base/digest.hpp"

#include <fmt/format.h>

#include <algorithm>
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

void put_times(Json& line, const RequestRecord& record) {
    put_time(line, "accepted_ms", record.accepted_s);
    put_time(line, "headers_ms", record.headers_s);
    put_time(line, "first_byte_ms", record.first_byte_s);
    put_time(line, "first_event_ms", record.first_event_s);
    put_time(line, "first_content_ms", record.first_content_s);
    put_time(line, "end_ms", record.end_s);
}

/// How the turn ended that this request started.
void put_turn(Json& line, const RequestRecord& record, turn::TerminalClass terminal) {
    line["terminal"] = turn::to_string(terminal);
    if (record.failure) {
        line["failure"] = turn::words_of(*record.failure).word;
    }
    if (record.reason != StopReason::none) {
        line["reason"] = to_string(record.reason);
    }
    put_text(line, "model", record.model);
    if (record.empty) {
        line["empty"] = true;
    }
    line["usage"] = record.usage ? usage_json(*record.usage) : Json(nullptr);
    Json repairs = Json::object();
    for (std::size_t i = 0; i < record.repairs.size(); ++i) {
        if (record.repairs[i] > 0) {
            const auto kind = encode::to_string(static_cast<encode::Repair>(i));
            repairs[std::string(kind)] = record.repairs[i];
        }
    }
    if (!repairs.empty()) {
        line["repairs"] = std::move(repairs);
    }
}

Json describe(const RequestRecord& record, std::string_view revision) {
    Json line = Json::object();
    line["ts"] = rfc3339_millis(record.time);
    line["event"] = "request";
    line["request_id"] = record.request_id;
    line["route"] = record.route;
    line["method"] = record.method;
    line["status"] = record.status;
    line["lane"] = record.lane;
    line["revision"] = revision;
    put_text(line, "probe", record.probe);
    put_text(line, "error", record.error);
    put_text(line, "client", record.client);
    put_text(line, "scheme", record.secure ? "https" : "");
    put_text(line, "owner", owner_hash(record.owner));
    put_text(line, "thread", record.thread);
    put_text(line, "turn", record.turn);
    put_text(line, "trace", record.trace);
    if (record.accepted_s >= 0) {
        line["accepted"] = true;
    }
    put_times(line, record);
    line["frames"] = record.frames;
    line["bytes"] = record.bytes;
    if (record.reader) {
        line["reader"] = to_string(*record.reader);
    }
    if (const auto& terminal = record.terminal) {
        put_turn(line, record, *terminal);
    }
    return line;
}

/// Anything a reader could take for a separator or for the end of the value is quoted.
bool is_plain(std::string_view text) noexcept {
    return !text.empty() && std::ranges::all_of(text, [](char c) {
        return c > ' ' && c < '\x7f' && c != '"' && c != '=' && c != '\\';
    });
}

void append_logfmt(std::string& out, const std::string& name, const Json& value) {
    if (value.is_object()) {
        for (const auto& [inner, one] : value.items()) {
            append_logfmt(out, name.empty() ? inner : fmt::format("{}_{}", name, inner), one);
        }
        return;
    }
    out += out.empty() ? "" : " ";
    out += name;
    out += '=';
    if (!value.is_string()) {
        out += dump_json(value);
    } else if (const auto text = value.get<std::string>(); is_plain(text)) {
        out += text;
    } else {
        append_json_string(out, text);
    }
}

} // namespace

std::string owner_hash(std::string_view owner) {
    return owner.empty() ? std::string() : sha256_hex(owner).substr(0, 12);
}

std::string access_line(const RequestRecord& record, std::string_view revision, LogFormat format) {
    const auto line = describe(record, revision);
    if (format == LogFormat::json) {
        return dump_json(line);
    }
    std::string text;
    append_logfmt(text, {}, line);
    return text;
}

} // namespace oa_stream::lane

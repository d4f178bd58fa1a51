#include "oa_stream/lane/access_log.hpp"

#include "oa_stream/base/digest.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <concepts>
#include <utility>

namespace oa_stream::lane {

namespace {

/// Quotes are needed for every character that a reader could take for a separator or the value's
/// end.
bool is_plain(std::string_view text) noexcept {
    return !text.empty() && std::ranges::all_of(text, [](char c) {
        return c > ' ' && c < '\x7f' && c != '"' && c != '=' && c != '\\';
    });
}

/// Writes the line member by member: building a Json first took a third of all instructions of a
/// replayed turn.
class AccessLine {
public:
    explicit AccessLine(LogFormat format) : json_(format == LogFormat::json) {
        out_.reserve(k_usual);
    }

    void text(std::string_view name, std::string_view value) {
        begin(name);
        if (!json_ && is_plain(value)) {
            out_ += value;
        } else {
            append_json_string(out_, value);
        }
    }
    /// Writes nothing for an empty text.
    void text_if(std::string_view name, std::string_view value) {
        if (!value.empty()) {
            text(name, value);
        }
    }
    template <std::integral Number> void number(std::string_view name, Number value) {
        literal(name, fmt::format_int(value).c_str());
    }
    /// In milliseconds, rounded to whole microseconds: more digits would be noise. Writes nothing
    /// for a negative value, which means that the event did not happen.
    void time(std::string_view name, double seconds) {
        if (seconds < 0) {
            return;
        }
        const auto micros = std::llround(seconds * 1e6);
        auto digits = fmt::format("{}.{:03}", micros / 1000, micros % 1000);
        while (digits.ends_with('0') && !digits.ends_with(".0")) {
            digits.pop_back();
        }
        literal(name, digits);
    }
    void literal(std::string_view name, std::string_view value) {
        begin(name);
        out_ += value;
    }
    void open(std::string_view name) {
        if (json_) {
            begin(name);
            next_ = '{';
        } else {
            prefix_ = name;
        }
    }
    void close() {
        if (json_) {
            out_ += '}';
        }
        prefix_ = {};
    }
    [[nodiscard]] std::string end() && {
        if (json_) {
            out_ += '}';
        }
        return std::move(out_);
    }

private:
    static constexpr std::size_t k_usual = 768; ///< size of a streamed turn's line in JSON

    void begin(std::string_view name) {
        if (json_) {
            out_ += std::exchange(next_, ',');
            out_ += '"';
            out_ += name;
            out_ += "\":";
            return;
        }
        out_ += out_.empty() ? "" : " ";
        if (!prefix_.empty()) {
            out_ += prefix_;
            out_ += '_';
        }
        out_ += name;
        out_ += '=';
    }

    std::string out_;
    std::string_view prefix_; ///< name of the open object, put before its members in logfmt
    bool json_;
    char next_ = '{';
};

void put_usage(AccessLine& line, const std::optional<turn::Usage>& usage) {
    if (!usage) {
        line.literal("usage", "null");
        return;
    }
    line.open("usage");
    line.number("input", usage->input);
    line.number("cached_input", usage->cached_input);
    line.number("output", usage->output);
    line.number("reasoning_output", usage->reasoning_output);
    line.close();
}

void put_repairs(AccessLine& line, const RequestRecord& record) {
    const auto& repairs = record.repairs;
    if (std::ranges::all_of(repairs, [](auto count) { return count == 0; })) {
        return;
    }
    line.open("repairs");
    for (std::size_t i = 0; i < repairs.size(); ++i) {
        if (repairs[i] > 0) {
            line.number(encode::to_string(static_cast<encode::Repair>(i)), repairs[i]);
        }
    }
    line.close();
}

void put_times(AccessLine& line, const RequestRecord& record) {
    line.time("accepted_ms", record.accepted_s);
    line.time("headers_ms", record.headers_s);
    line.time("first_byte_ms", record.first_byte_s);
    line.time("first_event_ms", record.first_event_s);
    line.time("first_content_ms", record.first_content_s);
    line.time("end_ms", record.end_s);
    line.time("turn_ms", record.turn_s);
}

/// How the turn of this request ended.
void put_turn(AccessLine& line, const RequestRecord& record, turn::TerminalClass terminal) {
    line.text("terminal", turn::to_string(terminal));
    if (record.failure) {
        line.text("failure", turn::words_of(*record.failure).word);
    }
    if (record.reason != StopReason::none) {
        line.text("reason", to_string(record.reason));
    }
    line.text_if("model", record.model);
    if (record.empty) {
        line.literal("empty", "true");
    }
    put_usage(line, record.usage);
    put_repairs(line, record);
}

} // namespace

std::string owner_hash(std::string_view owner) {
    return owner.empty() ? std::string() : sha256_hex(owner).substr(0, 12);
}

std::string access_line(const RequestRecord& record, std::string_view revision, LogFormat format) {
    AccessLine line(format);
    line.text("ts", rfc3339_millis(record.time));
    line.text("event", "request");
    line.text("request_id", record.request_id);
    line.text("route", record.route);
    line.text("method", record.method);
    line.number("status", record.status);
    line.text("lane", record.lane);
    line.text("revision", revision);
    line.text_if("probe", record.probe);
    line.text_if("error", record.error);
    line.text_if("client", record.client);
    line.text_if("scheme", record.secure ? "https" : "");
    line.text_if("owner", owner_hash(record.owner));
    line.text_if("thread", record.thread);
    line.text_if("turn", record.turn);
    line.text_if("trace", record.trace);
    if (record.accepted_s >= 0) {
        line.literal("accepted", "true");
    }
    if (record.left) {
        line.literal(record.end_unknown ? "end_unknown" : "left", "true");
    }
    if (record.taken_over) {
        line.literal("taken_over", "true");
    }
    put_times(line, record);
    line.number("frames", record.frames);
    line.number("bytes", record.bytes);
    if (record.reader) {
        line.text("reader", to_string(*record.reader));
    }
    if (const auto& terminal = record.terminal) {
        put_turn(line, record, *terminal);
    }
    return std::move(line).end();
}

std::string lost_line(std::uint64_t lines, WallTime now, LogFormat format) {
    AccessLine line(format);
    line.text("ts", rfc3339_millis(now));
    line.text("event", "request");
    line.number("lost", lines);
    return std::move(line).end();
}

} // namespace oa_stream::lane

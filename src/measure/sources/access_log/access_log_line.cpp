#include "oa_stream/measure/access_log_line.hpp"

#include "oa_stream/base/clock.hpp"
#include "oa_stream/base/lists.hpp"
#include "oa_stream/base/seconds.hpp"
#include "oa_stream/base/text.hpp"

#include "access_log_fields.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <functional>
#include <limits>
#include <span>

namespace oa_stream::measure {
namespace {

/// No request lasts a year: a longer time is a damaged number.
constexpr double k_longest_ms = 365.0 * 86'400'000;

std::optional<double> duration_ms(const LogFields& fields, LogName name) {
    const auto value = fields.number(name);
    return value && *value >= 0 && *value <= k_longest_ms ? value : std::nullopt;
}

bool read_status(const LogFields& fields, AccessLine& into) {
    const auto status = fields.number(LogName::status);
    if (!status || *status < 100 || *status > 599 || *status != std::floor(*status)) {
        return false;
    }
    into.status = static_cast<int>(*status);
    return true;
}

/// Only the line of a request that began a turn reports how the turn ended. If another process
/// continued the turn, that process' line reports it.
bool read_turn(const LogFields& fields, AccessLine& into) {
    const auto accepted = fields.flag(LogName::accepted);
    const auto empty = fields.flag(LogName::empty);
    const auto left = fields.flag(LogName::left);
    const auto taken_over = fields.flag(LogName::taken_over);
    const auto terminal = fields.text(LogName::terminal);
    if (!accepted || !empty || !left || !taken_over || (*left && !*accepted) ||
        (*taken_over && *accepted)) {
        return false;
    }
    const bool ended_here = (*accepted && !*left) || *taken_over;
    if (terminal.has_value() != ended_here) {
        return false;
    }
    into.post = into.post && !*left; // the other process' line counts it
    telemetry::Ending ending{into.status, std::nullopt, *empty && ended_here};
    if (terminal) {
        ending.terminal = telemetry::terminal_of(*terminal);
        if (!ending.terminal) {
            return false;
        }
    }
    into.accepted = *accepted;
    into.bad = telemetry::bad_events(ending);
    into.classes = telemetry::classes_of(into.status, ending.terminal);
    return true;
}

/// The reader received everything. The line of a whole (not streamed) answer has no reader field.
bool was_read_to_end(const LogFields& fields) {
    return fields.text(LogName::reader).value_or("finished") == "finished";
}

/// A time limit ended the turn while its reader waited. A reader that left, was cut off with the
/// process or did not read was not waiting for the lane.
bool ran_into_limit(const LogFields& fields) {
    const auto among = [&](LogName name, std::span<const std::string_view> words) {
        return contains(words, fields.text(name).value_or(""));
    };
    return was_read_to_end(fields) && (among(LogName::failure, telemetry::k_late_failures) ||
                                       among(LogName::reason, telemetry::k_late_reasons));
}

/// A whole (not streamed) answer has no first content, however its turn ends.
bool was_streamed(const LogFields& fields) {
    return fields.text(LogName::reader).has_value();
}

bool is_whole_turn(const LogFields& fields, const AccessLine& line) {
    const auto terminal = telemetry::terminal_of(fields.text(LogName::terminal).value_or(""));
    return telemetry::is_whole_turn(
        {.ending = {line.status, terminal},
         .began_turn = line.accepted,
         .read_to_end = was_read_to_end(fields)}
    );
}

bool read_end(const LogFields& fields, AccessLine& into) {
    const auto began = parse_log_time(fields.text(LogName::ts).value_or(""));
    const bool has_turn = fields[LogName::turn_ms].type != LogField::Type::none;
    const auto turn = duration_ms(fields, LogName::turn_ms);
    if (!began || has_turn != turn.has_value()) {
        return false;
    }
    const double end = duration_ms(fields, LogName::end_ms).value_or(0);
    into.ended_s = *began + std::max(end, turn.value_or(0)) / 1000;
    into.held = !has_turn && fields.flag(LogName::accepted) == true && !was_read_to_end(fields);
    return true;
}

bool read_times(const LogFields& fields, AccessLine& into) {
    const bool has_end = fields[LogName::end_ms].type != LogField::Type::none;
    const auto end = duration_ms(fields, LogName::end_ms);
    const bool has_content = fields[LogName::first_content_ms].type != LogField::Type::none;
    const auto content = duration_ms(fields, LogName::first_content_ms);
    if (!read_end(fields, into) || has_end != end.has_value() ||
        has_content != content.has_value()) {
        return false;
    }
    into.first_content_s.reset();
    if (content && into.accepted) {
        // Only accepted requests: a resume replays stored content, so its speed is not the lane's.
        into.first_content_s = *content / 1000;
    } else if (into.accepted && was_streamed(fields) && ran_into_limit(fields)) {
        into.first_content_s = std::numeric_limits<double>::infinity();
    }
    into.duration_s.reset();
    if (end && is_whole_turn(fields, into)) {
        into.duration_s = *end / 1000;
    } else if (into.accepted && ran_into_limit(fields)) {
        into.duration_s = std::numeric_limits<double>::infinity();
    }
    return true;
}

/// A revision or a route may look like a number or a keyword of logfmt; it is still a text.
std::optional<std::string_view> name_of(const LogFields& fields, LogName name) {
    const LogField& field = fields[name];
    const bool has_text = field.type == LogField::Type::text || !field.text.empty();
    return has_text ? std::optional<std::string_view>(field.text) : std::nullopt;
}

/// A client may reuse an id for two requests, but not with the same time of arrival and the same
/// end.
std::uint64_t identity(const LogFields& fields, std::string_view id, double ended_s) {
    const std::string_view arrival = fields.text(LogName::ts).value_or("");
    return std::hash<std::string>{}(fmt::format("{} {} {:.6f}", id, arrival, ended_s));
}

bool read_request(const LogFields& fields, AccessLine& into) {
    const auto revision = name_of(fields, LogName::revision);
    const auto route = fields.text(LogName::route);
    const auto method = fields.text(LogName::method);
    const auto id = name_of(fields, LogName::request_id);
    if (!revision || !route || !method || !id) {
        return false;
    }
    into.revision = *revision;
    into.route = *route;
    into.post = *method == telemetry::k_turn_method;
    into.probe = name_of(fields, LogName::probe).has_value();
    if (!read_status(fields, into) || !read_turn(fields, into) || !read_times(fields, into)) {
        return false;
    }
    into.id = identity(fields, *id, into.ended_s);
    return true;
}

/// A lane loses fewer lines than this between two lines of its log: a larger number is damaged.
constexpr double k_most_lost = 1e9;

bool read_lost(const LogFields& fields, AccessLine& into) {
    const auto at = parse_log_time(fields.text(LogName::ts).value_or(""));
    const auto lost = fields.number(LogName::lost);
    if (!at || !lost || *lost < 1 || *lost > k_most_lost || *lost != std::floor(*lost)) {
        return false;
    }
    into.ended_s = *at;
    into.lost = static_cast<std::uint64_t>(*lost);
    into.id = std::hash<std::string>{
    }(fmt::format("lost {} {}", fields.text(LogName::ts).value_or(""), into.lost));
    return true;
}

/// The turn continued after its process ended, and the process that ended it does not report the
/// end: the line counts as lost.
bool read_unended(const LogFields& fields, AccessLine& into) {
    const auto id = name_of(fields, LogName::request_id);
    if (!id || fields.flag(LogName::end_unknown) != true || !read_end(fields, into)) {
        return false;
    }
    into.lost = 1;
    into.id = identity(fields, *id, into.ended_s);
    return true;
}

/// In both formats a line begins with the time.
constexpr std::string_view k_json_head = R"({"ts":)";
constexpr std::string_view k_logfmt_head = "ts=";

bool take_char(std::string_view& text, char wanted) {
    const bool there = text.starts_with(wanted);
    text.remove_prefix(there ? 1 : 0);
    return there;
}

/// Whether `line` has the member `name` with `value` (any value when that is empty): in JSON, in
/// JSON inside a JSON string, or in logfmt.
bool says(std::string_view line, std::string_view name, std::string_view value) {
    constexpr std::string_view k_quotes = R"(\")";
    constexpr std::string_view k_around = " \t\\\",}";
    for (std::size_t at = line.find(name); at != std::string_view::npos;
         at = line.find(name, at + 1)) {
        std::string_view rest = line.substr(at + name.size());
        const auto quotes = std::min(rest.find_first_not_of(k_quotes), rest.size());
        rest.remove_prefix(quotes);
        if ((at > 0 && !k_around.contains(line[at - 1])) ||
            !take_char(rest, quotes > 0 ? ':' : '=')) {
            continue;
        }
        rest.remove_prefix(std::min(rest.find_first_not_of(" \\\""), rest.size()));
        const bool ends = rest.size() <= value.size() || k_around.contains(rest[value.size()]);
        if (rest.starts_with(value) && (value.empty() || ends)) {
            return true;
        }
    }
    return false;
}

/// Recognizes a request's line without its beginning, or one that another program prefixed or
/// wrapped. In most lines `end_ms` is in the second half.
bool has_parts_of_request(std::string_view line) {
    return says(line, "event", "request") || says(line, "end_ms", "");
}

} // namespace

std::optional<double> parse_log_time(std::string_view text) noexcept {
    constexpr std::string_view k_form = "2026-11-20T10:05:00.123Z";
    if (text.size() != k_form.size() || text[10] != 'T' || text[19] != '.' || text.back() != 'Z') {
        return std::nullopt;
    }
    return parse_rfc3339(text).transform([](WallTime time) {
        return seconds(std::chrono::floor<std::chrono::milliseconds>(time.time_since_epoch()));
    });
}

std::uint64_t access_lines_begun(std::string_view text) noexcept {
    std::uint64_t begun = 0;
    for (const std::string_view head : {k_json_head, k_logfmt_head}) {
        for (std::size_t at = text.find(head); at != std::string_view::npos;
             at = text.find(head, at + head.size())) {
            const std::string_view time = text.substr(at + head.size(), 6);
            const std::size_t year = time.find_first_of("0123456789");
            begun += year <= 1 && time.substr(year).find('-') == 4 ? 1 : 0;
        }
    }
    return begun;
}

LineKind read_access_line(std::string_view line, AccessLine& into) {
    line.remove_prefix(std::min(line.find_first_not_of('\0'), line.size()));
    while (line.ends_with('\r')) {
        line.remove_suffix(1);
    }
    if (line.find_first_not_of(" \t") == std::string_view::npos) {
        return LineKind::blank;
    }
    const bool json = line.starts_with('{');
    const bool ours = line.starts_with(k_json_head) || line.starts_with(k_logfmt_head);
    LogFields fields;
    // The JSON library treats a NUL as the end of its input and ignores the rest.
    const bool plain = line.find('\0') == std::string_view::npos;
    const bool whole =
        plain && (json ? read_json_fields(line, fields) : ours && read_logfmt_fields(line, fields));
    const auto event = fields.text(LogName::event);
    if (!whole || !event || !fields.text(LogName::ts)) {
        return ours || has_parts_of_request(line) ? LineKind::damaged : LineKind::foreign;
    }
    if (*event != "request") {
        // Event lines are always JSON, whatever the access log's format.
        return json ? LineKind::event : LineKind::damaged;
    }
    if (fields[LogName::lost].type != LogField::Type::none) {
        return read_lost(fields, into) ? LineKind::lost : LineKind::damaged;
    }
    if (fields[LogName::end_unknown].type != LogField::Type::none) {
        return read_unended(fields, into) ? LineKind::lost : LineKind::damaged;
    }
    return read_request(fields, into) ? LineKind::request : LineKind::damaged;
}

} // namespace oa_stream::measure

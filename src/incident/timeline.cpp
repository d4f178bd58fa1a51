#include "oa_stream/incident/timeline.hpp"

#include "oa_stream/base/clock.hpp"
#include "oa_stream/base/decompress.hpp"
#include "oa_stream/base/json.hpp"
#include "oa_stream/base/lines.hpp"
#include "oa_stream/base/seconds.hpp"
#include "oa_stream/base/text.hpp"
#include "oa_stream/measure/access_log_line.hpp"
#include "oa_stream/run/entries.hpp"
#include "oa_stream/run/files.hpp"
#include "oa_stream/run/kept_file.hpp"
#include "oa_stream/telemetry/turns.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <unordered_set>
#include <utility>

namespace oa_stream::incident {

namespace fs = std::filesystem;

namespace {

/// It is searched for secrets as a whole, and takes three to six times as much memory.
constexpr std::uint64_t k_largest_log = std::uint64_t{256} << 20U;
constexpr std::array<std::string_view, 4> k_when{"at", "ts", "time", "timestamp"};

/// The first of them that is a time: others use `at` for a level, and `time` for a duration.
std::optional<std::string> when(const Json& line) {
    for (const std::string_view key : k_when) {
        const Json* found = member(line, key);
        const std::string text = found == nullptr     ? std::string()
                                 : found->is_string() ? found->get<std::string>()
                                 : found->is_number() ? fmt::format("{:.3f}", found->get<double>())
                                                      : std::string();
        if (auto at = utc_millis(text)) {
            return at;
        }
    }
    return std::nullopt;
}

/// level=info ts=… event="two words": as JSON; without members where it is not such a line.
Json logfmt(std::string_view line) {
    Json out = Json::object();
    while (!line.empty()) {
        const auto pair = cut_logfmt(line);
        if (!pair) {
            return Json::object();
        }
        const auto text = pair->quoted ? parse_json(pair->value) : Result<Json>(pair->value);
        out[std::string(pair->name)] = text ? *text : Json(pair->value);
    }
    return out;
}

std::optional<TimelineEvent> event_of(std::string_view line) {
    const auto parsed = line.starts_with('{') ? parse_json(line) : Result<Json>(logfmt(line));
    if (parsed && parsed->is_object() && !parsed->empty()) {
        if (auto at = when(*parsed)) {
            return TimelineEvent{*at, 0, {}, event_text(*parsed), event_weight(*parsed)};
        }
        return std::nullopt;
    }
    if (const auto stamp = time_at_start(line)) {
        const std::string_view rest = trim(line.substr(stamp->length));
        constexpr std::size_t k_longest = 400;
        return TimelineEvent{rfc3339_millis(stamp->time), 0, {}, printable(rest, k_longest)};
    }
    return std::nullopt;
}

/// By the reader of gates and budgets: what counts there counts here.
void take_access(const measure::AccessLine& line, TimelineEvent& event) {
    event.access_id = line.id;
    event.lost = line.lost;
    if (line.lost > 0) {
        event.weight = Weight::turning;
        return;
    }
    const bool bad = telemetry::is_bad_by_default(line.bad);
    event.weight = bad ? Weight::turning : Weight::access;
    if (line.post && !line.probe && telemetry::is_turn_route(line.route)) {
        event.bad_turn = bad;
    }
}

/// What a line is to gates and budgets, too. Only of JSON does the end show that nothing is missing
/// behind it.
measure::LineKind kind_of(std::string_view line, bool ended, measure::AccessLine& access) {
    using measure::LineKind;
    const LineKind kind = line.size() > measure::k_longest_access_line
                              ? LineKind::damaged
                              : measure::read_access_line(line, access);
    const bool whole = kind == LineKind::request || kind == LineKind::lost;
    return whole && !ended && !line.ends_with('}') ? LineKind::damaged : kind;
}

/// One log's lines on their way into the timeline.
class LogLines {
public:
    LogLines(std::string_view source, Timeline& into) : source_(source), into_(&into) {}

    /// As it stands there: white space before it is damage to gates, too. `ended`: with its LF.
    void add_line(std::string_view line, bool ended) {
        const std::string_view text =
            trim(line.substr(std::min(line.find_first_not_of('\0'), line.size())));
        if (text.empty()) {
            return;
        }
        measure::AccessLine access;
        const auto kind = kind_of(line, ended, access);
        auto event = event_of(text);
        const bool whole = kind == measure::LineKind::request || kind == measure::LineKind::lost;
        if (event && whole) {
            take_access(access, *event);
            of_a_lane_ = true;
        } else if (whole || kind == measure::LineKind::damaged) {
            damaged_ += std::max<std::uint64_t>(1, measure::access_lines_begun(line));
        }
        if (event) {
            event->source = source_;
            into_->events.push_back(*std::move(event));
        } else {
            ++into_->undated;
        }
    }
    /// The last line, without its end: a crash cut it.
    void take_torn(std::string_view line) { damaged_ += measure::access_lines_begun(line); }
    /// Where no line is one of a lane's access log, none is a damaged one of it.
    void end() { into_->damaged += of_a_lane_ ? damaged_ : 0; }

private:
    std::string_view source_;
    Timeline* into_;
    bool of_a_lane_ = false;
    std::uint64_t damaged_ = 0;
};

void take_text(std::string_view text, std::string_view source, bool partial, Timeline& timeline) {
    LogLines lines(source, timeline);
    while (!text.empty()) {
        const bool ended = text.contains('\n');
        const std::string_view line = cut_line(text);
        if (partial && !ended) {
            lines.take_torn(line);
        } else {
            lines.add_line(line, ended);
        }
    }
    lines.end();
}

void take_kept(
    const fs::path& file, std::string_view source, const Redactor& redactor, Timeline& out
) {
    if (auto text = run::read_kept(file, k_largest_log)) {
        *text = redactor.apply(*text);
        take_text(*text, source, true, out);
    }
}

/// What packed it; empty: it is text.
std::string_view packer_of(std::string_view log) {
    if (const Compression found = compression_of(log); found != Compression::none) {
        return to_string(found);
    }
    if (log.starts_with("\xFD\x37zXZ")) {
        return "xz";
    }
    return log.starts_with("BZh") ? "bzip2" : "";
}

double seconds_of(std::string_view at) {
    const auto stamp = time_at_start(at);
    return stamp ? seconds(stamp->time.time_since_epoch()) : 0;
}

} // namespace

std::optional<std::string> utc_millis(std::string_view text) {
    if (const auto stamp = time_at_start(text); stamp && stamp->length == text.size()) {
        return rfc3339_millis(stamp->time);
    }
    const auto epoch = number_of<double>(text);
    constexpr double k_first = 1e9; // 2001: smaller numbers are not meant as times
    constexpr double k_last = 7e9; // 2191: nanoseconds end in 2262
    if (!epoch || !(*epoch >= k_first && *epoch <= k_last)) { // "nan" is a number, too
        return std::nullopt;
    }
    return rfc3339_millis(WallTime(std::chrono::duration_cast<WallTime::duration>(
        std::chrono::milliseconds(std::llround(*epoch * 1e3))
    )));
}

Timeline own_timeline(const fs::path& folder, std::string_view source, const Redactor& redactor) {
    Timeline out;
    for (const std::string_view file :
         {run::k_timeline_file, run::k_notes_file, run::k_journal_file}) {
        take_kept(folder / file, source, redactor, out);
    }
    return out;
}

Timeline run_timeline(const fs::path& folder, std::string_view source, const Redactor& redactor) {
    Timeline out = own_timeline(folder, source, redactor);
    for (const std::string& file : run::entries_below(folder / "logs").files) {
        take_kept(folder / "logs" / file, fmt::format("{} {}", source, file), redactor, out);
    }
    return out;
}

Result<Timeline>
log_timeline(const fs::path& file, std::string_view source, const Redactor& redactor) {
    std::error_code unknown; // reported when it is read
    if (const auto size = fs::file_size(file, unknown); !unknown && size > k_largest_log) {
        return fail(
            Code::unreadable,
            fmt::format("larger than {} MiB", k_largest_log >> 20U),
            redactor.apply(file.string()),
            R"(cut it to the time of the incident, like grep '"ts":"2026-11-29T11:' FILE > cut.log)"
        );
    }
    if (fs::is_other(file, unknown)) { // a bundle reads it once more
        return fail(
            Code::unreadable,
            fs::is_fifo(file, unknown) ? "it is a pipe" : "it is not a regular file",
            redactor.apply(file.string()),
            "write it to a file first"
        );
    }
    auto text = run::read_kept(file, k_largest_log);
    if (!text) {
        text.error().code = Code::unreadable;
        return std::unexpected(std::move(text).error());
    }
    // Nobody would find an event in it, nor a secret.
    if (const auto packer = packer_of(*text); !packer.empty()) {
        return fail(
            Code::usage,
            fmt::format("is compressed with {}", packer),
            redactor.apply(file.string()),
            "unpack it, and give the text"
        );
    }
    *text = redactor.apply(*text); // two copies of a large log are one too many for long
    Timeline out;
    take_text(*text, source, false, out);
    return out;
}

Timeline merge(std::vector<Timeline> timelines) {
    Timeline out;
    for (Timeline& timeline : timelines) {
        out.undated += timeline.undated;
        out.damaged += timeline.damaged;
        std::ranges::move(timeline.events, std::back_inserter(out.events));
    }
    std::vector<TimelineEvent*> order;
    order.reserve(out.events.size());
    for (TimelineEvent& event : out.events) {
        order.push_back(&event);
    }
    // What happened at the same time stays as it was.
    std::ranges::sort(order, {}, [](TimelineEvent* event) {
        return std::pair(std::string_view(event->at), event);
    });
    std::vector<TimelineEvent> sorted;
    sorted.reserve(order.size());
    std::unordered_set<std::uint64_t> known;
    for (TimelineEvent* event : order) {
        if (const auto id = event->access_id; id && !known.insert(*id).second) {
            ++out.repeated;
            continue;
        }
        sorted.push_back(std::move(*event));
    }
    out.events = std::move(sorted);
    const double first = out.events.empty() ? 0 : seconds_of(out.events.front().at);
    for (TimelineEvent& event : out.events) {
        event.t = std::round((seconds_of(event.at) - first) * 1e3) / 1e3;
    }
    return out;
}

std::string timeline_ndjson(const Timeline& timeline) {
    std::string out;
    for (const TimelineEvent& event : timeline.events) {
        out += dump_json(
            {{"at", event.at}, {"t", event.t}, {"source", event.source}, {"text", event.text}}
        );
        out += '\n';
    }
    return out;
}

} // namespace oa_stream::incident

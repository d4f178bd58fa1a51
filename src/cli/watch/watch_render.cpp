#include "watch_render.hpp"

#include "oa_stream/base/layout.hpp"
#include "oa_stream/base/lines.hpp"
#include "oa_stream/base/seconds.hpp"
#include "oa_stream/base/text.hpp"
#include "oa_stream/config/units.hpp"

#include "core/suggestion.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <span>
#include <utility>

namespace oa_stream::cli {

namespace {

constexpr std::size_t k_number_width = 8;
constexpr std::size_t k_numbers = 6; ///< per route
constexpr std::size_t k_least_route = 12;
constexpr std::size_t k_widest_route = 48;
constexpr std::size_t k_part_width = 28; ///< a process id and its revision

enum class Tone { plain, good, bad, warn, dim }; // the names in coloured()

struct Row {
    std::string text{};
    Tone tone = Tone::plain;
    bool cut = true; ///< cut to the screen's width
};

/// Text from elsewhere must not control the terminal.
std::string harmless(std::string text) {
    const bool broken = invalid_utf8(text).has_value();
    for (std::size_t i = 0; i < text.size(); ++i) {
        const auto c = static_cast<unsigned char>(text[i]);
        const bool c1 =
            c == 0xC2 && i + 1 < text.size() && static_cast<unsigned char>(text[i + 1]) < 0xA0;
        if (c < 0x20 || c == 0x7F || c1 || (broken && c >= 0x80)) {
            text[i] = '?';
            if (c1) {
                text.erase(i + 1, 1);
            }
        }
    }
    return text;
}

std::string right(const std::string& text, std::size_t width = k_number_width) {
    const std::size_t used = columns_of(text);
    return std::string(used < width ? width - used : 1, ' ') + text;
}

std::string left(const std::string& text, std::size_t width) {
    if (width == 0) {
        return {};
    }
    const std::string kept = cut_to(text, width);
    return kept + std::string(width - columns_of(kept), ' ');
}

std::string rate(const std::optional<double>& rose, double window_s) {
    return rose && window_s > 0 ? fmt::format("{:.1f}", *rose / window_s) : "–";
}

std::string count(const std::optional<double>& value) {
    return value ? fmt::format("{:.0f}", *value) : "–";
}

Tone tone_of(WatchState state) {
    switch (state) {
    case WatchState::ok:
        return Tone::good;
    case WatchState::bad:
    case WatchState::unreachable:
    case WatchState::unreadable:
        return Tone::bad;
    case WatchState::unready:
    case WatchState::stale:
    case WatchState::missing:
    case WatchState::incomplete:
    case WatchState::few:
        return Tone::warn;
    case WatchState::quiet:
    case WatchState::starting:
        return Tone::plain;
    }
    return Tone::plain;
}

std::string coloured(const Row& row, bool colour) {
    constexpr std::array<const char*, 5> k_codes{nullptr, "32", "1;31", "33", "2"};
    const char* code = k_codes.at(static_cast<std::size_t>(row.tone));
    return colour && code != nullptr ? fmt::format("\x1b[{}m{}\x1b[0m", code, row.text) : row.text;
}

/// "completed 12  turn_failed 1  others 0": increases over the window, largest first.
std::string pairs(const std::map<std::string, double>& values) {
    if (values.empty()) {
        return "–";
    }
    std::vector<std::pair<double, std::string>> list;
    for (const auto& [name, value] : values) {
        if (value > 0) {
            list.emplace_back(-value, name);
        }
    }
    if (list.empty()) {
        return fmt::format("none of {} kinds", values.size());
    }
    std::ranges::sort(list);
    std::string out;
    for (const auto& [value, name] : list) {
        out += fmt::format("{} {:.0f}  ", name, -value);
    }
    return out + (list.size() < values.size() ? "others 0" : "");
}

std::string time_of(const std::string& at) {
    return at.size() >= 19 ? at.substr(11, 8) + "Z" : at;
}

std::string age(const std::optional<double>& seconds) {
    return seconds ? fmt::format("{:.1f}s old", *seconds) : std::string("no data");
}

/// Includes the revisions that are bad by themselves.
std::string headline(const WatchView& view) {
    std::string out(to_string(view.state));
    out += view.state == WatchState::few ? " requests to judge" : "";
    if (view.state == WatchState::bad && !view.guilty.empty()) {
        out += fmt::format(" {}", fmt::join(view.guilty, ", "));
    }
    return out;
}

/// Lines that were wrapped to fit, except for a word that cannot be broken.
void add_lines(std::vector<Row>& rows, std::string_view text, Tone tone) {
    while (!text.empty()) {
        rows.push_back({std::string(cut_line(text)), tone, false});
    }
}

/// The next command comes before the reasons, so that a small screen shows it completely.
std::vector<Row> head(const WatchView& view, std::size_t columns) {
    std::vector<Row> rows;
    std::string line = fmt::format("{}  {}", headline(view), time_of(view.at));
    line += fmt::format("  every {:g}s", view.every_s);
    line += view.numbers.window_s > 0
                ? fmt::format(", over the last {:.0f}s", view.numbers.window_s)
                : ", no rates yet";
    rows.push_back({std::move(line), tone_of(view.state)});
    if (!view.next.empty()) {
        add_lines(rows, continued("  next: " + harmless(view.next.text()), columns), Tone::plain);
    }
    return rows;
}

std::vector<Row> reasons(const WatchView& view, std::size_t columns) {
    std::vector<Row> rows;
    for (const std::string& why : view.why) {
        add_lines(rows, wrapped("  " + harmless(why), columns, 4), tone_of(view.state));
    }
    return rows;
}

std::vector<Row> sources(const WatchView& view) {
    std::vector<Row> rows;
    rows.reserve(view.sources.size());
    for (const WatchSource& source : view.sources) {
        rows.push_back(
            {fmt::format(
                 "{}  {}  {}  {}",
                 source.name,
                 source.revision.empty() ? "revision –" : source.revision,
                 source.state,
                 age(source.age_s)
             ),
             !source.reachable ? Tone::bad
             : !source.ready   ? Tone::warn
                               : Tone::plain}
        );
        for (const std::string& target : source.never_seen) {
            rows.push_back({fmt::format("  {} is down, and was not a lane within a day", target)});
        }
    }
    return rows;
}

/// A row per revision if there are several, then one per instance.
std::vector<Row> parts(const WatchView& view) {
    std::vector<Row> rows;
    const auto add = [&rows](const std::string& name, const WatchPart& part) {
        const bool known = part.turns.missing.empty();
        rows.push_back({fmt::format(
            "{} {} {}  bad {} of {}  p95 {}{}{}",
            left(name, k_part_width),
            right(rate(part.turns.total, part.window_s)),
            "req/s",
            known ? count(part.turns.bad) : "–",
            count(part.turns.total),
            percentile_text(part.first_content, measure::k_p95),
            part.state.empty() ? "" : "  ",
            part.state
        )});
        rows.back().tone = part.turns.bad.value_or(0) > 0 ? Tone::bad : Tone::plain;
    };
    const auto revisions = by_revision(view.parts);
    for (const WatchPart& part : revisions) {
        if (revisions.size() > 1) {
            add(part.revision.empty() ? "no revision" : "revision " + part.revision, part);
        }
    }
    for (const WatchPart& part : view.parts) {
        if (view.parts.size() > 1) {
            add(fmt::format("{} {}", part.name, part.revision), part);
        }
    }
    return rows;
}

struct RouteColumns {
    std::size_t name;
    std::size_t numbers;
};

/// On a narrow screen the last numbers are dropped in favour of the route's name.
RouteColumns route_columns(ScreenSize size) {
    const std::size_t room = size.columns - 1;
    const std::size_t fitting = (room - std::min(room, k_least_route)) / k_number_width;
    const std::size_t numbers = std::min(k_numbers, fitting);
    return {std::min(room - (numbers * k_number_width), k_widest_route), numbers};
}

using RouteRow = std::array<std::string, k_numbers>;

std::string route_line(const std::string& name, const RouteRow& numbers, RouteColumns columns) {
    std::string line = left(name, columns.name);
    for (const std::string& number : std::span(numbers).first(columns.numbers)) {
        line += right(number);
    }
    return line;
}

/// Routes that start turns first, each in the same row at every tick.
std::vector<Row> routes(const WatchView& view, RouteColumns columns) {
    std::vector<std::pair<std::string, const RouteNumbers*>> list;
    for (const bool turns : {true, false}) {
        for (const auto& [name, route] : view.numbers.routes) {
            if (telemetry::is_turn_route(name) == turns &&
                (turns || route.requests.value_or(0) > 0)) {
                list.emplace_back(name, &route);
            }
        }
    }
    std::vector<Row> rows;
    const double window = view.numbers.window_s;
    for (const auto& [name, route] : list) {
        const auto time = [&](auto q) { return percentile_text(route->first_content, q); };
        const Tone tone = route->errors_5xx.value_or(0) > 0 ? Tone::bad : Tone::plain;
        const RouteRow numbers{
            rate(route->requests, window),
            rate(route->errors_5xx, window),
            rate(route->accepted, window),
            time(measure::k_p50),
            time(measure::k_p95),
            time(measure::k_p99)
        };
        rows.push_back({route_line(name, numbers, columns), tone});
    }
    return rows;
}

/// One bad request of a young lane spends its whole budget: that is shown, but not judged.
std::string budget_text(const WatchView& view) {
    const bool few = view.budget_left.value_or(0) < 0 && !view.budget_judged;
    constexpr double k_shown = 0.0005; // smaller values do not matter
    const bool off = view.budget_left && view.budget_off >= k_shown;
    return (view.budget_left ? percent_text(*view.budget_left) : "–") +
           (off ? " ±" + percent_text(view.budget_off) : "") +
           (few ? ", too few bad ones to judge" : "");
}

std::vector<Row> totals(const WatchView& view, std::size_t columns) {
    const WatchNumbers& n = view.numbers;
    std::vector<Row> rows;
    rows.push_back({"endings   " + pairs(n.terminals)});
    rows.push_back({"rejected  " + pairs(n.compat)});
    std::string now = fmt::format(
        "active    {} stream{}   bad {} of {} requests",
        count(n.active),
        count(n.active) == "1" ? "" : "s",
        count(view.bad),
        count(view.total)
    );
    for (const auto& [metric, rose] : n.watched) {
        now += fmt::format("   {} {}", metric->watch, count(rose));
    }
    rows.push_back({std::move(now)});
    rows.push_back(
        {fmt::format(
             "budget    {}: left {}{}   burn {}",
             config::exact_percent(view.objective.value()),
             budget_text(view),
             n.budget_window.empty() ? "" : " (" + n.budget_window + ")",
             view.burn ? fmt::format("{:.1f}x", *view.burn) : "–"
         ),
         view.budget_left.value_or(1) < 0 ? Tone::bad : Tone::plain}
    );
    if (!view.split.empty()) {
        rows.push_back({"split     " + view.split});
    }
    for (const measure::ServiceFault& fault : view.faults) {
        if (!fault.signal->pages) { // paging faults are listed at the top
            rows.push_back({"fault     " + fault.text(), Tone::warn});
        }
    }
    std::vector<Row> out;
    for (const Row& row : rows) {
        add_lines(out, wrapped(harmless(row.text), columns, 10), row.tone);
        out.back().cut = true; // a word may be wider than the screen
    }
    return out;
}

void append_rows(std::vector<Row>& to, std::vector<Row> from, std::size_t most) {
    from.resize(std::min(most, from.size()));
    std::ranges::move(from, std::back_inserter(to));
}

} // namespace

std::vector<std::string> watch_screen(const WatchView& view, ScreenSize size, bool colour) {
    const auto lower = totals(view, size.columns - 1);
    std::vector<Row> rows;
    append_rows(rows, head(view, size.columns - 1), size.rows);
    append_rows(rows, reasons(view, size.columns - 1), std::max<std::size_t>(size.rows / 4, 1));
    append_rows(rows, sources(view), std::max<std::size_t>(size.rows / 6, 1));
    append_rows(rows, parts(view), size.rows / 4);
    const RouteColumns columns = route_columns(size);
    const RouteRow heads{"req/s", "5xx/s", "turns/s", "p50", "p95", "p99"};
    rows.push_back({route_line("route", heads, columns), Tone::dim});
    const std::size_t reserved = rows.size() + lower.size() + 3;
    append_rows(rows, routes(view, columns), size.rows > reserved ? size.rows - reserved : 1);
    append_rows(rows, lower, lower.size());
    if (rows.size() + 1 < size.rows && !view.events.empty()) {
        rows.push_back({"events", Tone::dim});
        const std::size_t room = std::min(size.rows - rows.size(), view.events.size());
        for (std::size_t i = view.events.size() - room; i < view.events.size(); ++i) {
            rows.push_back({"  " + view.events[i]});
        }
    }
    rows.resize(std::min(rows.size(), size.rows));
    std::vector<std::string> lines;
    for (Row& row : rows) {
        row.text = harmless(std::move(row.text));
        row.text = row.cut ? cut_to(row.text, size.columns - 1) : row.text;
        lines.push_back(coloured(row, colour));
    }
    return lines;
}

std::string watch_line(const WatchView& view) {
    const WatchNumbers& n = view.numbers;
    std::string out = fmt::format(
        "{} {}  {} req/s, {} of {} bad, p95 {}, {} active, burn {}",
        time_of(view.at),
        headline(view),
        rate(view.total, n.window_s),
        count(view.bad),
        count(view.total),
        percentile_text(all_first_content(n), measure::k_p95),
        count(n.active),
        view.burn ? fmt::format("{:.1f}x", *view.burn) : "–"
    );
    out += fmt::format("{}{}", view.why.empty() ? "" : "; ", fmt::join(view.why, "; "));
    if (!view.next.empty()) {
        out += "; next: " + view.next.text();
    }
    return harmless(std::move(out));
}

std::string watch_frame(const std::vector<std::string>& lines) {
    std::string out = "\x1b[H";
    for (std::size_t i = 0; i < lines.size(); ++i) {
        out += lines[i] + "\x1b[K";
        out += i + 1 < lines.size() ? "\r\n" : "";
    }
    return out + "\x1b[J";
}

} // namespace oa_stream::cli

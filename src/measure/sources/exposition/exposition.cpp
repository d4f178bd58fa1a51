#include "oa_stream/measure/exposition.hpp"

#include "oa_stream/base/lines.hpp"
#include "oa_stream/base/text.hpp"
#include "oa_stream/measure/prometheus_answer.hpp"
#include "oa_stream/telemetry/metrics.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace oa_stream::measure {

namespace {

bool is_name(char c) {
    return is_alnum(c) || c == '_' || c == ':';
}

bool is_counter(std::string_view name) {
    return name.ends_with("_total") || name.ends_with("_bucket") || name.ends_with("_count") ||
           name.ends_with("_sum");
}

bool is_count(double value) {
    return std::isfinite(value) && value >= 0;
}

/// Parses one sample line from the front.
class ExpositionLine {
public:
    explicit ExpositionLine(std::string_view text) : text_(text) {}

    std::optional<std::pair<SeriesId, double>> read() {
        SeriesId series;
        series.name = std::string(name());
        if (series.name.empty() || !labels(series)) {
            return std::nullopt;
        }
        text_ = trim(text_);
        const std::size_t end = std::min(text_.find_first_of(" \t"), text_.size());
        const auto value = prometheus::parse_value(text_.substr(0, end));
        const std::string_view rest = trim(text_.substr(end)); // a timestamp may follow
        const bool time = rest.find_first_not_of("-0123456789") == std::string_view::npos;
        if (!value || !time) {
            return std::nullopt;
        }
        std::ranges::sort(series.labels);
        return std::pair(std::move(series), *value);
    }

private:
    std::string_view name() {
        const auto end = std::ranges::find_if_not(text_, is_name);
        const auto name = text_.substr(0, static_cast<std::size_t>(end - text_.begin()));
        text_.remove_prefix(name.size());
        return name;
    }
    bool take(char c) {
        text_ = trim(text_);
        const bool there = text_.starts_with(c);
        text_.remove_prefix(there ? 1 : 0);
        return there;
    }
    bool labels(SeriesId& out) {
        if (!take('{')) {
            return true;
        }
        while (!take('}')) {
            text_ = trim(text_);
            const auto label = name();
            if (label.empty() || !take('=') || !take('"') || !quoted(out, label)) {
                return false;
            }
            take(',');
        }
        return true;
    }
    bool quoted(SeriesId& out, std::string_view label) {
        std::string value;
        while (!text_.empty() && text_.front() != '"') {
            char c = text_.front();
            text_.remove_prefix(1);
            if (c == '\\' && !text_.empty()) {
                c = text_.front() == 'n' ? '\n' : text_.front();
                text_.remove_prefix(1);
            }
            value += c;
        }
        if (text_.empty()) {
            return false;
        }
        text_.remove_prefix(1);
        out.labels.emplace_back(label, std::move(value));
        return true;
    }

    std::string_view text_;
};

} // namespace

std::string_view SeriesId::label(std::string_view wanted) const noexcept {
    for (const auto& [name_, value] : labels) {
        if (name_ == wanted) {
            return value;
        }
    }
    return {};
}

std::ranges::subrange<SeriesMap::const_iterator>
series_of(const SeriesMap& series, std::string_view name) {
    const auto first = series.lower_bound({std::string(name), {}});
    return {first, std::find_if(first, series.end(), [&](const auto& one) {
                return one.first.name != name;
            })};
}

Result<SeriesMap> parse_exposition(std::string_view text) {
    SeriesMap out;
    bool ours = false;
    std::size_t number = 0;
    while (!text.empty()) {
        const std::string_view line = trim(cut_line(text));
        ++number;
        if (line.empty() || line.starts_with('#')) {
            continue;
        }
        auto sample = ExpositionLine(line).read();
        if (!sample) {
            return fail(
                Code::protocol,
                fmt::format("not a sample: {}", printable(line, 60)),
                fmt::format("line {}", number)
            );
        }
        if (out.size() == k_most_scraped) {
            return fail(Code::too_large, fmt::format("more than {} samples", k_most_scraped));
        }
        ours = ours || sample->first.name.starts_with(telemetry::k_prefix);
        if (is_counter(sample->first.name) && !is_count(sample->second)) {
            continue;
        }
        if (!out.insert(*std::move(sample)).second) {
            return fail(Code::protocol, "a sample appears twice", fmt::format("line {}", number));
        }
    }
    if (!ours) {
        return fail(Code::protocol, "not a lane's metrics: nothing is called oa_stream_…");
    }
    return out;
}

bool CounterWindow::add(SeriesMap scrape, double at_s) {
    bool restarted = false;
    if (any_) {
        Tick tick{.from_s = last_at_s_, .to_s = at_s};
        for (const auto& [series, value] : scrape) {
            if (!is_counter(series.name)) {
                continue;
            }
            const auto before = known_.find(series);
            const double was = before == known_.end() ? 0 : before->second;
            restarted = restarted || value < was;
            if (const double rose = value < was ? value : value - was; rose > 0) {
                tick.rose.emplace(series, rose);
            }
        }
        ticks_.push_back(std::move(tick));
        while (!ticks_.empty() && ticks_.front().to_s <= at_s - window_s_) {
            ticks_.pop_front();
        }
    }
    any_ = true;
    // A restarted process' earlier counts do not apply to a series that appears later.
    if (restarted) {
        known_.clear();
    }
    for (const auto& [series, value] : scrape) {
        if (is_counter(series.name)) {
            known_.insert_or_assign(series, value);
        }
    }
    last_ = std::move(scrape);
    last_at_s_ = at_s;
    return restarted;
}

double CounterWindow::covered_s() const noexcept {
    double sum = 0;
    for (const Tick& tick : ticks_) {
        sum += tick.to_s - tick.from_s;
    }
    return sum;
}

SeriesMap CounterWindow::rose() const {
    SeriesMap out;
    for (const auto& [series, value] : ticks_.empty() ? SeriesMap{} : last_) {
        if (is_counter(series.name)) {
            out.emplace(series, 0);
        }
    }
    for (const Tick& tick : ticks_) {
        for (const auto& [series, rose] : tick.rose) {
            if (const auto found = out.find(series); found != out.end()) {
                found->second += rose;
            }
        }
    }
    return out;
}

} // namespace oa_stream::measure

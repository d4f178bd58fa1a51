#include "oa_stream/measure/sample.hpp"

#include "oa_stream/base/json_members.hpp"
#include "oa_stream/base/lists.hpp"
#include "oa_stream/base/seconds.hpp"
#include "oa_stream/measure/cancelled.hpp"
#include "oa_stream/measure/quantile.hpp"
#include "oa_stream/measure/source.hpp"

#include "gate_judge.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace oa_stream::measure {
namespace {

constexpr double k_never = std::numeric_limits<double>::infinity();

double to_micros(double seconds) {
    return std::isinf(seconds) ? seconds : std::round(seconds * 1e6) / 1e6;
}

/// Lines of earlier versions only have this in their detail.
bool own_in(const Json& line) {
    const auto own = bool_member(line, "own");
    return own ? *own : text_in(line, "detail").starts_with("oa-stream itself stood still");
}

Json seconds(const std::optional<double>& value) {
    if (!value) {
        return nullptr;
    }
    if (std::isinf(*value)) {
        return "inf";
    }
    return to_micros(*value);
}

} // namespace

bool is_cancelled(const Sample& sample) noexcept {
    return sample.outcome == k_cancelled || sample.outcome == k_starved;
}

bool was_starved(const Sample& sample) noexcept {
    return sample.outcome == k_starved || sample.own;
}

std::optional<double> time_of(const Sample& sample, Timing timing) {
    if (is_cancelled(sample) && timing != Timing::first_content) {
        return std::nullopt; // it had not ended
    }
    switch (timing) {
    case Timing::first_content:
        return sample.first_content_s;
    case Timing::per_token:
        return sample.per_token_s;
    case Timing::chunk_gap:
        return sample.cut && sample.first_content_s ? std::optional(k_never) : sample.max_gap_s;
    case Timing::duration:
        break;
    }
    return sample.cut ? std::optional(k_never) : sample.bad ? std::nullopt : sample.end_s;
}

Sample as_stored(Sample sample) {
    sample.at_s = to_micros(sample.at_s);
    for (auto* time :
         {&sample.first_content_s, &sample.end_s, &sample.max_gap_s, &sample.per_token_s}) {
        *time = time->transform(to_micros);
    }
    return sample;
}

Json to_json(const Sample& sample) {
    Json out = {
        {"at_s", to_micros(sample.at_s)},
        {"arm", sample.arm},
        {"revision", sample.revision},
        {"outcome", sample.outcome},
        {"bad", sample.bad},
        {"first_content_s", seconds(sample.first_content_s)},
        {"end_s", seconds(sample.end_s)},
    };
    if (sample.max_gap_s) {
        out["max_gap_s"] = seconds(sample.max_gap_s);
    }
    if (sample.per_token_s) {
        out["per_token_s"] = seconds(sample.per_token_s);
    }
    if (sample.cut) {
        out["cut"] = true;
    }
    if (!sample.request_id.empty()) {
        out["request_id"] = sample.request_id;
    }
    if (!sample.detail.empty()) {
        out["detail"] = sample.detail;
    }
    if (sample.own) {
        out["own"] = true;
    }
    if (!sample.sent) {
        out["sent"] = false;
    }
    return out;
}

Sample sample_from_json(const Json& line) {
    const auto time = [&](std::string_view key) {
        return string_member(line, key) == "inf" ? std::optional(k_never) : number_in(line, key);
    };
    return {
        .at_s = number_in(line, "at_s").value_or(0),
        .arm = text_in(line, "arm"),
        .revision = text_in(line, "revision"),
        .outcome = text_in(line, "outcome"),
        .bad = bool_member(line, "bad").value_or(false),
        .first_content_s = time("first_content_s"),
        .end_s = time("end_s"),
        .max_gap_s = time("max_gap_s"),
        .per_token_s = time("per_token_s"),
        .cut = bool_member(line, "cut").value_or(false),
        .request_id = text_in(line, "request_id"),
        .detail = text_in(line, "detail"),
        .own = own_in(line),
        .sent = bool_member(line, "sent").value_or(true),
    };
}

std::optional<std::vector<std::string_view>> endings_of(std::string_view events) {
    std::vector<std::string_view> out;
    for (const std::string_view word : event_words(events)) {
        const auto* found = std::ranges::find(k_ending_words, word);
        if (found == k_ending_words.end()) {
            return std::nullopt;
        }
        out.push_back(*found);
    }
    return out;
}

bool counts_as_bad(const Sample& sample, std::span<const std::string_view> endings) noexcept {
    return sample.bad && (endings.empty() || contains(endings, sample.outcome));
}

Counts
count_bad(std::span<const Sample> samples, std::span<const std::string_view> endings) noexcept {
    Counts out;
    for (const Sample& sample : samples) {
        out.bad += counts_as_bad(sample, endings) ? 1 : 0;
        out.total += is_cancelled(sample) ? 0 : 1;
    }
    return out;
}

OnlyQuick::OnlyQuick(std::span<const Sample> samples, Timing timing) {
    for (const Sample& sample : samples) {
        if (sample.outcome == k_cancelled && !time_of(sample, timing)) {
            spans_.emplace_back(sample.at_s, sample.at_s + sample.end_s.value_or(0));
        }
    }
}

bool OnlyQuick::holds(const Sample& sample) const noexcept {
    return std::ranges::any_of(spans_, [&](const auto& span) {
        return sample.at_s >= span.first && sample.at_s <= span.second;
    });
}

std::vector<double> times_sorted(std::span<const Sample> samples, Timing timing) {
    std::vector<double> out;
    const OnlyQuick only_quick(samples, timing);
    for (const Sample& sample : samples) {
        const auto time = time_of(sample, timing);
        if (time && !only_quick.holds(sample)) {
            out.push_back(*time);
        }
    }
    std::ranges::sort(out);
    return out;
}

std::string p95_text(const Latency& latency) {
    const auto text = [](const std::optional<double>& s) { return s ? seconds_text(*s) : "?"; };
    return fmt::format(
        "{} ({} to {})", seconds_text(latency.p95), text(latency.p95_low), text(latency.p95_high)
    );
}

std::vector<double> first_content_sorted(std::span<const Sample> samples) {
    return times_sorted(samples, Timing::first_content);
}

std::optional<double> first_content_p95(std::span<const Sample> samples) {
    const auto times = first_content_sorted(samples);
    return times.empty() ? std::nullopt : std::optional(quantile_sorted(times, k_p95));
}

std::optional<Latency> latency_of(std::span<const Sample> samples) {
    const auto times = first_content_sorted(samples);
    if (times.empty()) {
        return std::nullopt;
    }
    constexpr double k_two_sided = 0.975; // each side of 95 %
    const auto at = [&](const RankBound& bound) { return times[bound.rank - 1]; };
    return Latency{
        .n = times.size(),
        .p50 = quantile_sorted(times, k_p50),
        .p95 = quantile_sorted(times, k_p95),
        .p95_low = lower_rank(times.size(), k_p95, k_two_sided).transform(at),
        .p95_high = upper_rank(times.size(), k_p95, k_two_sided).transform(at),
    };
}

} // namespace oa_stream::measure

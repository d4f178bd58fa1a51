// The totals of a load run.
#include "oa_stream/measure/buckets.hpp"
#include "oa_stream/measure/quantile.hpp"
#include "oa_stream/probe/load.hpp"

#include <algorithm>
#include <cmath>

namespace oa_stream::probe {
namespace {

constexpr double k_micro = 1e6;

struct Percentile {
    const char* name;
    measure::Fraction q;
};
constexpr std::array k_percentiles{
    Percentile{"p50", {50, 100}},
    Percentile{"p90", {90, 100}},
    Percentile{"p95", {95, 100}},
    Percentile{"p99", {99, 100}},
    Percentile{"p99.9", {999, 1000}},
};

Json time_json(double seconds) {
    return std::isinf(seconds) ? Json("inf") : Json(seconds);
}

const std::optional<double>& clock_of(const Clocks& clocks, LoadClock clock) {
    switch (clock) {
    case LoadClock::connect:
        return clocks.connect;
    case LoadClock::head:
        return clocks.headers;
    case LoadClock::first_byte:
        return clocks.first_byte;
    case LoadClock::first_event:
        return clocks.first_event;
    case LoadClock::first_content:
        return clocks.first_content;
    case LoadClock::end:
        break;
    }
    return clocks.end;
}

bool broke_contract(Outcome outcome) {
    return outcome == Outcome::contract_violation || outcome == Outcome::malformed_frame ||
           outcome == Outcome::late_data || outcome == Outcome::not_sse;
}

/// When an answer was cut off, its end time is not the end of the answer.
bool says_nothing(const LoadRequest& request, LoadClock clock) {
    const bool cut = request.sample.outcome == Outcome::cancelled || ran_into_limit(request.sample);
    return clock == LoadClock::end && cut;
}

void add_times(LoadTotals& totals, const LoadRequest& request) {
    if (request.reader == Reader::slow) {
        return;
    }
    if (request.reader == Reader::plain && request.sample.clocks.first_content &&
        ran_into_limit(request.sample)) {
        totals.gaps.record_infinite(); // the silence that the limit ended, as in a gate's chunk_gap
    }
    for (std::size_t i = 0; i < k_load_clocks.size(); ++i) {
        const auto& seen = clock_of(request.sample.clocks, k_load_clocks[i]);
        if (seen && !says_nothing(request, k_load_clocks[i])) {
            totals.from_plan[i].record(request.late_s + *seen);
            totals.from_send[i].record(*seen);
        } else if (request.unanswered()) {
            totals.from_plan[i].record_infinite();
            if (!request.dropped) {
                totals.from_send[i].record_infinite();
            }
        }
    }
}

void add_sending(LoadTotals& totals, const LoadRequest& request) {
    ++totals.sent;
    totals.late += request.late_s > k_late_s ? 1U : 0U;
    totals.slow += request.reader == Reader::slow ? 1U : 0U;
    totals.left += request.reader == Reader::leaving ? 1U : 0U;
    if (!request.measured) {
        return;
    }
    ++totals.measured_sent;
    totals.measured_late += request.late_s > k_late_s ? 1U : 0U;
    totals.start_delay.record(request.late_s);
    const double sent = request.planned_s + request.late_s;
    totals.last_sent_s = std::max(totals.last_sent_s, sent);
}

} // namespace

void Times::record(double seconds) {
    finite_.record(static_cast<std::uint64_t>(std::llround(std::max(0.0, seconds) * k_micro)));
}

double Times::at_rank(std::uint64_t rank) const {
    const std::uint64_t finite = finite_.count();
    if (rank > finite || finite == 0) {
        return measure::k_infinite;
    }
    return finite_.percentile({rank, finite}).value_or(0) / k_micro; // there are finite ones
}

std::optional<double> Times::percentile(measure::Fraction q) const {
    if (n() == 0) {
        return std::nullopt;
    }
    return at_rank(measure::nearest_rank(n(), q));
}

double Times::mean() const noexcept {
    const auto count = static_cast<double>(finite_.count());
    return count == 0 ? 0 : static_cast<double>(finite_.sum()) / k_micro / count;
}

double Times::max() const noexcept {
    return infinite_ > 0 ? measure::k_infinite : static_cast<double>(finite_.max()) / k_micro;
}

Json Times::to_json() const {
    Json out;
    out["n"] = n();
    out["infinite"] = infinite_;
    if (n() == 0) {
        return out;
    }
    for (const Percentile& one : k_percentiles) {
        out[one.name] = time_json(percentile(one.q).value_or(0));
    }
    out["max"] = time_json(max());
    out["mean"] = mean();
    return out;
}

bool LoadRequest::bad() const noexcept {
    return dropped || (!unfinished && sample.bad());
}

bool LoadRequest::unanswered() const noexcept {
    return dropped || waited_out || ran_into_limit(sample);
}

void LoadJudged::add(const LoadRequest& request) {
    ++n;
    bad += request.bad() ? 1U : 0U;
    ++outcomes[std::string(outcome_word(request))];
}

std::uint64_t LoadJudged::count(std::string_view outcome) const {
    const auto found = outcomes.find(outcome);
    return found == outcomes.end() ? 0 : found->second;
}

void LoadTotals::add(const LoadRequest& request) {
    ++planned;
    ++outcomes[std::string(outcome_word(request))];
    if (request.dropped) {
        ++dropped;
    } else {
        add_sending(*this, request);
        ++ended;
        unfinished += request.unfinished ? 1U : 0U;
        broken += broke_contract(request.sample.outcome) ? 1U : 0U;
        chunks += request.sample.content_frames;
        bytes += request.sample.judgement.bytes;
    }
    if (request.bad() && example.empty()) {
        example = request.dropped ? "too many requests were in flight" : request.sample.detail;
    }
    if (!request.measured) {
        return;
    }
    ++measured;
    if (!request.unfinished) {
        (request.reader == Reader::leaving ? leaving : judged).add(request);
    } else if (request.waited_out && request.reader != Reader::leaving) {
        ++waited_out;
    }
    add_times(*this, request);
}

double LoadTotals::achieved_per_second() const noexcept {
    return seconds > 0 ? static_cast<double>(measured_sent) / seconds : 0;
}

Json to_json(const LoadRequest& request) {
    Json out;
    out["index"] = request.index;
    out["planned"] = request.planned_s;
    out["late"] = request.late_s;
    out["reader"] = to_string(request.reader);
    out["measured"] = request.measured ? "yes" : "ramp";
    out["outcome"] = outcome_word(request);
    if (request.dropped) {
        return out;
    }
    const ProbeSample& sample = request.sample;
    out["status"] = sample.status;
    for (const LoadClock clock : k_load_clocks) {
        if (const auto& seen = clock_of(sample.clocks, clock)) {
            out[std::string(to_string(clock))] = *seen;
        }
    }
    out["max_gap"] = sample.max_gap_s;
    out["chunks"] = sample.content_frames;
    out["bytes"] = sample.judgement.bytes;
    out["revision"] = sample.revision;
    out["request_id"] = sample.request_id;
    if (request.bad()) {
        out["detail"] = sample.detail;
    }
    return out;
}

Json to_json(const LoadSecond& second) {
    Json out;
    out["second"] = second.second;
    out["planned"] = second.planned;
    out["sent"] = second.sent;
    out["late"] = second.late;
    out["dropped"] = second.dropped;
    out["ended"] = second.ended;
    out["bad"] = second.bad;
    out["in_flight"] = second.in_flight;
    out["first_content"] = second.first_content.to_json();
    return out;
}

std::string_view outcome_word(const LoadRequest& request) noexcept {
    if (request.dropped) {
        return "dropped";
    }
    if (request.unfinished) {
        return "unfinished";
    }
    return request.reader == Reader::leaving && request.sample.outcome == Outcome::cancelled
               ? "left"
               : to_string(request.sample.outcome);
}

} // namespace oa_stream::probe

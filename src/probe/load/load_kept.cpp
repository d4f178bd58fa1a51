// Stores a load's totals and reads them back; limits judge both alike.
#include "oa_stream/base/json_members.hpp"
#include "oa_stream/probe/load.hpp"

#include <algorithm>
#include <cmath>

namespace oa_stream::probe {
namespace {

std::uint64_t whole(double value) {
    return static_cast<std::uint64_t>(std::llround(value));
}

Json judged_json(const LoadJudged& judged) {
    return {{"n", judged.n}, {"bad", judged.bad}, {"outcomes", judged.outcomes}};
}

std::optional<LoadJudged> judged_from(const Json* json) {
    const auto n = json == nullptr ? std::nullopt : count_in(*json, "n");
    const auto bad = json == nullptr ? std::nullopt : count_in(*json, "bad");
    const Json* outcomes = json == nullptr ? nullptr : member(*json, "outcomes");
    if (!n || !bad || *bad > *n || outcomes == nullptr || !outcomes->is_object()) {
        return std::nullopt;
    }
    LoadJudged out{.n = *n, .bad = *bad};
    for (const auto& [word, ignored] : outcomes->items()) {
        const auto count = count_in(*outcomes, word);
        if (!count) {
            return std::nullopt;
        }
        out.outcomes.emplace(word, *count);
    }
    return out;
}

bool read_times(const Json& json, std::string_view key, Times& into) {
    const Json* kept = member(json, key);
    auto times = kept == nullptr ? std::nullopt : Times::from_kept(*kept);
    if (times) {
        into = *std::move(times);
    }
    return times.has_value();
}

} // namespace

Json Times::kept() const {
    Json values = Json::array();
    double before = 0;
    for (const measure::Bucket& bucket : finite_.cumulative(1)) {
        if (std::isfinite(bucket.le) && bucket.count > before) {
            values.push_back({whole(bucket.le), whole(bucket.count - before)});
            before = bucket.count;
        }
    }
    return {
        {"infinite", infinite_},
        {"min", finite_.min()},
        {"max", finite_.max()},
        {"values", std::move(values)},
    };
}

std::optional<Times> Times::from_kept(const Json& kept) {
    const auto infinite = count_in(kept, "infinite");
    const auto least = count_in(kept, "min");
    const auto most = count_in(kept, "max");
    const Json* values = member(kept, "values");
    if (!infinite || !least || !most || *least > *most || values == nullptr ||
        !values->is_array()) {
        return std::nullopt;
    }
    Times out;
    out.infinite_ = *infinite;
    for (std::size_t i = 0; i < values->size(); ++i) {
        const Json& one = (*values)[i];
        if (!one.is_array() || one.size() != 2 || !one[0].is_number_unsigned() ||
            !one[1].is_number_unsigned() || one[1].get<std::uint64_t>() == 0) {
            return std::nullopt;
        }
        // The first bucket contains the minimum, which is recorded exactly.
        auto count = one[1].get<std::uint64_t>();
        out.finite_.record(i == 0 ? *least : std::min(one[0].get<std::uint64_t>(), *most), 1);
        out.finite_.record(
            i == 0 && values->size() > 1 ? *least : std::min(one[0].get<std::uint64_t>(), *most),
            --count
        );
    }
    return out;
}

Json kept_totals(const LoadTotals& totals) {
    Json clocks = Json::object();
    for (std::size_t i = 0; i < k_load_clocks.size(); ++i) {
        clocks[std::string(to_string(k_load_clocks[i]))] = totals.from_plan[i].kept();
    }
    return {
        {"measured", totals.measured},
        {"measured_sent", totals.measured_sent},
        {"measured_late", totals.measured_late},
        {"waited_out", totals.waited_out},
        {"judged", judged_json(totals.judged)},
        {"leaving", judged_json(totals.leaving)},
        {"from_planned", std::move(clocks)},
        {"start_delay", totals.start_delay.kept()},
        {"chunk_gap", totals.gaps.kept()},
    };
}

std::optional<LoadTotals> totals_from_kept(const Json& kept) {
    const auto measured = count_in(kept, "measured");
    const auto sent = count_in(kept, "measured_sent");
    const auto late = count_in(kept, "measured_late");
    auto judged = judged_from(member(kept, "judged"));
    auto leaving = judged_from(member(kept, "leaving"));
    const Json* clocks = member(kept, "from_planned");
    if (!measured || !sent || !late || *late > *sent || !judged || !leaving || clocks == nullptr) {
        return std::nullopt;
    }
    LoadTotals out;
    out.measured = *measured;
    out.measured_sent = *sent;
    out.measured_late = *late;
    // Missing in loads of earlier versions.
    out.waited_out = count_in(kept, "waited_out").value_or(0);
    out.judged = *std::move(judged);
    out.leaving = *std::move(leaving);
    for (std::size_t i = 0; i < k_load_clocks.size(); ++i) {
        if (!read_times(*clocks, to_string(k_load_clocks[i]), out.from_plan[i])) {
            return std::nullopt;
        }
    }
    const bool whole =
        read_times(kept, "start_delay", out.start_delay) && read_times(kept, "chunk_gap", out.gaps);
    return whole ? std::optional(std::move(out)) : std::nullopt;
}

} // namespace oa_stream::probe

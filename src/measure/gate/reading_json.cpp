// Serializes a source's reading as one line, and parses it.
#include "oa_stream/base/json_members.hpp"
#include "oa_stream/measure/buckets.hpp"
#include "oa_stream/measure/source.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

namespace oa_stream::measure {
namespace {

/// [[seconds, how many], …] of ascending times.
Json times_json(const std::vector<double>& times) {
    Json out = Json::array();
    for (auto at = times.begin(); at != times.end();) {
        const auto end = std::find_if(at, times.end(), [&](double time) { return time != *at; });
        out.push_back(
            {std::isinf(*at) ? Json("inf") : Json(*at), static_cast<std::uint64_t>(end - at)}
        );
        at = end;
    }
    return out;
}

std::unexpected<Error> wrong(std::string_view what) {
    return fail(Code::unreadable, fmt::format("'{}' of a stored reading is not readable", what));
}

std::optional<std::uint64_t> count_at(const Json& pair, std::size_t index) {
    return pair.is_array() && pair.size() == 2 && pair[index].is_number_unsigned()
               ? std::optional(pair[index].get<std::uint64_t>())
               : std::nullopt;
}

Result<void> read_times(const Json& line, std::vector<double>& into) {
    constexpr std::uint64_t k_most_read = 100'000'000;
    const Json* times = member(line, "times");
    if (times == nullptr) {
        return {};
    }
    for (const Json& pair : *times) {
        const auto count = count_at(pair, 1);
        const bool infinite = count && pair[0].is_string() && pair[0] == "inf";
        if (!count || *count > k_most_read - into.size() || (!infinite && !pair[0].is_number())) {
            return wrong("times");
        }
        into.insert(into.end(), *count, infinite ? k_infinite : pair[0].get<double>());
    }
    return {};
}

Result<void> read_buckets(const Json& line, std::vector<Bucket>& into) {
    const Json* buckets = member(line, "buckets");
    if (buckets == nullptr) {
        return {};
    }
    for (const Json& pair : *buckets) {
        if (!pair.is_array() || pair.size() != 2 || !pair[0].is_string() || !pair[1].is_number()) {
            return wrong("buckets");
        }
        const auto text = pair[0].get<std::string>();
        const auto le = text == "inf" ? Json(k_infinite) : parse_json(text).value_or(nullptr);
        if (!le.is_number()) {
            return wrong("buckets");
        }
        into.push_back({le.get<double>(), pair[1].get<double>()});
    }
    return {};
}

Result<void> read_blocks(const Json& line, std::vector<Counts>& into) {
    const Json* blocks = member(line, "blocks");
    if (blocks == nullptr) {
        return {};
    }
    for (const Json& pair : *blocks) {
        const auto bad = count_at(pair, 0);
        const auto total = count_at(pair, 1);
        if (!bad || !total) {
            return wrong("blocks");
        }
        into.push_back({*bad, *total});
    }
    return {};
}

Json buckets_json(const std::vector<Bucket>& buckets) {
    return json_list(buckets, [](const Bucket& bucket) {
        return Json::array({fmt::format("{}", bucket.le), bucket.count});
    });
}

Json pairs_json(const std::vector<Counts>& blocks) {
    return json_list(blocks, [](const Counts& block) {
        return Json::array({block.bad, block.total});
    });
}

/// Members that are a single number.
struct Number {
    std::string_view name;
    double SourceReading::* at;
    bool always = true; ///< false: lines of earlier versions lack it; it is then 0
};
constexpr std::array k_numbers{
    Number{"newest_s", &SourceReading::newest_s},
    Number{"covered_s", &SourceReading::covered_s},
    Number{"count_error", &SourceReading::count_error},
    Number{"edge_error", &SourceReading::edge_error},
    Number{"time_error", &SourceReading::time_error},
    Number{"may_have_missed", &SourceReading::may_have_missed},
    Number{"requests_missed", &SourceReading::requests_missed, false},
    Number{"times_missed", &SourceReading::times_missed, false},
    Number{"unread", &SourceReading::unread, false},
    Number{"uncovered_requests", &SourceReading::uncovered_requests, false},
    Number{"other_times", &SourceReading::other_times, false},
};

Result<Tally> tally_from(const Json& line) {
    Tally out;
    const auto bad = int_member(line, "bad");
    const auto total = int_member(line, "total");
    if (!bad || !total || *bad < 0 || *total < *bad) {
        return wrong("total");
    }
    out.requests = {static_cast<std::uint64_t>(*bad), static_cast<std::uint64_t>(*total)};
    OA_CHECK(read_times(line, out.first_content_s));
    OA_CHECK(read_buckets(line, out.buckets));
    OA_CHECK(read_blocks(line, out.blocks));
    out.value = number_in(line, "value");
    return out;
}

} // namespace

Json to_json(const DatedReading& dated) {
    const SourceReading& reading = dated.reading;
    const bool measured = reading.state == SourceReading::State::measured;
    Json out{
        {"revision", dated.revision},
        {"window_s", dated.window_s},
        {"state", measured ? "measured" : "missing"},
        {"why", reading.why},
        {"bad", reading.tally.requests.bad},
        {"total", reading.tally.requests.total},
        {"timed", reading.tally.timed()},
    };
    for (const Number& number : k_numbers) {
        out[std::string(number.name)] = reading.*number.at;
    }
    if (reading.tally.value) {
        out["value"] = *reading.tally.value;
    }
    out["uncovered"] = reading.uncovered;
    out["counts_probes"] = reading.counts_probes;
    out["source"] = reading.source;
    out["query"] = reading.query;
    out["notes"] = reading.notes;
    out["buckets"] = buckets_json(reading.tally.buckets);
    out["times"] = times_json(reading.tally.first_content_s);
    out["blocks"] = pairs_json(reading.tally.blocks);
    if (reading.edge.requests.total > 0 || !reading.edge.buckets.empty()) {
        out["edge"] = {
            {"bad", reading.edge.requests.bad},
            {"total", reading.edge.requests.total},
            {"buckets", buckets_json(reading.edge.buckets)},
        };
    }
    return out;
}

Result<DatedReading> reading_from_json(const Json& line) {
    DatedReading out;
    out.revision = text_in(line, "revision");
    out.window_s = number_in(line, "window_s").value_or(0);
    SourceReading& reading = out.reading;
    const std::string state = text_in(line, "state");
    if (state != "measured" && state != "missing") {
        return wrong("state");
    }
    reading.state =
        state == "measured" ? SourceReading::State::measured : SourceReading::State::missing;
    reading.why = text_in(line, "why");
    OA_TRY(reading.tally, tally_from(line));
    if (const Json* edge = member(line, "edge"); edge != nullptr) {
        OA_TRY(reading.edge, tally_from(*edge));
    }
    for (const Number& number : k_numbers) {
        const auto value = number_in(line, number.name);
        if (!value && !number.always && member(line, number.name) == nullptr) {
            continue;
        }
        if (!value) {
            return wrong(number.name);
        }
        reading.*number.at = *value;
    }
    reading.uncovered = text_in(line, "uncovered");
    reading.counts_probes = bool_member(line, "counts_probes").value_or(true);
    reading.source = text_in(line, "source");
    reading.query = text_in(line, "query");
    for (const Json& note : list_in(line, "notes")) {
        reading.notes.push_back(note.is_string() ? note.get<std::string>() : "");
    }
    return out;
}

} // namespace oa_stream::measure

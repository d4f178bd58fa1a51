// The one form in which requests reach a gate, whatever their source.
#pragma once

#include "oa_stream/base/json.hpp"
#include "oa_stream/measure/proportion.hpp"

#include <optional>
#include <span>
#include <string>
#include <vector>

namespace oa_stream::measure {

struct Sample {
    double at_s = 0;         ///< when it should have been sent, seconds since the run began
    std::string arm{};       ///< whom it was meant for: "stable", "canary", "mixed"
    std::string revision{};  ///< who answered, empty when nobody did
    std::string outcome{};   ///< one word, "ok" or what went wrong
    bool bad = false;        ///< counts against the error budget
    /// Seconds until the first content; +Inf when the request ran into a time limit before it;
    /// nullopt when it ended otherwise without content (the bad rate counts those).
    std::optional<double> first_content_s{};
    std::optional<double> end_s{};
    std::string request_id{};
    std::string detail{};
};

/// One line of measure/samples.ndjson; an infinite time is the word "inf".
[[nodiscard]] Json to_json(const Sample& sample);

[[nodiscard]] Counts count_bad(std::span<const Sample> samples) noexcept;
/// The first-content times there are, ascending.
[[nodiscard]] std::vector<double> first_content_sorted(std::span<const Sample> samples);

} // namespace oa_stream::measure

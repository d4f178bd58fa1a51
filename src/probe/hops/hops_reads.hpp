// When the bytes of one answer arrived, and findings about hops derived from that.
#pragma once

#include "oa_stream/base/check.hpp"
#include "oa_stream/base/json_members.hpp"
#include "oa_stream/base/lines.hpp"
#include "oa_stream/probe/hops.hpp"
#include "oa_stream/probe/stream_probe.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace oa_stream::probe {

// Content that arrives this much later through a hop was held back by it.
inline constexpr double k_held_s = 1;
/// For the answer of a given duration.
inline constexpr double k_word_every_s = 0.25;

struct Reads {
    double longest_s = 0; ///< silence on the wire, comments included
    std::uint64_t largest = 0;
    std::size_t count = 0;
};

inline Reads reads_of(const ProbeSample& sample) {
    Reads out;
    std::string_view rest = sample.timing_ndjson;
    double last = sample.clocks.headers.value_or(0);
    while (!rest.empty()) {
        const auto line = parse_json(cut_line(rest));
        const double at = line ? number_in(*line, "t").value_or(last) : last;
        out.longest_s = std::max(out.longest_s, at - last);
        last = at;
        ++out.count;
        const auto bytes = line ? int_member(*line, "bytes").value_or(0) : 0;
        out.largest =
            std::max(out.largest, static_cast<std::uint64_t>(std::max<std::int64_t>(0, bytes)));
    }
    return out;
}

struct Finding {
    Verdict verdict = Verdict::pass;
    std::string detail{};
    std::string hop{}; ///< the guilty hop
    std::optional<double> limit_s{};
};
/// Even an ordinary turn is not a stream, for example a login page: such a hop shows nothing about
/// streams.
inline bool gives_no_stream(const HopSeen& hop) {
    return hop.plain.status != 200 || hop.plain.outcome == Outcome::wrong_content_type;
}
inline std::string no_answer_of(const HopSeen& hop) {
    return fmt::format("{} does not answer: {}", hop.name, hop.plain.detail);
}
/// As the check `id`.
[[nodiscard]] Check check_of(const Finding& found, std::string id);

} // namespace oa_stream::probe

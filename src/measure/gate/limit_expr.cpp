#include "oa_stream/measure/limit_expr.hpp"

#include "oa_stream/base/enum_words.hpp"
#include "oa_stream/base/text.hpp"

#include <algorithm>

namespace oa_stream::measure {
namespace {

std::optional<Timing> timing_of(std::string_view word) {
    if (word == "gap") {
        return Timing::chunk_gap;
    }
    return word == "end" ? Timing::duration : enum_value<Timing>(k_timing_words, word);
}

} // namespace

Result<LimitExpr> read_limit_expr(std::string_view text) {
    const std::size_t at = text.find("<=");
    if (at == std::string_view::npos) {
        return fail(Code::usage, "a gate has a measured value, '<=' and a limit");
    }
    const std::string_view head = trim(text.substr(0, at));
    const std::size_t gap = std::min(head.find_first_of(": -"), head.size());
    LimitExpr out{.what = head.substr(0, gap), .which = trim(head.substr(gap))};
    if (out.which.starts_with(':') || out.which.starts_with('-')) {
        out.which = trim(out.which.substr(1));
    }
    out.quantile = percentile(out.what);
    out.timing = timing_of(out.which);
    constexpr std::string_view k_versus = "versus stable";
    out.bound = trim(text.substr(at + 2));
    out.versus = out.bound.ends_with(k_versus);
    if (out.versus) {
        out.bound = trim(out.bound.substr(0, out.bound.size() - k_versus.size()));
    }
    OA_TRY(out.limit, config::read_limit(out.bound));
    return out;
}

} // namespace oa_stream::measure

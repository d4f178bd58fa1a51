#include "oa_stream/routes/route_journal.hpp"

#include "oa_stream/base/json_members.hpp"
#include "oa_stream/base/lines.hpp"
#include "oa_stream/run/run_journal.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace oa_stream::routes {
namespace {

void read_line(RouteProgress& out, std::string_view text) {
    const auto line = parse_json(text);
    if (!line || !line->is_object()) {
        out.intended = true;
        out.unverified = true;
        out.undone_at.clear();
        out.text = "a line cannot be read";
        return;
    }
    const std::string way = text_in(*line, "way");
    if (way.empty()) {
        return;
    }
    const std::string phase = text_in(*line, "phase");
    const std::string detail = text_in(*line, "detail");
    const std::string at = text_in(*line, "at");
    out.last_at = std::max(out.last_at, at);
    out.intended = out.intended || phase == to_string(run::Phase::intent);
    out.unverified = out.intended && phase != to_string(run::Phase::done);
    if (way == "back" && phase == to_string(run::Phase::done)) {
        out.undone_at = at;
    } else if (way != "back" && phase == to_string(run::Phase::intent)) {
        out.undone_at.clear();
    }
    out.text = fmt::format(
        "{}{} at {}{}{}",
        way == "back" ? "rollback: " : "",
        phase,
        at,
        detail.empty() ? "" : ", ",
        detail
    );
}

} // namespace

RouteProgress read_route_journal(std::string_view text) {
    RouteProgress out;
    while (text.contains('\n')) {
        read_line(out, cut_line(text));
    }
    return out;
}

} // namespace oa_stream::routes

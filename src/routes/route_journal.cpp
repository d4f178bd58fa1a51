#include "oa_stream/routes/route_journal.hpp"

#include "oa_stream/base/clock.hpp"
#include "oa_stream/base/json_members.hpp"

#include <fmt/format.h>

#include <array>
#include <memory>

namespace oa_stream::routes {
namespace {

void read_line(RouteProgress& out, std::string_view text) {
    const auto line = parse_json(text);
    if (!line || !line->is_object()) {
        out.intended = true;
        out.unverified = true;
        out.text = "a line cannot be read";
        return;
    }
    const std::string phase = text_in(*line, "phase");
    const std::string detail = text_in(*line, "detail");
    const std::string at = text_in(*line, "at");
    out.last_at = std::max(out.last_at, at);
    out.intended = out.intended || phase == to_string(RoutePhase::intent);
    out.unverified = out.intended && phase != to_string(RoutePhase::done);
    out.text = fmt::format(
        "{}{} at {}{}{}",
        text_in(*line, "way") == "back" ? "taken back: " : "",
        phase,
        at,
        detail.empty() ? "" : ", ",
        detail
    );
}

} // namespace

std::string_view to_string(RoutePhase phase) noexcept {
    static constexpr std::array<std::string_view, 8> k_names{
        "begin", "intent", "written", "refused", "ambiguous", "seen", "done", "unverified"
    };
    return k_names.at(static_cast<std::size_t>(phase));
}

Json to_json(const RouteEvent& event) {
    Json out{{"phase", to_string(event.phase)}, {"way", event.undo ? "back" : "forth"}};
    if (event.write) {
        out["domain"] = event.write->domain ? Json(*event.write->domain) : Json(nullptr);
        out["target"] = event.write->target;
    }
    if (!event.write || event.phase == RoutePhase::intent) {
        out["from"] = to_json(event.from);
        out["to"] = to_json(event.to);
    }
    if (!event.detail.empty()) {
        out["detail"] = event.detail;
    }
    return out;
}

RouteSink route_sink(std::function<Result<void>(const Json& line)> append, std::size_t next) {
    return [append = std::move(append), next](const RouteEvent& event) mutable {
        Json line{{"seq", next++}, {"at", rfc3339_millis(std::chrono::system_clock::now())}};
        line["step"] = event.write ? "route:" + event.write->domain.value_or("global") : "route";
        line.update(to_json(event));
        return append(line);
    };
}

RouteProgress read_route_journal(std::string_view text) {
    RouteProgress out;
    for (std::size_t end = text.find('\n'); end != std::string_view::npos; end = text.find('\n')) {
        read_line(out, text.substr(0, end));
        text.remove_prefix(end + 1);
    }
    return out;
}

} // namespace oa_stream::routes

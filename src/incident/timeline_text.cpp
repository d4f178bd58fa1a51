#include "oa_stream/base/json_members.hpp"
#include "oa_stream/base/lists.hpp"
#include "oa_stream/base/text.hpp"
#include "oa_stream/base/utf8.hpp"
#include "oa_stream/base/verdict.hpp"
#include "oa_stream/incident/timeline.hpp"
#include "oa_stream/run/run_journal.hpp"

#include <fmt/format.h>

#include <array>

namespace oa_stream::incident {
namespace {

constexpr std::size_t k_longest = 400;

/// {"canary":5,"stable":95} as "canary 5, stable 95".
std::string flat(const Json& value) {
    if (value.is_string()) {
        return value.get<std::string>();
    }
    if (!value.is_object()) {
        return dump_json(value);
    }
    std::string out;
    for (const auto& [key, inner] : value.items()) {
        out += fmt::format("{}{} {}", out.empty() ? "" : ", ", key, flat(inner));
    }
    return out;
}

/// Every member except those that are printed elsewhere.
std::string members(const Json& line, std::span<const std::string_view> shown) {
    std::string out;
    for (const auto& [key, value] : line.items()) {
        if (!contains(shown, key) && !value.is_null()) {
            out += fmt::format(" {}={}", key, flat(value));
        }
    }
    return out;
}

/// The check itself: some timelines hold it as a member, others are it.
const Json& check_in(const Json& line) {
    const Json* inner = member(line, "check");
    return inner != nullptr && inner->is_object() ? *inner : line;
}

std::string journal_text(const Json& line) {
    std::string out = "journal: " + text_in(line, "phase");
    if (const auto step = text_in(line, "step"); !step.empty()) {
        out += " " + step;
    }
    const Json* from = member(line, "from");
    const Json* to = member(line, "to");
    if (from != nullptr && to != nullptr) {
        out += fmt::format(": {} → {}", flat(*from), flat(*to));
    } else if (to != nullptr) {
        out += ": " + flat(*to);
    }
    if (const Json* seen = member(line, "seen")) {
        out += ", seen " + flat(*seen);
    }
    if (const auto detail = text_in(line, "detail"); !detail.empty()) {
        out += ", " + detail;
    }
    return out;
}

std::string stage_text(const Json& row) {
    std::string out = fmt::format("stage {} {}", text_in(row, "name"), text_in(row, "verdict"));
    for (const char* arm : {"canary", "stable"}) {
        if (const Json* counts = member(row, arm); counts != nullptr && counts->is_object()) {
            out += fmt::format(
                ", {} {} bad of {}",
                arm,
                int_member(*counts, "bad").value_or(0),
                int_member(*counts, "total").value_or(0)
            );
        }
    }
    return out;
}

} // namespace

std::string event_text(const Json& line) {
    static constexpr std::array<std::string_view, 7> k_shown{
        "at", "t", "ts", "time", "timestamp", "event", "seq"
    };
    const std::string event = text_in(line, "event");
    std::string out;
    if (member(line, "phase") != nullptr && event.empty()) {
        out = journal_text(line);
    } else if (event == "check") {
        const Json& check = check_in(line);
        out = fmt::format(
            "{} {}: {}", text_in(check, "verdict"), text_in(check, "id"), text_in(check, "detail")
        );
    } else if (event == "note") {
        out = fmt::format("note by {}: {}", text_in(line, "by"), text_in(line, "text"));
    } else if (const Json* row = member(line, "row"); row != nullptr && event == "stage ended") {
        out = stage_text(*row);
    } else {
        out = event + members(line, k_shown);
    }
    out = blank_controls(out);
    if (out.size() > k_longest) {
        out.resize(whole_utf8_prefix(std::string_view(out).substr(0, k_longest)));
        out += "…";
    }
    return std::string(trim(out));
}

Weight event_weight(const Json& line) {
    static constexpr std::array<std::string_view, 4> k_turning{
        "stage begins", "stage extended", "stage ended", run::k_shift_begins
    };
    static constexpr std::array<std::string_view, 8> k_key{
        "note",
        "run started",
        "run ended",
        "run taken up again",
        run::k_restore_begins,
        "fault planted",
        "redacted",
        "signal"
    };
    const std::string event = text_in(line, "event");
    if (const auto phase = text_in(line, "phase"); event.empty() && !phase.empty()) {
        const bool change = phase == "intent" || phase == "ambiguous" || phase == "unverified" ||
                            phase == "refused" || phase == "resumed";
        return change ? Weight::turning : Weight::routine;
    }
    if (event == "check") {
        return is_quiet(text_view_in(check_in(line), "verdict")) ? Weight::passed : Weight::key;
    }
    if (contains(k_key, event)) {
        return Weight::key;
    }
    const std::string level = text_in(line, "level");
    const bool turning = contains(k_turning, event) || level == "error" || level == "critical";
    return turning ? Weight::turning : Weight::routine;
}

} // namespace oa_stream::incident

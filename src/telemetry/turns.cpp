#include "oa_stream/telemetry/turns.hpp"

#include "oa_stream/base/lists.hpp"
#include "oa_stream/telemetry/classes.hpp"

#include <algorithm>
#include <utility>

namespace oa_stream::telemetry {
namespace {

constexpr int k_client_left = 499;
constexpr int k_upgrade_required = 426;

// row_of() and to_string() index the tables, so both must be in the order of their enums.
static_assert([] {
    for (std::size_t i = 0; i < k_terminals.size(); ++i) {
        if (static_cast<std::size_t>(k_terminals[i].terminal) != i) {
            return false;
        }
    }
    for (std::size_t i = 0; i < k_bad_events.size(); ++i) {
        if (static_cast<std::size_t>(k_bad_events[i].event) != i) {
            return false;
        }
    }
    return true;
}());

} // namespace

bool is_turn_route(std::string_view route) noexcept {
    return contains(k_turn_routes, route, &TurnRoute::pattern);
}

std::string_view lane_of(std::string_view route) noexcept {
    const auto* row = std::ranges::find(k_turn_routes, route, &TurnRoute::pattern);
    return row == k_turn_routes.end() ? "control" : row->lane;
}

const TerminalRow& row_of(TerminalClass terminal) noexcept {
    return k_terminals[std::to_underlying(terminal)];
}

std::string_view to_string(TerminalClass terminal) noexcept {
    return row_of(terminal).word;
}

std::optional<TerminalClass> terminal_of(std::string_view word) noexcept {
    const auto* found = std::ranges::find(k_terminals, word, &TerminalRow::word);
    return found == k_terminals.end() ? std::nullopt : std::optional(found->terminal);
}

std::vector<BadEvent> default_bad() {
    std::vector<BadEvent> out;
    for (const BadRow& row : k_bad_events) {
        if (row.by_default) {
            out.push_back(row.event);
        }
    }
    return out;
}

std::string_view to_string(BadEvent event) noexcept {
    return k_bad_events[std::to_underlying(event)].word;
}

std::string bad_text(std::span<const BadEvent> events) {
    std::string out;
    for (const BadEvent event : events) {
        out += out.empty() ? "" : " | ";
        out += to_string(event);
    }
    return out;
}

bool is_rejected(int status) noexcept {
    return status >= 400 && status < k_client_left && status != k_upgrade_required &&
           !refuses_credential(status);
}

BadSet set_of(std::span<const BadEvent> events) noexcept {
    unsigned out = 0;
    for (const BadEvent event : events) {
        out |= bit_of(event);
    }
    return static_cast<BadSet>(out);
}

BadSet bad_events(const Ending& ending) noexcept {
    unsigned out = 0;
    const auto add = [&](BadEvent event, bool is) { out |= is ? bit_of(event) : 0U; };
    add(BadEvent::http_5xx, ending.status >= 500 && ending.status <= 599);
    add(BadEvent::terminal_error, ending.terminal && row_of(*ending.terminal).bad);
    add(BadEvent::empty, ending.empty);
    add(BadEvent::compat_rejected, ending.status == k_upgrade_required);
    add(BadEvent::rejected, is_rejected(ending.status));
    return static_cast<BadSet>(out);
}

bool is_bad_by_default(BadSet bad) noexcept {
    static const BadSet k_default = set_of(default_bad());
    return (bad & k_default) != 0;
}

bool is_whole_turn(const Answered& answered) noexcept {
    const auto& [ending, began_turn, read_to_end] = answered;
    return began_turn && read_to_end && ending.terminal == TerminalClass::completed &&
           (bad_events(ending) & bit_of(BadEvent::http_5xx)) == 0;
}

} // namespace oa_stream::telemetry

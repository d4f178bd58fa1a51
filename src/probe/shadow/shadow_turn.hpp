// The content of a turn from either side: parts, calls and notes in order, how it ended and what it
// cost. Built from a lane's frames or from an authority's own events; equal turns compare equal,
// independent of their ids and of how their deltas were cut.
#pragma once

#include "oa_stream/base/json.hpp"
#include "oa_stream/turn/event.hpp"

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace oa_stream::probe {

/// `dynamic` in a call's chunks. Clients read it from more than one of them.
struct DynamicFlag {
    bool some = false;
    bool every = true;
    void saw(bool set) noexcept {
        some = some || set;
        every = every && set;
    }
    [[nodiscard]] std::string_view word() const noexcept {
        return !some ? "absent" : every ? "on every chunk" : "on some chunks only";
    }
};

struct TurnItem {
    enum class Kind { text, reasoning, tool, note };
    enum class State { open, done, failed, denied }; ///< of a tool

    Kind kind = Kind::text;
    std::string name{}; ///< of a tool or note
    std::string text{}; ///< joined deltas; a tool's failure
    std::string input_text{}; ///< a tool's joined input deltas
    std::string live{}; ///< a tool's joined live output
    Json input = nullptr;
    Json output = nullptr; ///< a tool's output, a note's last payload
    State state = State::open;
    bool transient = false; ///< of a note
    DynamicFlag dynamic{}; ///< for a tool: the page need not know it
    /// For a tool: providerExecuted, the page must not run it. Clients read it from the chunk with
    /// the whole input; without such a chunk, from the one that opens the call.
    bool provider = false;

    /// "text", "reasoning", "tool shell", "note plan"
    [[nodiscard]] std::string label() const;
};
[[nodiscard]] std::string_view to_string(TurnItem::State state) noexcept;

struct TurnMeaning {
    std::vector<TurnItem> items{}; ///< by first appearance; parts without any text are left out
    std::string ending{}; ///< "completed", "failed", …; "unfinished": no end was reported
    std::string code{}; ///< failure code, "turn_failed"
    std::string error_text{};
    std::string finish{}; ///< finish reason
    std::optional<Json> usage{};
    bool cut = false; ///< longer than k_longest_turn: the rest was not read
};

/// Bytes of a turn that are compared; the lane's own log of a turn has the same limit.
inline constexpr std::size_t k_longest_turn = 8U << 20U;

/// Ignores members whose values vary between runs: those named in `ignored`, at any depth of
/// inputs, outputs and payloads. Strings that are an id of the turn (thread, turn, message, call)
/// are renamed by order of appearance.
[[nodiscard]] TurnMeaning
meaning_of_stream(std::string_view sse, std::span<const std::string> ignored);

/// `events`: as the authority sent them, whether or not they need repairs.
[[nodiscard]] TurnMeaning
meaning_of_events(std::vector<turn::Event> events, std::span<const std::string> ignored);

} // namespace oa_stream::probe

// Converts an authority's event stream to the grammar of turn/event.hpp and counts each repair.
#pragma once

#include "oa_stream/turn/event.hpp"

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace oa_stream::encode {

/// Kinds of repair; the metric's label values.
enum class Repair {
    started_missing,      ///< content before TurnStarted
    started_twice,
    part_unopened,        ///< delta or close of a part that is not open
    part_reopened,        ///< opened again: renamed
    part_left_open,       ///< still open at the end
    tool_unopened,
    tool_reopened,
    tool_input_missing,   ///< output before input
    tool_input_twice,
    tool_output_twice,
    tool_left_open,
    empty_delta,
    split_code_point,     ///< bytes held back until the code point was whole
    after_end,
    end_missing,
    bad_id, ///< an id or name not allowed on the wire: renamed
};
inline constexpr std::size_t k_repair_kinds = 16;
[[nodiscard]] std::string_view to_string(Repair repair) noexcept;

/// Replaces the result of a call that was open when its turn was stopped.
inline constexpr std::string_view k_stopped_call = "The answer was stopped before this call ended.";
/// … when the turn failed.
inline constexpr std::string_view k_no_output = "The answer ended before this call did.";

class Normaliser {
public:
    Normaliser();
    Normaliser(const Normaliser&) = delete;
    Normaliser& operator=(const Normaliser&) = delete;
    ~Normaliser();
    Normaliser(Normaliser&&) noexcept;
    Normaliser& operator=(Normaliser&&) noexcept;

    /// Appends the repaired form of `event` to `out`: no, one or several events.
    void push(turn::Event event, std::vector<turn::Event>& out);
    /// The source ended. If there was no TurnEnded, adds one with `failure`; open parts and tools
    /// are closed before it.
    void finish(turn::Failure failure, std::vector<turn::Event>& out);
    /// Ends these calls (wire ids) for the client: the answer ends, but the calls continue. Later
    /// events about them are dropped, except an approval question, which opens a new call.
    void leave_behind(const std::vector<std::string>& calls, std::vector<turn::Event>& out);
    [[nodiscard]] bool ended() const noexcept;
    /// Number of repairs so far, indexed by Repair.
    [[nodiscard]] const std::array<std::uint64_t, k_repair_kinds>& repairs() const noexcept;

private:
    struct State;
    std::unique_ptr<State> state_;
};

} // namespace oa_stream::encode

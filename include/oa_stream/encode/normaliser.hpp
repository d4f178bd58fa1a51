// Repairs an authority's event stream into the grammar of turn/event.hpp, counting each repair.
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
    part_unopened,        ///< delta or close of a part nobody opened
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
    bad_id, ///< an id or name that may not stand on the wire: renamed
};
inline constexpr std::size_t k_repair_kinds = 16;
[[nodiscard]] std::string_view to_string(Repair repair) noexcept;

/// In place of the result of a call that a stopped turn left open.
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

    /// Appends to `out` what `event` means once repaired: nothing, one event or several.
    void push(turn::Event event, std::vector<turn::Event>& out);
    /// The source ended. Without a TurnEnded so far, one with `failure` is made; open parts and
    /// tools are closed before it.
    void finish(turn::Failure failure, std::vector<turn::Event>& out);
    /// Ends these calls, by their ids on the wire: an answer ends and they go on. What is told of
    /// them later is dropped, but a question about one, which opens a call of its own.
    void leave_behind(const std::vector<std::string>& calls, std::vector<turn::Event>& out);
    [[nodiscard]] bool ended() const noexcept;
    /// Repairs so far by kind, indexed by Repair.
    [[nodiscard]] const std::array<std::uint64_t, k_repair_kinds>& repairs() const noexcept;

private:
    struct State;
    std::unique_ptr<State> state_;
};

} // namespace oa_stream::encode

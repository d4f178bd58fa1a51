// The faults that can be injected into turns: by the replay authority, and by a drill that plants
// them in a process that runs. One table of their names and of the values they take.
#pragma once

#include "oa_stream/base/error.hpp"
#include "oa_stream/base/task.hpp"

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

namespace oa_stream::turn {

enum class FaultValue {
    share,    ///< of the turns, 0 to 1
    duration, ///< "300ms"
    factor,   ///< 1 to 10,000, decimal
    number,   ///< of a turn, from 1
};
struct FaultKind {
    std::string_view word; ///< as it is typed before its value: "error-rate=", "kill"
    FaultValue value = FaultValue::share;
    bool control = false; ///< of a control service that reads the same file

    [[nodiscard]] constexpr std::string_view name() const { return word.substr(0, word.find('=')); }
};
inline constexpr std::array k_fault_kinds{
    FaultKind{"error-rate="},
    FaultKind{"malformed="},
    FaultKind{"truncate="},
    FaultKind{"http-error="},
    FaultKind{"auth-error="},
    FaultKind{"forget="},
    FaultKind{"stall="},
    FaultKind{"drop="},
    FaultKind{"sync-token-error=", FaultValue::share, true},
    FaultKind{"audit-error=", FaultValue::share, true},
    FaultKind{"latency=", FaultValue::duration},
    FaultKind{"gap=", FaultValue::duration},
    FaultKind{"slow=", FaultValue::factor},
    FaultKind{"kill", FaultValue::number},
};

/// Their words, in this order.
[[nodiscard]] std::span<const std::string_view> fault_words();

/// What a fault was given: one of them, by its kind.
struct FaultAmount {
    double number = 0; ///< share, factor
    Millis time{0};
    std::uint64_t turn = 1;
};
/// Code::usage says what the kind needs. A `number` may be left out: the next turn.
[[nodiscard]] Result<FaultAmount> read_fault_value(const FaultKind& kind, std::string_view value);

} // namespace oa_stream::turn

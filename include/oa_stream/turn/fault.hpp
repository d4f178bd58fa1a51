// The faults that can be injected into turns, by the replay authority or by a drill in a running
// process: one table of their names and value types.
#pragma once

#include "oa_stream/base/error.hpp"
#include "oa_stream/base/task.hpp"

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

namespace oa_stream::turn {

enum class FaultValue {
    share,    ///< share of turns, 0 to 1
    duration, ///< "300ms"
    factor,   ///< 1 to 10,000, decimal
    number,   ///< number of a turn, from 1
};
struct FaultKind {
    std::string_view word; ///< as written before the value: "error-rate=", "kill"
    FaultValue value = FaultValue::share;
    bool control = false; ///< for a control service that reads the same file

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

/// The words of the table, in its order.
[[nodiscard]] std::span<const std::string_view> fault_words();

/// A fault's value; its kind decides which field is set.
struct FaultAmount {
    double number = 0; ///< share, factor
    Millis time{0};
    std::uint64_t turn = 1;
};
/// Code::usage names the form that the kind needs. A `number` may be missing: the next turn.
[[nodiscard]] Result<FaultAmount> read_fault_value(const FaultKind& kind, std::string_view value);

} // namespace oa_stream::turn

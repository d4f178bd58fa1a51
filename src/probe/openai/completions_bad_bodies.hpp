// Bodies that must be refused, each a change of a good one.
#pragma once

#include <span>
#include <string_view>

namespace oa_stream::probe {

/// The change of a body, and the expected refusal.
struct BadBody {
    std::string_view api; ///< c completions, r responses; both: cr
    std::string_view member;
    std::string_view value; ///< JSON; empty: the member is left out
    std::string_view code; ///< in the form of refusal_fault()
    std::string_view param;
};

/// Parameters that would change the meaning of the answer.
[[nodiscard]] std::span<const BadBody> unsupported_bodies() noexcept;
/// Values of the wrong type, out of range, or missing.
[[nodiscard]] std::span<const BadBody> bad_bodies() noexcept;

} // namespace oa_stream::probe

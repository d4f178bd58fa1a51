// Bodies that must be refused, a change of a good one each.
#pragma once

#include <span>
#include <string_view>

namespace oa_stream::probe {

/// What a body is changed to, and what must be refused of it.
struct BadBody {
    std::string_view api; ///< c completions, r responses; both: cr
    std::string_view member;
    std::string_view value; ///< JSON; empty: the member is left out
    std::string_view code;  ///< as refusal_fault() takes it
    std::string_view param;
};

/// Would change what the answer means.
[[nodiscard]] std::span<const BadBody> unsupported_bodies() noexcept;
/// Of the wrong type, out of range, or not there.
[[nodiscard]] std::span<const BadBody> bad_bodies() noexcept;

} // namespace oa_stream::probe

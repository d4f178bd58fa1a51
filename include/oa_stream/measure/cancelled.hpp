// Requests whose end nobody waited for.
#pragma once

#include "oa_stream/measure/sample.hpp"

#include <string_view>

namespace oa_stream::measure {

/// The outcome of a request that was given up while its answer was under way. It counts as no
/// request: nobody knows how it would have ended. Its `end_s` says when it was given up.
inline constexpr std::string_view k_cancelled = "cancelled";

[[nodiscard]] bool is_cancelled(const Sample& sample) noexcept;

} // namespace oa_stream::measure

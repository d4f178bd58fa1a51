// The version of this build.
#pragma once

#include <string_view>

namespace oa_stream::cli {

inline constexpr std::string_view k_name = "oa-stream";
[[nodiscard]] std::string_view version() noexcept; ///< "0.1.0"
[[nodiscard]] std::string_view commit() noexcept; ///< set in a release; otherwise empty

} // namespace oa_stream::cli

// The build's time stamp. A control service gives the window of accepted builds in this form.
#pragma once

#include <string_view>

namespace oa_stream::authority {

extern const std::string_view k_build_time; ///< YYYYMMDDTHHMMSSZ, or that of SOURCE_DATE_EPOCH

} // namespace oa_stream::authority

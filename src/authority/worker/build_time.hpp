// When this build was made. The window of builds that a control service serves is told in such
// times.
#pragma once

#include <string_view>

namespace oa_stream::authority {

extern const std::string_view k_build_time; ///< YYYYMMDDTHHMMSSZ, or that of SOURCE_DATE_EPOCH

} // namespace oa_stream::authority

// The access log: one line a request. Never prompt or output text, never tokens. From its lines
// alone every indicator that /metrics feeds can be computed: docs/observability.md.
#pragma once

#include "oa_stream/base/json.hpp"
#include "oa_stream/lane/records.hpp"

#include <string>
#include <string_view>

namespace oa_stream::lane {

/// Times are milliseconds after `ts`; members that do not apply are left out.
[[nodiscard]] std::string access_line(
    const RequestRecord& record, std::string_view revision, LogFormat format = LogFormat::json
);

/// The first 12 hex digits of a digest: separates owners without naming them. Empty for nobody.
[[nodiscard]] std::string owner_hash(std::string_view owner);

} // namespace oa_stream::lane

// The id map of releases before 1.1: {"version":1,"threads":[{"owner","id","thread","seeded"}…]}.
#pragma once

#include "oa_stream/base/error.hpp"

#include "thread_log.hpp"

#include <string_view>

namespace oa_stream::lane {

[[nodiscard]] bool is_v1_map(std::string_view text) noexcept;

/// Code::config for any other file, so that a foreign file is never replaced.
[[nodiscard]] Result<void>
read_v1_rows(std::string_view text, std::string_view where, const ThreadLogReader::Take& take);

} // namespace oa_stream::lane

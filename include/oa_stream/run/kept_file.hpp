// Files of a run's folder, read by whoever looks at the run later.
#pragma once

#include "oa_stream/base/error.hpp"
#include "oa_stream/base/json.hpp"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>

namespace oa_stream::run {

/// As read_file(), but never waits: a pipe or a device that somebody put in the file's place is
/// Code::unreadable.
[[nodiscard]] Result<std::string>
read_kept(const std::filesystem::path& path, std::uint64_t limit = 64U << 20U);
/// The same, as JSON.
[[nodiscard]] Result<Json>
kept_json(const std::filesystem::path& path, std::uint64_t limit = 64U << 20U);
/// Calls `take` for each line of a file of at most 1 GiB; how many it refused. A line that holds
/// something else than a JSON object is null to it.
Result<std::uint64_t>
each_kept_line(const std::filesystem::path& path, const std::function<bool(const Json&)>& take);

} // namespace oa_stream::run

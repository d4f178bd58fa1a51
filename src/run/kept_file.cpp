#include "oa_stream/run/kept_file.hpp"

#include "oa_stream/base/file.hpp"

namespace oa_stream::run {

Result<std::string> read_kept(const std::filesystem::path& path, std::uint64_t limit) {
    std::error_code absent;
    const auto there = std::filesystem::status(path, absent);
    if (std::filesystem::exists(there) && !std::filesystem::is_regular_file(there) &&
        !std::filesystem::is_directory(there)) {
        return fail(
            Code::unreadable,
            "it is not a regular file",
            path.string(),
            "look who put it there, and remove it"
        );
    }
    return read_file(path, limit);
}

} // namespace oa_stream::run

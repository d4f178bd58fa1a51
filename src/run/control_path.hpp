// A path that fits into a socket's address, whatever the folder is called. Private to the room.
#pragma once

#include "oa_stream/base/error.hpp"

#include <filesystem>
#include <string>
#include <string_view>

namespace oa_stream::run {

/// A folder by its descriptor: an address of a socket has room for 107 bytes only.
class ShortPath {
public:
    /// Code::io when it cannot be opened.
    [[nodiscard]] static Result<ShortPath> in(const std::filesystem::path& folder);
    ShortPath(ShortPath&& other) noexcept;
    ShortPath& operator=(ShortPath&&) = delete;
    ShortPath(const ShortPath&) = delete;
    ShortPath& operator=(const ShortPath&) = delete;
    ~ShortPath();

    /// Valid as long as the object.
    [[nodiscard]] std::string of(std::string_view file) const;

private:
    explicit ShortPath(int fd) : fd_(fd) {}
    int fd_ = -1;
};

} // namespace oa_stream::run

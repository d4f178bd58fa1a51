// A path that fits into a socket's address, whatever the folder is called. Private to the room.
#pragma once

#include "oa_stream/base/error.hpp"
#include "oa_stream/base/process.hpp"

#include <filesystem>
#include <string>
#include <string_view>
#include <utility>

namespace oa_stream::run {

/// A folder by its descriptor: an address of a socket has room for 107 bytes only.
class ShortPath {
public:
    /// Code::io when it cannot be opened.
    [[nodiscard]] static Result<ShortPath> in(const std::filesystem::path& folder);
    /// Valid as long as the object.
    [[nodiscard]] std::string of(std::string_view file) const;

private:
    explicit ShortPath(Descriptor folder) : folder_(std::move(folder)) {}
    Descriptor folder_;
};

} // namespace oa_stream::run

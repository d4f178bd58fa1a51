// A stream that somebody saved: raw bytes, or the output of `curl -i`, which prints the response
// head in front of them.
#pragma once

#include "oa_stream/base/error.hpp"

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace oa_stream::cli {

/// A file, or standard input for "-"; closed at the end unless it is standard input. For one
/// thread. Errors are Code::unreadable.
class SavedStream {
public:
    [[nodiscard]] static Result<SavedStream> open(const std::string& path);
    SavedStream(SavedStream&& other) noexcept;
    SavedStream& operator=(SavedStream&&) = delete;
    SavedStream(const SavedStream&) = delete;
    SavedStream& operator=(const SavedStream&) = delete;
    ~SavedStream();

    /// The response head in front of the body, or several of them (redirects, 100 Continue); empty
    /// when the body begins at once. To be called before read(). A head of more than 256 KiB is an
    /// error.
    [[nodiscard]] Result<std::string> read_head();
    /// Returns the bytes read, 0 at the end.
    [[nodiscard]] Result<std::size_t> read(std::span<char> into);
    [[nodiscard]] const std::string& name() const noexcept { return name_; }

private:
    SavedStream(int fd, std::string name) : fd_(fd), name_(std::move(name)) {}
    [[nodiscard]] Result<std::size_t> read_some(std::span<char> into) const;

    int fd_;
    std::string name_;
    std::string begun_{}; ///< read together with the head
};

} // namespace oa_stream::cli

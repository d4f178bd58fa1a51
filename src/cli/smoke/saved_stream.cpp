#include "saved_stream.hpp"

#include "oa_stream/base/shell.hpp"

#include <fmt/format.h>

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <utility>

namespace oa_stream::cli {

namespace {

constexpr std::string_view k_http = "HTTP/";
constexpr std::size_t k_most_head = std::size_t{256} << 10U;

std::unexpected<Error> cannot_read(const std::string& name) {
    return fail(
        Code::unreadable,
        fmt::format("cannot read: {}", errno_text(errno)),
        name,
        Suggestion{"check", {"FILE"}} + ", or - for standard input"
    );
}

/// The size of the heads at the start of `bytes`; nullopt while more bytes may belong to them.
std::optional<std::size_t> size_of_heads(std::string_view bytes) {
    std::size_t size = 0;
    while (true) {
        const auto rest = bytes.substr(size);
        if (!rest.starts_with(k_http)) {
            return k_http.starts_with(rest) ? std::nullopt : std::optional(size);
        }
        const auto with_cr = rest.find("\r\n\r\n");
        const auto plain = rest.find("\n\n");
        if (std::min(with_cr, plain) == std::string_view::npos) {
            return std::nullopt;
        }
        size += with_cr < plain ? with_cr + 4 : plain + 2;
    }
}

} // namespace

Result<SavedStream> SavedStream::open(const std::string& path) {
    if (path == "-") {
        return SavedStream(STDIN_FILENO, "standard input");
    }
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return cannot_read(path);
    }
    return SavedStream(fd, path);
}

SavedStream::SavedStream(SavedStream&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)), name_(std::move(other.name_)),
      begun_(std::move(other.begun_)) {
}

SavedStream::~SavedStream() {
    if (fd_ > STDIN_FILENO) {
        ::close(fd_);
    }
}

Result<std::string> SavedStream::read_head() {
    std::optional<std::size_t> size;
    while (!(size = size_of_heads(begun_))) {
        const auto old = begun_.size();
        if (old > k_most_head) {
            return fail(
                Code::unreadable,
                "the response head in front of the stream has no end",
                name_,
                "an empty line ends it"
            );
        }
        constexpr std::size_t k_piece = 4096;
        begun_.resize(old + k_piece);
        OA_TRY(const auto got, read_some(std::span(begun_).subspan(old)));
        begun_.resize(old + got);
        if (got == 0) { // only a head, or a body of a few letters
            size = begun_.starts_with(k_http) ? old : 0;
            break;
        }
    }
    auto head = begun_.substr(0, *size);
    begun_.erase(0, *size);
    return head;
}

Result<std::size_t> SavedStream::read(std::span<char> into) {
    if (begun_.empty()) {
        return read_some(into);
    }
    const auto size = begun_.copy(into.data(), into.size());
    begun_.erase(0, size);
    return size;
}

Result<std::size_t> SavedStream::read_some(std::span<char> into) const {
    while (true) {
        const ssize_t got = ::read(fd_, into.data(), into.size());
        if (got >= 0) {
            return static_cast<std::size_t>(got);
        }
        if (errno != EINTR) {
            return cannot_read(name_);
        }
    }
}

} // namespace oa_stream::cli

#include "oa_stream/measure/access_log_line.hpp"

#include "access_log_files.hpp"

#include <fmt/format.h>

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <functional>
#include <optional>

namespace oa_stream::measure {
namespace {

constexpr std::size_t k_block = std::size_t{128} << 10U;
/// A file without an access line in its first 64 KiB is not one of our logs.
constexpr std::size_t k_head = std::size_t{64} << 10U;

std::unexpected<Error> unreadable(const std::filesystem::path& path) {
    return fail(Code::unreadable, fmt::format("cannot read: {}", errno_text(errno)), path.string());
}

std::string identity_of(std::string_view head) {
    std::size_t begin = 0;
    for (std::size_t end = head.find('\n'); end != std::string_view::npos;
         end = head.find('\n', begin)) {
        AccessLine line;
        if (read_access_line(head.substr(begin, end - begin), line) == LineKind::request) {
            const std::string_view known = head.substr(0, end);
            return fmt::format("{:x}-{}", std::hash<std::string_view>{}(known), known.size());
        }
        begin = end + 1;
    }
    return {};
}

/// The name of a packer that we cannot unpack. Empty for a file that is not packed, or that we can
/// unpack.
std::string_view foreign_packer(std::string_view head) {
    using namespace std::string_view_literals;
    constexpr std::array k_packers{
        std::pair{
            "\xFD"
            "7zXZ\0"sv,
            "xz"sv
        },
        std::pair{"BZh"sv, "bzip2"sv},
        std::pair{"\x04\x22\x4D\x18"sv, "lz4"sv},
        std::pair{"\x1F\x9D"sv, "compress"sv},
    };
    const auto* found = std::ranges::find_if(k_packers, [&](const auto& packer) {
        return head.starts_with(packer.first);
    });
    return found == k_packers.end() ? ""sv : found->second;
}

class PlainReader final : public LogReader {
public:
    PlainReader(std::filesystem::path path, int fd) : path_(std::move(path)), fd_(fd) {}
    PlainReader(const PlainReader&) = delete;
    PlainReader& operator=(const PlainReader&) = delete;
    ~PlainReader() override { ::close(fd_); }

    [[nodiscard]] Result<std::string> identity() override {
        OA_TRY(const std::string_view head, read_at(0, k_head));
        return identity_of(head);
    }
    [[nodiscard]] Result<std::string_view> next() override {
        OA_TRY(const std::string_view piece, read_at(offset_, k_block));
        offset_ += piece.size();
        return piece;
    }
    [[nodiscard]] std::uint64_t offset() const noexcept override { return offset_; }
    void seek(std::uint64_t offset) noexcept override { offset_ = offset; }
    [[nodiscard]] bool packed() const noexcept override { return false; }

private:
    Result<std::string_view> read_at(std::uint64_t offset, std::size_t size) {
        ssize_t got = 0;
        do {
            got = ::pread(fd_, block_.data(), size, static_cast<off_t>(offset));
        } while (got < 0 && errno == EINTR);
        if (got < 0) {
            return unreadable(path_);
        }
        return std::string_view(block_.data(), static_cast<std::size_t>(got));
    }

    std::filesystem::path path_;
    int fd_;
    std::uint64_t offset_ = 0;
    std::array<char, k_block> block_{};
};

class PackedReader final : public LogReader {
public:
    explicit PackedReader(Decompressor unpacked) : unpacked_(std::move(unpacked)) {}

    [[nodiscard]] Result<std::string> identity() override {
        while (head_.size() < k_head && !head_whole_) {
            auto piece = unpacked_.next();
            if (!piece) {
                // Lines before the damage still count.
                failed_ = std::move(piece).error();
                break;
            }
            head_whole_ = piece->empty();
            head_ += *piece;
        }
        return identity_of(std::string_view(head_).substr(0, k_head));
    }
    [[nodiscard]] Result<std::string_view> next() override {
        if (!head_.empty() && offset_ == 0) {
            offset_ = head_.size();
            return std::string_view(head_);
        }
        if (failed_) {
            return std::unexpected(*failed_);
        }
        OA_TRY(const std::string_view piece, unpacked_.next());
        offset_ += piece.size();
        return piece;
    }
    [[nodiscard]] std::uint64_t offset() const noexcept override { return offset_; }
    void seek(std::uint64_t /*offset*/) noexcept override {}
    [[nodiscard]] bool packed() const noexcept override { return true; }

private:
    Decompressor unpacked_;
    std::string head_{};
    bool head_whole_ = false;
    std::optional<Error> failed_{};
    std::uint64_t offset_ = 0;
};

} // namespace

Result<std::unique_ptr<LogReader>>
LogReader::open(const std::filesystem::path& path, std::uint64_t unpacked_bytes) {
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return unreadable(path);
    }
    auto plain = std::make_unique<PlainReader>(path, fd);
    OA_TRY(const std::string_view head, plain->next());
    plain->seek(0);
    if (const auto packer = foreign_packer(head); !packer.empty()) {
        return fail(
            Code::unreadable,
            fmt::format("is compressed with {}, which is not read here", packer),
            path.string(),
            "gzip or zstd, or unpack it"
        );
    }
    if (compression_of(head) == Compression::none) {
        return std::unique_ptr<LogReader>(std::move(plain));
    }
    OA_TRY(auto unpacked, Decompressor::open(path, {.output = unpacked_bytes}));
    return std::unique_ptr<LogReader>(std::make_unique<PackedReader>(std::move(unpacked)));
}

} // namespace oa_stream::measure

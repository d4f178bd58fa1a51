// tar within zstd, by libarchive. Private to the room.
#pragma once

#include "oa_stream/base/error.hpp"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

struct archive;

namespace oa_stream::incident {

/// A relative path that tar and SHA256SUMS hold as it is, on every machine.
[[nodiscard]] bool is_kept_unchanged(std::string_view path) noexcept;

/// `name` with `_` for what some shell or sha256sum would not take as it is.
[[nodiscard]] std::string plain_name(std::string name);

/// Every entry is a plain file, 0644, owned by 0:0, with one time for all: the same entries give
/// the same bytes.
class ArchiveWriter {
public:
    /// `name`: what errors call `file`.
    [[nodiscard]] static Result<ArchiveWriter> open(
        const std::filesystem::path& file, const std::filesystem::path& name, std::int64_t seconds
    );
    [[nodiscard]] Result<void> add(const std::string& path, std::string_view bytes);
    [[nodiscard]] Result<void> close();

private:
    struct Free {
        void operator()(archive* writer) const;
    };
    std::unique_ptr<archive, Free> writer_;
    std::string name_{};
    std::int64_t seconds_ = 0;
};

struct ArchiveEntry {
    std::string path;
    bool plain = false; ///< a file; else a folder, a link, a device
    bool folder = false;
    std::string bytes;
};
/// All entries in their order, and why that was not all of the file; empty: it was. Nothing may
/// stand behind the end. Code::unreadable: no such archive, or more than we hold.
[[nodiscard]] Result<std::string>
read_archive(const std::filesystem::path& file, const std::function<void(ArchiveEntry&&)>& take);

} // namespace oa_stream::incident

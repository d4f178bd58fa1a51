#include "archive.hpp"

#include "oa_stream/base/decompress.hpp"
#include "oa_stream/base/lines.hpp"
#include "oa_stream/base/option_names.hpp"
#include "oa_stream/base/text.hpp"

#include <archive.h>
#include <archive_entry.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

namespace oa_stream::incident {
namespace {

constexpr std::uint64_t k_largest_entry = std::uint64_t{1} << 30U;
constexpr std::uint64_t k_largest_whole = std::uint64_t{16} << 30U;
constexpr std::size_t k_most_entries = 1'000'000;

std::string damaged(const std::string& why) {
    return why.starts_with("damaged") ? why : "damaged: " + why;
}

std::string reason_of(archive* one) {
    const char* text = archive_error_string(one);
    return text == nullptr ? "unknown reason" : text;
}

/// "cannot write: No space left on device": libarchive's own text for that is "Write error".
std::string not_written(archive* one) {
    const int number = archive_errno(one);
    return "cannot write: " + (number > 0 ? errno_text(number) : reason_of(one));
}

struct FreeEntry {
    void operator()(archive_entry* entry) const { archive_entry_free(entry); }
};
struct FreeReader {
    void operator()(archive* reader) const { archive_read_free(reader); }
};

/// What libarchive reads from.
struct Packed {
    Decompressor bytes;
    std::uint64_t given = 0;
    std::uint64_t written = 0; ///< where the last byte ends that is not zero
    bool broken = false;

    [[nodiscard]] Result<std::string_view> next() {
        auto piece = bytes.next();
        broken = !piece;
        if (piece) {
            const std::size_t last = piece->find_last_not_of('\0');
            written = last == std::string_view::npos ? written : given + last + 1;
            given += piece->size();
        }
        return piece;
    }
};

la_ssize_t give(archive* reader, void* packed, const void** block) {
    const auto piece = static_cast<Packed*>(packed)->next();
    if (!piece) {
        archive_set_error(reader, EIO, "%s", piece.error().message.c_str());
        return ARCHIVE_FATAL;
    }
    *block = piece->data();
    return static_cast<la_ssize_t>(piece->size());
}

Error no_bundle(const std::string& reason, const std::filesystem::path& file) {
    return {
        Code::unreadable,
        "not a readable bundle: " + reason,
        file.string(),
        Suggestion{"incident bundle", {"RUN", names::out, "FILE"}} + " makes one"
    };
}

/// Code::protocol: damaged.
Result<std::string> read_bytes(archive* reader, const std::string& where) {
    std::string out;
    std::array<char, 64U << 10U> buffer{};
    while (true) {
        const auto got = archive_read_data(reader, buffer.data(), buffer.size());
        if (got == 0) {
            return out;
        }
        if (got < 0) {
            return fail(Code::protocol, reason_of(reader), where);
        }
        out.append(buffer.data(), static_cast<std::size_t>(got));
        if (out.size() > k_largest_entry) {
            return fail(Code::unreadable, "holds a file of more than 1 GiB", where);
        }
    }
}

/// What is wrong with what stands behind `end`, where the archive ended. Zeros fill its last block.
std::string look_behind(Packed& packed, std::uint64_t end) {
    constexpr std::uint64_t k_filling = std::uint64_t{1} << 20U;
    while (packed.written <= end && packed.given <= end + k_filling) {
        const auto piece = packed.next();
        if (!piece) {
            return damaged(piece.error().message);
        }
        if (piece->empty()) {
            return {};
        }
    }
    return "damaged: there is data after its end";
}

} // namespace

bool is_kept_unchanged(std::string_view path) noexcept {
    if (path.empty() || path.starts_with('/') || path.contains('\\') || path.contains('\n') ||
        invalid_utf8(path)) {
        return false;
    }
    while (!path.empty()) {
        const std::string_view part = cut_until(path, '/');
        if (part == ".." || part == "." || part.empty()) {
            return false;
        }
    }
    return true;
}

std::string plain_name(std::string name) {
    std::ranges::replace_if(
        name, [](char c) { return !is_alnum(c) && !std::string_view("._-").contains(c); }, '_'
    );
    return name;
}

void ArchiveWriter::Free::operator()(archive* writer) const {
    archive_write_free(writer);
}

Result<ArchiveWriter> ArchiveWriter::open(
    const std::filesystem::path& file, const std::filesystem::path& name, std::int64_t seconds
) {
    ArchiveWriter out;
    out.name_ = name.string();
    out.seconds_ = seconds;
    out.writer_.reset(archive_write_new());
    archive* const writer = out.writer_.get();
    if (writer == nullptr || archive_write_add_filter_zstd(writer) != ARCHIVE_OK ||
        archive_write_set_format_pax_restricted(writer) != ARCHIVE_OK) {
        return fail(Code::internal, "libarchive cannot write tar and zstd");
    }
    if (archive_write_open_filename(writer, file.c_str()) != ARCHIVE_OK) {
        return fail(Code::io, not_written(writer), out.name_);
    }
    return out;
}

Result<void> ArchiveWriter::add(const std::string& path, std::string_view bytes) {
    constexpr unsigned k_mode = 0644;
    const std::unique_ptr<archive_entry, FreeEntry> entry(archive_entry_new());
    archive_entry_set_pathname(entry.get(), path.c_str());
    archive_entry_set_size(entry.get(), static_cast<std::int64_t>(bytes.size()));
    archive_entry_set_filetype(entry.get(), AE_IFREG);
    archive_entry_set_perm(entry.get(), k_mode);
    archive_entry_set_mtime(entry.get(), seconds_, 0);
    if (archive_write_header(writer_.get(), entry.get()) != ARCHIVE_OK ||
        archive_write_data(writer_.get(), bytes.data(), bytes.size()) !=
            static_cast<la_ssize_t>(bytes.size())) {
        return fail(Code::io, not_written(writer_.get()), name_);
    }
    return {};
}

Result<void> ArchiveWriter::close() {
    if (archive_write_close(writer_.get()) != ARCHIVE_OK) {
        return fail(Code::io, not_written(writer_.get()), name_);
    }
    return {};
}

Result<std::string>
read_archive(const std::filesystem::path& file, const std::function<void(ArchiveEntry&&)>& take) {
    auto opened = Decompressor::open(
        file, {.output = k_largest_whole, .ratio = k_largest_whole, .one_member = true}
    );
    if (!opened) {
        return std::unexpected(no_bundle(opened.error().message, file));
    }
    Packed packed{*std::move(opened)};
    const std::unique_ptr<archive, FreeReader> reader(archive_read_new());
    archive_read_support_format_tar(reader.get());
    if (archive_read_open(reader.get(), &packed, nullptr, give, nullptr) != ARCHIVE_OK) {
        if (packed.broken) {
            return damaged(reason_of(reader.get()));
        }
        return std::unexpected(no_bundle(reason_of(reader.get()), file));
    }
    std::uint64_t whole = 0;
    for (std::size_t count = 0; count < k_most_entries; ++count) {
        archive_entry* entry = nullptr;
        const int got = archive_read_next_header(reader.get(), &entry);
        if (got == ARCHIVE_EOF) {
            return look_behind(
                packed, static_cast<std::uint64_t>(archive_filter_bytes(reader.get(), 0))
            );
        }
        if (got != ARCHIVE_OK && count == 0 && !packed.broken) {
            return std::unexpected(no_bundle(reason_of(reader.get()), file));
        }
        if (got != ARCHIVE_OK) {
            return damaged(reason_of(reader.get()));
        }
        ArchiveEntry out;
        const char* path = archive_entry_pathname(entry);
        out.path = path == nullptr ? "" : path;
        const bool link = archive_entry_hardlink(entry) != nullptr;
        out.plain = archive_entry_filetype(entry) == AE_IFREG && !link;
        out.folder = archive_entry_filetype(entry) == AE_IFDIR;
        if (out.plain) {
            auto bytes = read_bytes(reader.get(), out.path);
            if (!bytes && bytes.error().code == Code::protocol) {
                return damaged(bytes.error().message);
            }
            OA_TRY(out.bytes, std::move(bytes));
        }
        whole += out.bytes.size();
        if (whole > k_largest_whole) {
            return fail(Code::unreadable, "holds more than 16 GiB", file);
        }
        take(std::move(out));
    }
    return fail(Code::unreadable, "holds too many files", file);
}

} // namespace oa_stream::incident

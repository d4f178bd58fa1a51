#include "archive.hpp"

#include <fmt/format.h>

#include <archive.h>
#include <archive_entry.h>

#include <array>
#include <utility>

namespace oa_stream::evidence {
namespace {

constexpr std::uint64_t k_largest_entry = std::uint64_t{1} << 30U;
constexpr std::uint64_t k_largest_whole = std::uint64_t{16} << 30U;
constexpr std::size_t k_most_entries = 1'000'000;

std::string reason_of(archive* one) {
    const char* text = archive_error_string(one);
    return text == nullptr ? "unknown reason" : text;
}

struct FreeEntry {
    void operator()(archive_entry* entry) const { archive_entry_free(entry); }
};
struct FreeReader {
    void operator()(archive* reader) const { archive_read_free(reader); }
};

Result<std::string> read_bytes(archive* reader, const std::string& where) {
    std::string out;
    std::array<char, 64U << 10U> buffer{};
    while (true) {
        const auto got = archive_read_data(reader, buffer.data(), buffer.size());
        if (got == 0) {
            return out;
        }
        if (got < 0) {
            return fail(Code::unreadable, "is damaged: " + reason_of(reader), where);
        }
        out.append(buffer.data(), static_cast<std::size_t>(got));
        if (out.size() > k_largest_entry) {
            return fail(Code::unreadable, "holds a file of more than 1 GiB", where);
        }
    }
}

} // namespace

void ArchiveWriter::Free::operator()(archive* writer) const {
    archive_write_free(writer);
}

Result<ArchiveWriter> ArchiveWriter::open(const std::filesystem::path& file, std::int64_t seconds) {
    ArchiveWriter out;
    out.seconds_ = seconds;
    out.writer_.reset(archive_write_new());
    archive* const writer = out.writer_.get();
    if (writer == nullptr || archive_write_add_filter_zstd(writer) != ARCHIVE_OK ||
        archive_write_set_format_pax_restricted(writer) != ARCHIVE_OK) {
        return fail(Code::internal, "libarchive cannot write tar and zstd");
    }
    if (archive_write_open_filename(writer, file.c_str()) != ARCHIVE_OK) {
        return fail(Code::io, "cannot be written: " + reason_of(writer), file.string());
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
        return fail(Code::io, "cannot be written: " + reason_of(writer_.get()), path);
    }
    return {};
}

Result<void> ArchiveWriter::close() {
    if (archive_write_close(writer_.get()) != ARCHIVE_OK) {
        return fail(Code::io, "cannot be written: " + reason_of(writer_.get()));
    }
    return {};
}

Result<void>
read_archive(const std::filesystem::path& file, const std::function<void(ArchiveEntry&&)>& take) {
    const std::unique_ptr<archive, FreeReader> reader(archive_read_new());
    archive_read_support_filter_zstd(reader.get());
    archive_read_support_format_tar(reader.get());
    constexpr std::size_t k_block = 64U << 10U;
    if (archive_read_open_filename(reader.get(), file.c_str(), k_block) != ARCHIVE_OK) {
        return fail(
            Code::unreadable,
            "is no bundle that can be read: " + reason_of(reader.get()),
            file,
            "oa-stream incident bundle RUN --out FILE makes one"
        );
    }
    std::uint64_t whole = 0;
    for (std::size_t count = 0; count < k_most_entries; ++count) {
        archive_entry* entry = nullptr;
        const int got = archive_read_next_header(reader.get(), &entry);
        if (got == ARCHIVE_EOF) {
            return {};
        }
        if (got != ARCHIVE_OK) {
            return fail(Code::unreadable, "is damaged: " + reason_of(reader.get()), file);
        }
        ArchiveEntry out;
        const char* path = archive_entry_pathname(entry);
        out.path = path == nullptr ? "" : path;
        const bool link = archive_entry_hardlink(entry) != nullptr;
        out.plain = archive_entry_filetype(entry) == AE_IFREG && !link;
        out.folder = archive_entry_filetype(entry) == AE_IFDIR;
        if (out.plain) {
            OA_TRY(out.bytes, read_bytes(reader.get(), out.path));
        }
        whole += out.bytes.size();
        if (whole > k_largest_whole) {
            return fail(Code::unreadable, "holds more than 16 GiB", file);
        }
        take(std::move(out));
    }
    return fail(Code::unreadable, "holds too many files", file);
}

} // namespace oa_stream::evidence

#include "codex_storage.hpp"

#include "oa_stream/base/file.hpp"
#include "oa_stream/base/text.hpp"

#include <fmt/format.h>

#include <sys/statvfs.h>

#include <array>
#include <system_error>

namespace oa_stream::authority {

namespace {

constexpr std::size_t k_trial_bytes = 64U << 10U;
constexpr std::uint64_t k_mib = 1U << 20U;

// What codex 0.169.0 writes; seen on a full tmpfs.
constexpr std::array<std::string_view, 2> k_stderr_marks{
    "ERROR codex_rollout::recorder: rollout writer failed",
    "ERROR codex_core::session: failed to record rollout items"
};
constexpr std::string_view k_warning_mark = "Failed to save the conversation transcript";
constexpr std::string_view k_error_mark = "Error: ";

// Of the kernel and of SQLite. A complaint without one of them (a locked database) may pass.
constexpr std::array<std::string_view, 6> k_causes{
    "No space left on device",
    "database or disk is full",
    "Disk quota exceeded",
    "File too large",
    "Read-only file system",
    "Input/output error",
};

} // namespace

std::optional<std::string_view> disk_cause_in(std::string_view text) noexcept {
    for (const std::string_view cause : k_causes) {
        if (text.contains(cause)) {
            return cause;
        }
    }
    return std::nullopt;
}

std::optional<std::string> lacks_room(const std::filesystem::path& folder, std::uint64_t least) {
    struct statvfs room{};
    if (least == 0 || ::statvfs(folder.c_str(), &room) != 0) {
        return std::nullopt;
    }
    const std::uint64_t free = std::uint64_t{room.f_bavail} * room.f_frsize;
    if (free >= least) {
        return std::nullopt;
    }
    return fmt::format(
        "the disk of codex's home is full: {} MiB free, {} MiB needed", free / k_mib, least / k_mib
    );
}

Result<void> try_writing(const std::filesystem::path& folder) {
    const auto path = folder / "oa-stream-trial";
    auto written = write_file_atomic(path, std::string(k_trial_bytes, ' '), 0600);
    std::error_code ignored;
    std::filesystem::remove(path, ignored);
    return written;
}

std::optional<std::string> save_failure_in_stderr(std::string_view line) {
    // The mark stands right behind the time: text that is quoted further on proves nothing.
    const std::string_view rest = trim(line.substr(std::min(line.find(' '), line.size())));
    for (const std::string_view mark : k_stderr_marks) {
        if (rest.starts_with(mark)) {
            const auto cause = disk_cause_in(rest);
            return cause ? std::optional<std::string>(*cause) : std::nullopt;
        }
    }
    return std::nullopt;
}

std::optional<std::string> save_failure_in_warning(std::string_view message) {
    if (!message.starts_with(k_warning_mark)) {
        return std::nullopt;
    }
    const auto mark = message.find(k_error_mark);
    return std::string(
        mark == std::string_view::npos ? message : message.substr(mark + k_error_mark.size())
    );
}

} // namespace oa_stream::authority

#include "codex_storage.hpp"

#include "oa_stream/base/file.hpp"
#include "oa_stream/base/text.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <fcntl.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <ctime>
#include <system_error>

namespace oa_stream::authority {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t k_trial_bytes = 64U << 10U;
constexpr std::uint64_t k_mib = 1U << 20U;

// Texts of codex 0.169.0, observed on a full tmpfs.
constexpr std::array<std::string_view, 2> k_stderr_marks{
    "ERROR codex_rollout::recorder: rollout writer failed",
    "ERROR codex_core::session: failed to record rollout items"
};
constexpr std::string_view k_warning_mark = "Failed to save the conversation transcript";
constexpr std::string_view k_error_mark = "Error: ";

// Texts of the kernel and of SQLite. A complaint without one of them (a locked database) may be
// temporary.
constexpr std::array<std::string_view, 6> k_causes{
    "No space left on device",
    "database or disk is full",
    "Disk quota exceeded",
    "File too large",
    "Read-only file system",
    "Input/output error",
};

Result<void> check_access(const fs::path& path, int wanted) {
    if (::faccessat(AT_FDCWD, path.c_str(), wanted, AT_EACCESS) == 0 || errno == ENOENT) {
        return {};
    }
    return fail(
        Code::io,
        fmt::format("codex may not write it: {}", std::generic_category().message(errno)),
        path,
        "give it to the user of the lane"
    );
}

bool is_database(std::string_view name) {
    return name.ends_with(".sqlite") || name.ends_with(".sqlite-wal") ||
           name.ends_with(".sqlite-shm");
}

/// The folder of codex's next rollout.
fs::path rollouts_of_today(const fs::path& home) {
    const std::time_t now = std::time(nullptr);
    std::tm day{};
    ::localtime_r(&now, &day);
    std::error_code ignored;
    fs::path found = home / "sessions";
    for (const std::string& part :
         {fmt::format("{:%Y}", day), fmt::format("{:%m}", day), fmt::format("{:%d}", day)}) {
        if (!fs::exists(found / part, ignored)) {
            break;
        }
        found /= part;
    }
    return found;
}

} // namespace

Result<void> check_writable(const fs::path& home) {
    std::error_code error;
    fs::directory_iterator each(home, error);
    for (; !error && each != fs::directory_iterator(); each.increment(error)) {
        if (is_database(each->path().filename().native())) {
            OA_CHECK(check_access(each->path(), R_OK | W_OK));
        }
    }
    for (const fs::path& folder : {home / "thread-writer-locks", rollouts_of_today(home)}) {
        OA_CHECK(check_access(folder, R_OK | W_OK | X_OK));
    }
    return {};
}

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
    // The mark must follow the time directly: quoted text further on proves nothing.
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

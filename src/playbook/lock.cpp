#include "oa_stream/playbook/lock.hpp"

#include "oa_stream/base/clock.hpp"
#include "oa_stream/base/file.hpp"
#include "oa_stream/evidence/digest.hpp"

#include <fmt/format.h>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <utility>

namespace oa_stream::playbook {

namespace fs = std::filesystem;

namespace {

std::string host_name() {
    std::array<char, 256> name{};
    return ::gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "unknown";
}

std::unexpected<Error> held(const fs::path& path, std::string_view target) {
    const auto text = read_file(path, 64U << 10U);
    const auto json = text ? parse_json(*text) : fail(Code::unreadable, "");
    std::string who = "by another process";
    if (json) {
        who = fmt::format(
            "by process {} on {} since {}{}",
            int_member(*json, "pid").value_or(0),
            string_member(*json, "host").value_or("?"),
            string_member(*json, "since").value_or("?"),
            string_member(*json, "run") ? fmt::format(" (run {})", *string_member(*json, "run"))
                                        : ""
        );
    }
    return fail(
        Code::conflict, fmt::format("{} is being worked on {}", target, who), path.string()
    );
}

Result<void> write_owner(int fd, Json owner, std::string_view target) {
    owner["target"] = target;
    owner["pid"] = ::getpid();
    owner["host"] = host_name();
    owner["since"] = rfc3339_millis(std::chrono::system_clock::now());
    const std::string text = dump_json(owner) + "\n";
    if (::ftruncate(fd, 0) != 0 ||
        ::pwrite(fd, text.data(), text.size(), 0) != static_cast<ssize_t>(text.size())) {
        return fail(Code::io, "cannot write the lock");
    }
    return {};
}

/// True when the name still leads to the file that was opened: a holder that ends removes it.
bool is_current(int fd, const fs::path& path) {
    struct stat opened{};
    struct stat named{};
    return ::fstat(fd, &opened) == 0 && ::stat(path.c_str(), &named) == 0 &&
           opened.st_ino == named.st_ino && opened.st_dev == named.st_dev;
}

} // namespace

Result<TargetLock>
TargetLock::take(const fs::path& state_dir, std::string_view target, Json owner) {
    const fs::path folder = state_dir / "locks";
    OA_CHECK(make_dirs(folder));
    const fs::path path = folder / (evidence::sha256_hex(target).substr(0, 16) + ".lock");
    while (true) {
        const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        if (fd < 0) {
            return fail(Code::io, "cannot open the lock", path.string());
        }
        if (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
            ::close(fd);
            return held(path, target);
        }
        if (!is_current(fd, path)) {
            ::close(fd); // its last holder removed it just now
            continue;
        }
        TargetLock lock(fd, path);
        OA_CHECK(write_owner(fd, std::move(owner), target));
        return lock;
    }
}

TargetLock::TargetLock(TargetLock&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)), path_(std::move(other.path_)) {
}

TargetLock& TargetLock::operator=(TargetLock&& other) noexcept {
    std::swap(fd_, other.fd_);
    std::swap(path_, other.path_);
    return *this;
}

TargetLock::~TargetLock() {
    if (fd_ >= 0) {
        ::unlink(path_.c_str()); // while it is ours, so that locks do not pile up
        ::close(fd_);
    }
}

} // namespace oa_stream::playbook

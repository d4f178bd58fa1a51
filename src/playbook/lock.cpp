#include "oa_stream/playbook/lock.hpp"

#include "oa_stream/base/clock.hpp"
#include "oa_stream/base/file.hpp"
#include "oa_stream/evidence/digest.hpp"

#include <fmt/format.h>

#include <fcntl.h>
#include <sys/file.h>
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

} // namespace

Result<TargetLock>
TargetLock::take(const fs::path& state_dir, std::string_view target, Json owner) {
    const fs::path folder = state_dir / "locks";
    OA_CHECK(make_dirs(folder));
    // The file is never removed: a second holder could lock a name that is gone.
    const fs::path path = folder / (evidence::sha256_hex(target).substr(0, 16) + ".lock");
    const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0) {
        return fail(Code::io, "cannot open the lock", path.string());
    }
    TargetLock lock(fd);
    if (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
        return held(path, target);
    }
    OA_CHECK(write_owner(fd, std::move(owner), target));
    return lock;
}

TargetLock::TargetLock(TargetLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {
}

TargetLock& TargetLock::operator=(TargetLock&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
}

TargetLock::~TargetLock() {
    if (fd_ >= 0) {
        ::close(fd_); // releases
    }
}

} // namespace oa_stream::playbook

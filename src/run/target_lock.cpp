#include "oa_stream/run/target_lock.hpp"

#include "oa_stream/base/clock.hpp"
#include "oa_stream/base/digest.hpp"
#include "oa_stream/base/file.hpp"
#include "oa_stream/base/ids.hpp"
#include "oa_stream/base/process.hpp"
#include "oa_stream/base/text.hpp"
#include "oa_stream/run/kept_file.hpp"
#include "oa_stream/run/suggest.hpp"

#include <fmt/format.h>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>
#include <utility>

namespace oa_stream::run {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t k_largest_lock = 64U << 10U; ///< of a lock's file

/// Of a process; two processes of one machine that have both in common are the same. 0: it is gone,
/// or dead and not reaped yet, as under a container's first process.
std::int64_t start_of(std::int64_t pid) {
    const auto found = process_state(pid);
    const bool dead = found && (found->state == 'Z' || found->state == 'X');
    return found && !dead ? found->start : 0;
}

std::string boot_id() {
    return std::string(trim(read_file("/proc/sys/kernel/random/boot_id", 4096).value_or("")));
}

bool is_of_this_boot(const Json& owner) {
    return string_member(owner, "boot").value_or("") == boot_id();
}

/// What wrote its name there, of this boot.
bool still_runs(const Json& owner) {
    const auto start = start_of(int_member(owner, "pid").value_or(0));
    return start != 0 && start == int_member(owner, "pid_start").value_or(0);
}

std::unexpected<Error> held(const fs::path& path, std::string_view target) {
    const auto json = kept_json(path, k_largest_lock);
    std::string who = "by another process";
    Advice hint;
    if (json && string_member(*json, "host") == host_name() && is_of_this_boot(*json) &&
        !still_runs(*json)) {
        who += ", just begun"; // and has not written its own name yet
    } else if (json) {
        const auto run = string_member(*json, "run");
        who = fmt::format(
            "by process {} on {} since {}{}",
            int_member(*json, "pid").value_or(0),
            string_member(*json, "host").value_or("?"),
            string_member(*json, "since").value_or("?"),
            run ? fmt::format(" (run {})", *run) : ""
        );
        hint = run ? Advice(suggest_wait(std::string(*run))) : Advice();
    }
    return fail(
        Code::conflict,
        fmt::format("{} is being worked on {}", target, who),
        path.string(),
        std::move(hint)
    );
}

fs::path lock_path(const fs::path& state_dir, std::string_view target) {
    return state_dir / "locks" / (sha256_hex(target).substr(0, 16) + ".lock");
}

Result<void> write_owner(
    int fd, const fs::path& path, Json owner, std::string_view target, std::int64_t generation
) {
    owner["generation"] = generation;
    owner["target"] = target;
    owner["pid"] = ::getpid();
    owner["host"] = host_name();
    owner["boot"] = boot_id();
    owner["pid_start"] = start_of(::getpid());
    owner["since"] = rfc3339_millis(std::chrono::system_clock::now());
    const std::string text = dump_json(owner) + "\n";
    errno = ENOSPC; // of a write that took a part
    if (::ftruncate(fd, 0) != 0 ||
        ::pwrite(fd, text.data(), text.size(), 0) != static_cast<ssize_t>(text.size())) {
        const std::string why = errno_text(errno);
        return fail(Code::io, "cannot write the lock: " + why, path.string());
    }
    return {};
}

/// The owner's document; nothing where it cannot be read.
std::optional<Json> owner_in(int fd) {
    std::string text(k_largest_lock, '\0');
    const auto bytes = ::pread(fd, text.data(), text.size(), 0);
    text.resize(static_cast<std::size_t>(std::max<ssize_t>(bytes, 0)));
    auto json = parse_json(text);
    return json ? std::optional(*std::move(json)) : std::nullopt;
}

/// True when the name still leads to the file that was opened: a holder that ends removes it.
bool is_current(int fd, const fs::path& path) {
    struct stat opened{};
    struct stat named{};
    return ::fstat(fd, &opened) == 0 && ::stat(path.c_str(), &named) == 0 &&
           opened.st_ino == named.st_ino && opened.st_dev == named.st_dev;
}

/// Follows no link and waits for nobody: what lies there may have been put there by somebody else.
/// Who may replace a lock, as the group of a shared folder, may also open it.
Result<int> open_lock(const fs::path& path, int flags) {
    struct stat facts{};
    const bool shared =
        ::stat(path.parent_path().c_str(), &facts) == 0 && (facts.st_mode & S_IWGRP) != 0;
    const mode_t mode = shared ? 0660 : 0600;
    const int fd = ::open(path.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | flags, mode);
    const int reason = errno;
    if (fd >= 0 && ::fstat(fd, &facts) == 0 && S_ISREG(facts.st_mode)) {
        return fd;
    }
    if (fd >= 0) {
        ::close(fd);
    }
    const bool known = ::lstat(path.c_str(), &facts) == 0;
    const std::string_view what = known && S_ISLNK(facts.st_mode)   ? "a symbolic link"
                                  : known && S_ISDIR(facts.st_mode) ? "a folder"
                                  : known && !S_ISREG(facts.st_mode)
                                      ? "something that is not a regular file"
                                      : "";
    return fail(
        Code::io,
        what.empty() ? fmt::format("cannot open the lock: {}", errno_text(reason))
                     : fmt::format("{} is in the place of the lock", what),
        path.string(),
        what.empty() ? "" : "look who put it there, and remove it"
    );
}

} // namespace

Result<TargetLock>
TargetLock::acquire(const fs::path& state_dir, std::string_view target, Json owner) {
    const fs::path path = lock_path(state_dir, target);
    OA_CHECK(make_dirs(path.parent_path()));
    while (true) {
        OA_TRY(const int fd, open_lock(path, O_CREAT));
        if (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
            ::close(fd);
            return held(path, target);
        }
        if (!is_current(fd, path)) {
            ::close(fd); // its last holder removed it just now
            continue;
        }
        TargetLock lock(fd, path);
        OA_CHECK(write_owner(fd, path, std::move(owner), target, 1));
        return lock;
    }
}

Result<TargetLock>
TargetLock::take_over(const fs::path& state_dir, std::string_view target, Json owner) {
    const fs::path path = lock_path(state_dir, target);
    const fs::path fresh = path.string() + "." + random_hex(8);
    OA_CHECK(make_dirs(path.parent_path()));
    const auto former = kept_json(path, k_largest_lock);
    const auto generation = former ? int_member(*former, "generation").value_or(1) : 1;
    OA_TRY(const int fd, open_lock(fresh, O_CREAT | O_EXCL));
    TargetLock lock(fd, path);
    lock.generation_ = generation + 1;
    const Descriptor old(open_lock(path, 0).value_or(-1));
    auto written = ::flock(fd, LOCK_EX | LOCK_NB) == 0
                       ? write_owner(fd, fresh, owner, target, lock.generation_)
                       : fail(Code::io, "cannot lock the new file", fresh.string());
    if (written && ::rename(fresh.c_str(), path.c_str()) != 0) {
        written = fail(Code::io, "cannot replace the lock", path.string());
    }
    if (!written) {
        ::unlink(fresh.c_str());
        return std::unexpected(std::move(written).error());
    }
    // The former holder reads it in the file that it holds, also when ours is gone by then.
    lock.stays_ = !old || !write_owner(old.get(), path, std::move(owner), target, lock.generation_);
    return lock;
}

Result<void> TargetLock::reacquire() const {
    OA_TRY(const int fd, open_lock(path_, O_CREAT | O_EXCL));
    const Descriptor file(fd);
    if (::flock(fd, LOCK_EX | LOCK_NB) != 0 || !is_current(fd, path_)) {
        return fail(Code::conflict, "another process took the lock", path_.string());
    }
    const auto owner = owner_in(fd_).value_or(Json::object());
    const auto target = string_member(owner, "target").value_or("");
    auto taken = write_owner(fd, path_, owner, target, generation_);
    if (taken && ::dup3(fd, fd_, O_CLOEXEC) < 0) {
        const std::string why = errno_text(errno);
        taken = fail(Code::io, "cannot hold the lock: " + why, path_.string());
    }
    if (!taken && is_current(fd, path_)) {
        ::unlink(path_.c_str()); // an empty one would not name its holder
    }
    return taken;
}

Result<void> TargetLock::check() const {
    std::error_code ignored;
    // Without the directory of locks the whole state directory was removed, and the lock is still
    // ours: a rollback goes on.
    const bool gone = !fs::exists(path_.parent_path(), ignored) && !ignored;
    if (fd_ >= 0 && (gone || is_current(fd_, path_))) {
        return {};
    }
    auto owner = owner_in(fd_);
    const bool ours = owner && int_member(*owner, "pid") == ::getpid() &&
                      int_member(*owner, "generation") == generation_ && still_runs(*owner);
    if (ours && !fs::exists(path_, ignored)) { // somebody cleaned up
        auto reacquired = reacquire();
        if (reacquired) {
            return {};
        }
        if (!fs::exists(path_, ignored)) { // nobody else took it
            return std::unexpected(
                std::move(reacquired)
                    .error()
                    .prefixed("the lock's file was removed, and there is no new one")
            );
        }
    }
    if (ours) { // and another process took the lock meanwhile
        const auto json = kept_json(path_, k_largest_lock);
        owner = json ? std::optional(*json) : std::nullopt;
    }
    return fail(
        Code::conflict,
        owner ? fmt::format(
                    "process {} on {} took this run over at {}: nothing more is written",
                    int_member(*owner, "pid").value_or(0),
                    string_member(*owner, "host").value_or("?"),
                    string_member(*owner, "since").value_or("?")
                )
              : std::string("another process took this run over: nothing more is written"),
        path_.string()
    );
}

std::optional<Json> TargetLock::holder(const fs::path& state_dir, std::string_view target) {
    const auto json = kept_json(lock_path(state_dir, target), k_largest_lock);
    const bool held = json && is_of_this_boot(*json) && still_runs(*json);
    return held ? std::optional(*json) : std::nullopt;
}

TargetLock::TargetLock(TargetLock&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)), path_(std::move(other.path_)),
      generation_(other.generation_), stays_(other.stays_) {
}

TargetLock& TargetLock::operator=(TargetLock&& other) noexcept {
    std::swap(fd_, other.fd_);
    std::swap(path_, other.path_);
    std::swap(generation_, other.generation_);
    std::swap(stays_, other.stays_);
    return *this;
}

TargetLock::~TargetLock() {
    if (fd_ >= 0) {
        if (!stays_ && is_current(fd_, path_)) { // so that locks do not pile up
            ::unlink(path_.c_str());
        }
        ::close(fd_);
    }
}

} // namespace oa_stream::run

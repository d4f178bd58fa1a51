// One run at a time per target: a file lock held by the kernel, gone with its holder.
#pragma once

#include "oa_stream/base/error.hpp"
#include "oa_stream/base/json.hpp"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string_view>
#include <utility>

namespace oa_stream::run {

/// Move-only; releases on destruction and on death, however it comes.
class TargetLock {
public:
    /// Takes <state>/locks/<digest of target>.lock and writes `owner` (with pid, host, start time
    /// and generation added) into it. Code::conflict with who holds it and since when; Code::io,
    /// also for a link, a folder or a pipe in its place, which is left as it is.
    [[nodiscard]] static Result<TargetLock>
    acquire(const std::filesystem::path& state_dir, std::string_view target, Json owner);

    /// Takes the lock from a holder that lives and does not answer: a new file with the next
    /// generation replaces its file, so check() of the old holder fails from then on. Code::io.
    [[nodiscard]] static Result<TargetLock>
    take_over(const std::filesystem::path& state_dir, std::string_view target, Json owner);

    /// Code::conflict once another process has taken the lock over: nothing more may be written. A
    /// lock whose file was only removed is taken again; Code::io where that cannot be done.
    [[nodiscard]] Result<void> check() const;

    /// Who works on `target` now, without taking anything: the owner's document, if its process
    /// lives on this machine.
    [[nodiscard]] static std::optional<Json>
    holder(const std::filesystem::path& state_dir, std::string_view target);

    TargetLock(TargetLock&& other) noexcept;
    TargetLock& operator=(TargetLock&& other) noexcept;
    TargetLock(const TargetLock&) = delete;
    TargetLock& operator=(const TargetLock&) = delete;
    ~TargetLock();

private:
    TargetLock(int fd, std::filesystem::path path) noexcept : fd_(fd), path_(std::move(path)) {}
    [[nodiscard]] Result<void> reacquire() const;
    int fd_ = -1;
    std::filesystem::path path_;
    std::int64_t generation_ = 1;
    bool stays_ = false; ///< its file does: a former holder could not be recognised otherwise
};

} // namespace oa_stream::run

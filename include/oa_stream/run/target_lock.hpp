// One run at a time per target: a file lock held by the kernel, gone with its holder.
#pragma once

#include "oa_stream/base/error.hpp"
#include "oa_stream/base/json.hpp"

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace oa_stream::run {

/// Move-only; releases on destruction and on death, however it comes.
class TargetLock {
public:
    /// Takes <state>/locks/<digest of target>.lock and writes `owner` (with pid, host and start
    /// time added) into it. Code::conflict with who holds it and since when; Code::io.
    [[nodiscard]] static Result<TargetLock>
    take(const std::filesystem::path& state_dir, std::string_view target, Json owner);

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
    int fd_ = -1;
    std::filesystem::path path_;
};

} // namespace oa_stream::run

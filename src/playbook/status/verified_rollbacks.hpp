// Finds rollbacks that closed what other runs had left.
#pragma once

#include "oa_stream/base/json.hpp"
#include "oa_stream/playbook/status.hpp"

#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace oa_stream::playbook {

/// The target that the run locks, from run.json; empty when it is not there.
[[nodiscard]] std::string target_in(const Json& run);

/// Rollbacks of whatever serves that ended verified. Reads each run.json at most once, and none
/// older than the runs that are asked about.
class VerifiedRollbacks {
public:
    /// Lists the runs at the first query.
    explicit VerifiedRollbacks(std::filesystem::path state_dir)
        : state_dir_(std::move(state_dir)) {}
    /// `folders`: as listed by run_folders().
    explicit VerifiedRollbacks(std::vector<std::filesystem::path> folders)
        : unread_(std::move(folders)) {}

    /// Whether one on the target of `run` began after its last line.
    [[nodiscard]] bool any_after(const RunStatus& run);

private:
    struct Rollback {
        std::string run{};
        std::string target{};
        std::string started_at{};
    };

    std::filesystem::path state_dir_;
    /// Oldest first; unset: not listed yet.
    std::optional<std::vector<std::filesystem::path>> unread_{};
    std::vector<Rollback> read_{};
};

/// status_in() for one of several runs that share `rollbacks`.
[[nodiscard]] RunStatus status_in(
    const std::filesystem::path& state_dir,
    const std::filesystem::path& folder,
    VerifiedRollbacks& rollbacks
);

} // namespace oa_stream::playbook

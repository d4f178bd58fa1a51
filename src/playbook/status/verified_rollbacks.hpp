// The rollbacks that closed what other runs had left.
#pragma once

#include "oa_stream/base/json.hpp"
#include "oa_stream/playbook/status.hpp"

#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace oa_stream::playbook {

/// What the lock is held on, as run.json says it; empty when it does not.
[[nodiscard]] std::string target_in(const Json& run);

/// Rollbacks of whatever serves that ended as verified. Reads the run.json of a run at most once,
/// and none that is older than the runs that are asked about.
class VerifiedRollbacks {
public:
    /// Lists the runs when it is asked first.
    explicit VerifiedRollbacks(std::filesystem::path state_dir)
        : state_dir_(std::move(state_dir)) {}
    /// `folders`: as run_folders() lists them.
    explicit VerifiedRollbacks(std::vector<std::filesystem::path> folders)
        : unread_(std::move(folders)) {}

    /// Whether there is one on the target of `run` that began after its last word.
    [[nodiscard]] bool any_after(const RunStatus& run);

private:
    struct Rollback {
        std::string run{};
        std::string target{};
        std::string started_at{};
    };

    std::filesystem::path state_dir_;
    std::optional<std::vector<std::filesystem::path>> unread_{}; ///< oldest first; not listed yet
    std::vector<Rollback> read_{};
};

/// As the other status_in(), for one of several runs, which share `rollbacks`.
[[nodiscard]] RunStatus status_in(
    const std::filesystem::path& state_dir,
    const std::filesystem::path& folder,
    VerifiedRollbacks& rollbacks
);

} // namespace oa_stream::playbook

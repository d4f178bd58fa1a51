#include "verified_rollbacks.hpp"

#include "oa_stream/base/json_members.hpp"
#include "oa_stream/run/run_facts.hpp"
#include "oa_stream/run/runs.hpp"

#include <algorithm>
#include <utility>

namespace oa_stream::playbook {

namespace fs = std::filesystem;

std::string target_in(const Json& run) {
    return text_in(object_in(run, "target"), "what");
}

bool VerifiedRollbacks::any_after(const RunStatus& run) {
    if (!unread_) {
        unread_ = run::run_folders(state_dir_).value_or(std::vector<fs::path>{});
    }
    while (!unread_->empty()) {
        const fs::path folder = unread_->back();
        std::string name = folder.filename().string();
        if (name <= run.run) { // names begin with the time
            break;
        }
        unread_->pop_back();
        const Json document = run::document_of(folder);
        if (run::facts_of(folder, document).kind == run::RunKind::rollback &&
            int_member(document, "exit_code") == 0) {
            read_.push_back({std::move(name), target_in(document), text_in(document, "started_at")}
            );
        }
    }
    return std::ranges::any_of(read_, [&](const Rollback& rollback) {
        return rollback.run > run.run && rollback.target == run.target &&
               rollback.started_at > run.last_at;
    });
}

} // namespace oa_stream::playbook

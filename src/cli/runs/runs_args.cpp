#include "runs_args.hpp"

#include "core/document.hpp"
#include "core/suggestion.hpp"

#include <algorithm>

namespace oa_stream::cli {

Json plain_document(const run::RunEntry* run, Verdict verdict) {
    Json out = plain_answer(verdict);
    if (run != nullptr) {
        out["run"] = run->id;
        out["evidence"] = run->folder.string();
    }
    return out;
}

Result<run::RunEntry> named_run(std::string_view word, const Context& context) {
    OA_TRY(const std::filesystem::path folder, run::find_run(context.state_dir, word));
    return run::read_run(folder);
}

std::string word_of(const run::RunEntry& run, const Context& context) {
    const bool here = run.folder.parent_path() == context.state_dir / "runs";
    return here ? run.id : run.folder.string();
}

std::optional<Unfinished> unfinished(const run::RunEntry& run, const Context& context) {
    const auto status = playbook::status_in(context.state_dir, run.folder);
    if (!status.needs_somebody()) {
        return std::nullopt;
    }
    // The run's own suggestion also has the manual command, while it is still valid.
    const bool lost = !status.planned && run.facts.next_manual;
    const bool unverified =
        run.exit_code == static_cast<std::int64_t>(ExitCode::rollback_unverified) &&
        (run.next.text().starts_with(status.next.text()) || lost);
    const Advice& next = unverified && !run.next.empty() ? run.next : status.next;
    return Unfinished{status.open, typed_here(in_folder(next, run.folder), context)};
}

std::optional<std::chrono::seconds> age_of(const run::RunEntry& run) {
    const WallTime now = std::chrono::system_clock::now();
    if (run.started_at.empty() || run::is_from_future(run, now)) {
        return std::nullopt;
    }
    // A small difference between clocks is not the future.
    const auto age = std::max(now - run.started, WallTime::duration(0));
    return std::chrono::duration_cast<std::chrono::seconds>(age);
}

std::string age_text_of(const run::RunEntry& run) {
    const auto age = age_of(run);
    return age ? run::age_text(*age) : "–";
}

} // namespace oa_stream::cli

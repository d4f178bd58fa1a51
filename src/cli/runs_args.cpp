#include "runs_args.hpp"

#include "oa_stream/base/file.hpp"

#include "document.hpp"

#include <fmt/format.h>

namespace oa_stream::cli {
namespace {

constexpr std::int64_t k_unverified = static_cast<std::int64_t>(ExitCode::rollback_unverified);

/// A run that changed routes only has no split to look at: its journal must have an end.
bool journal_open(const evidence::RunEntry& run) {
    const auto text = read_file(run.folder / "journal.ndjson");
    return text && !text->empty() && !text->contains(R"("phase":"end")");
}

} // namespace

Json plain_document(std::string_view verdict, const evidence::RunEntry* run) {
    Json out = plain_answer(verdict);
    if (run != nullptr) {
        out["run"] = run->id;
        out["evidence"] = run->folder.string();
    }
    return out;
}

Result<evidence::RunEntry> named_run(std::string_view word, const Context& context) {
    OA_TRY(const std::filesystem::path folder, evidence::find_run(context.state_dir, word));
    return evidence::read_run(folder);
}

Result<evidence::RunEntry> named_run(const Args& args, const Context& context) {
    return named_run(args.positional("RUN").value_or("last"), context);
}

std::optional<Unfinished> unfinished(const evidence::RunEntry& run, const Context& context) {
    const std::string take_back = "oa-stream rollback apply --run " + run.id;
    std::error_code gone;
    if (std::filesystem::exists(run.folder / "plan.json", gone)) {
        const auto status = playbook::status_of(context.state_dir, run.id);
        if (status && status->state == playbook::RunState::died && status->moved) {
            return Unfinished{
                "it died, and the traffic may not be where it began",
                status->next.empty() ? take_back : status->next
            };
        }
        if (status && status->state == playbook::RunState::died && !status->fault.empty()) {
            return Unfinished{"its fault is still planted: " + status->fault, take_back};
        }
    } else if (run.life == evidence::RunLife::died && journal_open(run)) {
        return Unfinished{"it died while it changed something", "oa-stream runs show " + run.id};
    }
    if (run.exit_code == k_unverified) {
        return Unfinished{"its rollback was not verified", run.next.empty() ? take_back : run.next};
    }
    const bool held = bool_member(run.document, "held").value_or(false);
    return held ? std::optional(Unfinished{"its split was left as it is", take_back})
                : std::nullopt;
}

Result<Redactor> search_for(const Args& args) {
    Redactor out;
    for (const std::string& reference : args.all("--secret")) {
        OA_TRY(const Secret secret, read_secret(reference));
        out.add_known(secret, reference);
    }
    out.add_environment();
    return out;
}

std::chrono::seconds age_of(const evidence::RunEntry& run) {
    return std::chrono::duration_cast<std::chrono::seconds>(
        std::chrono::system_clock::now() - run.started
    );
}

} // namespace oa_stream::cli

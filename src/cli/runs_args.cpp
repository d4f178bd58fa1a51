#include "runs_args.hpp"

#include "oa_stream/base/shell.hpp"

#include "document.hpp"
#include "next.hpp"

#include <fmt/format.h>

namespace oa_stream::cli {
namespace {

constexpr std::int64_t k_unverified = static_cast<std::int64_t>(ExitCode::rollback_unverified);

std::string died_why(const playbook::RunStatus& status) {
    if (!status.unread.empty()) {
        return fmt::format("it cannot be read whether its traffic is back ({})", status.unread);
    }
    if (!status.fault.empty() && !status.moved) {
        return "its fault is still planted: " + status.fault;
    }
    return status.moved ? "it died, and the traffic may not be where it began"
                        : "it died, and routes may not be where they began";
}

std::optional<Unfinished> left_by(const evidence::RunEntry& run, const Context& context) {
    const std::string take_back = "oa-stream rollback apply --run " + run.id;
    const auto status = playbook::status_in(context.state_dir, run.folder);
    if (status.needs_somebody()) {
        return Unfinished{died_why(status), status.next};
    }
    if (run.exit_code == k_unverified) {
        return Unfinished{"its rollback was not verified", run.next.empty() ? take_back : run.next};
    }
    const bool held = bool_member(run.document, "held").value_or(false);
    if (held) {
        return Unfinished{"its split was left as it is", take_back};
    }
    // Sealed, but how it ended is lost.
    const bool lost = run.life == evidence::RunLife::finished && !run.exit_code && status.moved;
    return lost ? std::optional(Unfinished{"how it ended cannot be read", take_back})
                : std::nullopt;
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

std::string word_of(const evidence::RunEntry& run, const Context& context) {
    const bool here = run.folder.parent_path() == context.state_dir / "runs";
    return here ? run.id : shell_word(run.folder.string());
}

std::optional<Unfinished> unfinished(const evidence::RunEntry& run, const Context& context) {
    auto left = left_by(run, context);
    if (left) {
        left->next = typed_here(in_folder(left->next, run.folder), context);
    }
    return left;
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

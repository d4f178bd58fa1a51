// runs list: what was run on this machine, and how it ended.
#include "core/commands.hpp"
#include "core/document.hpp"
#include "runs_args.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace oa_stream::cli {
namespace {

using run::RunEntry;

struct Options {
    std::optional<std::string> kind;
    std::optional<std::string> verdict;
    std::optional<std::string> state;
    std::optional<std::chrono::milliseconds> younger;
    std::uint64_t limit = 0;

    [[nodiscard]] bool takes(const RunEntry& run) const {
        return (!kind || run.kind == *kind) && (!verdict || run.verdict == *verdict) &&
               (!state || to_string(run.life) == *state) && (!younger || age_of(run) <= *younger);
    }
};

std::string row_text(const RunEntry& run, std::size_t ids) {
    return fmt::format(
        "{:<{}}  {:<12}  {:<8}  {:>4}  {:>7}{}{}\n",
        run.id,
        ids,
        run.verdict.empty() ? "–" : run.verdict,
        to_string(run.life),
        run::age_text(age_of(run)),
        run::size_text(run.bytes),
        run.pinned ? "  pinned" : "",
        member(run.document, "rolled_back") == nullptr ? "" : "  rolled back"
    );
}

/// Who looks for the weekly timer's runs from their own account finds none.
void tell_of_service(Context& context) {
    const std::filesystem::path service("/var/lib/oa-stream");
    std::error_code none;
    if (context.state_dir != service && std::filesystem::exists(service / "runs", none)) {
        context.err(fmt::format("the service keeps its own: --state-dir {}\n", service.string()));
    }
}

Result<ExitCode> run(const Options& options, Context& context) {
    OA_TRY(auto runs, run::list_runs(context.state_dir));
    const std::size_t all = runs.size();
    std::erase_if(runs, [&](const RunEntry& one) { return !options.takes(one); });
    const std::size_t fitting = runs.size();
    if (options.limit > 0 && runs.size() > options.limit) {
        runs.resize(options.limit);
    }
    if (context.json) {
        Json out = plain_document("PASS");
        out["runs"] = Json::array();
        for (const RunEntry& one : runs) {
            Json row = to_json(one);
            row["age_s"] = age_of(one).count();
            out["runs"].push_back(std::move(row));
        }
        out["fitting"] = fitting;
        out["total"] = all;
        print_document("runs-list", out, context);
        return ExitCode::ok;
    }
    std::size_t ids = 0;
    for (const RunEntry& one : runs) {
        ids = std::max(ids, one.id.size());
    }
    if (!runs.empty()) {
        context.out(fmt::format(
            "{:<{}}  {:<12}  {:<8}  {:>4}  {:>7}\n", "run", ids, "verdict", "state", "age", "size"
        ));
    }
    for (const RunEntry& one : runs) {
        context.out(row_text(one, ids));
    }
    if (all == 0) {
        context.err(fmt::format("there are no runs yet in {}\n", context.state_dir.string()));
        tell_of_service(context);
    } else if (runs.size() < all) {
        context.err(fmt::format(
            "{} of {} runs in {}\n", runs.size(), all, (context.state_dir / "runs").string()
        ));
    }
    return ExitCode::ok;
}

constexpr std::array<std::string_view, 4> k_verdicts{"PASS", "FAIL", "INCONCLUSIVE", "ERROR"};
constexpr std::array<std::string_view, 3> k_states{"running", "finished", "died"};

constexpr auto k_options = options<Options>(
    option<&Options::kind>(
        "--kind", "KIND", "List only runs of this kind, like rehearsal, cutover or smoke-stream."
    ),
    option<&Options::verdict>("--verdict", k_verdicts, "List only runs with this verdict."),
    option<&Options::state>("--state", k_states, "List only runs in this state."),
    option<&Options::younger>("--since", "D", "List only runs that started within this time: 24h."),
    option<&Options::limit>("--limit", "N", "List at most N runs, the newest. 0: no limit.")
        .range(0, 1'000'000)
        .or_else("0")
);

} // namespace

const CommandSpec runs_list_command = command<run>({
    .path = "runs list",
    .summary = "List the runs of this machine, newest first: verdict, state, age, size.",
    .options = k_options,
    .examples =
        {
            "oa-stream runs list",
            "oa-stream runs list --verdict FAIL --since 7d",
            "oa-stream runs list --state died --json",
        },
    .reads_runs = true,
    .about =
        R"(Lists what is stored in the state directory, newest first. A run is everything a command left: verdict,
checks, streams, samples, journal and report.)",
    .also = "history list ls",
});

} // namespace oa_stream::cli

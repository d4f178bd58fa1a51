// runs list: the runs of this machine, and how they ended.
#include "oa_stream/base/layout.hpp"
#include "oa_stream/base/lists.hpp"
#include "oa_stream/base/option_names.hpp"
#include "oa_stream/base/text.hpp"

#include "core/commands.hpp"
#include "core/document.hpp"
#include "runs_args.hpp"
#include "screen/shown.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

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
               (!state || to_string(run.life) == *state) &&
               (!younger || run.started >= std::chrono::system_clock::now() - *younger);
    }
};

std::string_view verdict_word(const RunEntry& run) {
    return run.verdict.empty() ? "–" : std::string_view(run.verdict);
}

std::string_view rolled_back_word(const RunEntry& run) {
    if (member(run.document, "rolled_back") == nullptr) {
        return "";
    }
    return run.facts.ended == run::RunEnding::rollback_unverified ? "  not verified"
                                                                  : "  rolled back";
}

/// Columns are only as wide as their content, and closer together where space is short: a row fits
/// 80 columns, even with the longest kind.
std::string table_of(const std::vector<RunEntry>& runs, std::size_t columns) {
    std::size_t ids = 0;
    std::size_t verdicts = std::string_view("verdict").size();
    for (const RunEntry& run : runs) {
        ids = std::max(ids, run.id.size());
        verdicts = std::max(verdicts, run.verdict.size());
    }
    constexpr std::size_t k_others = 8 + 4 + 8; // state, age, size
    constexpr std::size_t k_gaps = 4;
    const bool roomy = columns == 0 || ids + verdicts + k_others + 2 * k_gaps <= columns;
    const std::string_view gap = roomy ? "  " : " ";
    const auto row = [&](std::string_view id,
                         std::string_view verdict,
                         std::string_view state,
                         std::string_view age,
                         std::string_view size) {
        return fmt::format(
            "{:<{}}{}{:<{}}{}{:<8}{}{:>4}{}{:>8}",
            id,
            ids,
            gap,
            verdict,
            verdicts,
            gap,
            state,
            gap,
            age,
            gap,
            size
        );
    };
    std::string out = row("run", "verdict", "state", "age", "size") + "\n";
    for (const RunEntry& run : runs) {
        out += fmt::format(
            "{}{}{}{}\n",
            row(run.id,
                verdict_word(run),
                to_string(run.life),
                age_text_of(run),
                run::size_text(run.bytes)),
            run.pinned ? "  pinned" : "",
            rolled_back_word(run),
            run.unreadable.empty() ? "" : "  partly unreadable"
        );
    }
    return out;
}

/// An operator who looks for the weekly timer's runs from their own account finds none.
void tell_of_service(Context& context) {
    const std::filesystem::path service("/var/lib/oa-stream");
    std::error_code none;
    if (context.state_dir != service && std::filesystem::exists(service / "runs", none)) {
        tell_text(
            fmt::format("the service keeps its own: --state-dir {}\n", service.string()), context
        );
    }
}

constexpr auto k_kind =
    option<&Options::kind>(
        "--kind", "KIND", "List only runs of this kind, like rehearsal, cutover or smoke-stream."
    )
        .suggesting(run::run_kind_words);

/// Runs of other versions may have kinds that this version does not have.
Result<void> check_kind(const std::string& kind, const std::vector<RunEntry>& runs) {
    const auto known = run::run_kind_words();
    if (contains(known, kind) || contains(runs, kind, &RunEntry::kind)) {
        return {};
    }
    return fail(
        Code::usage,
        fmt::format("'{}' is not a kind of run", printable(kind, 60)),
        std::string(k_kind.name),
        did_you_mean(kind, known, fmt::format("{}", fmt::join(known, ", ")))
    );
}

Result<ExitCode> run(const Options& options, Context& context) {
    OA_TRY(auto runs, run::list_runs(context.state_dir));
    if (options.kind) {
        OA_CHECK(check_kind(*options.kind, runs));
    }
    const std::size_t all = runs.size();
    std::erase_if(runs, [&](const RunEntry& one) { return !options.takes(one); });
    const std::size_t fitting = runs.size();
    if (options.limit > 0 && runs.size() > options.limit) {
        runs.resize(options.limit);
    }
    if (context.json) {
        Json out = plain_document();
        out["runs"] = Json::array();
        for (const RunEntry& one : runs) {
            Json row = to_json(one);
            const auto age = age_of(one);
            row["age_s"] = age ? Json(age->count()) : Json(nullptr);
            if (const auto left = unfinished(one, context)) {
                put_advice(row, "next", left->next);
            }
            out["runs"].push_back(std::move(row));
        }
        out["fitting"] = fitting;
        out["total"] = all;
        print_document("runs-list", out, context);
        return ExitCode::ok;
    }
    if (!runs.empty()) {
        const auto columns = context.out_tty ? static_cast<std::size_t>(context.width) : 0;
        show_text(table_of(runs, columns), context);
    }
    if (all == 0) {
        tell_text(
            fmt::format("there are no runs yet in {}\n", context.state_dir.string()), context
        );
        tell_of_service(context);
    } else if (runs.size() < all) {
        tell_text(
            fmt::format(
                "{} of {} in {}\n",
                runs.size(),
                counted(all, "run"),
                (context.state_dir / "runs").string()
            ),
            context
        );
    }
    return ExitCode::ok;
}

constexpr std::array<std::string_view, 4> k_verdicts{"PASS", "FAIL", "INCONCLUSIVE", "ERROR"};

constexpr auto k_options = options<Options>(
    k_kind,
    option<&Options::verdict>("--verdict", k_verdicts, "List only runs with this verdict."),
    option<&Options::state>("--state", run::k_run_life_words, "List only runs in this state."),
    option<&Options::younger>("--since", "D", "List only runs that started within this time: 24h."),
    option<&Options::limit>(names::limit, "N", "List at most N runs, the newest. 0: no limit.")
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
    .also = "history list ls ps",
});

} // namespace oa_stream::cli

// runs list: what was run on this machine, and how it ended.
#include "oa_stream/base/text.hpp"

#include "core/commands.hpp"
#include "core/document.hpp"
#include "runs_args.hpp"

#include <fmt/format.h>

#include <array>

namespace oa_stream::cli {
namespace {

using run::RunEntry;

struct Filter {
    std::optional<std::string> kind;
    std::optional<std::string> verdict;
    std::optional<std::string> state;
    std::optional<std::chrono::milliseconds> younger;
    std::uint64_t limit = 0;

    [[nodiscard]] bool takes(const RunEntry& run) const {
        return (!kind || run.kind == *kind) && (!verdict || iequals(run.verdict, *verdict)) &&
               (!state || to_string(run.life) == *state) && (!younger || age_of(run) <= *younger);
    }
};

Result<std::optional<std::string>>
one_of(const Args& args, std::string_view option, std::span<const std::string_view> words) {
    const auto given = args.get(option);
    if (!given) {
        return std::nullopt;
    }
    for (const std::string_view word : words) {
        if (iequals(*given, word)) {
            return std::string(word);
        }
    }
    return fail(
        Code::usage,
        fmt::format("'{}' is none of them", printable(*given, 40)),
        std::string(option),
        fmt::format("{}, …", words.front())
    );
}

Result<Filter> parse(const Args& args) {
    static constexpr std::array<std::string_view, 4> k_verdicts{
        "PASS", "FAIL", "INCONCLUSIVE", "ERROR"
    };
    static constexpr std::array<std::string_view, 3> k_states{"running", "finished", "died"};
    Filter out;
    out.kind = args.get("--kind");
    OA_TRY(out.verdict, one_of(args, "--verdict", k_verdicts));
    OA_TRY(out.state, one_of(args, "--state", k_states));
    if (const auto since = args.get("--since")) {
        OA_TRY(out.younger, parse_duration(*since));
    }
    constexpr std::uint64_t k_most = 1'000'000;
    OA_TRY(out.limit, parse_count(args.get("--limit").value_or("0"), 0, k_most));
    return out;
}

std::string row_text(const RunEntry& run) {
    return fmt::format(
        "{:<48} {:<12} {:<9} {:>5} {:>9}{}\n",
        run.id,
        run.verdict.empty() ? "–" : run.verdict,
        to_string(run.life),
        run::age_text(age_of(run)),
        run::size_text(run.bytes),
        run.pinned ? "  pinned" : ""
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

Result<ExitCode> run(const Args& args, Context& context) {
    OA_TRY(const Filter filter, parse(args));
    OA_TRY(auto runs, run::list_runs(context.state_dir));
    const std::size_t all = runs.size();
    std::erase_if(runs, [&](const RunEntry& one) { return !filter.takes(one); });
    const std::size_t fitting = runs.size();
    if (filter.limit > 0 && runs.size() > filter.limit) {
        runs.resize(filter.limit);
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
    if (!runs.empty()) {
        context.out(fmt::format(
            "{:<48} {:<12} {:<9} {:>5} {:>9}\n", "run", "verdict", "state", "age", "size"
        ));
    }
    for (const RunEntry& one : runs) {
        context.out(row_text(one));
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

constexpr std::array k_options{
    OptionSpec{"--kind", "KIND", "Only of this kind, like rehearsal, cutover or smoke-stream."},
    OptionSpec{"--verdict", "WORD", "Only with this verdict: PASS, FAIL, INCONCLUSIVE or ERROR."},
    OptionSpec{"--state", "WORD", "Only running, finished or died."},
    OptionSpec{"--since", "D", "Only those that began within this time: 24h."},
    OptionSpec{"--limit", "N", "At most so many, the newest."},
};
constexpr std::array<std::string_view, 3> k_examples{
    "oa-stream runs list",
    "oa-stream runs list --verdict FAIL --since 7d",
    "oa-stream runs list --state died --json",
};

} // namespace

const CommandSpec runs_list_command{
    .path = "runs list",
    .summary = "The runs of this machine, newest first: verdict, state, age, size.",
    .positionals = {},
    .options = k_options,
    .examples = k_examples,
    .run = run,
};

} // namespace oa_stream::cli

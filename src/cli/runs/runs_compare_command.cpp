// runs compare: two runs side by side.
#include "oa_stream/base/layout.hpp"
#include "oa_stream/incident/runs_compare.hpp"

#include "core/commands.hpp"
#include "core/document.hpp"
#include "runs_args.hpp"
#include "screen/shown.hpp"

#include <fmt/format.h>

namespace oa_stream::cli {
namespace {

using incident::ComparedRow;
using incident::Comparison;

struct Options {
    std::string a{};
    std::string b = "last";
    bool all = false;
};

void section(
    std::string& out, std::string_view title, const std::vector<ComparedRow>& rows, bool all
) {
    std::string body;
    std::size_t same = 0;
    for (const ComparedRow& row : rows) {
        if (!row.differs && !all) {
            ++same;
            continue;
        }
        body += fmt::format(
            "{} {}{}\n      a {}\n      b {}\n",
            row.worse     ? "  !"
            : row.matters ? "  ≠"
            : row.differs ? "  ~"
                          : "   ",
            row.what,
            row.meaning.empty() ? "" : ": " + row.meaning,
            row.a,
            row.b
        );
    }
    if (rows.empty()) {
        return;
    }
    out += fmt::format("{}{}\n{}", title, same > 0 ? fmt::format(", {} the same", same) : "", body);
}

Result<ExitCode> run(const Options& options, Context& context) {
    OA_TRY(const auto a, named_run(options.a, context));
    OA_TRY(const auto b, named_run(options.b, context));
    if (a.id == b.id) {
        return fail(Code::usage, "both names mean the same run", a.id, Suggestion{"runs list"});
    }
    const Comparison found = incident::compare_runs(a, b);
    if (context.json) {
        Json out = plain_document();
        out["a"] = to_json(a);
        out["b"] = to_json(b);
        out["comparison"] = to_json(found);
        print_document("runs-compare", out, context);
        return ExitCode::ok;
    }
    std::string out = fmt::format("a {}\nb {}\n", a.id, b.id);
    section(out, "runs", found.facts, options.all);
    section(out, "checks", found.checks, options.all);
    section(out, "gates", found.gates, options.all);
    section(out, "first content", found.latencies, true);
    show_text(out, context);
    tell_text(
        fmt::format(
            "{}, {} {}{}\n",
            counted(found.differences(), "difference"),
            found.that_matter(),
            found.that_matter() == 1 ? "matters" : "matter",
            found.worse() ? ", b is worse (!)" : ""
        ),
        context
    );
    return ExitCode::ok;
}

constexpr auto k_positionals = positionals<Options>(
    positional<&Options::a>("A", "A run, named as for `runs show`.").offering(Offer::runs),
    positional<&Options::b>("B", "The run to compare it with. Without it: the last one.")
        .offering(Offer::runs)
        .optional()
);
constexpr auto k_options =
    options<Options>(flag<&Options::all>("--all", "Also show what is the same in both."));

} // namespace

const CommandSpec runs_compare_command = command<run>({
    .path = "runs compare",
    .summary = "Compare two runs: verdict, checks, gates, versions, latencies.",
    .positionals = k_positionals,
    .options = k_options,
    .examples =
        {
            "oa-stream runs compare 1a2b3c4d last",
            "oa-stream runs compare 20260215T043600Z-steady-state-1a2b3c4d 5e6f7a8b --json",
        },
    .reads_runs = true,
    .about =
        R"(Puts two runs side by side: verdict, checks, gates, versions and latencies. What is the same in both is
left out unless `--all` is given.)",
});

} // namespace oa_stream::cli

// runs pin, runs unpin: protect evidence from clean-up.
#include "oa_stream/base/option_names.hpp"
#include "oa_stream/base/text.hpp"

#include "core/commands.hpp"
#include "core/document.hpp"
#include "runs_args.hpp"
#include "screen/shown.hpp"

#include <fmt/format.h>

namespace oa_stream::cli {
namespace {

struct Options : RunWord {
    std::optional<std::string> reason{};
};

ExitCode show_pin(const run::RunEntry& run, std::string_view what, Context& context) {
    if (context.json) {
        Json out = plain_document(&run);
        out["pinned"] = what == "pinned";
        print_document("runs-pin", out, context);
    } else {
        show_text(fmt::format("{} {}\n", run.id, what), context);
    }
    return ExitCode::ok;
}

Result<ExitCode> pin(const Options& options, Context& context) {
    OA_TRY(const auto run, named_run(options.run, context));
    OA_CHECK(run::pin_run(run.folder, options.reason.value_or("")));
    return show_pin(run, "pinned", context);
}

Result<ExitCode> unpin(const RunWord& options, Context& context) {
    OA_TRY(const auto run, named_run(options.run, context));
    OA_CHECK(run::unpin_run(run.folder));
    return show_pin(run, "unpinned", context);
}

Result<std::string> read_reason(std::string_view text) {
    const std::string_view reason = trim(text);
    if (reason.empty()) {
        return fail(Code::usage, "the reason is empty", {}, "like 'incident 1234'");
    }
    return std::string(reason);
}

constexpr auto k_pin_positionals = positionals<Options>(k_run_positional);
constexpr auto k_unpin_positionals = positionals<RunWord>(k_run_positional);
constexpr auto k_options = options<Options>(
    parsed<read_reason, &Options::reason>(
        names::reason, "TEXT", "Give the reason. `runs show` and `runs gc` show it."
    )
        .typed()
);

} // namespace

const CommandSpec runs_pin_command = command<pin>({
    .path = "runs pin",
    .summary = "Keep a run: `runs gc` never removes it.",
    .positionals = k_pin_positionals,
    .options = k_options,
    .examples = {"oa-stream runs pin last --reason 'incident 1234'"},
    .reads_runs = true,
    .about = R"(Marks a run so that `runs gc` keeps it, with a reason that lists show.)",
    .also = "keep",
});

const CommandSpec runs_unpin_command = command<unpin>({
    .path = "runs unpin",
    .summary = "Let `runs gc` remove a run again.",
    .positionals = k_unpin_positionals,
    .examples = {"oa-stream runs unpin 1a2b3c4d"},
    .reads_runs = true,
    .about = R"(Takes the mark of `runs pin` away.)",
});

} // namespace oa_stream::cli

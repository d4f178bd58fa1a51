// runs pin, runs unpin: evidence that no clean-up may touch.
#include "oa_stream/base/text.hpp"

#include "core/commands.hpp"
#include "core/document.hpp"
#include "runs_args.hpp"

#include <fmt/format.h>

#include <array>

namespace oa_stream::cli {
namespace {

ExitCode tell(const run::RunEntry& run, std::string_view what, Context& context) {
    if (context.json) {
        Json out = plain_document("PASS", &run);
        out["pinned"] = what == "pinned";
        print_document("runs-pin", out, context);
    } else {
        context.out(fmt::format("{} {}\n", run.id, what));
    }
    return ExitCode::ok;
}

Result<ExitCode> pin(const Args& args, Context& context) {
    OA_TRY(const auto run, named_run(args, context));
    const auto reason = args.get("--reason");
    if (reason && trim(*reason).empty()) {
        return fail(Code::usage, "this is no reason", "--reason", "--reason 'incident 1234'");
    }
    OA_CHECK(run::pin_run(run.folder, trim(reason.value_or(""))));
    return tell(run, "pinned", context);
}

Result<ExitCode> unpin(const Args& args, Context& context) {
    OA_TRY(const auto run, named_run(args, context));
    OA_CHECK(run::unpin_run(run.folder));
    return tell(run, "unpinned", context);
}

constexpr std::array k_positionals{k_run_positional};
constexpr std::array k_options{
    OptionSpec{"--reason", "TEXT", "Why it must stay; shown by `runs show` and `runs gc`."},
};
constexpr std::array<std::string_view, 1> k_pin_examples{
    "oa-stream runs pin last --reason 'incident 1234'",
};
constexpr std::array<std::string_view, 1> k_unpin_examples{"oa-stream runs unpin 1a2b3c4d"};

} // namespace

const CommandSpec runs_pin_command{
    .path = "runs pin",
    .summary = "Keep a run: `runs gc` never removes it.",
    .positionals = k_positionals,
    .options = k_options,
    .examples = k_pin_examples,
    .run = pin,
};

const CommandSpec runs_unpin_command{
    .path = "runs unpin",
    .summary = "Let `runs gc` remove a run again.",
    .positionals = k_positionals,
    .options = {},
    .examples = k_unpin_examples,
    .run = unpin,
};

} // namespace oa_stream::cli

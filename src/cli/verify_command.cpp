// verify: is the lane as it should be? The weekly job.
#include "oa_stream/cli/commands.hpp"

#include "run_args.hpp"

#include <array>

namespace oa_stream::cli {
namespace {

Result<ExitCode> run(const Args& args, Context& context) {
    OA_TRY(auto input, parse_target_run(args, context, "steady-state"));
    // A timer's mail is for what is wrong.
    context.quiet = context.quiet || !context.tty;
    static const SignalWords words{
        "ending the check under way; nothing is changed by this run",
        [] { return std::string("Nothing was changed."); },
    };
    return run_target(std::move(input), playbook::verify_target, words, context);
}

constexpr std::array k_positionals{
    PositionalSpec{"PLAYBOOK", "One that only checks: a name or a file; steady-state.", false},
};
constexpr std::array k_options{
    k_set_option, k_asserted_option, k_reason_option, k_no_probes_option
};
constexpr std::array<std::string_view, 2> k_examples{
    "oa-stream verify --set base_url=https://chat.example.org",
    "oa-stream verify smoke-stream --set base_url=http://127.0.0.1:8080 --json",
};

} // namespace

const CommandSpec verify_command{
    .path = "verify",
    .summary = "Verify a live target; quiet on PASS without a terminal.",
    .positionals = k_positionals,
    .options = k_options,
    .examples = k_examples,
    .run = run,
};

} // namespace oa_stream::cli

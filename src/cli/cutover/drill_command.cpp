// rollback drill: the way back, tried before it is needed.
#include "oa_stream/base/clock.hpp"
#include "oa_stream/playbook/local_rehearsal.hpp"

#include "core/commands.hpp"
#include "core/version.hpp"
#include "run_args.hpp"

#include <array>

namespace oa_stream::cli {
namespace {

Result<playbook::RehearsalInput> parse_local(const Args& args, const Context& context) {
    if (args.positional("PLAYBOOK") || args.has("--set") || args.has("--inject-file")) {
        return fail(
            Code::usage,
            "--local brings its own playbook, lanes and faults",
            "--local",
            "oa-stream rollback drill --local --fault error-rate=0.3"
        );
    }
    playbook::RehearsalInput out;
    out.program = context.program;
    out.state_dir = context.state_dir;
    out.argv = context.argv;
    out.version = version();
    out.options.fault = args.get("--fault");
    if (const auto bake = args.get("--bake")) {
        OA_TRY(out.options.bake, parse_duration(*bake));
        if (*out.options.bake < Millis(100)) {
            return fail(Code::usage, "a bake of less than 100ms decides nothing", "--bake");
        }
    }
    OA_CHECK(playbook::validate(playbook::local_drill(out.options)));
    return out;
}

Result<ExitCode> run_local(playbook::RehearsalInput input, Context& context) {
    static const SignalWords words{
        "finishing the step under way, then restoring the traffic (at most 30s)",
        [] {
            return std::string("The lanes and the front door end with this process, so nothing is "
                               "left to undo; the journal tells how far it came.");
        },
    };
    Screen screen(context);
    playbook::StopRequest stop;
    input.stop = &stop;
    input.observer = screen.observer();
    const auto end = run_to_end<playbook::RunEnd>(
        [&](const asio::any_io_executor&) { return playbook::drill_local(std::move(input)); },
        stop,
        screen,
        words
    );
    screen.clear();
    if (!end) {
        return std::unexpected(end.error());
    }
    return tell_run(*end, context);
}

Result<ExitCode> run(const Args& args, Context& context) {
    if (args.has("--local")) {
        OA_TRY(auto input, parse_local(args, context));
        return run_local(std::move(input), context);
    }
    for (const std::string_view option : {"--bake", "--fault"}) {
        if (args.has(option)) {
            return fail(
                Code::usage,
                "the playbook says that here",
                std::string(option),
                "--set, or --local for a drill on this machine"
            );
        }
    }
    OA_TRY(auto input, parse_target_run(args, context, ""));
    input.faults_file = args.get("--inject-file").value_or("");
    static const SignalWords words{
        "finishing the step under way, then restoring the traffic",
        [] { return std::string("oa-stream cutover status tells what is left to do."); },
    };
    return run_target(std::move(input), playbook::drill_target, words, context);
}

constexpr std::array k_positionals{
    PositionalSpec{"PLAYBOOK", "Of kind rollback-drill: a name or a file.", false},
};
constexpr std::array k_options{
    OptionSpec{
        "--local", "", "Two lanes on recorded turns behind a front door, all on this machine."
    },
    k_set_option,
    OptionSpec{
        "--inject-file",
        "FILE",
        "Where faults of the canary are planted: that of its serve --inject-file."
    },
    OptionSpec{
        "--fault", "KIND=VALUE", "With --local: what is planted; empty: the failure is ruled."
    },
    OptionSpec{"--bake", "D", "With --local: how long each stage is held, 4s if not given."},
};
constexpr std::array<std::string_view, 2> k_examples{
    "oa-stream rollback drill --local",
    "oa-stream rollback drill rollback-drill --set base_url=http://127.0.0.1:8080 "
    "--set socket=/run/front.sock --inject-file /run/canary.faults",
};

} // namespace

const CommandSpec rollback_drill_command{
    .path = "rollback drill",
    .summary = "Make a canary fail on purpose and measure the way back.",
    .positionals = k_positionals,
    .options = k_options,
    .examples = k_examples,
    .run = run,
    .leaves_run = true,
};

} // namespace oa_stream::cli

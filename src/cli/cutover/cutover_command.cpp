// cutover rehearse: the whole cutover without touching anything that serves.
#include "oa_stream/base/clock.hpp"
#include "oa_stream/base/text.hpp"
#include "oa_stream/playbook/local_rehearsal.hpp"

#include "core/commands.hpp"
#include "core/version.hpp"
#include "run_args.hpp"

#include <fmt/format.h>

#include <array>
#include <charconv>

namespace oa_stream::cli {

namespace {

using playbook::Rehearsal;
using playbook::RehearsalInput;
using playbook::StopRequest;

constexpr double k_max_rate = 500;

/// "25/s" or "25".
Result<double> parse_rate(std::string_view text) {
    const std::string_view digits = text.ends_with("/s") ? text.substr(0, text.size() - 2) : text;
    double value = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    const bool plain = digits.find_first_not_of("0123456789.") == std::string_view::npos;
    if (!plain || error != std::errc{} || end != digits.data() + digits.size() || !(value > 0) ||
        value > k_max_rate) {
        return fail(
            Code::usage, fmt::format("'{}' is no rate", printable(text)), "--rate", "like 25/s"
        );
    }
    return value;
}

Result<RehearsalInput> parse(const Args& args, const Context& context) {
    if (args.positional("PLAYBOOK") || args.has("--set") || args.has("--no-probes")) {
        return fail(
            Code::usage,
            "--local brings its own playbook and lanes",
            "--local",
            "oa-stream cutover rehearse PLAYBOOK --set base_url=URL"
        );
    }
    RehearsalInput out;
    out.program = context.program;
    out.state_dir = context.state_dir;
    out.argv = context.argv;
    out.version = version();
    out.replay = args.get("--replay").value_or("");
    OA_TRY(out.options.bake, parse_duration(args.get("--bake").value_or("4s")));
    if (out.options.bake < Millis(100)) {
        return fail(Code::usage, "a bake of less than 100ms decides nothing", "--bake");
    }
    OA_TRY(out.options.rate, parse_rate(args.get("--rate").value_or("25/s")));
    for (const std::string& text : args.all("--inject")) {
        OA_TRY(playbook::Fault fault, playbook::parse_fault(text));
        out.faults.push_back(std::move(fault));
    }
    OA_CHECK(playbook::check_faults(out.faults, playbook::local_rehearsal(out.options).stages));
    return out;
}

const SignalWords& signal_words() {
    static const SignalWords words{
        "finishing the step under way, then restoring the traffic (at most 30s)",
        [] {
            return std::string("The lanes and the front door end with this process, so nothing is "
                               "left to undo; the journal tells how far it came.");
        },
    };
    return words;
}

Result<ExitCode> run_target_rehearsal(const Args& args, Context& context) {
    for (const std::string_view option : {"--inject", "--bake", "--rate", "--replay"}) {
        if (args.has(option)) {
            return fail(
                Code::usage,
                "belongs to --local; a playbook says it itself",
                std::string(option),
                "--set bake=30s, if the playbook has that variable"
            );
        }
    }
    OA_TRY(auto input, parse_target_run(args, context, ""));
    static const SignalWords words{
        "ending the check under way; nothing is changed by this run",
        [] { return std::string("Nothing was changed."); },
    };
    return run_target(std::move(input), playbook::rehearse_target, words, context);
}

Result<ExitCode> run(const Args& args, Context& context) {
    if (!args.has("--local")) {
        return run_target_rehearsal(args, context);
    }
    OA_TRY(RehearsalInput input, parse(args, context));
    Screen screen(context);
    StopRequest stop;
    input.stop = &stop;
    input.observer = screen.observer();
    const auto rehearsal = run_to_end<Rehearsal>(
        [&](const asio::any_io_executor&) { return playbook::rehearse_local(std::move(input)); },
        stop,
        screen,
        signal_words()
    );
    screen.clear();
    if (!rehearsal) {
        return std::unexpected(rehearsal.error());
    }
    return tell_run(*rehearsal, context);
}

constexpr std::array k_positionals{
    PositionalSpec{"PLAYBOOK", "Of kind cutover or rehearsal: a name or a file.", false},
};
constexpr std::array k_options{
    k_set_option,
    k_no_probes_option,
    k_asserted_option,
    k_reason_option,
    OptionSpec{
        "--local", "", "Two lanes on recorded turns behind a front door, all on this machine."
    },
    OptionSpec{
        "--inject",
        "KIND[=VALUE]@PERCENT",
        "Plant a fault in the canary when that stage begins: error-rate=P, malformed=P, latency=D "
        "or kill; repeats.",
        {},
        true
    },
    OptionSpec{"--bake", "D", "How long each stage is held.", "4s"},
    OptionSpec{"--rate", "N/s", "Probes a second to each arm, and as many unpinned.", "25/s"},
    OptionSpec{"--replay", "DIR", "Transcripts for the lanes; those built in if not given."},
};

constexpr std::array<std::string_view, 3> k_examples{
    "oa-stream cutover rehearse cutover.yaml --set base_url=https://chat.example.org",
    "oa-stream cutover rehearse --local",
    "oa-stream cutover rehearse --local --inject error-rate=0.2@25",
};

} // namespace

const CommandSpec cutover_rehearse_command{
    .path = "cutover rehearse",
    .summary = "Rehearse a cutover: dry against the real thing, or whole on this machine.",
    .positionals = k_positionals,
    .options = k_options,
    .examples = k_examples,
    .run = run,
    .leaves_run = true,
};

} // namespace oa_stream::cli

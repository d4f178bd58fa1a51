// rollback drill: tries the rollback before it is needed.
#include "oa_stream/playbook/each_gate.hpp"
#include "oa_stream/playbook/local_rehearsal.hpp"
#include "oa_stream/playbook/target_run.hpp"
#include "oa_stream/turn/fault.hpp"

#include "core/commands.hpp"
#include "core/document.hpp"
#include "core/suggestion.hpp"
#include "operate.hpp"
#include "plan_view.hpp"
#include "run_args.hpp"

#include <fmt/format.h>

namespace oa_stream::cli {
namespace {

struct Options : PlaybookChoice, LiveOptions, LocalChoice {
    bool apply = false;
    bool each_gate = false;
    std::string faults_file{};
};

constexpr auto k_fault = option<&Options::here, &playbook::LocalRehearsalOptions::fault>(
                             names::fault,
                             "KIND=VALUE",
                             "Inject this fault. With --local. With an empty value nothing is "
                             "injected; the run declares the canary failed."
)
                             .suggesting(turn::fault_words);

Result<playbook::RehearsalInput> parse_local(const Options& options, const Context& context) {
    const bool other = options.each_gate || !options.faults_file.empty();
    if (!options.playbook.empty() || !options.set.empty() || other) {
        return fail(
            Code::usage,
            "a local drill uses its own playbook, lanes and faults",
            std::string(names::local),
            Suggestion{"rollback drill", {names::local, names::fault, "error-rate=0.3"}}
        );
    }
    playbook::RehearsalInput out;
    out.program = context.program;
    out.options = options.here;
    OA_CHECK(playbook::validate(playbook::local_drill(out.options)));
    return out;
}

/// Shows the drill that would be carried out; changes nothing.
Result<ExitCode> show_drill(const Options& options, Context& context) {
    playbook::PlanRequest request;
    request.set = options.set;
    OA_TRY(request.playbook, playbook::find_playbook(options.playbook));
    OA_TRY(const playbook::Plan plan, make_shown_plan(std::move(request), context));
    const Advice next =
        plan.changes() ? Advice(Typed{&rollback_drill_command, context.given}.with(names::apply))
                       : Advice();
    show_plan(plan, "", next, context);
    return plan.changes() ? ExitCode::has_changes : ExitCode::ok;
}

/// Shows which fault each gate should detect; changes nothing.
void show_trials(const playbook::Playbook& playbook, Context& context) {
    std::string text = fmt::format(
        "Each gate of {} is tried by a drill of its own, at one stage, and rolled back:\n",
        playbook.name
    );
    Json trials = Json::array();
    for (const playbook::GateTrial& trial : playbook::gate_trials(playbook)) {
        text += fmt::format(
            "  {:<28} {}\n",
            trial.gate,
            trial.fault.empty() ? "not tried: no fault is known for this gate" : trial.fault
        );
        trials.push_back({{"gate", trial.gate}, {"fault", trial.fault}});
    }
    const Advice next = Typed{&rollback_drill_command, context.given}.with(names::apply);
    if (context.json) {
        Json out = plain_answer();
        out["trials"] = std::move(trials);
        put_advice(out, "next", next);
        print_document("gate-trials", out, context);
        return;
    }
    show_text(text, context);
    show_text(fmt::format("next: {}\n", typed_here(next, context).text()), context);
}

Result<playbook::TargetRunInput> drill_input(const Options& options, playbook::KindSet kinds) {
    TargetRunOptions target;
    static_cast<PlaybookChoice&>(target) = static_cast<const PlaybookChoice&>(options);
    OA_TRY(auto input, target_run_input(target, kinds));
    input.faults_file = options.faults_file;
    return input;
}

Result<ExitCode> drill_gates(const Options& options, Context& context) {
    OA_TRY(auto input, drill_input(options, playbook::k_gate_trial_kinds));
    OA_CHECK(playbook::check_each_gate(input));
    if (!options.apply) {
        show_trials(input.playbook, context);
        return ExitCode::has_changes;
    }
    return operate(context, Touches::traffic, playbook::drill_each_gate, std::move(input), options);
}

Result<ExitCode> run(const Options& options, Context& context) {
    if (options.each_gate && !options.local) {
        return drill_gates(options, context);
    }
    if (options.local) {
        OA_TRY(auto input, parse_local(options, context));
        return operate(
            context, Touches::own_lanes, playbook::drill_local, std::move(input), options
        );
    }
    if (options.here.bake || options.here.fault) {
        return fail(
            Code::usage,
            "the playbook sets this for a drill against a real target",
            std::string(options.here.bake ? k_bake.name : k_fault.name),
            "use --set, or --local for a drill on this machine"
        );
    }
    OA_TRY(auto input, drill_input(options, playbook::k_drilled_kinds));
    OA_CHECK(playbook::check_drill(input));
    if (!options.apply) {
        return show_drill(options, context);
    }
    return operate(context, Touches::traffic, playbook::drill_target, std::move(input), options);
}

constexpr auto k_positionals =
    positionals<Options>(playbook_word(
                             "The name or file of a playbook of kind rollback-drill. "
                             "With --each-gate its kind may also be cutover.",
                             playbook::k_gate_trial_kinds
    )
                             .optional());
constexpr auto k_options = options<Options>(
    k_local,
    k_set,
    k_live,
    flag<&Options::apply>(
        names::apply,
        "Carry out the drill. Without it, the command only shows the plan (exit 10). A local drill "
        "does not need it."
    )
        .typed(),
    flag<&Options::each_gate>(
        names::each_gate,
        "Test every gate of a playbook of kind cutover or rollback-drill in turn with an injected "
        "fault, and list those that do not detect it."
    ),
    option<&Options::faults_file>(
        names::inject_file,
        "FILE",
        "Write the canary's faults to this file. Start the canary with `serve --inject-file` and "
        "the same file."
    ),
    k_fault,
    k_bake
);

} // namespace

const CommandSpec rollback_drill_command = command<run>({
    .path = "rollback drill",
    .summary =
        "Make a canary fail on purpose and measure the rollback. Shows its plan until --apply.",
    .positionals = k_positionals,
    .options = k_options,
    .examples =
        {
            "oa-stream rollback drill --local",
            "oa-stream rollback drill rollback-drill --set base_url=http://127.0.0.1:8080 --set "
            "socket=/run/front.sock --inject-file /run/canary.faults --apply",
        },
    .leaves_run = true,
    .about =
        R"(Tests the rollback before it is needed: moves a canary to a stage, makes it fail on purpose, and measures
how long until every user is back on stable. With `--local` everything happens on this machine. Against a
real target it shows its plan until `--apply` is given.)",
    .also = "drill chaos gameday",
    .exits = exits::k_shows_and_moves.with(
        {{ExitCode::has_changes, "Without --apply: the plan was shown."}}
    ),
});

} // namespace oa_stream::cli

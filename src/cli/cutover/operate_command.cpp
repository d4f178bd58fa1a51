// cutover plan and cutover apply: look first, then do exactly that.
#include "oa_stream/base/file.hpp"
#include "oa_stream/base/suggestion.hpp"
#include "oa_stream/base/text.hpp"
#include "oa_stream/playbook/operate.hpp"

#include "core/commands.hpp"
#include "core/document.hpp"
#include "core/version.hpp"
#include "operate_args.hpp"
#include "run_args.hpp"

#include <fmt/format.h>

#include <array>

namespace oa_stream::cli {
namespace {

using playbook::Kind;
using playbook::Plan;

constexpr std::size_t k_shown = 12; ///< of a plan's id; the file has all of it

Result<playbook::PlanRequest> parse(const Args& args) {
    playbook::PlanRequest out;
    OA_TRY(out.set, config::parse_settings(args.all("--set")));
    OA_TRY(out.playbook, playbook::find_playbook(args.positional("PLAYBOOK").value_or("")));
    out.probes = !args.has("--no-probes");
    return out;
}

Result<void> write_plan(const Plan& plan, const Args& args) {
    if (const auto file = args.get("--out")) {
        return write_file_atomic(*file, to_json(plan).dump(2) + "\n");
    }
    return {};
}

void tell_plan(const Plan& plan, const Args& args, Context& context) {
    const std::string file = args.get("--out").value_or("");
    if (context.json) {
        Json out = plain_answer();
        out["changes"] = plan.changes();
        out["file"] = file.empty() ? Json(nullptr) : Json(file);
        out["plan"] = to_json(plan);
        print_document("plan-result", out, context);
    } else {
        show_text(playbook::plan_diff(plan), context);
    }
    if (context.quiet || !plan.changes()) {
        return;
    }
    const std::string command =
        plan.playbook.kind == Kind::rollback ? "rollback apply" : "cutover apply";
    tell_parts(
        {fmt::format("PASS plan {}", plan.id.substr(0, k_shown)),
         file.empty() ? "to apply it, write it with --out FILE"
                      : "next: " + Suggestion{command, {file}}.text()},
        context
    );
}

Result<ExitCode> plan_of_kind(const Args& args, Context& context, bool rollback) {
    OA_TRY(playbook::PlanRequest request, parse(args));
    request.state_dir = context.state_dir;
    Screen screen(context);
    StopRequest stop;
    request.observer = screen.observer();
    const SignalWords words{.first = "leaving; nothing was changed", .at_once = true};
    OA_TRY(
        const Plan plan,
        run_to_end<Plan>(
            [&](const asio::any_io_executor&) {
                return playbook::plan_playbook(std::move(request));
            },
            stop,
            screen,
            words
        )
    );
    if ((plan.playbook.kind == Kind::rollback) != rollback) {
        return fail(
            Code::usage,
            fmt::format("this playbook is a {}", to_string(plan.playbook.kind)),
            {},
            rollback ? "oa-stream cutover plan" : "oa-stream rollback plan"
        );
    }
    OA_CHECK(write_plan(plan, args));
    tell_plan(plan, args, context);
    return plan.changes() ? ExitCode::has_changes : ExitCode::ok;
}

Result<ExitCode> plan_cutover(const Args& args, Context& context) {
    return plan_of_kind(args, context, false);
}
Result<ExitCode> plan_rollback(const Args& args, Context& context) {
    return plan_of_kind(args, context, true);
}

Result<ExitCode> apply(const Args& args, Context& context) {
    playbook::ApplyRequest request;
    request.plan = args.positional("PLAN").value_or("");
    if (const auto reason = args.get("--reopen")) {
        request.reopen = trim(*reason);
        if (request.reopen.empty()) {
            return fail(
                Code::usage,
                "walking a cutover's stages again needs a reason",
                "--reopen",
                "--reopen 'v2 was rolled back by hand at 14:00'"
            );
        }
    }
    OA_TRY(request.asserted, parse_stated(args));
    return operate(context, [&](playbook::Operator by) {
        request.by = std::move(by);
        return playbook::apply_plan(std::move(request));
    });
}

constexpr std::array k_plan_positionals{
    PositionalSpec{"PLAYBOOK", "A shipped playbook's name, or a file."},
};
constexpr std::array k_plan_options{
    k_set_option,
    OptionSpec{"--out", "FILE", "Where the plan is written, to be shown around and applied."},
    OptionSpec{"--no-probes", "", "Send GETs alone; gates are not tried then."},
};
constexpr std::array<std::string_view, 1> k_plan_examples{
    "oa-stream cutover plan cutover.yaml --set stable=v1 --set canary=v2 --out plan.json",
};
constexpr std::array<std::string_view, 1> k_rollback_plan_examples{
    "oa-stream rollback plan rollback.yaml --set stable=v1 --set canary=v2 --out plan.json",
};

constexpr std::array k_apply_positionals{
    PositionalSpec{"PLAN", "The file that `cutover plan` wrote."},
};
constexpr std::array k_apply_options{
    k_asserted_option,
    k_reason_option,
    OptionSpec{
        "--reopen", "REASON", "Walk the stages of a cutover that is over once more, and say why."
    },
};
constexpr std::array<std::string_view, 1> k_apply_examples{
    "oa-stream cutover apply plan.json",
};

} // namespace

const CommandSpec cutover_plan_command{
    .path = "cutover plan",
    .summary = "Say what a cutover will do, step by step; changes nothing (exit 10: changes).",
    .positionals = k_plan_positionals,
    .options = k_plan_options,
    .examples = k_plan_examples,
    .run = plan_cutover,
};

const CommandSpec rollback_plan_command{
    .path = "rollback plan",
    .summary = "Say what a rollback to stable will do; changes nothing (exit 10: changes).",
    .positionals = k_plan_positionals,
    .options = k_plan_options,
    .examples = k_rollback_plan_examples,
    .run = plan_rollback,
};

const CommandSpec cutover_apply_command{
    .path = "cutover apply",
    .summary = "Carry out exactly one plan; a failed gate or Ctrl-C restores what was.",
    .positionals = k_apply_positionals,
    .options = k_apply_options,
    .examples = k_apply_examples,
    .run = apply,
    .leaves_run = true,
};

} // namespace oa_stream::cli

#include "run_args.hpp"

#include "oa_stream/config/variables.hpp"
#include "oa_stream/playbook/file.hpp"

#include "core/document.hpp"
#include "core/version.hpp"

#include <fmt/format.h>

#include <optional>

namespace oa_stream::cli {

Result<std::optional<playbook::Asserted>> parse_stated(const Args& args) {
    const auto budget = args.get("--asserted-budget");
    if (!budget) {
        return std::nullopt;
    }
    OA_TRY(
        playbook::Asserted stated,
        playbook::parse_asserted(*budget, args.get("--reason").value_or(""))
    );
    return std::optional(std::move(stated));
}

Result<playbook::TargetRunInput>
parse_target_run(const Args& args, const Context& context, std::string_view fallback) {
    playbook::TargetRunInput out;
    const std::string name = args.positional("PLAYBOOK").value_or(std::string(fallback));
    if (name.empty()) {
        return fail(Code::usage, "which playbook?", "PLAYBOOK", "oa-stream playbook list");
    }
    OA_TRY(const auto set, config::parse_settings(args.all("--set")));
    OA_TRY(const playbook::NamedText source, playbook::find_playbook(name));
    OA_TRY(out.playbook, playbook::read_playbook(source.text, source.file, set));
    out.source = playbook::PlanSource{source.file, source.text, set};
    OA_TRY(out.asserted, parse_stated(args));
    out.state_dir = context.state_dir;
    out.argv = context.argv;
    out.version = version();
    out.probes = !args.has("--no-probes");
    return out;
}

ExitCode tell_run(const playbook::RunEnd& end, Context& context) {
    const playbook::RunOutcome& outcome = end.outcome;
    const bool silent = context.quiet && outcome.exit == ExitCode::ok;
    if (context.json) {
        print_document("run-result", end.document, context);
    } else if (!silent) {
        constexpr std::size_t k_mail = 80; // cron mails it
        show_text(playbook::summary(outcome), context, k_mail);
        if (!context.out_tty) { // the last line has its folder
            context.out(fmt::format("report {}\n", (end.evidence / "report.md").string()));
        }
    }
    tell_last({outcome.verdict, outcome.exit, end.run, end.evidence.string(), end.next}, context);
    return outcome.exit;
}

Result<playbook::RunEnd> carry_out_run(
    playbook::TargetRunInput input, CarryOut carry_out, const SignalWords& words, Context& context
) {
    Screen screen(context);
    playbook::StopRequest stop;
    input.stop = &stop;
    input.observer = screen.observer();
    auto end = run_to_end<playbook::RunEnd>(
        [&](const asio::any_io_executor&) { return carry_out(std::move(input)); },
        stop,
        screen,
        words
    );
    screen.clear();
    return end;
}

Result<ExitCode> run_target(
    playbook::TargetRunInput input, CarryOut carry_out, const SignalWords& words, Context& context
) {
    OA_TRY(const auto end, carry_out_run(std::move(input), carry_out, words, context));
    return tell_run(end, context);
}

} // namespace oa_stream::cli

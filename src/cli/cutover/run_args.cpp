#include "run_args.hpp"

#include "oa_stream/playbook/file.hpp"

#include "core/document.hpp"
#include "core/version.hpp"

#include <fmt/format.h>

#include <optional>

namespace oa_stream::cli {

Result<void> read_set(std::span<const std::string> values, PlaybookVariables& options) {
    OA_TRY(options.set, config::parse_settings(values));
    return {};
}

Result<std::optional<playbook::Asserted>> StatedBudget::asserted() const {
    if (!budget) {
        return std::nullopt;
    }
    OA_TRY(playbook::Asserted stated, playbook::parse_asserted(*budget, reason));
    return std::optional(std::move(stated));
}

Result<playbook::TargetRunInput>
target_run_input(const TargetRunOptions& options, const Context& context) {
    if (options.playbook.empty()) {
        return fail(Code::usage, "no playbook was named", "PLAYBOOK", "oa-stream playbook list");
    }
    playbook::TargetRunInput out;
    OA_TRY(const playbook::NamedText source, playbook::find_playbook(options.playbook));
    OA_TRY(out.playbook, playbook::read_playbook(source.text, source.file, options.set));
    out.source = playbook::PlanSource{source.file, source.text, options.set};
    OA_TRY(out.asserted, options.asserted());
    out.state_dir = context.state_dir;
    out.argv = context.argv;
    out.version = version();
    out.probes = options.probes;
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

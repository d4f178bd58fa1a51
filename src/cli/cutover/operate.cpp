#include "operate.hpp"

#include "oa_stream/run/suggest.hpp"

#include "core/document.hpp"
#include "core/version.hpp"

#include <fmt/format.h>

namespace oa_stream::cli {
namespace {

SignalWords words_for(Touches touches, const playbook::StopRequest& stop, const std::string& run) {
    switch (touches) {
    case Touches::nothing:
        return {
            "ending the check under way; nothing is changed by this run",
            [] { return std::string("Nothing was changed."); },
        };
    case Touches::own_lanes:
        return {
            "finishing the step under way, then restoring the traffic (at most 30s)",
            [] {
                return std::string("The lanes and the front door end with this process, so "
                                   "nothing is left to undo; the journal shows how far it came.");
            },
        };
    case Touches::traffic:
        break;
    }
    return {
        "finishing the step under way, then restoring the traffic",
        [&stop, &run] {
            return stop.mutated()
                       ? "Some traffic may be moved. To finish: " + run::suggest_rollback(run)
                       : "Nothing was changed.";
        },
    };
}

} // namespace

Result<run::RunResult>
carry_out(Context& context, Touches touches, const StartRun& start, const LiveOptions& live) {
    OA_CHECK(check_live(live, context));
    Screen screen(context);
    playbook::StopRequest stop;
    std::string run;
    playbook::Operator by;
    by.state_dir = context.state_dir;
    by.argv = context.argv;
    by.version = version();
    by.stop = &stop;
    by.observer = context.quiet ? nullptr : &screen;
    by.on_stage = screen.on_stage();
    LiveEvents events(context);
    asio::any_io_executor executor;
    by.on_run = [&](const std::string& id) {
        run = id;
        if (live.ndjson) {
            events.follow(executor, context.state_dir / "runs" / id);
        }
        if (!context.quiet && touches == Touches::traffic) {
            screen.say("run " + id);
        }
    };
    auto end = run_to_end<run::RunResult>(
        [&](const asio::any_io_executor& loop) {
            executor = loop;
            return start(std::move(by));
        },
        stop,
        screen,
        words_for(touches, stop, run)
    );
    screen.clear();
    events.end();
    if (live.ndjson && end) {
        print_document("run-result", end->document, context);
    }
    return end;
}

ExitCode show_run(const run::RunResult& result, Context& context, const LiveOptions& live) {
    const auto& [verdict, exit, ended] = result.end;
    const bool silent = context.quiet && exit == ExitCode::ok;
    context.report_name = result.report_name;
    if (live.ndjson) {
        context.evidence = result.evidence;
    } else if (context.json) {
        print_document("run-result", result.document, context);
    } else if (!silent) {
        constexpr std::size_t k_mail = 80; // cron mails the output
        show_text(playbook::summary(result), context, k_mail);
        const auto report = result.evidence / (result.report_name + ".md");
        // Absent on a full disk; on a terminal the last line names its folder.
        std::error_code ignored;
        if (!context.out_tty && std::filesystem::is_regular_file(report, ignored)) {
            context.out(fmt::format("report {}\n", report.string()));
        }
    }
    tell_last({verdict, exit, result.id, result.evidence.string(), result.next}, context);
    return exit;
}

} // namespace oa_stream::cli

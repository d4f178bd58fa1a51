// runs show: everything known about one run, including one that died.
#include "oa_stream/base/json_members.hpp"
#include "oa_stream/base/layout.hpp"
#include "oa_stream/base/seconds.hpp"
#include "oa_stream/base/shell.hpp"
#include "oa_stream/base/text.hpp"
#include "oa_stream/base/verdict.hpp"
#include "oa_stream/incident/timeline.hpp"
#include "oa_stream/run/suggest.hpp"

#include "core/commands.hpp"
#include "core/document.hpp"
#include "core/open_report.hpp"
#include "core/run_screen.hpp"
#include "runs_args.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace oa_stream::cli {
namespace {

using incident::TimelineEvent;
using run::RunEntry;
using run::RunLife;

/// Everything that is shown, collected first.
struct Known {
    RunEntry run;
    run::SumsCheck sums;
    std::optional<playbook::RunStatus> status{};
    std::optional<Unfinished> left{};
    std::vector<TimelineEvent> last{}; ///< its own events, the latest last
    Advice next;
};

/// The run's own events, without those of its lanes.
std::vector<TimelineEvent> last_events(const RunEntry& run, std::size_t count) {
    Redactor redactor;
    redactor.add_environment();
    std::vector<incident::Timeline> one;
    one.push_back(incident::own_timeline(run.folder, "run", redactor));
    auto all = incident::merge(std::move(one)).events;
    if (all.size() > count) {
        all.erase(all.begin(), all.end() - static_cast<std::ptrdiff_t>(count));
    }
    return all;
}

Advice next_of(const Known& known, const Context& context) {
    const RunEntry& run = known.run;
    if (known.left) {
        return known.left->next;
    }
    if (run.life == RunLife::running) {
        return known.status ? known.status->next : follow(run.folder / run::k_timeline_file);
    }
    if (!known.sums.whole() || run.life == RunLife::died) {
        return run::suggest_incident(word_of(run, context));
    }
    return in_folder(run.next, run.folder);
}

Result<Known> look(const std::string& word, const Context& context) {
    Known out;
    OA_TRY(out.run, named_run(word, context));
    OA_TRY(out.sums, run::check_sums(out.run.folder));
    if (playbook::holds_traffic(out.run.folder)) {
        out.status = playbook::status_in(context.state_dir, out.run.folder);
    }
    out.left = unfinished(out.run, context);
    constexpr std::size_t k_last = 5;
    out.last = last_events(out.run, k_last);
    out.next = next_of(out, context);
    return out;
}

/// FAIL when the seal is broken or unreadable, or an operator must act. Otherwise PASS, whatever
/// the run itself ended with.
Verdict verdict_of(const Known& known) {
    return known.left || !known.sums.whole() ? Verdict::fail : Verdict::pass;
}

std::string checks_text(const RunEntry& run) {
    const Json& checks = list_in(run.document, "checks");
    if (checks.empty()) {
        return {};
    }
    std::vector<std::pair<std::string, std::size_t>> counts;
    std::string bad;
    for (const Json& check : checks) {
        const std::string verdict(string_member(check, "verdict").value_or("?"));
        auto found =
            std::ranges::find(counts, verdict, &std::pair<std::string, std::size_t>::first);
        if (found == counts.end()) {
            found = counts.insert(counts.end(), {verdict, 0});
        }
        ++found->second;
        if (!is_quiet(verdict)) {
            bad += fmt::format(
                "    {:<12} {}  {}\n",
                verdict,
                string_member(check, "id").value_or("?"),
                string_member(check, "detail").value_or("")
            );
        }
    }
    std::string out;
    for (const auto& [verdict, count] : counts) {
        out += fmt::format("{}{} {}", out.empty() ? "" : ", ", count, verdict);
    }
    return fmt::format("  {:<10} {}\n{}", "checks", out, bad);
}

std::string run_details_text(const Known& known) {
    const RunEntry& run = known.run;
    std::string out = fmt::format(
        "{} {}{}\n",
        run.id,
        to_string(run.life),
        run.verdict.empty() ? ", no verdict" : ": " + run.verdict
    );
    const auto line = [&](std::string_view name, std::string_view value) {
        if (!value.empty()) {
            out += fmt::format("  {:<10} {}\n", name, value);
        }
    };
    line("kind", run.kind + (run.name.empty() || run.name == run.kind ? "" : ", " + run.name));
    line("why", run.headline);
    const bool future = run::is_from_future(run, std::chrono::system_clock::now());
    line(
        "started",
        run.started_at.empty() ? ""
        : future               ? run.started_at + ", in the future: a clock was wrong"
                               : fmt::format("{}, {} ago", run.started_at, age_text_of(run))
    );
    line("took", run.duration_s ? seconds_text(*run.duration_s) : "");
    const Json* back = member(run.document, "rolled_back");
    if (const auto report = back != nullptr ? string_member(*back, "report") : std::nullopt) {
        const std::string at = text_in(*back, "ended_at"); // missing in earlier versions
        line("rollback", fmt::format("{}, report {}", at, (run.folder / *report).string()));
    }
    line("exit code", run.exit_code ? fmt::format("{}", *run.exit_code) : "");
    line(
        "by", run.life == RunLife::died && !run.holder.empty() ? run.holder + ", gone" : run.holder
    );
    if (known.status) {
        for (const auto& [name, value] : playbook::status_lines(*known.status)) {
            line(name, value);
        }
    }
    out += checks_text(run);
    line("evidence", run.folder.string());
    line(
        "size",
        fmt::format(
            "{}, {}{}",
            counted(run.files, "file"),
            run::size_text(run.bytes),
            run.unreadable.empty() ? "" : ", without what cannot be read"
        )
    );
    line("sums", run::sums_text(known.sums));
    line("pinned", run.pinned ? (run.pin_reason.empty() ? "yes" : run.pin_reason) : "");
    if (run.life != RunLife::finished && !known.last.empty()) {
        out += run.life == RunLife::died
                   ? "  what was under way when it died, the last at the end:\n"
                   : "  what is under way:\n";
        for (const TimelineEvent& event : known.last) {
            out += fmt::format("    {} {}\n", event.at, event.text);
        }
    }
    line("open", known.left ? known.left->why : "");
    return out;
}

Json json_of(const Known& known) {
    Json out = plain_document(&known.run, verdict_of(known));
    if (const Json* checks = member(known.run.document, "checks")) {
        out["checks"] = *checks;
    }
    out["shown"] = to_json(known.run);
    out["sums"] = {
        {"sealed", known.sums.sealed},
        {"right", known.sums.right},
        {"changed", known.sums.changed},
        {"missing", known.sums.missing},
        {"unreadable", known.sums.unreadable},
        {"added", known.sums.added},
    };
    out["traffic"] = known.status ? playbook::to_json(*known.status) : Json(nullptr);
    out["open"] = known.left ? Json(known.left->why) : Json(nullptr);
    out["last"] = json_list(known.last, [](const TimelineEvent& event) -> Json {
        return {{"at", event.at}, {"text", event.text}};
    });
    out["document"] = known.run.document;
    put_advice(out, "next", known.next);
    return out;
}

/// Omits the verdict of showing: PASS below a failed run would look like a contradiction.
void tell_next(const Known& known, Context& context) {
    context.evidence = known.run.folder.string();
    if (!context.quiet) {
        tell_report(context);
        tell_parts(
            {fmt::format("run {}", known.run.id),
             fmt::format("evidence {}", known.run.folder.string()),
             "next: " + known.next},
            context
        );
    }
}

Result<ExitCode> run(const RunWord& options, Context& context) {
    OA_TRY(const Known known, look(options.run, context));
    if (context.json) {
        print_document("runs-show", json_of(known), context);
    } else {
        show_text(run_details_text(known), context);
    }
    const Verdict verdict = verdict_of(known);
    const ExitCode exit = known.left ? ExitCode::rollback_unverified : exit_code(verdict);
    if (exit != ExitCode::ok) {
        tell_last({verdict, exit, known.run.id, known.run.folder.string(), known.next}, context);
    } else if (!known.next.empty()) {
        tell_next(known, context);
    }
    return exit;
}

constexpr auto k_positionals = positionals<RunWord>(k_run_positional);

} // namespace

const CommandSpec runs_show_command = command<run>({
    .path = "runs show",
    .summary = "Show one run, even one that died, and verify the checksums of its files.",
    .positionals = k_positionals,
    .examples =
        {
            "oa-stream runs show last",
            "oa-stream runs show 20260222T043600Z-cutover-1a2b3c4d",
            "oa-stream runs show 1a2b3c4d --json",
        },
    .reads_runs = true,
    .about =
        R"(Shows verdict, checks and files of one run, and checks the sums of its files. It also reads runs that died.
`last` is the newest run of any kind, `last:cutover` the newest of that kind.)",
    .also = "show logs log report",
    .exits =
        {{ExitCode::breach, "Files of the run are not as they were sealed."},
         {ExitCode::rollback_unverified,
          "The run is over or died, and traffic may not be where it began."}},
});

} // namespace oa_stream::cli

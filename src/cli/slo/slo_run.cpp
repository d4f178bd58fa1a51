#include "slo_run.hpp"

#include "oa_stream/base/clock.hpp"
#include "oa_stream/base/shell.hpp"
#include "oa_stream/measure/access_log_source.hpp"
#include "oa_stream/report/report.hpp"

#include "core/document.hpp"
#include "core/run_screen.hpp"
#include "core/version.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <optional>

namespace oa_stream::cli {
namespace {

Result<run::RunFolder>
open_folder(const SloCommand& command, const SloSource& source, const Context& context) {
    Redactor redactor;
    if (source.prometheus) {
        redactor.add_known(source.prometheus->bearer);
        redactor.add_known(source.prometheus->password);
    }
    run::RunInfo info;
    info.kind = command.name;
    std::ranges::replace(info.kind, ' ', '-');
    info.name = command.name;
    info.target["source"] = source.text();
    info.versions["oa_stream"] = version();
    info.argv = context.argv;
    return run::RunFolder::create(context.state_dir, std::move(info), std::move(redactor));
}

Result<std::unique_ptr<measure::Source>> open_source(
    const SloSource& source, net::HttpClient& client, const asio::any_io_executor& executor
) {
    if (source.prometheus) {
        return measure::prometheus_source(client, *source.prometheus);
    }
    measure::AccessLogOptions options;
    options.paths = source.access_logs;
    options.follow = false;
    if (source.stale_after_s > 0) {
        options.stale_after_s = source.stale_after_s;
    }
    return measure::access_log_source(executor, std::move(options));
}

/// {state, why, counts, …} as it was told.
Json told(const measure::SourceReading& reading) {
    Json out{
        {"state", reading.state == measure::SourceReading::State::measured ? "measured" : "missing"
        },
        {"why", reading.why},
        {"bad", reading.tally.requests.bad},
        {"total", reading.tally.requests.total},
        {"timed", reading.tally.timed()},
        {"newest_s", reading.newest_s},
        {"covered_s", reading.covered_s},
        {"count_error", reading.count_error},
        {"edge_error", reading.edge_error},
        {"time_error", reading.time_error},
        {"source", reading.source},
        {"query", reading.query},
        {"notes", reading.notes},
        {"buckets", Json::array()},
    };
    for (const measure::Bucket& bucket : reading.tally.buckets) {
        out["buckets"].push_back({fmt::format("{}", bucket.le), bucket.count});
    }
    return out;
}

struct Ended {
    SloFindings findings{};
    Verdict verdict = Verdict::inconclusive;
    ExitCode exit = ExitCode::inconclusive;
    std::string headline{};
    std::string next{};
};

const Check* first_of(const std::vector<Check>& checks, Verdict verdict) {
    const auto found = std::ranges::find(checks, verdict, &Check::verdict);
    return found == checks.end() ? nullptr : &*found;
}

ExitCode exit_of(const Ended& ended) {
    const bool refused = std::ranges::any_of(ended.findings.checks, [](const Check& check) {
        return check.verdict == Verdict::error &&
               string_member(check.data, "code") == "credentials";
    });
    return ended.verdict == Verdict::error && refused ? ExitCode::credentials
                                                      : exit_code(ended.verdict);
}

Ended conclude(
    SloFindings findings, const SloCommand& command, const run::RunFolder& folder, int signal
) {
    Ended out{.findings = std::move(findings)};
    out.verdict = signal != 0 ? Verdict::inconclusive : run_verdict(out.findings.checks);
    out.exit = exit_of(out);
    if (signal != 0) {
        out.exit = signal == SIGTERM ? ExitCode::terminated : ExitCode::interrupted;
    }
    out.headline = fmt::format("{} checks passed", out.findings.checks.size());
    for (const Verdict verdict : {Verdict::fail, Verdict::error, Verdict::inconclusive}) {
        const Check* check = first_of(out.findings.checks, verdict);
        if (check != nullptr && out.verdict != Verdict::pass) {
            out.headline = fmt::format("{}: {}", check->id, check->detail);
            break;
        }
    }
    if (signal != 0) {
        out.headline = "interrupted before the source had answered";
    }
    if (out.verdict == Verdict::fail) {
        out.next = less_command(folder.path() / "report.md");
    } else if (out.exit == ExitCode::credentials) {
        out.next = command.with_auth;
    } else if (out.verdict == Verdict::error) {
        out.next = "oa-stream doctor";
    } else if (out.verdict != Verdict::pass) {
        out.next = command.again;
    }
    return out;
}

Json outcome_of(const Ended& ended) {
    Json out{
        {"verdict", to_string(ended.verdict)},
        {"exit_code", static_cast<int>(ended.exit)},
        {"headline", ended.headline},
        {"next", ended.next},
        {"checks", Json::array()},
    };
    for (const Check& check : ended.findings.checks) {
        out["checks"].push_back(to_json(check));
    }
    out.update(ended.findings.more);
    return out;
}

report::Report
report_of(const Ended& ended, const SloCommand& command, const run::RunFolder& folder) {
    report::Report report;
    report.id = folder.id();
    report.title = command.name;
    report.verdict = ended.verdict;
    report.exit_code = static_cast<int>(ended.exit);
    report.headline = ended.headline;
    report.started_at = rfc3339_millis(folder.started());
    report.duration_s = folder.seconds_since_start();
    report.checks = ended.findings.checks;
    report.next = ended.next;
    return report;
}

void tell(const Ended& ended, const run::RunFolder& folder, Context& context) {
    const bool quiet = context.quiet && ended.verdict == Verdict::pass;
    if (context.json) {
        Json document{
            {"run", folder.id()},
            {"evidence", folder.path().string()},
        };
        document.update(outcome_of(ended));
        context.out(folder.redactor().apply(document_line("slo", document, context)));
    } else if (!quiet) {
        std::string text = ended.findings.text;
        for (const Check& check : ended.findings.checks) {
            text += fmt::format("{}  {}  {}\n", to_string(check.verdict), check.id, check.detail);
        }
        context.out(folder.redactor().apply(text));
    }
    tell_last(
        {ended.verdict, ended.exit, folder.id(), folder.path().string(), ended.next}, context
    );
}

} // namespace

double SloDesk::now() {
    const auto since = std::chrono::system_clock::now().time_since_epoch();
    return std::chrono::duration<double>(since).count();
}

Task<Result<measure::SourceReading>> SloDesk::ask(measure::Question question, double window_s) {
    question.window = {now_s_ - window_s, now_s_};
    Json line{{"revision", question.revision}, {"window_s", window_s}};
    auto reading = co_await source_.read(std::move(question));
    line.update(
        reading ? told(*reading) : Json{{"state", "error"}, {"why", reading.error().text()}}
    );
    folder_.append("measure/readings.ndjson", line);
    co_return reading;
}

Check slo_error(std::string id, const Error& error) {
    Check check;
    check.id = std::move(id);
    check.verdict = Verdict::error;
    check.detail = "could not be measured: " + error.text();
    check.data["code"] = to_string(error.code);
    return check;
}

Result<ExitCode> run_slo(
    const SloCommand& command,
    const SloSource& choice,
    const std::function<Task<SloFindings>(SloDesk&)>& find,
    Context& context
) {
    asio::io_context io(1);
    asio::signal_set signals(io, SIGINT, SIGTERM);
    int signal = 0;
    signals.async_wait([&](const boost::system::error_code& error, int number) {
        if (!error) {
            signal = number; // nothing here has to be undone
            io.stop();
        }
    });
    const auto client = net::HttpClient::make(io.get_executor());
    OA_TRY(const auto source, open_source(choice, *client, io.get_executor()));
    OA_TRY(run::RunFolder folder, open_folder(command, choice, context));
    SloDesk desk(*source, folder);
    SloFindings findings;
    asio::co_spawn(io, find(desk), [&](const std::exception_ptr& thrown, SloFindings all) {
        if (thrown) {
            std::rethrow_exception(thrown);
        }
        findings = std::move(all);
        signals.cancel();
        io.stop();
    });
    io.run();
    const Ended ended = conclude(std::move(findings), command, folder, signal);
    for (const Check& check : ended.findings.checks) {
        folder.note(
            "check",
            {{"id", check.id}, {"verdict", to_string(check.verdict)}, {"detail", check.detail}}
        );
    }
    folder.write("report.md", report::report_markdown(report_of(ended, command, folder)));
    OA_CHECK(folder.finish(outcome_of(ended)));
    tell(ended, folder, context);
    return ended.exit;
}

} // namespace oa_stream::cli

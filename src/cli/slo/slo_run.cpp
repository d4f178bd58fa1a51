#include "slo_run.hpp"

#include "oa_stream/base/layout.hpp"
#include "oa_stream/base/shell.hpp"
#include "oa_stream/measure/gate_reading.hpp"
#include "oa_stream/run/conclusion.hpp"

#include "core/run_command.hpp"
#include "core/suggestion.hpp"

#include <fmt/format.h>

namespace oa_stream::cli {
namespace {

NewRun order_of(run::RunKind kind, const SloSource& source, const Context& context) {
    NewRun out{kind, std::string(context.command->path)};
    out.target["source"] = source.text();
    out.redactor.add_known(source.secret);
    for (const Secret& hidden : source.headers.hidden) {
        out.redactor.add_known(hidden, "of a header");
    }
    return out;
}

Advice next_command(
    const CommandSpec& usual,
    const run::Conclusion& end,
    const SloFindings& findings,
    const run::RunSession& session,
    const Context& context,
    net::TlsTrouble trouble
) {
    const Suggestion report = less(session.folder().path() / "report.md");
    if (end.verdict == Verdict::pass) {
        return {};
    }
    if (end.verdict == Verdict::fail) {
        return report;
    }
    const Typed typed{context.command, context.given};
    if (Advice trusted = trusting(typed, session.checks(), trouble); !trusted.empty()) {
        return trusted;
    }
    if (end.exit == ExitCode::credentials) {
        return typed.with(names::auth, "env:NAME");
    }
    if (!findings.look.empty()) {
        return findings.look;
    }
    const Advice retry = findings.retry.value_or(Typed{&usual, context.given}.suggestion());
    return retry.empty() ? report : retry;
}

std::string headline_of(const std::vector<Check>& checks, const run::Conclusion& end, int signal) {
    if (signal != 0) {
        return "interrupted before the source had answered";
    }
    return end.verdict == Verdict::pass ? counted(checks.size(), "check") + " passed" : "";
}

} // namespace

Task<Result<std::shared_ptr<const measure::DatedReading>>>
SloDesk::ask(measure::Question question, double window_s) {
    question.window = {now_s_ - window_s, now_s_};
    measure::DatedReading dated{.revision = question.revision, .window_s = window_s};
    auto reading = co_await source_.read(std::move(question));
    ++asked_;
    if (!reading) {
        const Json line{
            {"revision", dated.revision},
            {"window_s", window_s},
            {"state", "error"},
            {"why", reading.error().text()},
        };
        folder_.append("measure/readings.ndjson", line);
        co_return std::unexpected(std::move(reading).error());
    }
    dated.reading = *std::move(reading);
    folder_.append("measure/readings.ndjson", measure::to_json(dated));
    co_return std::make_shared<const measure::DatedReading>(std::move(dated));
}

void SloDesk::keep_gate(const measure::GateRecord& record) {
    Json line = measure::to_json(record);
    line["stage"] = "run";
    if (record.basis) {
        line["basis"] = measure::to_json(*record.basis);
        if (record.basis->canary && record.basis->stable) {
            line["basis"]["readings"] = {{"canary", 1}, {"stable", asked_}};
        }
    }
    folder_.append("measure/gates.ndjson", line);
}

Check slo_error(std::string id, const Error& error) {
    return make_check(
        std::move(id),
        Verdict::error,
        "could not be measured: " + error.text(),
        {{"code", to_string(error.code)}}
    );
}

Result<ExitCode> run_slo(
    run::RunKind kind,
    const CommandSpec& retry,
    const SloSource& choice,
    const std::function<Task<SloFindings>(SloDesk&)>& find,
    Context& context
) {
    run::RunLoop loop; // nothing here must be undone
    const auto client = net::HttpClient::make(loop.executor());
    OA_TRY(
        const auto source,
        choice.settings->open(
            {.executor = loop.executor(),
             .client = client.get(),
             .secret = choice.secret,
             .patient = true,
             .headers = choice.headers.values,
             .hidden = choice.headers.hidden}
        )
    );
    Screen screen(context);
    OA_TRY(auto session, begin_run(order_of(kind, choice, context), context, screen));
    SloDesk desk(*source, session.folder());
    auto found = loop.run(find(desk));
    const int signal = found ? 0 : loop.signal();
    SloFindings findings = std::move(found).value_or(SloFindings{});
    session.replace_checks(std::move(findings.checks));
    const auto end = session.conclude({.completed = signal == 0, .signal = signal});
    std::string text = std::move(findings.text);
    for (const Check& check : session.checks()) {
        text += fmt::format("{}  {}  {}\n", to_string(check.verdict), check.id, check.detail);
    }
    if (!findings.note.empty()) {
        text += fmt::format("note    {}\n", findings.note);
    }
    report::Report input;
    input.title = context.command->path;
    input.facts = {{"source", choice.text()}};
    input.headline = headline_of(session.checks(), end, signal);
    input.next = next_command(retry, end, findings, session, context, client->tls_trouble());
    input.more = std::move(findings.more);
    const run::RunResult result = session.finish(end, std::move(input));
    return tell_result(session, result, "slo", text, context);
}

} // namespace oa_stream::cli

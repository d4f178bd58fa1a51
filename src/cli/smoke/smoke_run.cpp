#include "smoke_run.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace oa_stream::cli {
namespace {

/// The most important facts of the report.
std::vector<std::pair<std::string, std::string>> facts_of(const std::vector<Check>& checks) {
    std::vector<std::pair<std::string, std::string>> out{{"checks", run::count_text(checks)}};
    for (const Check& check : checks) {
        if (check.id.ends_with(".footprint") || check.id.ends_with(".reach.version")) {
            out.emplace_back(check.id, check.detail);
        }
    }
    return out;
}

/// A run that was cut short at least reports what it may have left behind.
Check interrupted_footprint(const std::string& prefix, const std::vector<std::string>& turns) {
    Check check = make_check(
        prefix + ".footprint",
        Verdict::skipped,
        fmt::format("interrupted; turns were asked for on {}", fmt::join(turns, ", ")),
        {{"threads", turns}}
    );
    check.required = false;
    return check;
}

} // namespace

void complete_document(run::RunResult& result, std::string_view target) {
    result.document["target"]["base_url"] = target;
    result.document["started_at"] = result.started_at;
    result.document["duration_s"] = result.duration_s;
}

ExitCode run_smoke(
    run::RunSession& session,
    const SmokeCommand& command,
    const std::function<Task<std::vector<Check>>(net::HttpClient&)>& smoke,
    Context& context
) {
    run::RunLoop loop;
    const auto client = net::HttpClient::make(loop.executor());
    auto checks = loop.run(smoke(*client));
    const bool completed = checks.has_value();
    if (checks) {
        session.replace_checks(*std::move(checks));
    } else if (!session.turns().empty()) {
        session.add(interrupted_footprint(command.prefix, session.turns()));
    }
    const auto end =
        session.conclude({.completed = completed, .signal = completed ? 0 : loop.signal()});
    report::Report input;
    input.title = command.name + " " + command.target;
    input.facts = facts_of(session.checks());
    if (command.series) {
        input.series = command.series();
    }
    input.next = next_command(
        command, end, session.checks(), session.folder().path(), client->tls_trouble()
    );
    run::RunResult result = session.finish(end, std::move(input));
    complete_document(result, command.target);
    const auto width = context.out_tty ? std::optional(context.width) : std::nullopt;
    return tell_result(
        session, result, command.schema, smoke_text(command, result, width), context
    );
}

} // namespace oa_stream::cli

#include "smoke_record.hpp"

#include "oa_stream/base/clock.hpp"
#include "oa_stream/run/run_reports.hpp"

#include "core/run_screen.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <fmt/format.h>

#include <csignal>
#include <exception>
#include <optional>
#include <string>

namespace oa_stream::cli {

SmokeResult
begin_result(const run::RunFolder& folder, std::string_view command, std::string_view target) {
    SmokeResult result;
    result.command = command;
    result.target = target;
    result.run = folder.id();
    result.evidence = folder.path();
    result.started_at = rfc3339_millis(folder.started());
    return result;
}

int until_done(
    const std::function<Task<std::vector<Check>>(net::HttpClient&)>& smoke,
    std::vector<Check>& checks
) {
    asio::io_context io(1);
    asio::signal_set signals(io, SIGINT, SIGTERM);
    int ended_by = 0;
    signals.async_wait([&](const boost::system::error_code& error, int number) {
        if (!error) {
            ended_by = number;
            io.stop();
        }
    });
    const auto client = net::HttpClient::make(io.get_executor());
    asio::co_spawn(
        io,
        smoke(*client),
        [&](const std::exception_ptr& thrown, std::vector<Check> all) {
            if (thrown) {
                std::rethrow_exception(thrown);
            }
            checks = std::move(all);
            io.stop();
        }
    );
    io.run();
    return ended_by;
}

void note_check(run::RunFolder& folder, std::vector<Check>& checks, const Check& check) {
    folder.note(
        "check", {{"id", check.id}, {"verdict", to_string(check.verdict)}, {"detail", check.detail}}
    );
    checks.push_back(check);
}

Result<void> seal(SmokeResult& result, run::RunFolder& folder, int signal) {
    result.duration_s = folder.seconds_since_start();
    conclude(result, signal);
    run::write_reports(folder, smoke_report(result));
    folder.note("run ended", {{"verdict", to_string(result.verdict)}});
    return folder.finish(smoke_outcome(result));
}

void show(const SmokeResult& result, const Redactor& redactor, Context& context) {
    const bool quiet = context.quiet && result.verdict == Verdict::pass;
    if (context.json) {
        Json document = smoke_document(result);
        type_here(document, context);
        context.out(redactor.apply(dump_json(document)) + "\n");
    } else if (!quiet) {
        const auto width = context.out_tty ? std::optional(context.width) : std::nullopt;
        show_text(redactor.apply(smoke_text(result, width)), context);
    }
    tell_last(
        {result.verdict, result.exit, result.run, result.evidence.string(), next_command(result)},
        context
    );
}

} // namespace oa_stream::cli

#include "run_command.hpp"

#include "document.hpp"
#include "version.hpp"

namespace oa_stream::cli {

Result<run::RunSession> begin_run(NewRun order, const Context& context, Screen& screen) {
    run::RunInfo info;
    info.kind = order.kind;
    info.name = std::move(order.name);
    info.target = std::move(order.target);
    info.versions["oa_stream"] = version();
    info.argv = context.argv;
    return run::RunSession::begin(
        context.state_dir, std::move(info), std::move(order.redactor), &screen
    );
}

ExitCode tell_result(
    const run::RunSession& session,
    const run::RunResult& result,
    std::string_view schema,
    std::string_view text,
    Context& context
) {
    const auto& [verdict, exit, ended] = result.end;
    if (context.json) {
        print_document(schema, result.document, context);
    } else if (!context.quiet || verdict != Verdict::pass) {
        show_text(session.folder().redactor().apply(text), context);
    }
    tell_last({verdict, exit, result.id, result.evidence.string(), result.next}, context);
    return exit;
}

} // namespace oa_stream::cli

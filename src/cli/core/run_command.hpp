// Begin and end of each command that leaves a run.
#pragma once

#include "oa_stream/run/run_session.hpp"

#include "command.hpp"
#include "run_screen.hpp"

#include <string>
#include <string_view>

namespace oa_stream::cli {

struct NewRun {
    run::RunKind kind = run::RunKind::other;
    std::string name; ///< the command: "smoke stream"
    Json target = Json::object();
    Redactor redactor{};
};
/// Creates a run in the state directory of `context`. `screen` must outlive the session. Code::io.
[[nodiscard]] Result<run::RunSession>
begin_run(NewRun order, const Context& context, Screen& screen);

/// Prints the result to stdout: with --json the document, under `schema` ("smoke") unless it names
/// one; otherwise `text`, unless all is well and -q was given. Then the last line on stderr.
ExitCode tell_result(
    const run::RunSession& session,
    const run::RunResult& result,
    std::string_view schema,
    std::string_view text,
    Context& context
);

} // namespace oa_stream::cli

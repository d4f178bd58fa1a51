// The run of a smoke, a shadow or a load: from its checks to its report and the next command.
#pragma once

#include "oa_stream/net/http_client.hpp"
#include "oa_stream/probe/record.hpp"
#include "oa_stream/report/series.hpp"

#include "core/run_command.hpp"
#include "core/suggestion.hpp"
#include "screen/last_time.hpp"

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace oa_stream::cli {

/// The command's data, for texts.
struct SmokeCommand {
    std::string name{};   ///< "smoke stream"
    std::string target{}; ///< what is tested: a base URL
    std::string prefix{}; ///< prefix of check ids
    std::string_view schema = "smoke"; ///< schema of the document
    Typed typed{}; ///< the command line
    std::optional<Suggestion> retry{}; ///< the command to repeat; nullopt: as in `typed`
    std::optional<Suggestion> longer{}; ///< replaces `again` when a check needs more of the same
    /// Charts of the report, after the last request.
    std::function<std::vector<report::Series>()> series{};
    /// Profile with which `check` judges its streams; empty: its default.
    std::string_view profile{};
    bool lighter = false; ///< after an ERROR suggest repeating without probes
};

/// Adds the further members of documents of smokes, loads and shadows.
void complete_document(run::RunResult& result, std::string_view target);

/// Runs `smoke` in `session` on its own loop until it ends or a signal comes: nothing must be
/// undone, and findings are kept. Then seals the run and prints the result.
[[nodiscard]] ExitCode run_smoke(
    run::RunSession& session,
    const SmokeCommand& command,
    const std::function<Task<std::vector<Check>>(net::HttpClient&)>& smoke,
    Context& context
);

/// The same for a smoke of the room probe, in its own run: `order` has further facts besides the
/// target's address and secrets, `command` what is neither in the order nor in the options.
/// Code::io.
template <class Options>
[[nodiscard]] Result<ExitCode> run_smoke(
    NewRun order,
    SmokeCommand command,
    Task<std::vector<Check>> (*smoke)(net::HttpClient&, Options),
    Options options,
    Context& context
) {
    command.name = order.name;
    command.target = options.target.base_url;
    command.prefix = options.id_prefix;
    command.typed = {context.command, context.given};
    Json target{{"base_url", options.target.base_url}};
    target.update(order.target);
    order.target = std::move(target);
    hide_secrets(order.redactor, options.target);
    Screen screen(context);
    if (context.live) {
        screen.expect(last_time(context.state_dir, order.kind, order.target));
    }
    OA_TRY(auto session, begin_run(std::move(order), context, screen));
    probe::record_into(session, options);
    return run_smoke(
        session,
        command,
        [smoke, &options](net::HttpClient& client) { return smoke(client, std::move(options)); },
        context
    );
}

/// The next command; empty on PASS.
[[nodiscard]] Advice next_command(
    const SmokeCommand& command,
    const run::Conclusion& end,
    const std::vector<Check>& checks,
    const std::filesystem::path& folder,
    net::TlsTrouble trouble
);
/// The verdict, then one line per check, failures first. With a `width`, lines of passed checks are
/// cut to it and the verdict comes last.
[[nodiscard]] std::string
smoke_text(const SmokeCommand& command, const run::RunResult& result, std::optional<int> width);

} // namespace oa_stream::cli

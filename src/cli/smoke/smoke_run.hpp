// The run of a smoke, a shadow or a load: from its checks to its report and the command to type
// next.
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

/// What is asked, for texts.
struct SmokeCommand {
    std::string name{};   ///< "smoke stream"
    std::string target{}; ///< what is looked at: a base URL
    std::string prefix{}; ///< of check ids
    std::string_view schema = "smoke"; ///< of the document
    Typed typed{}; ///< the command line
    std::optional<Suggestion> retry{}; ///< to type again; nullopt: as `typed` says
    std::optional<Suggestion> longer{
    }; ///< in place of `again` where a check needs more of the same
    std::function<std::vector<report::Series>()> series{}; ///< of the report, once all was asked
    std::string_view profile{}; ///< in which `check` judges its streams; empty: its default
    bool lighter = false; ///< after an ERROR it is to be repeated without probes
};

/// What the documents of smokes, loads and shadows have besides.
void complete_document(run::RunResult& result, std::string_view target);

/// Runs `smoke` in `session` on a loop of its own until it is done or a signal comes: nothing here
/// has to be undone, and what was found is kept. Then seals the run and prints the result.
[[nodiscard]] ExitCode run_smoke(
    run::RunSession& session,
    const SmokeCommand& command,
    const std::function<Task<std::vector<Check>>(net::HttpClient&)>& smoke,
    Context& context
);

/// The same of a smoke of the room probe, in a run of its own: `order` says what it has beside the
/// target's address and secrets, `command` what is not in the order or the options. Code::io.
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

/// The command to type next; empty on PASS.
[[nodiscard]] Advice next_command(
    const SmokeCommand& command,
    const run::Conclusion& end,
    const std::vector<Check>& checks,
    const std::filesystem::path& folder,
    net::TlsTrouble trouble
);
/// Verdict first, then a line a check: what went wrong before what went well. With a `width`, lines
/// of the latter are cut to it and the verdict comes last.
[[nodiscard]] std::string
smoke_text(const SmokeCommand& command, const run::RunResult& result, std::optional<int> width);

} // namespace oa_stream::cli

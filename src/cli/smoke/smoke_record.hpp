// How every smoke's result begins, is put into its run folder, and is told.
#pragma once

#include "oa_stream/net/http_client.hpp"
#include "oa_stream/run/run_folder.hpp"

#include "core/command.hpp"
#include "smoke_view.hpp"

#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace oa_stream::cli {

/// What is known before the first check.
[[nodiscard]] SmokeResult
begin_result(const run::RunFolder& folder, std::string_view command, std::string_view target);

/// Runs it until it is done, then `checks` are what it gave, or until a signal comes: its number,
/// else 0.
[[nodiscard]] int until_done(
    const std::function<Task<std::vector<Check>>(net::HttpClient&)>& smoke,
    std::vector<Check>& checks
);
/// A check in the timeline, and in `checks` for the case that a signal ends the smoke.
void note_check(run::RunFolder& folder, std::vector<Check>& checks, const Check& check);

/// Runs `smoke` with its bytes and checks going into the folder; as until_done().
template <class Options>
[[nodiscard]] int probe_until_done(
    Task<std::vector<Check>> (*smoke)(net::HttpClient&, Options),
    Options options,
    run::RunFolder& folder,
    std::vector<Check>& checks
) {
    options.keep = [&folder](const std::string& name, std::string_view bytes) {
        auto path = "streams/" + name;
        folder.write(path, bytes);
        return path;
    };
    options.on_check = [&](const Check& check) { note_check(folder, checks, check); };
    return until_done(
        [smoke, &options](net::HttpClient& client) { return smoke(client, std::move(options)); },
        checks
    );
}

/// Concludes from the result's checks and ends the run folder with report and outcome. `signal` is
/// 0 or the number of the signal that ended the run.
[[nodiscard]] Result<void> seal(SmokeResult& result, run::RunFolder& folder, int signal);

/// The result on stdout (one document with --json, nothing on PASS with -q), the last line on
/// stderr.
void show(const SmokeResult& result, const Redactor& redactor, Context& context);

} // namespace oa_stream::cli

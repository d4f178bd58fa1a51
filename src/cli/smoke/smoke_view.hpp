// What a smoke shows and leaves behind, made from its checks.
#pragma once

#include "oa_stream/base/check.hpp"
#include "oa_stream/report/report.hpp"

#include "core/command.hpp"
#include "core/suggestion.hpp"

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace oa_stream::cli {

struct SmokeResult {
    std::string command = "smoke stream";
    std::string target; ///< base URL
    std::string run;
    std::filesystem::path evidence;
    std::string started_at;
    double duration_s = 0;
    std::vector<Check> checks{};
    Verdict verdict = Verdict::inconclusive;
    ExitCode exit = ExitCode::inconclusive;
    std::string_view schema = "oa-stream.smoke.v1"; ///< of the document
    Typed typed{}; ///< the command line, when there was one
    std::string again{}; ///< the whole command to type again; empty: as `command` and `target` say
};

/// Verdict and exit code of the checks. Refused credentials are exit 5; `signal` is 0 or the number
/// of the signal that ended the run.
void conclude(SmokeResult& result, int signal);

/// "stream.happy.chat: expected …, saw …", or the counts when nothing is wrong.
[[nodiscard]] std::string headline(const SmokeResult& result);
/// The command to type next; empty on PASS.
[[nodiscard]] std::string next_command(const SmokeResult& result);
/// Verdict first, then a line a check: what went wrong before what went well. Lines of the latter
/// are cut to `width` columns when it is given.
[[nodiscard]] std::string smoke_text(const SmokeResult& result, std::optional<int> width);
/// {schema, verdict, run, evidence, checks, …}
[[nodiscard]] Json smoke_document(const SmokeResult& result);
/// The part of it that run.json does not have already.
[[nodiscard]] Json smoke_outcome(const SmokeResult& result);
[[nodiscard]] report::Report smoke_report(const SmokeResult& result);

} // namespace oa_stream::cli

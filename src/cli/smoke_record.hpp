// How every smoke's result begins, is put into its run folder, and is told.
#pragma once

#include "oa_stream/cli/command.hpp"
#include "oa_stream/evidence/run_folder.hpp"

#include "smoke_view.hpp"

#include <string_view>

namespace oa_stream::cli {

/// What is known before the first check.
[[nodiscard]] SmokeResult
begin_result(const evidence::RunFolder& folder, std::string_view command, std::string_view target);

/// Concludes from the result's checks and ends the run folder with report and outcome. `signal` is
/// 0 or the number of the signal that ended the run.
[[nodiscard]] Result<void> seal(SmokeResult& result, evidence::RunFolder& folder, int signal);

/// The result on stdout (one document with --json, nothing on PASS with -q), the last line on
/// stderr.
void show(const SmokeResult& result, const Redactor& redactor, Context& context);

} // namespace oa_stream::cli

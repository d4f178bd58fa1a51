// A run as other tools read it: made from its run.json, so of any run at any time.
#pragma once

#include "oa_stream/base/json.hpp"

#include <string>

namespace oa_stream::report {

/// JUnit XML: a suite a run, a case a check. FAIL is a failure; ERROR and INCONCLUSIVE are errors
/// (not proven is not passed), SKIPPED is skipped. A run without checks is one case of its verdict.
[[nodiscard]] std::string junit_xml(const Json& run);

/// TAP version 13. SKIPPED is `ok … # SKIP`, everything but PASS is `not ok`.
[[nodiscard]] std::string tap(const Json& run);

/// For $GITHUB_STEP_SUMMARY: verdict, why, what to type next, the checks that did not pass.
[[nodiscard]] std::string github_summary(const Json& run);

/// Workflow commands (`::error title=…::…`), one for each required check that did not pass.
[[nodiscard]] std::string github_annotations(const Json& run);

} // namespace oa_stream::report

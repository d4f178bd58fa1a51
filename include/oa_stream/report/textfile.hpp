// How a run ended, for node_exporter's textfile collector: what a weekly timer is watched by.
#pragma once

#include "oa_stream/base/check.hpp"
#include "oa_stream/base/clock.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace oa_stream::report {

struct RunMetrics {
    std::string name; ///< of the playbook; the label `run`
    std::string target{}; ///< the address that it measured; the label `target`
    Verdict verdict = Verdict::error;
    int exit_code = 0;
    WallTime ended{};
    std::optional<double> duration_s{};
    std::vector<Check> checks{};
    /// Seconds since 1970 of the last PASS before this run, 0: never.
    double passed_before_s = 0;
};

/// Prometheus text format. Every verdict is there with 0 or 1: a missing series must not look
/// healthy. A script that watches it asks for
/// `time() - oa_stream_run_last_pass_timestamp_seconds`.
[[nodiscard]] std::string textfile(const RunMetrics& metrics);

/// The last PASS that an earlier textfile() of that run and target recorded, also from a release
/// without the label `target`; 0 when it has none.
[[nodiscard]] double
last_pass_in(std::string_view text, std::string_view name, std::string_view target);

/// How many checks an earlier textfile() of that run and target counted.
[[nodiscard]] std::uint64_t
checks_in(std::string_view text, std::string_view name, std::string_view target);

/// Only `name` and `target`, as an earlier textfile() wrote them. Nothing for other texts and those
/// of a release without the label `target`.
[[nodiscard]] std::optional<RunMetrics> metrics_in(std::string_view text);

} // namespace oa_stream::report

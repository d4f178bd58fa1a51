// --textfile: writes a command's result for node_exporter, so that Prometheus can alert on it.
#pragma once

#include "oa_stream/report/textfile.hpp"

#include "core/command.hpp"

#include <cstdint>
#include <optional>
#include <string>

namespace oa_stream::cli {

struct TextfileOption {
    std::optional<std::string> textfile{};
};

inline constexpr auto k_textfile = option<&TextfileOption::textfile>(
    "--textfile", "FILE", "Also write the result for node_exporter's textfile collector."
);

/// Call before the command does anything. Code::usage as check_place().
[[nodiscard]] Result<void> check_textfile(const TextfileOption& option);
/// Replaces FILE, if one was named, keeping the time of its last PASS. Warns on standard error if
/// the file had the result of another run or target.
[[nodiscard]] Result<void>
write_textfile(const TextfileOption& option, report::RunMetrics metrics, Context& context);
/// The number of checks that FILE, if one was named, has for that run and target.
[[nodiscard]] std::uint64_t
checks_reported(const TextfileOption& option, const report::RunMetrics& metrics);
/// For a run that was refused before it was known what it measures: sets that error for the run in
/// FILE. FILE stays unchanged when it names no run or cannot be written; the command fails anyway.
void write_refusal(const TextfileOption& option, const Error& error, Context& context);

} // namespace oa_stream::cli

// --textfile: the result of a command for node_exporter, so that Prometheus can alert on it.
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

/// Before the command does anything. Code::usage as check_place().
[[nodiscard]] Result<void> check_textfile(const TextfileOption& option);
/// Replaces FILE, if one was named; the time of its last PASS is kept. Prints on standard error
/// when it had the result of another run or target.
[[nodiscard]] Result<void>
write_textfile(const TextfileOption& option, report::RunMetrics metrics, Context& context);
/// How many checks FILE, if one was named, counts of that run and target.
[[nodiscard]] std::uint64_t
checks_reported(const TextfileOption& option, const report::RunMetrics& metrics);
/// The run was refused before it was known what it measures: the run that FILE names ends with that
/// error. FILE stays when it names none or cannot be written: the command fails anyway.
void write_refusal(const TextfileOption& option, const Error& error, Context& context);

} // namespace oa_stream::cli

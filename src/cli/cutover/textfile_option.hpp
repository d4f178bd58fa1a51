// --textfile: the result of a command for node_exporter, so that Prometheus can alert on it.
#pragma once

#include "oa_stream/report/textfile.hpp"

#include "core/command.hpp"

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
/// Replaces FILE, if one was named; the last PASS that it tells of lives on. Says on standard error
/// when it had the result of another run or target.
[[nodiscard]] Result<void>
write_textfile(const TextfileOption& option, report::RunMetrics metrics, Context& context);

} // namespace oa_stream::cli

#include "oa_stream/authority/codex_facts.hpp"
#include "oa_stream/base/child.hpp"
#include "oa_stream/base/lines.hpp"
#include "oa_stream/base/lists.hpp"
#include "oa_stream/base/option_names.hpp"
#include "oa_stream/base/text.hpp"

#include "core/run_alone.hpp"
#include "doctor.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>

namespace oa_stream::cli {
namespace {

constexpr std::array k_tools{
    Tool{
        "codex",
        "serve --authority codex",
        k_codex_install,
        authority::k_tested_codex,
    },
    Tool{"gh", "incident open", "apt-get install gh"},
    Tool{"promtool", "testing what slo rules writes", "apt-get install prometheus"},
    Tool{"zstd", "unpacking a bundle with tar", "apt-get install zstd"},
};

Result<ProgramEnd> ask_version(const Tool& tool, Millis patience) {
    ProgramCall call{
        .argv = {std::string(tool.name), foreign_option("--version")},
        .env = inherited_env({"PATH", "HOME", "LANG"}),
        .input = {},
        .limit = patience,
    };
    asio::io_context io(1);
    return run_alone(io, call_program(io.get_executor(), std::move(call)));
}

/// Why a program that exists gives no version.
std::string why_not(const Result<ProgramEnd>& end) {
    if (!end) {
        return end.error().message;
    }
    const std::string& last = end->last_line;
    return fmt::format("{}{}{}", end->exit.text(), last.empty() ? "" : ": ", last);
}

/// zstd surrounds its output with asterisks.
std::string_view bare(std::string_view output) {
    constexpr std::string_view k_frame = "* ";
    const std::size_t first = std::min(output.find_first_not_of(k_frame), output.size());
    return output.substr(first, output.find_last_not_of(k_frame) + 1 - first);
}

Check judge(const Tool& tool, Millis patience) {
    const auto found = [&](Verdict verdict, std::string detail) {
        return finding(
            fmt::format("tool.{}", tool.name),
            verdict,
            std::move(detail),
            verdict == Verdict::pass ? "" : std::string(tool.fix)
        );
    };
    if (find_program(std::string(tool.name)).empty()) {
        return found(Verdict::skipped, fmt::format("not here, for {}", tool.needed_for));
    }
    const auto end = ask_version(tool, patience);
    if (!end || !end->exit.clean()) {
        return found(Verdict::inconclusive, "does not run: " + why_not(end));
    }
    std::string_view output = end->output;
    const std::string version = printable(bare(cut_line(output)), 80);
    const auto stands = [&](std::string_view word) { return version.contains(word); };
    if (!tool.expected.empty() && std::ranges::none_of(tool.expected, stands)) {
        return found(
            Verdict::inconclusive,
            fmt::format(
                "{}; {} was tested with {}x",
                version,
                tool.needed_for,
                fmt::join(tool.expected, "x and ")
            )
        );
    }
    return found(Verdict::pass, version);
}

} // namespace

std::vector<Check> judge_tools(Millis patience) {
    return mapped(k_tools, [&](const Tool& tool) { return judge(tool, patience); });
}

} // namespace oa_stream::cli

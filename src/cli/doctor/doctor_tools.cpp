#include "oa_stream/authority/codex_facts.hpp"
#include "oa_stream/base/child.hpp"
#include "oa_stream/base/lists.hpp"
#include "oa_stream/base/option_names.hpp"
#include "oa_stream/base/text.hpp"

#include "doctor.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <exception>

namespace oa_stream::cli {
namespace {

constexpr auto k_patience = Millis(5000);

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

/// What the program says of itself: its first line. Code::unavailable when it is not there.
Task<Result<std::string>> version_of(std::string program) {
    const auto executor = co_await asio::this_coro::executor;
    ChildOptions options;
    options.program = std::move(program);
    options.args = {foreign_option("--version")};
    options.env = inherited_env({"PATH", "HOME", "LANG"});
    OA_CO_TRY(auto child, Child::start(executor, std::move(options)));
    std::string said;
    const auto deadline = Clock::now() + k_patience;
    while (said.find('\n') == std::string::npos && Clock::now() < deadline) {
        OA_CO_TRY(const std::string more, co_await child->read_stdout());
        if (more.empty()) {
            break;
        }
        said += more;
    }
    (void)co_await child->stop(Millis(500));
    co_return said.substr(0, said.find('\n'));
}

Result<std::string> ask(const Tool& tool) {
    asio::io_context io(1);
    Result<std::string> out = fail(Code::timeout, "no answer to --version");
    asio::co_spawn(
        io,
        version_of(std::string(tool.name)),
        [&](const std::exception_ptr& thrown, Result<std::string> said) {
            if (!thrown) {
                out = std::move(said);
            }
            io.stop();
        }
    );
    io.run_for(k_patience + Millis(1000));
    return out;
}

/// zstd frames what it says with asterisks.
std::string_view bare(std::string_view said) {
    constexpr std::string_view k_frame = "* ";
    const std::size_t first = std::min(said.find_first_not_of(k_frame), said.size());
    return said.substr(first, said.find_last_not_of(k_frame) + 1 - first);
}

Check judge(const Tool& tool) {
    const std::string id = fmt::format("tool.{}", tool.name);
    const auto said = ask(tool);
    if (!said) {
        return finding(
            id,
            tool.required ? Verdict::fail : Verdict::skipped,
            fmt::format("not here, for {}", tool.needed_for),
            std::string(tool.fix)
        );
    }
    const std::string version = printable(bare(*said), 80);
    const auto stands = [&](std::string_view word) { return said->contains(word); };
    if (!tool.expected.empty() && std::ranges::none_of(tool.expected, stands)) {
        return finding(
            id,
            Verdict::inconclusive,
            fmt::format(
                "{}; {} was tested with {}x",
                version,
                tool.needed_for,
                fmt::join(tool.expected, "x and ")
            ),
            std::string(tool.fix)
        );
    }
    return finding(id, Verdict::pass, version, {});
}

} // namespace

std::vector<Check> judge_tools() {
    return mapped(k_tools, judge);
}

} // namespace oa_stream::cli

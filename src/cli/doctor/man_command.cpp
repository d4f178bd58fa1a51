// man: manual pages made from the command table.
#include "oa_stream/base/file.hpp"
#include "oa_stream/base/text.hpp"

#include "core/commands.hpp"
#include "core/man_page.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <filesystem>

namespace oa_stream::cli {
namespace {

Result<ExitCode> write_all(const std::string& folder, Context& context) {
    OA_CHECK(make_dirs(folder));
    const auto pages = manuals();
    for (const ManPage& page : pages) {
        OA_CHECK(write_file_atomic(
            std::filesystem::path(folder) / fmt::format("{}.{}", page.name, page.section), page.text
        ));
    }
    context.out(fmt::format("{} pages in {}\n", pages.size(), printable(folder)));
    return ExitCode::ok;
}

/// "smoke stream" and "smoke-stream" are one page.
Result<ManPage> page_of(std::string wanted) {
    std::ranges::replace(wanted, ' ', '-');
    constexpr std::string_view k_prefix = "oa-stream-";
    const auto pages = manuals();
    std::vector<std::string_view> names;
    for (const ManPage& page : pages) {
        if (page.name == wanted || page.name == fmt::format("{}{}", k_prefix, wanted)) {
            return page;
        }
        if (page.name.starts_with(k_prefix)) { // not the page of the whole
            names.push_back(std::string_view(page.name).substr(k_prefix.size()));
        }
    }
    const auto near = nearest(wanted, names);
    return fail(
        Code::usage,
        fmt::format("no manual page for '{}'", printable(wanted, 60)),
        {},
        near ? fmt::format("did you mean oa-stream man {}?", *near)
             : "oa-stream --help lists the commands"
    );
}

Result<ExitCode> run(const Args& args, Context& context) {
    if (args.has("--markdown")) {
        context.out(commands_page());
        return ExitCode::ok;
    }
    if (const auto folder = args.get("--out")) {
        return write_all(*folder, context);
    }
    const auto wanted = args.positional("COMMAND");
    OA_TRY(const ManPage page, wanted ? page_of(*wanted) : Result<ManPage>(manual()));
    context.out(page.text);
    return ExitCode::ok;
}

constexpr std::array k_positionals{
    PositionalSpec{"COMMAND", "Whose page, like smoke-stream; the whole program's if none.", false},
};
constexpr std::array k_options{
    OptionSpec{"--out", "DIR", "Write all pages into this folder instead."},
    OptionSpec{"--markdown", "", "Print docs/commands.md instead."},
};
constexpr std::array<std::string_view, 3> k_examples{
    "oa-stream man | man -l -",
    "oa-stream man smoke-stream",
    "oa-stream man --out /usr/local/share/man/man1",
};

} // namespace

const CommandSpec man_command{
    .path = "man",
    .summary = "Print a manual page, or write all of them.",
    .positionals = k_positionals,
    .options = k_options,
    .examples = k_examples,
    .run = run,
};

} // namespace oa_stream::cli

// man: manual pages made from the command table.
#include "oa_stream/base/child.hpp"
#include "oa_stream/base/file.hpp"
#include "oa_stream/base/text.hpp"
#include "oa_stream/run/run_loop.hpp"

#include "core/commands.hpp"
#include "core/document.hpp"
#include "manual/man_page.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>

namespace oa_stream::cli {
namespace {

struct Options {
    std::vector<std::string> command{};
    std::optional<std::string> out{};
    bool markdown = false;
};

std::string file_of(const ManPage& page) {
    return fmt::format("{}.{}", page.name, page.section);
}

/// `text` is null when pages were written to files instead.
void show_json(Json pages, const Json& folder, const Json& text, const Context& context) {
    Json out = plain_answer();
    out["pages"] = std::move(pages);
    out["folder"] = folder;
    out["text"] = text;
    print_document("man", out, context);
}

/// The page as man(1) formats it; nullopt if man is missing, or is a stand-in that only explains
/// its absence.
std::optional<std::string> formatted(const ManPage& page, int width) {
    constexpr auto k_patience = Millis(10'000);
    ProgramCall call{
        .argv = {"man", "-l", "-"},
        .env = inherited_env({"PATH", "HOME", "LANG", "LC_ALL", "LC_CTYPE"}),
        .input = page.text,
        .limit = k_patience,
    };
    call.env["MANWIDTH"] = std::to_string(width);
    run::RunLoop loop;
    const auto end = loop.run(call_program(loop.executor(), std::move(call)));
    const bool done = end && *end && (*end)->exit.clean() && (*end)->output.contains("NAME");
    return done ? std::optional((*end)->output) : std::nullopt;
}

ExitCode show_page(const ManPage& page, const Context& context) {
    if (context.json) {
        show_json(Json::array({file_of(page)}), nullptr, page.text, context);
    } else {
        const auto readable = context.out_tty ? formatted(page, context.width) : std::nullopt;
        context.out(readable.value_or(page.text));
    }
    return ExitCode::ok;
}

Result<ExitCode> write_all(const std::string& folder, Context& context) {
    OA_CHECK(make_dirs(folder));
    Json written = Json::array();
    for (const ManPage& page : manuals()) {
        OA_CHECK(write_file_atomic(std::filesystem::path(folder) / file_of(page), page.text));
        written.push_back(file_of(page));
    }
    if (context.json) {
        show_json(std::move(written), folder, nullptr, context);
    } else {
        context.out(fmt::format("{} pages in {}\n", written.size(), printable(folder)));
    }
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
        if (page.name.starts_with(k_prefix)) { // excludes the page of the whole program
            names.push_back(std::string_view(page.name).substr(k_prefix.size()));
        }
    }
    const auto near = nearest(wanted, names);
    std::erase_if(names, [&](std::string_view name) {
        return !name.starts_with(fmt::format("{}-", wanted));
    });
    return fail(
        Code::usage,
        fmt::format("no manual page for '{}'", printable(wanted, 60)),
        {},
        !names.empty() ? fmt::format("those of its commands: {}", fmt::join(names, ", "))
        : near         ? "did you mean " + Suggestion{"man", {std::string(*near)}} + "?"
                       : main_help() + " lists the commands"
    );
}

Result<ExitCode> run(const Options& options, Context& context) {
    if (options.markdown) {
        if (context.json) {
            show_json(Json::array(), nullptr, commands_page(), context);
        } else {
            context.out(commands_page());
        }
        return ExitCode::ok;
    }
    if (options.out) {
        return write_all(*options.out, context);
    }
    OA_TRY(
        const ManPage page,
        options.command.empty() ? Result<ManPage>(manual())
                                : page_of(fmt::format("{}", fmt::join(options.command, "-")))
    );
    return show_page(page, context);
}

constexpr auto k_positionals = positionals<Options>(
    positional<&Options::command>(
        "COMMAND", "The command, like smoke stream. Without it: the page of the whole program."
    )
        .optional()
        .up_to(3)
        .offering(Offer::pages)
);
constexpr auto k_options = options<Options>(
    option<&Options::out>("--out", "DIR", "Write all pages into this folder."),
    flag<&Options::markdown>("--markdown", "Print docs/commands.md.")
);

} // namespace

const CommandSpec man_command = command<run>({
    .path = "man",
    .summary = "Print a manual page, or write all of them.",
    .positionals = k_positionals,
    .options = k_options,
    .examples =
        {
            "oa-stream man | man -l -",
            "oa-stream man cutover apply | man -l -",
            "oa-stream man --out /usr/local/share/man/man1",
        },
    .explains = true,
    .about =
        R"(Prints a manual page made from the table that parses the commands, or writes all of them into a folder.
On a terminal it shows the page as `man -l -` formats it, where man is installed. Elsewhere it prints the
source that man(1) reads.)",
    .also = "manual docs",
});

} // namespace oa_stream::cli

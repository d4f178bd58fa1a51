// help: of a command, of a family, or of everything; or a search for a word.
#include "oa_stream/base/json_members.hpp"
#include "oa_stream/base/layout.hpp"
#include "oa_stream/base/text.hpp"

#include "core/commands.hpp"
#include "core/document.hpp"
#include "manual/help.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace oa_stream::cli {

namespace {

constexpr std::size_t k_most_words = 3;
constexpr std::size_t k_most_found = 12;

struct Options {
    std::vector<std::string> words{};
    std::optional<std::string> search{};
};

void tell_document(const Json& text, const std::vector<Found>& found, const Context& context) {
    Json out = plain_answer();
    out["text"] = text;
    out["found"] = json_list(found, [](const Found& one) {
        return Json{
            {"what", one.what},
            {"text", one.line},
            {"page", one.page.empty() ? Json(nullptr) : Json(one.page)},
        };
    });
    print_document("help", out, context);
}

/// A document has the same text on every screen.
std::size_t columns_for(const Context& context) {
    return context.out_tty && !context.json
               ? std::min(static_cast<std::size_t>(context.width), k_help_columns)
               : k_help_columns;
}

Result<ExitCode> show_found(const std::string& words, Context& context) {
    const auto found = search_help(words, k_most_found);
    if (found.empty()) {
        return fail(
            Code::usage,
            fmt::format("no help text has '{}'", printable(words, 60)),
            {},
            "try one word; oa-stream --help lists the commands"
        );
    }
    if (context.json) {
        tell_document(nullptr, found, context);
        return ExitCode::ok;
    }
    const std::size_t columns = columns_for(context);
    for (const Found& one : found) {
        context.out(wrapped(fmt::format("{}: {}", one.what, one.line), columns, 4) + '\n');
    }
    context.out("\noa-stream help COMMAND and oa-stream man COMMAND show more\n");
    return ExitCode::ok;
}

Result<ExitCode> show_help(const std::string& text, Context& context) {
    if (context.json) {
        tell_document(text, {}, context);
    } else {
        context.out(text);
    }
    return ExitCode::ok;
}

Result<ExitCode> run(const Options& options, Context& context) {
    if (options.search) {
        return show_found(*options.search, context);
    }
    const std::size_t columns = columns_for(context);
    if (options.words.empty()) {
        return show_help(overview(columns), context);
    }
    OA_TRY(const Topic topic, find_topic(options.words));
    return show_help(help_about(topic, columns), context);
}

constexpr auto k_positionals = positionals<Options>(
    positional<&Options::words>("COMMAND", "A command, or a family like smoke.")
        .optional()
        .up_to(k_most_words)
        .offering(Offer::commands)
);
constexpr auto k_options = options<Options>(option<&Options::search>(
    "--search",
    "WORDS",
    "List the commands, options, playbook keys and exit codes whose help has these words."
));

} // namespace

const CommandSpec help_command = command<run>({
    .path = "help",
    .summary = "Show the help of a command, or search all help texts.",
    .positionals = k_positionals,
    .options = k_options,
    .examples =
        {
            "oa-stream help cutover",
            "oa-stream help smoke stream",
            "oa-stream help --search 'exit 8'",
        },
    .explains = true,
    .about =
        R"(Shows the same text as `--help` of a command or of a family of commands, or the list of all.
`--search` looks through commands, options, exit codes and playbook keys, and lists the best matches.)",
    .also = "usage search find",
});

} // namespace oa_stream::cli

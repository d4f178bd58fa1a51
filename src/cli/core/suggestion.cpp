#include "suggestion.hpp"

#include "oa_stream/base/json_members.hpp"
#include "oa_stream/base/layout.hpp"
#include "oa_stream/base/lists.hpp"
#include "oa_stream/base/option_names.hpp"
#include "oa_stream/net/http_client.hpp"

#include "command.hpp"

#include <algorithm>

namespace oa_stream::cli {
namespace {

/// The command reads or leaves runs, or is a family with such a command. Earlier releases stored a
/// whole line as the command.
bool works_on_runs(const Suggestion& suggestion) {
    const auto runs = [](const CommandSpec& one) { return one.leaves_run || one.reads_runs; };
    const auto is = [&](std::string_view words) {
        const std::string_view command = suggestion.command;
        return command == words || (command.starts_with(words) && command[words.size()] == ' ');
    };
    const auto commands = all_commands();
    const auto named =
        std::ranges::find_if(commands, [&](const CommandSpec& one) { return is(one.path); });
    if (named != commands.end()) {
        return runs(*named);
    }
    return std::ranges::any_of(commands, [&](const CommandSpec& one) {
        return runs(one) && is(one.path.substr(0, one.path.find(' ')));
    });
}

void add_option(std::vector<std::string>& out, const OptionSpec& option, const Args& args) {
    const std::string name(option.long_name());
    if (option.is_flag()) {
        if (args.has(name)) {
            out.push_back(name);
        }
        return;
    }
    for (const std::string& value : args.all(name)) {
        out.insert(out.end(), {name, value});
    }
}

} // namespace

Suggestion Typed::suggestion(const Instead& instead) const {
    Suggestion out{std::string(command->path)};
    for (const PositionalSpec& place : command->positionals) {
        for (const std::string& word : args.all(place.name)) {
            out.arguments.push_back(word);
        }
    }
    for (const OptionSpec& option : command->options) {
        const auto other = instead.find(option.long_name());
        if (other == instead.end()) {
            add_option(out.arguments, option, args);
        } else if (const auto& value = other->second) {
            out.arguments.emplace_back(other->first);
            if (!option.is_flag()) {
                out.arguments.push_back(*value);
            }
        }
    }
    return out;
}

Suggestion main_help() {
    return {.command = {}, .arguments = {names::help}};
}

Advice trusting(const Typed& typed, const std::vector<Check>& checks, net::TlsTrouble trouble) {
    const bool distrusts =
        trouble == net::TlsTrouble::untrusted && contains(checks, Verdict::error, &Check::verdict);
    return distrusts ? typed.with(names::ca, "FILE") : Advice();
}

Advice typed_here(const Advice& advice, const Context& context) {
    return advice.with_commands([&context](Suggestion& one) {
        const bool says = contains(one.arguments, names::state_dir) ||
                          contains(one.globals, names::state_dir) ||
                          contains(one.arguments, names::help);
        if (one.program == Suggestion().program && !says && works_on_runs(one)) {
            one.globals = context.state_words;
        }
    });
}

void type_here(Json& document, const Context& context) {
    if (document.is_object()) {
        for (const char* key : {"next", "mend"}) {
            if (string_member(document, key)) {
                put_advice(document, key, typed_here(advice_in(document, key), context));
            }
        }
    }
    for (Json& one : document) {
        if (one.is_structured()) {
            type_here(one, context);
        }
    }
}

std::string continued(std::string_view line, std::size_t columns) {
    constexpr std::string_view k_break = " \\\n    ";
    constexpr std::size_t k_indent = 4;
    constexpr std::size_t k_mark = 2; // " \"
    std::string out;
    for (std::size_t at = 0; !line.empty();) {
        const std::string_view word = cut_unquoted(line, " ");
        const std::size_t width = columns_of(word);
        const std::size_t mark = line.empty() ? 0 : k_mark;
        if (at > k_indent && at + 1 + width + mark > columns) {
            out += k_break;
            at = k_indent;
        } else if (at > 0) {
            out += ' ';
            ++at;
        }
        out += word;
        at += width;
    }
    return out;
}

Advice in_folder(const Advice& next, const std::filesystem::path& folder) {
    const std::string mark = "/" + folder.filename().string() + "/";
    return next.with_commands([&](Suggestion& command) {
        for (std::string& word : command.arguments) {
            const std::size_t at = word.starts_with('/') ? word.rfind(mark) : std::string::npos;
            if (at != std::string::npos) {
                word = (folder / word.substr(at + mark.size())).string();
            }
        }
    });
}

} // namespace oa_stream::cli

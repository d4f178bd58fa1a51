#include "parse.hpp"

#include "oa_stream/base/lines.hpp"
#include "oa_stream/base/lists.hpp"
#include "oa_stream/base/option_names.hpp"
#include "oa_stream/base/text.hpp"

#include "suggestion.hpp"
#include "unknown_command.hpp"

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <memory>

namespace oa_stream::cli {

namespace {

/// Storage that CLI11 writes into: only strings, which our own parse() interprets.
struct Bound {
    const OptionSpec* spec;
    CLI::Option* option;
    std::unique_ptr<std::vector<std::string>> values;
};

/// How many of the words make up `path`; 0 when they do not.
std::size_t spelled(std::string_view path, std::span<const std::string> words) {
    std::size_t count = 0;
    while (!path.empty() && count < words.size()) {
        if (words[count++] != cut_until(path, ' ')) {
            return 0;
        }
    }
    return path.empty() ? count : 0;
}

/// The command whose path is the longest prefix of the words, and the number of words used.
std::pair<const CommandSpec*, std::size_t> find_command(std::span<const std::string> words) {
    const CommandSpec* found = nullptr;
    std::size_t taken = 0;
    for (const CommandSpec& command : all_commands()) {
        const std::size_t count =
            std::max(spelled(command.path, words), spelled(command.formerly, words));
        if (count > taken) {
            found = &command;
            taken = count;
        }
    }
    return {found, taken};
}

Bound bind(CLI::App& app, const OptionSpec& spec) {
    auto values = std::make_unique<std::vector<std::string>>();
    CLI::Option* option = nullptr;
    std::string spellings(spec.name);
    spellings += spec.formerly.empty() ? "" : fmt::format(",{}", spec.formerly);
    if (spec.is_flag()) {
        // --apply=false means the opposite of --apply, so it is not accepted.
        option = app.add_flag(spellings)->disable_flag_override();
    } else {
        option = app.add_option(spellings, *values);
        // "RUN…" accepts all words up to the next option.
        const bool many = spec.value.ends_with("…");
        option->expected(1, many ? CLI::detail::expected_max_vector_size : 1);
        option->allow_extra_args(many);
        option->multi_option_policy(
            spec.repeats ? CLI::MultiOptionPolicy::TakeAll : CLI::MultiOptionPolicy::Throw
        );
    }
    return {&spec, option, std::move(values)};
}

void collect(const std::vector<Bound>& bounds, Args& args) {
    for (const Bound& bound : bounds) {
        if (bound.option->count() > 0) {
            args.given[std::string(bound.spec->long_name())] = *bound.values;
        }
    }
}

Suggestion help_hint(const CommandSpec& command) {
    return {std::string(command.path), {names::help}};
}

std::unexpected<Error> misused(const CommandSpec& command, std::string_view what, Advice hint) {
    return fail(Code::usage, fmt::format("{}: {}", command.path, what), {}, std::move(hint));
}

Advice option_hint(const CommandSpec& command, std::string_view typed) {
    std::vector<std::string_view> names;
    for (const OptionSpec& option : command.options) {
        names.push_back(option.name);
    }
    for (const OptionSpec& option : global_options()) {
        names.push_back(option.name);
    }
    return did_you_mean(typed.substr(0, typed.find('=')), names, help_hint(command));
}

/// "smoke stream http://…": many other tools accept an address as a positional.
Advice argument_hint(const CommandSpec& command, std::string_view word) {
    for (const OptionSpec& option : command.options) {
        if (word.contains("://") && option.value == "URL") {
            return fmt::format("an address goes behind {}", option.long_name());
        }
    }
    return help_hint(command);
}

/// Explains CLI11's report of too few or too many values.
std::unexpected<Error> misuse(const CommandSpec& command, std::string_view why) {
    const std::string_view name = why.substr(0, why.find_first_of(": "));
    Advice hint = help_hint(command);
    std::string message = fmt::format("{} is given more than once", name);
    if (why.contains("flag override")) { // CLI11 names it without the dashes
        message =
            fmt::format("{}{} takes no value: leave it out to turn it off", names::mark, name);
    } else if (why.contains("missing")) {
        message = fmt::format("{} needs a value", name);
        for (const auto options : {command.options, global_options()}) {
            const auto found = std::ranges::find(options, name, &OptionSpec::long_name);
            hint = found == options.end() ? hint
                                          : Advice(fmt::format("{} {}", name, found->value_name()));
        }
    }
    return misused(command, message, std::move(hint));
}

/// CLI11's message names the option; its first line suffices.
std::string first_line(const char* text) {
    const std::string_view whole(text);
    return std::string(whole.substr(0, whole.find('\n')));
}

Result<void> refuse_extras(const CLI::App& app, const CommandSpec& command) {
    std::vector<std::string> extras = app.remaining();
    const bool ended = !extras.empty() && extras.front() == names::mark; // only positionals follow
    if (ended) {
        extras.erase(extras.begin());
    }
    if (extras.empty()) {
        return {};
    }
    const std::string& word = extras.front();
    if (!ended && word.starts_with('-') && word.size() > 1) {
        const std::string name = printable(word.substr(0, word.find('=')), 60);
        return misused(
            command,
            "unknown option " + name,
            word.contains(' ') ? "a text that begins with - stands behind --"
                               : option_hint(command, word)
        );
    }
    return misused(
        command,
        fmt::format("unexpected argument '{}'", printable(word, 60)),
        argument_hint(command, word)
    );
}

Result<Invocation> parse_for(const CommandSpec& command, std::span<const std::string> words) {
    CLI::App app;
    app.set_help_flag();
    app.allow_extras();
    const auto bound = [&](const OptionSpec& option) { return bind(app, option); };
    const std::vector<Bound> bounds = mapped(command.options, bound);
    const std::vector<Bound> globals = mapped(global_options(), bound);
    std::vector<std::unique_ptr<std::vector<std::string>>> places;
    for (const PositionalSpec& positional : command.positionals) {
        places.push_back(std::make_unique<std::vector<std::string>>());
        app.add_option(std::string(positional.name), *places.back())
            ->required(positional.required)
            ->expected(1, static_cast<int>(positional.at_most))
            ->allow_extra_args(positional.at_most > 1);
    }
    std::vector<std::string> reversed(words.rbegin(), words.rend());
    try {
        app.parse(reversed);
    } catch (const CLI::RequiredError&) {
        OA_CHECK(refuse_extras(app, command));
        const std::string_view name = command.positionals.front().name;
        return misused(command, fmt::format("{} is missing", name), help_hint(command));
    } catch (const CLI::ArgumentMismatch& error) {
        return misuse(command, first_line(error.what()));
    } catch (const CLI::ParseError& error) {
        return misused(command, first_line(error.what()), help_hint(command));
    }
    OA_CHECK(refuse_extras(app, command));
    Invocation invocation;
    invocation.command = &command;
    collect(bounds, invocation.args);
    collect(globals, invocation.globals);
    for (std::size_t i = 0; i < places.size(); ++i) {
        const std::string name(command.positionals[i].name);
        // An unset variable in a script must not mean the default.
        if (contains(*places[i], "")) {
            return misused(command, name + " is empty", help_hint(command));
        }
        if (!places[i]->empty()) {
            invocation.args.given[name] = *places[i];
        }
    }
    return invocation;
}

/// The global option that a word names (-q, --state-dir, --state-dir=x); nullptr for none.
const OptionSpec* global_of(std::string_view word) {
    const std::string_view name = word.substr(0, word.find('='));
    return find_if_or_null(global_options(), [&](const OptionSpec& option) {
        return option.is_called(name);
    });
}

/// The line is empty, or begins with an option that is not allowed before a command.
std::unexpected<Error> no_command(std::span<const std::string> words) {
    std::string_view name = words.empty() ? std::string_view() : words.front();
    name = name.substr(0, name.find('=')); // the value may be a secret
    if (name.empty() || name == names::mark || global_of(name) != nullptr) {
        return fail(Code::usage, "no command given", {}, main_help());
    }
    std::vector<std::string_view> known{names::help, names::version};
    for (const OptionSpec& option : global_options()) {
        known.push_back(option.long_name());
    }
    return fail(
        Code::usage,
        fmt::format("unknown option {}", printable(name, 60)),
        {},
        did_you_mean(
            name, known, "options of a command stand behind it; oa-stream --help lists the commands"
        )
    );
}

/// Global options may precede the command, as with git: moves them after it, before a "--".
std::vector<std::string> with_command_first(std::span<const std::string> words) {
    std::size_t leading = 0;
    while (leading < words.size()) {
        const OptionSpec* option = global_of(words[leading]);
        if (option == nullptr) {
            break;
        }
        const bool value_follows = !option->is_flag() && !words[leading].contains('=');
        leading += value_follows ? 2 : 1;
    }
    leading = std::min(leading, words.size());
    std::vector<std::string> out(words.begin() + static_cast<std::ptrdiff_t>(leading), words.end());
    out.insert(
        std::ranges::find(out, names::mark),
        words.begin(),
        words.begin() + static_cast<std::ptrdiff_t>(leading)
    );
    return out;
}

} // namespace

bool is_family(std::string_view word) {
    return std::ranges::any_of(all_commands(), [&](const CommandSpec& command) {
        return command.path.starts_with(fmt::format("{} ", word));
    });
}

Result<Topic> find_topic(std::span<const std::string> words) {
    const auto [command, taken] = find_command(words);
    if (command != nullptr && taken == words.size()) {
        return Topic{command, {}};
    }
    if (words.size() == 1 && is_family(words[0])) {
        return Topic{nullptr, words[0]};
    }
    if (command != nullptr) {
        return fail(
            Code::usage,
            fmt::format(
                "'{}' is not a command", printable(fmt::format("{}", fmt::join(words, " ")), 60)
            ),
            {},
            "did you mean '" + Suggestion{std::string(command->path)} + "'?"
        );
    }
    return unknown_command(words);
}

Result<Invocation> parse_command_line(std::span<const std::string> given) {
    std::vector<std::string> split(given.begin(), given.end());
    const auto end_of_options = std::ranges::find(split, names::mark);
    std::replace(split.begin(), end_of_options, std::string("-vv"), std::string(names::trace));
    const std::vector<std::string> words = with_command_first(split);
    const auto asks = [&](std::string_view a, std::string_view b) {
        const auto end = std::ranges::find(words, names::mark);
        return std::find_if(words.begin(), end, [&](const std::string& w) {
                   return w == a || w == b;
               }) != end;
    };
    Invocation invocation;
    if (words.empty() || words[0].starts_with('-')) {
        invocation.version = asks(names::version, "-V");
        invocation.help = asks(names::help, "-h");
        if (invocation.version || invocation.help) {
            return invocation;
        }
        return no_command(words);
    }
    const auto [command, taken] = find_command(words);
    if (command == nullptr && asks(names::help, "-h") && is_family(words[0])) {
        invocation.family = words[0];
        invocation.help = true;
        return invocation;
    }
    if (command == nullptr) {
        return unknown_command(words);
    }
    if (asks(names::help, "-h")) {
        invocation.command = command;
        invocation.help = true;
        return invocation;
    }
    return parse_for(*command, std::span(words).subspan(taken));
}

} // namespace oa_stream::cli

#include "help.hpp"

#include "oa_stream/base/layout.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace oa_stream::cli {

namespace {

constexpr std::size_t k_columns = 80;
constexpr std::size_t k_widest_left = 28;

/// `text` behind `left`, which begins its own line where it is wider than `indent` allows.
std::string beside(std::string_view left, std::string_view text, std::size_t indent) {
    const std::size_t wide = columns_of(left);
    const std::string room(indent, ' ');
    if (wide + 2 > indent) {
        return fmt::format("{}\n{}\n", left, wrapped(room + std::string(text), k_columns, indent));
    }
    const std::string line = fmt::format("{}{}{}", left, room.substr(wide), text);
    return wrapped(line, k_columns, indent) + '\n';
}

std::string left_column(const OptionSpec& option) {
    std::string text = fmt::format("  {}", option.name);
    if (!option.is_flag()) {
        text += fmt::format(" {}", option.value_name());
    }
    return text;
}

void append_rows(std::string& out, std::span<const OptionSpec> options) {
    std::size_t indent = 0;
    for (const OptionSpec& option : options) {
        indent = std::max(indent, columns_of(left_column(option)) + 2);
    }
    indent = std::min(indent, k_widest_left);
    for (const OptionSpec& option : options) {
        if (option.old) {
            continue;
        }
        std::string right(option.help);
        if (!option.fallback.empty()) {
            right += fmt::format(" [default: {}]", option.fallback);
        }
        if (option.repeats) {
            right += " [repeats]";
        }
        out += beside(left_column(option), right, indent);
    }
}

std::string row_of(const CommandSpec& command) {
    constexpr std::size_t k_indent = 22;
    return beside(fmt::format("  {}", command.path), command.summary, k_indent);
}

std::string usage_of(const CommandSpec& command) {
    std::string out = fmt::format("Usage: oa-stream {} [OPTIONS]", command.path);
    for (const PositionalSpec& positional : command.positionals) {
        const std::string_view more = positional.at_most > 1 ? "…" : "";
        out += positional.required ? fmt::format(" {}{}", positional.name, more)
                                   : fmt::format(" [{}{}]", positional.name, more);
    }
    return out;
}

/// "smoke-stream", as `man` calls the page.
std::string page_word(std::string_view path) {
    std::string out(path);
    std::ranges::replace(out, ' ', '-');
    return out;
}

} // namespace

std::string in_lines(std::string_view command, std::size_t columns) {
    std::string out;
    std::size_t column = 0;
    bool quoted = false;
    std::string word;
    const auto place = [&] {
        const std::size_t wide = columns_of(word);
        if (column != 0 && column + 1 + wide + 2 > columns) {
            out += " \\\n    ";
            column = 4;
        } else if (column != 0) {
            out += ' ';
            ++column;
        }
        out += word;
        column += wide;
        word.clear();
    };
    for (const char c : command) {
        quoted = quoted != (c == '\'');
        if (c == ' ' && !quoted) {
            place();
        } else {
            word += c;
        }
    }
    place();
    return out;
}

std::string overview() {
    std::string out =
        wrapped(
            "oa-stream runs, verifies, cuts over and rolls back a chat stream compatibility lane.",
            k_columns,
            0
        ) +
        "\n\nUsage: oa-stream COMMAND [OPTIONS]\n\nUsed most:\n";
    for (const CommandSpec* command : frequent_commands()) {
        out += row_of(*command);
    }
    for (const CommandGroup& group : command_groups()) {
        out += fmt::format("\n{}: {}\n", group.title, group.purpose);
        for (const CommandSpec& command : group.commands) {
            out += row_of(command);
        }
    }
    out += "\nEvery command takes:\n";
    append_rows(out, global_options());
    out += "\noa-stream COMMAND --help shows options and examples of one command,\n"
           "oa-stream help --search WORD searches all help texts,\n"
           "oa-stream man COMMAND | man -l - is the manual page.\n";
    return out;
}

std::string help_of(const CommandSpec& command) {
    std::string out =
        fmt::format("{}\n\n{}\n", usage_of(command), wrapped(command.summary, k_columns, 0));
    for (const PositionalSpec& positional : command.positionals) {
        constexpr std::size_t k_indent = 15;
        out += '\n' + beside(fmt::format("  {}", positional.name), positional.help, k_indent);
    }
    if (!command.options.empty()) {
        out += "\nOptions:\n";
        append_rows(out, command.options);
    }
    out += "\nEvery command takes:\n";
    append_rows(out, global_options());
    out += "\nExamples:\n";
    for (const std::string_view example : command.examples) {
        constexpr std::size_t k_margin = 2;
        std::string lines = in_lines(example, k_columns - k_margin);
        for (std::size_t at = lines.find('\n'); at != std::string::npos;
             at = lines.find('\n', at + 1)) {
            lines.insert(at + 1, k_margin, ' ');
        }
        out += fmt::format("  {}\n", lines);
    }
    out += fmt::format("\nThe whole page: oa-stream man {} | man -l -\n", page_word(command.path));
    return out;
}

std::string help_of_family(std::string_view family) {
    std::string out = fmt::format("Usage: oa-stream {} COMMAND [OPTIONS]\n\n", family);
    for (const CommandSpec& command : all_commands()) {
        if (command.path.starts_with(fmt::format("{} ", family))) {
            out += row_of(command);
        }
    }
    out +=
        fmt::format("\noa-stream {} COMMAND --help shows options and examples of one.\n", family);
    return out;
}

std::string help_about(const Topic& topic) {
    return topic.command != nullptr ? help_of(*topic.command)
           : !topic.family.empty()  ? help_of_family(topic.family)
                                    : overview();
}

} // namespace oa_stream::cli

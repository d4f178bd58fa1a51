#include "help.hpp"

#include "oa_stream/base/layout.hpp"

#include "core/suggestion.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace oa_stream::cli {

namespace {

constexpr std::size_t k_widest_left = 28;

/// Puts `text` to the right of `left`. `left` gets its own line if it is wider than `indent`
/// allows, or if too little room for the text would remain.
std::string
beside(std::string_view left, std::string_view text, std::size_t indent, std::size_t columns) {
    constexpr std::size_t k_readable = 36;
    constexpr std::size_t k_below = 4;
    const std::size_t wide = columns_of(left);
    if (indent + k_readable > columns) {
        const std::string below = std::string(k_below, ' ').append(text);
        return fmt::format("{}\n{}\n", left, wrapped(below, columns, k_below));
    }
    const std::string room(indent, ' ');
    if (wide + 2 > indent) {
        return fmt::format("{}\n{}\n", left, wrapped(room + std::string(text), columns, indent));
    }
    const std::string line = fmt::format("{}{}{}", left, room.substr(wide), text);
    return wrapped(line, columns, indent) + '\n';
}

std::string left_column(const OptionSpec& option) {
    std::string text = fmt::format("  {}", option.name);
    if (!option.is_flag()) {
        text += fmt::format(" {}", option.value_name());
    }
    return text;
}

void append_rows(std::string& out, std::span<const OptionSpec> options, std::size_t columns) {
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
        if (const auto usual = option.shown_default(); !usual.empty()) {
            right += fmt::format(" [default: {}]", usual);
        }
        if (option.repeats) {
            right += " [repeats]";
        }
        out += beside(left_column(option), right, indent, columns);
    }
}

std::string row_of(const CommandSpec& command, std::size_t columns) {
    constexpr std::size_t k_indent = 22;
    return beside(fmt::format("  {}", command.path), command.summary, k_indent, columns);
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

} // namespace

std::string page_word(std::string_view path) {
    std::string out(path);
    std::ranges::replace(out, ' ', '-');
    return out;
}

std::string overview(std::size_t columns) {
    std::string out =
        wrapped(
            "oa-stream runs, verifies, cuts over and rolls back a chat stream compatibility lane.",
            columns,
            0
        ) +
        "\n\nUsage: oa-stream COMMAND [OPTIONS]\n\nUsed most:\n";
    for (const CommandSpec* command : frequent_commands()) {
        out += row_of(*command, columns);
    }
    for (const CommandGroup& group : command_groups()) {
        out += fmt::format("\n{}: {}\n", group.title, group.purpose);
        for (const CommandSpec& command : group.commands) {
            out += row_of(command, columns);
        }
    }
    out += "\nEvery command takes:\n";
    append_rows(out, global_options(), columns);
    out += '\n';
    for (const std::string_view line :
         {"oa-stream COMMAND --help shows options and examples of one command,",
          "oa-stream help --search WORD searches all help texts,",
          "oa-stream man COMMAND | man -l - is the manual page."}) {
        out += wrapped(line, columns, 2) + '\n';
    }
    return out;
}

std::string help_of(const CommandSpec& command, std::size_t columns) {
    std::string out = wrapped(usage_of(command), columns, 4) + "\n\n" +
                      wrapped(command.summary, columns, 0) + '\n';
    for (const PositionalSpec& positional : command.positionals) {
        constexpr std::size_t k_indent = 15;
        out +=
            '\n' + beside(fmt::format("  {}", positional.name), positional.help, k_indent, columns);
    }
    if (!command.options.empty()) {
        out += "\nOptions:\n";
        append_rows(out, command.options, columns);
    }
    out += "\nEvery command takes:\n";
    append_rows(out, global_options(), columns);
    out += "\nExamples:\n";
    for (const std::string_view example : command.examples) {
        constexpr std::size_t k_margin = 2;
        std::string lines = continued(example, columns - k_margin);
        for (std::size_t at = lines.find('\n'); at != std::string::npos;
             at = lines.find('\n', at + 1)) {
            lines.insert(at + 1, k_margin, ' ');
        }
        out += fmt::format("  {}\n", lines);
    }
    const std::string page = page_word(command.path);
    out += fmt::format(
        "\n{}\n",
        wrapped(fmt::format("The whole page: oa-stream man {} | man -l -", page), columns, 2)
    );
    return out;
}

std::string help_of_family(std::string_view family, std::size_t columns) {
    std::string out = fmt::format("Usage: oa-stream {} COMMAND [OPTIONS]\n\n", family);
    for (const CommandSpec& command : all_commands()) {
        if (command.path.starts_with(fmt::format("{} ", family))) {
            out += row_of(command, columns);
        }
    }
    const std::string more =
        fmt::format("oa-stream {} COMMAND --help shows options and examples of one.", family);
    return out + fmt::format("\n{}\n", wrapped(more, columns, 2));
}

std::string help_about(const Topic& topic, std::size_t columns) {
    return topic.command != nullptr ? help_of(*topic.command, columns)
           : !topic.family.empty()  ? help_of_family(topic.family, columns)
                                    : overview(columns);
}

} // namespace oa_stream::cli

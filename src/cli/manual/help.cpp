#include "help.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace oa_stream::cli {

namespace {

constexpr std::size_t k_width = 100;

/// `text` wrapped into the column that starts at `indent`.
std::string wrapped(std::string_view text, std::size_t indent) {
    std::string out;
    std::size_t column = indent;
    while (!text.empty()) {
        const std::size_t space = text.find(' ');
        const std::string_view word = text.substr(0, space);
        if (column > indent && column + 1 + word.size() > k_width) {
            out += '\n' + std::string(indent, ' ');
            column = indent;
        } else if (column > indent) {
            out += ' ';
            ++column;
        }
        out += word;
        column += word.size();
        text = space == std::string_view::npos ? std::string_view{} : text.substr(space + 1);
    }
    return out;
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
        indent = std::max(indent, left_column(option).size() + 2);
    }
    indent = std::min<std::size_t>(indent, 34);
    for (const OptionSpec& option : options) {
        const std::string left = left_column(option);
        std::string right(option.help);
        if (!option.fallback.empty()) {
            right += fmt::format(" [default: {}]", option.fallback);
        }
        if (option.repeats) {
            right += " [repeats]";
        }
        out += left.size() + 2 > indent ? left + '\n' + std::string(indent, ' ')
                                        : left + std::string(indent - left.size(), ' ');
        out += wrapped(right, indent) + '\n';
    }
}

} // namespace

std::string overview() {
    std::string out =
        "oa-stream runs, verifies, cuts over and rolls back a chat stream compatibility lane.\n\n"
        "Usage: oa-stream COMMAND [OPTIONS]\n\nCommands:\n";
    for (const CommandSpec& command : all_commands()) {
        out += fmt::format("  {:<18} {}\n", command.path, command.summary);
    }
    out += "\nEvery command takes:\n";
    append_rows(out, global_options());
    out += "\noa-stream COMMAND --help shows one command's options and examples.\n";
    return out;
}

std::string help_of(const CommandSpec& command) {
    std::string out = fmt::format("Usage: oa-stream {} [OPTIONS]", command.path);
    for (const PositionalSpec& positional : command.positionals) {
        const std::string_view more = positional.at_most > 1 ? "…" : "";
        out += positional.required ? fmt::format(" {}{}", positional.name, more)
                                   : fmt::format(" [{}{}]", positional.name, more);
    }
    out += fmt::format("\n\n{}\n", command.summary);
    for (const PositionalSpec& positional : command.positionals) {
        out += fmt::format("\n  {:<12} {}\n", positional.name, positional.help);
    }
    if (!command.options.empty()) {
        out += "\nOptions:\n";
        append_rows(out, command.options);
    }
    out += "\nEvery command takes:\n";
    append_rows(out, global_options());
    out += "\nExamples:\n";
    for (const std::string_view example : command.examples) {
        out += fmt::format("  {}\n", example);
    }
    return out;
}

} // namespace oa_stream::cli

#include "retry.hpp"

#include "oa_stream/base/shell.hpp"

#include "parse.hpp"

namespace oa_stream::cli {

namespace {

void add_option(std::string& out, const OptionSpec& option, const Args& args) {
    const std::string name(long_name(option.name));
    if (option.value.empty()) {
        out += args.has(name) ? " " + name : "";
        return;
    }
    for (const std::string& value : args.all(name)) {
        out += " " + name + " " + shell_word(value);
    }
}

} // namespace

std::string typed_again(const CommandSpec& command, const Args& args, const Instead& instead) {
    return typed_again(command.path, command, args, instead);
}

std::string typed_again(
    std::string_view path, const CommandSpec& command, const Args& args, const Instead& instead
) {
    std::string out = "oa-stream " + std::string(path);
    for (const PositionalSpec& place : command.positionals) {
        for (const std::string& word : args.all(place.name)) {
            out += " " + shell_word(word);
        }
    }
    for (const OptionSpec& option : command.options) {
        const auto other = instead.find(long_name(option.name));
        if (other == instead.end()) {
            add_option(out, option, args);
        } else if (const auto& value = other->second) {
            out += " " + std::string(other->first);
            out += option.value.empty() ? "" : " " + shell_word(*value);
        }
    }
    return out;
}

} // namespace oa_stream::cli

#include "retry.hpp"

#include "oa_stream/base/shell.hpp"

#include "parse.hpp"

namespace oa_stream::cli {

namespace {

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

std::string typed_again(const CommandSpec& command, const Args& args, const Instead& instead) {
    return typed_again(command.path, command, args, instead);
}

std::string typed_again(
    std::string_view path, const CommandSpec& command, const Args& args, const Instead& instead
) {
    Suggestion out{std::string(path)};
    for (const PositionalSpec& place : command.positionals) {
        for (const std::string& word : args.all(place.name)) {
            out.arguments.push_back(word);
        }
    }
    for (const OptionSpec& option : command.options) {
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
    return out.text();
}

} // namespace oa_stream::cli

#include "oa_stream/base/json_members.hpp"
#include "oa_stream/base/shell.hpp"

#include <algorithm>
#include <utility>

namespace oa_stream {
namespace {

std::string parts_of(std::string_view key) {
    return std::string(key) + "_parts";
}

Json part_json(const Advice::Part& part) {
    const auto* command = std::get_if<Suggestion>(&part);
    if (command == nullptr) {
        return std::get<std::string>(part);
    }
    return {
        {"program", command->program},
        {"globals", command->globals},
        {"command", command->command},
        {"arguments", command->arguments},
    };
}

std::vector<std::string> words_in(const Json& object, std::string_view key) {
    std::vector<std::string> out;
    for (const Json& word : list_in(object, key)) {
        if (word.is_string()) {
            out.push_back(word.get<std::string>());
        }
    }
    return out;
}

Advice part_of(const Json& part) {
    if (part.is_string()) {
        return part.get<std::string>();
    }
    return Suggestion{
        .command = text_in(part, "command"),
        .arguments = words_in(part, "arguments"),
        .globals = words_in(part, "globals"),
        .program = text_in(part, "program"),
    };
}

/// What shell_word() was given.
std::string unquoted(std::string_view word) {
    std::string out;
    bool quoted = false;
    for (std::size_t i = 0; i < word.size(); ++i) {
        const bool escapes = !quoted && word[i] == '\\' && i + 1 < word.size();
        if (word[i] == '\'') {
            quoted = !quoted;
        } else {
            i += escapes ? 1 : 0;
            out += word[i];
        }
    }
    return out;
}

/// One command of a text that an earlier release kept. What does not read as it did stays one
/// piece.
Advice command_in(std::string_view line) {
    constexpr std::string_view k_letters = "abcdefghijklmnopqrstuvwxyz-";
    Suggestion out;
    std::string_view rest = line;
    const std::string program = unquoted(cut_unquoted(rest, " "));
    if (program == out.program) {
        out.command = rest;
    } else if (program != less({}).program && program != follow({}).program) {
        return line;
    }
    Suggestion whole{.command = {}, .arguments = {}, .globals = {}, .program = program};
    while (!rest.empty()) {
        const std::string word = unquoted(cut_unquoted(rest, " "));
        const bool names = program == out.program && whole.arguments.empty() &&
                           !word.starts_with('-') &&
                           word.find_first_not_of(k_letters) == std::string::npos;
        if (names) {
            whole.command += (whole.command.empty() ? "" : " ") + word;
        } else {
            whole.arguments.push_back(word);
        }
    }
    return whole.text() == line ? Advice(whole) : out.text() == line ? Advice(out) : Advice(line);
}

Advice commands_in(std::string_view text) {
    constexpr std::string_view k_then = " && ";
    Advice out;
    while (!text.empty()) {
        out += (out.empty() ? "" : k_then) + command_in(cut_unquoted(text, k_then));
    }
    return out;
}

} // namespace

void put_advice(Json& object, std::string_view key, const Advice& advice) {
    object[std::string(key)] = advice.text();
    const auto& parts = advice.parts();
    if (std::ranges::any_of(parts, [](const auto& part) {
            return std::holds_alternative<Suggestion>(part);
        })) {
        object[parts_of(key)] = json_list(parts, part_json);
    }
}

Advice advice_in(const Json& object, std::string_view key) {
    const std::string text = text_in(object, key);
    Advice out;
    for (const Json& part : list_in(object, parts_of(key))) {
        out += part_of(part);
    }
    if (out != text) {
        out = commands_in(text);
    }
    return out == text ? out : Advice(text);
}

} // namespace oa_stream

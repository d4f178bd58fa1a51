#include "oa_stream/base/json_members.hpp"
#include "oa_stream/base/shell.hpp"

#include <algorithm>
#include <utility>

namespace oa_stream {
namespace {

constexpr std::string_view k_program = "oa-stream ";

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

} // namespace

void put_advice(Json& object, std::string_view key, const Advice& advice) {
    object[std::string(key)] = advice.text();
    const auto& parts = advice.parts();
    if (std::ranges::any_of(parts, [](const auto& part) { return part.index() == 1; })) {
        object[parts_of(key)] = json_list(parts, part_json);
    }
}

Advice advice_in(const Json& object, std::string_view key) {
    const std::string text = text_in(object, key);
    Advice out;
    for (const Json& part : list_in(object, parts_of(key))) {
        out += part_of(part);
    }
    if (out == text) {
        return out;
    }
    return text.starts_with(k_program) ? Advice(Suggestion{text.substr(k_program.size())})
                                       : Advice(text);
}

} // namespace oa_stream

#include "oa_stream/base/shell.hpp"

#include <algorithm>
#include <utility>

namespace oa_stream {

std::string shell_word(std::string_view word) {
    constexpr std::string_view k_plain = "abcdefghijklmnopqrstuvwxyz"
                                         "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                         "0123456789-_./:=,@%+";
    if (!word.empty() && word.find_first_not_of(k_plain) == std::string_view::npos) {
        return std::string(word);
    }
    std::string out = "'";
    for (const char c : word) {
        out += c == '\'' ? std::string(R"('\'')") : std::string(1, c);
    }
    return out + "'";
}

std::string_view cut_unquoted(std::string_view& line, std::string_view end) {
    bool quoted = false;
    std::size_t at = 0;
    for (; at < line.size() && (quoted || !line.substr(at).starts_with(end)); ++at) {
        quoted = line[at] == '\'' ? !quoted : quoted;
        at += !quoted && line[at] == '\\' ? 1 : 0;
    }
    at = std::min(at, line.size());
    const std::string_view out = line.substr(0, at);
    line.remove_prefix(std::min(at + end.size(), line.size()));
    return out;
}

std::string Suggestion::text() const {
    std::string out = program;
    const auto add = [&out](const std::vector<std::string>& words) {
        for (const std::string& word : words) {
            out += " " + (word == k_fill_in ? word : shell_word(word));
        }
    };
    add(globals);
    out += command.empty() ? "" : " " + command;
    add(arguments);
    return out;
}

Suggestion less(const std::filesystem::path& file) {
    return {.command = {}, .arguments = {file.string()}, .globals = {}, .program = "less"};
}

Suggestion follow(const std::filesystem::path& file) {
    return {.command = {}, .arguments = {"-f", file.string()}, .globals = {}, .program = "tail"};
}

Advice::Advice(std::string prose) {
    if (!prose.empty()) {
        parts_.emplace_back(std::move(prose));
    }
}

Advice::Advice(Suggestion suggestion) {
    parts_.emplace_back(std::move(suggestion));
}

Advice& Advice::operator+=(const Advice& more) {
    parts_.insert(parts_.end(), more.parts_.begin(), more.parts_.end());
    return *this;
}

std::string Advice::text() const {
    std::string out;
    for (const Part& part : parts_) {
        const auto* command = std::get_if<Suggestion>(&part);
        out += command != nullptr ? command->text() : std::get<std::string>(part);
    }
    return out;
}

Advice Advice::with_commands(const std::function<void(Suggestion&)>& change) const {
    Advice out = *this;
    for (Part& part : out.parts_) {
        if (auto* command = std::get_if<Suggestion>(&part)) {
            change(*command);
        }
    }
    return out;
}

Advice Advice::with_texts(const std::function<std::string(std::string_view)>& change) const {
    Advice out = with_commands([&change](Suggestion& command) {
        for (std::string& word : command.arguments) {
            word = change(word);
        }
    });
    for (Part& part : out.parts_) {
        if (auto* prose = std::get_if<std::string>(&part)) {
            *prose = change(*prose);
        }
    }
    return out;
}

Advice operator+(Advice first, const Advice& second) {
    first += second;
    return first;
}

Advice advice_to_do_all(const std::vector<Suggestion>& suggestions) {
    Advice out;
    for (const Suggestion& one : suggestions) {
        out += out.empty() ? Advice(one) : " && " + Advice(one);
    }
    return out;
}

} // namespace oa_stream

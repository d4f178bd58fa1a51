#include "oa_stream/base/shell.hpp"

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

std::string less_command(const std::filesystem::path& file) {
    return "less " + shell_word(file.string());
}

std::string Suggestion::text() const {
    std::string out = "oa-stream " + command;
    for (const std::string& word : arguments) {
        out += " " + shell_word(word);
    }
    return out;
}

std::string text_of_all(const std::vector<Suggestion>& suggestions) {
    std::string out;
    for (const Suggestion& one : suggestions) {
        out += (out.empty() ? "" : " && ") + one.text();
    }
    return out;
}

} // namespace oa_stream

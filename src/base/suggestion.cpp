#include "oa_stream/base/suggestion.hpp"

#include "oa_stream/base/shell.hpp"

namespace oa_stream {

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

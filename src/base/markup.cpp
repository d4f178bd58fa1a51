#include "oa_stream/base/markup.hpp"

#include "oa_stream/base/text.hpp"

namespace oa_stream {
namespace {

/// Emphasis, links and struck text, which a report may have.
constexpr std::string_view k_issue_marks = "*_[~";

bool is_word(char c) {
    return is_alnum(c) || c == '_';
}

/// Before such a character a backslash is not shown.
bool is_punctuation(char c) {
    return c > ' ' && c <= '~' && !is_alnum(c);
}

/// "&lt;", "&#64;"
bool is_entity(std::string_view text) {
    constexpr std::size_t k_longest = 40;
    const auto end = text.substr(0, k_longest).find(';');
    return end != std::string_view::npos && is_plain_word(text.substr(1, end - 1), "#");
}

/// What `text` begins with would be markup: "<!--" and an open code span hide what follows.
bool is_marked(std::string_view text, char next) {
    switch (text.front()) {
    case '<':
    case '`':
        return true;
    case '\\':
        return is_punctuation(next);
    case ']':
        return next == '('; // a link or an image
    case '&':
        return is_entity(text);
    default:
        return false;
    }
}

/// U+FFFE or U+FFFF: XML 1.0 has no way to write them.
bool is_noncharacter(std::string_view text) {
    return text.starts_with("\xEF\xBF\xBE") || text.starts_with("\xEF\xBF\xBF");
}

} // namespace

std::string table_cell(std::string_view text) {
    std::string out;
    for (const char c : text) {
        out += c == '|' ? "\\" : "";
        out += c == '\n' || c == '\r' ? ' ' : c;
    }
    return out;
}

std::string markdown_text(std::string_view text, MarkdownFor where) {
    const bool issue = where == MarkdownFor::issue;
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        const char next = i + 1 < text.size() ? text[i + 1] : '\\'; // whatever is put after it
        if (c == '<' && i > 0 && text[i - 1] != ' ') {
            out += "&lt;"; // a backslash may be the last character of a link
            continue;
        }
        if (is_marked(text.substr(i), next) || (issue && k_issue_marks.contains(c))) {
            out += '\\';
        }
        out += static_cast<unsigned char>(c) < ' ' ? ' ' : c;
        if (issue && c == '@' && (i == 0 || !is_word(text[i - 1]))) {
            out += "&#8203;"; // no width; after a backslash a name is a mention all the same
        }
    }
    return out;
}

std::string markdown_cell(std::string_view text, MarkdownFor where) {
    return table_cell(markdown_text(text, where));
}

std::string escape_markup(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (is_noncharacter(text.substr(i))) {
            out += "\xEF\xBF\xBD"; // U+FFFD
            i += 2;
            continue;
        }
        switch (c) {
        case '&':
            out += "&amp;";
            break;
        case '<':
            out += "&lt;";
            break;
        case '>':
            out += "&gt;";
            break;
        case '"':
            out += "&quot;";
            break;
        case '\'':
            out += "&#39;";
            break;
        default:
            out += static_cast<unsigned char>(c) < ' ' && c != '\n' && c != '\t' ? '?' : c;
        }
    }
    return out;
}

} // namespace oa_stream

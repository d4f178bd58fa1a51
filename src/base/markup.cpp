#include "oa_stream/base/markup.hpp"

namespace oa_stream {

std::string table_cell(std::string_view text) {
    std::string out;
    for (const char c : text) {
        out += c == '|' ? "\\" : "";
        out += c == '\n' || c == '\r' ? ' ' : c;
    }
    return out;
}

std::string markdown_text(std::string_view text) {
    std::string out;
    bool escaped = false; // by a backslash of the text's own
    for (const char c : text) {
        if ((c == '<' || c == '`') && !escaped) { // "<!--" and an open code span hide what follows
            out += '\\';
        }
        escaped = c == '\\' && !escaped;
        out += static_cast<unsigned char>(c) < ' ' ? ' ' : c;
    }
    return out;
}

std::string markdown_cell(std::string_view text) {
    return table_cell(markdown_text(text));
}

std::string escape_markup(std::string_view text) {
    std::string out;
    for (const char c : text) {
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

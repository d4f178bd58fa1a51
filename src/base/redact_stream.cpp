// Secrets that come in pieces: each delta alone is harmless.
#include "oa_stream/base/redact.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <string>

namespace oa_stream {

namespace {

/// Members whose strings are joined by whoever reads the stream.
constexpr std::array<std::string_view, 7> k_pieces{
    "delta", "inputTextDelta", "content", "arguments", "reasoning_content", "refusal", "text"
};
/// Members that say which part a piece belongs to.
constexpr std::array<std::string_view, 7> k_part{
    "type", "method", "id", "toolCallId", "itemId", "threadId", "turnId"
};

struct Text {
    std::string joined;
    std::vector<std::size_t> at; ///< of each joined byte, in the file
};
using Parts = std::map<std::string, Text, std::less<>>;

struct Value {
    std::string_view name;
    std::size_t offset; ///< of the string's content
    std::string_view text; ///< still escaped
};

/// The end of the string whose content begins at `at`: its closing quote, or the end of the line.
std::size_t string_end(std::string_view line, std::size_t at) {
    while (at < line.size() && line[at] != '"') {
        at += line[at] == '\\' ? 2U : 1U;
    }
    return std::min(at, line.size());
}

/// Every named string of a line of JSON, however deep, and without caring whether it is legal: what
/// a reader would refuse must be redacted nevertheless.
std::vector<Value> strings_of(std::string_view line) {
    std::vector<Value> out;
    std::string_view name;
    for (std::size_t at = line.find('"'); at != std::string_view::npos; at = line.find('"', at)) {
        const std::size_t end = string_end(line, at + 1);
        const std::string_view text = line.substr(at + 1, end - at - 1);
        const std::size_t next = line.find_first_not_of(" \t", std::min(end + 1, line.size()));
        if (next != std::string_view::npos && line[next] == ':') {
            name = text;
        } else if (!name.empty()) {
            out.push_back({name, at + 1, text});
            name = {};
        }
        at = std::min(end + 1, line.size());
    }
    return out;
}

void take_line(std::string_view line, std::size_t offset, Parts& parts) {
    const auto values = strings_of(line);
    std::string part;
    for (const Value& value : values) {
        if (std::ranges::find(k_part, value.name) != k_part.end()) {
            part += value.text;
            part += '\n';
        }
    }
    for (const Value& value : values) {
        if (std::ranges::find(k_pieces, value.name) == k_pieces.end()) {
            continue;
        }
        Text& text = parts[part + std::string(value.name)];
        text.joined += value.text;
        for (std::size_t i = 0; i < value.text.size(); ++i) {
            text.at.push_back(offset + value.offset + i);
        }
    }
}

Parts parts_of(std::string_view text) {
    Parts parts;
    std::size_t at = 0;
    while (at < text.size()) {
        const std::size_t end = std::min(text.find('\n', at), text.size());
        take_line(text.substr(at, end - at), at, parts);
        at = end + 1;
    }
    return parts;
}

} // namespace

std::vector<Redaction> Redactor::find_stream(std::string_view text) const {
    std::vector<Redaction> found = find(text);
    for (const auto& [name, part] : parts_of(text)) {
        for (const Redaction& place : find(part.joined)) {
            // One range for each stretch that is also one in the file.
            for (std::size_t i = 0; i < place.length; ++i) {
                const std::size_t at = part.at[place.offset + i];
                if (i > 0 && found.back().offset + found.back().length == at) {
                    ++found.back().length;
                } else {
                    found.push_back({at, 1, place.kind, place.value});
                }
            }
        }
    }
    std::ranges::sort(found, {}, &Redaction::offset);
    return found;
}

std::string Redactor::apply_stream(std::string_view text) const {
    std::string out(text);
    for (const Redaction& place : find_stream(text)) {
        out.replace(place.offset, place.length, place.length, '*');
    }
    return out;
}

} // namespace oa_stream

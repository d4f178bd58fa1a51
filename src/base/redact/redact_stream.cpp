// Secrets that come in pieces: each delta alone is harmless.
#include "oa_stream/base/lists.hpp"
#include "oa_stream/base/redact.hpp"

#include <algorithm>
#include <array>
#include <iterator>
#include <map>
#include <string>

namespace oa_stream {

namespace {

/// Members whose strings a reader of the stream joins.
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
    std::size_t object; ///< that it is a member of
};

/// What a JSON object says of the part that it belongs to. Of a thing that is counted only the
/// first delta has to have a name: the index is what all of them have.
struct Object {
    std::size_t parent;
    std::string names{};
    std::string index{};
};

/// One line of JSON.
struct StreamLine {
    std::vector<Value> values{};
    std::vector<Object> objects{{0}}; ///< the first is around all
};

/// The end of the string whose content begins at `at`: its closing quote, or the end of the line.
std::size_t string_end(std::string_view line, std::size_t at) {
    while (at < line.size() && line[at] != '"') {
        at += line[at] == '\\' ? 2U : 1U;
    }
    return std::min(at, line.size());
}

/// Follows the braces of a line. What is nested deeper than anybody nests belongs to the deepest.
class Nesting {
public:
    explicit Nesting(StreamLine& line) : line_(line) {}
    [[nodiscard]] std::size_t object() const { return open_.back(); }
    void brace(char c) {
        constexpr std::size_t k_deepest = 32;
        if (c == '{' && open_.size() == k_deepest) {
            ++beyond_;
        } else if (c == '{') {
            line_.objects.push_back({open_.back()});
            open_.push_back(line_.objects.size() - 1);
        } else if (beyond_ > 0) {
            --beyond_;
        } else if (open_.size() > 1) {
            open_.pop_back();
        }
    }

private:
    StreamLine& line_;
    std::vector<std::size_t> open_{0};
    std::size_t beyond_ = 0;
};

/// Every named string of a line of JSON, however deep, and without caring whether it is legal: what
/// a reader would refuse must be redacted nevertheless.
StreamLine read_line(std::string_view line) {
    constexpr std::size_t k_longest = 64; // of a name or a number; what is cut joins more, not less
    StreamLine out;
    Nesting nesting(out);
    std::string_view name;
    for (std::size_t at = line.find_first_of("\"{}"); at != std::string_view::npos;
         at = line.find_first_of("\"{}", at)) {
        if (line[at] != '"') {
            nesting.brace(line[at++]);
            continue;
        }
        const std::size_t end = string_end(line, at + 1);
        const std::string_view text = line.substr(at + 1, end - at - 1);
        const std::size_t next = line.find_first_not_of(" \t", std::min(end + 1, line.size()));
        Object& object = out.objects[nesting.object()];
        if (next != std::string_view::npos && line[next] == ':') {
            name = text;
            const std::size_t number = line.find_first_not_of(" \t", next + 1);
            if (name == "index" && number != std::string_view::npos) {
                const std::string_view rest = line.substr(number, k_longest);
                object.index = rest.substr(0, rest.find_first_not_of("0123456789"));
            }
        } else if (!name.empty()) {
            out.values.push_back({name, at + 1, text, nesting.object()});
            if (contains(k_part, name) && object.names.size() < 4 * k_longest) {
                object.names.append(text.substr(0, k_longest)).append("\n");
            }
            name = {};
        }
        at = std::min(end + 1, line.size());
    }
    return out;
}

void add_value(const Value& value, std::size_t offset, Text& into) {
    into.joined += value.text;
    for (std::size_t i = 0; i < value.text.size(); ++i) {
        into.at.push_back(offset + value.offset + i);
    }
}

/// What the object and all around it say of the part.
std::string part_of(const StreamLine& line, std::size_t object) {
    std::string out;
    for (;; object = line.objects[object].parent) {
        const Object& one = line.objects[object];
        out += one.index.empty() ? one.names : "#" + one.index + "\n";
        if (object == 0) {
            return out;
        }
    }
}

void take_line(std::string_view line, std::size_t offset, Parts& parts) {
    const StreamLine read = read_line(line);
    for (const Value& value : read.values) {
        if (!contains(k_pieces, value.name)) {
            continue;
        }
        add_value(value, offset, parts[part_of(read, value.object) + std::string(value.name)]);
        if (value.name == "arguments") { // of one call, mostly; not all servers number them
            add_value(value, offset, parts["arguments of any"]);
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

std::vector<Redaction> Redactor::find_joined(std::string_view text) const {
    std::vector<Redaction> found;
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
    return found;
}

std::vector<Redaction> Redactor::find_stream(std::string_view text) const {
    std::vector<Redaction> found = find(text);
    std::ranges::move(find_joined(text), std::back_inserter(found));
    std::ranges::sort(found, {}, &Redaction::offset);
    return found;
}

} // namespace oa_stream

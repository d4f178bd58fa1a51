#include "oa_stream/base/json_bounds.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <string>

namespace oa_stream {

namespace {

constexpr std::string_view k_number = "0123456789+-.eE";

/// Behind the string that begins at `at`.
std::size_t string_end(std::string_view json, std::size_t at) {
    for (++at; at < json.size() && json[at] != '"'; ++at) {
        at += json[at] == '\\' ? 1 : 0;
    }
    return std::min(at + 1, json.size());
}

/// Behind the array or object that begins at `at`.
std::size_t nest_end(std::string_view json, std::size_t at) {
    std::size_t open = 0;
    while (at < json.size()) {
        const char c = json[at];
        if (c == '"') {
            at = string_end(json, at);
            continue;
        }
        open += c == '[' || c == '{' ? 1 : 0;
        open -= (c == ']' || c == '}') && open > 0 ? 1 : 0;
        ++at;
        if (open == 0) {
            break;
        }
    }
    return at;
}

bool out_of_range(std::string_view number) {
    return !std::isfinite(std::strtod(std::string(number).c_str(), nullptr));
}

/// The same JSON without what a Json cannot hold.
std::string held(std::string_view json, int depth) {
    std::string out;
    int open = 0;
    for (std::size_t at = 0; at < json.size();) {
        const char c = json[at];
        std::size_t end = at + 1;
        bool as_text = false;
        if (c == '"') {
            end = string_end(json, at);
        } else if (c == '[' || c == '{') {
            as_text = open >= depth;
            end = as_text ? nest_end(json, at) : end;
            open += as_text ? 0 : 1;
        } else if (c == ']' || c == '}') {
            --open;
        } else if (c == '-' || (c >= '0' && c <= '9')) {
            end = std::min(json.find_first_not_of(k_number, at), json.size());
            as_text = out_of_range(json.substr(at, end - at));
        }
        const auto piece = json.substr(at, end - at);
        if (as_text) {
            append_json_string(out, piece);
        } else {
            out += piece;
        }
        at = end;
    }
    return out;
}

} // namespace

Result<Json> parse_any_json(std::string_view text, JsonLimits limits) {
    auto parsed = parse_json(text, limits);
    if (parsed) {
        return parsed;
    }
    auto reparsed = parse_json(held(text, limits.depth), limits);
    return reparsed ? std::move(reparsed) : std::move(parsed);
}

} // namespace oa_stream

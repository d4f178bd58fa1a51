#include "text_file.hpp"

#include "oa_stream/base/digest.hpp"
#include "oa_stream/base/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace oa_stream::lane {

namespace {

constexpr std::string_view k_data = "data:";
constexpr std::string_view k_base64 = ";base64";
constexpr std::size_t k_name_chars = 100;
constexpr std::array<std::string_view, 5> k_types{
    "application/json",
    "application/xml",
    "application/yaml",
    "application/x-yaml",
    "application/x-ndjson",
};

std::string_view type_of(std::string_view url) {
    url.remove_prefix(k_data.size());
    return url.substr(0, url.find_first_of(";,"));
}

std::optional<std::string> decoded(std::string_view head, std::string data) {
    if (!head.ends_with(k_base64)) {
        return percent_decode(data);
    }
    data.resize(std::min(data.find('='), data.size()));
    std::ranges::replace(data, '+', '-');
    std::ranges::replace(data, '/', '_');
    return base64url_decoded(data);
}

} // namespace

std::optional<std::string> text_file(std::string_view url) {
    const auto comma = url.find(',');
    if (!url.starts_with(k_data) || comma == std::string_view::npos) {
        return std::nullopt;
    }
    const auto type = type_of(url);
    if (!type.starts_with("text/") && std::ranges::find(k_types, type) == k_types.end()) {
        return std::nullopt;
    }
    auto text = decoded(url.substr(0, comma), std::string(url.substr(comma + 1)));
    if (!text || invalid_utf8(*text) || text->contains('\0')) {
        return std::nullopt;
    }
    return text;
}

std::string told_file(std::string_view name, std::string_view url, std::string_view text) {
    std::string plain(name.empty() ? "file" : name);
    std::ranges::replace(plain, '"', '\'');
    return fmt::format(
        "<file name=\"{}\" type=\"{}\">\n{}\n</file>\n",
        printable(plain, k_name_chars),
        type_of(url),
        text
    );
}

} // namespace oa_stream::lane

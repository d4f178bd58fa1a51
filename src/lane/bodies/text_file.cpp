#include "text_file.hpp"

#include "oa_stream/base/digest.hpp"
#include "oa_stream/base/lists.hpp"
#include "oa_stream/base/text.hpp"

#include "chats/image_url.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <expected>

namespace oa_stream::lane {

namespace {

constexpr std::string_view k_data = "data:";
constexpr std::size_t k_name_chars = 100;
constexpr std::string_view k_file_begins = "<file name=\"";
constexpr std::string_view k_file_ends = "\n</file>";
constexpr std::array<std::string_view, 5> k_types{
    "application/json",
    "application/xml",
    "application/yaml",
    "application/x-yaml",
    "application/x-ndjson",
};

std::optional<std::string> decoded(bool base64, std::string data) {
    if (!base64) {
        return percent_decode(data);
    }
    data.resize(std::min(data.find('='), data.size()));
    std::ranges::replace(data, '+', '-');
    std::ranges::replace(data, '/', '_');
    return base64url_decoded(data);
}

/// The text, or why it cannot be read. An empty reason: the URL does not contain a text file.
std::expected<std::string, std::string_view> read_text_file(std::string_view url) {
    const auto comma = url.find(',');
    if (!url.starts_with(k_data)) {
        return std::unexpected("");
    }
    const auto type = data_type(url);
    if (!type.starts_with("text/") && !contains(k_types, type)) {
        return std::unexpected("");
    }
    if (comma == std::string_view::npos) {
        return std::unexpected("a text file must have its data behind the comma of its URL");
    }
    auto text = decoded(says_base64(url), std::string(url.substr(comma + 1)));
    if (!text) {
        return std::unexpected(
            "its data must be complete and encoded as its URL states: base64, or percent-encoded"
        );
    }
    if (invalid_utf8(*text) || text->contains('\0')) {
        return std::unexpected("a text file must be UTF-8 without NUL characters");
    }
    return *std::move(text);
}

} // namespace

std::optional<std::string> text_file(std::string_view url) {
    auto read = read_text_file(url);
    return read ? std::optional(*std::move(read)) : std::nullopt;
}

std::string_view text_file_fault(std::string_view url) {
    const auto read = read_text_file(url);
    return read ? std::string_view() : read.error();
}

std::string file_as_text(std::string_view name, std::string_view url, std::string_view text) {
    std::string plain(name.empty() ? "file" : name);
    std::ranges::replace(plain, '"', '\'');
    return fmt::format(
        "{}{}\" type=\"{}\">\n{}{}\n",
        k_file_begins,
        printable(plain, k_name_chars),
        data_type(url),
        text,
        k_file_ends
    );
}

std::string_view words_beside_files(std::string_view message) {
    std::string_view name;
    auto rest = trim_blanks(message);
    while (rest.starts_with(k_file_begins)) {
        rest.remove_prefix(k_file_begins.size());
        name = name.empty() ? rest.substr(0, rest.find('"')) : name;
        const auto end = rest.find(k_file_ends);
        rest = end == std::string_view::npos ? std::string_view()
                                             : trim_blanks(rest.substr(end + k_file_ends.size()));
    }
    const auto words = trim_blanks(rest.substr(0, rest.find(k_file_begins)));
    return words.empty() ? name : words;
}

} // namespace oa_stream::lane

#include "image_url.hpp"

#include "oa_stream/base/text.hpp"

#include "bodies/image_shape.hpp"

#include <algorithm>
#include <array>

namespace oa_stream::lane {

namespace {

constexpr std::string_view k_data = "data:";
constexpr std::string_view k_head = "data:image/";
constexpr std::string_view k_base64 = "base64";

struct Format {
    ImageFormat format;
    std::string_view begins; ///< the first bytes in base64, as far as they fill whole digits
};
constexpr std::array k_formats{
    Format{ImageFormat::png, "iVBORw0KGg"},
    Format{ImageFormat::jpeg, "/9j/"},
    Format{ImageFormat::gif, "R0lGOD"},
    Format{ImageFormat::webp, "UklGR"},
};

bool is_base64(std::string_view text) noexcept {
    const auto digits = text.substr(0, text.find('='));
    const auto padding = text.substr(digits.size());
    const bool whole =
        text.size() % 4 == 0 && (padding.empty() || padding == "=" || padding == "==");
    return whole && is_plain_word(digits, "+/");
}

/// The text behind the last ';' of the type, unchanged.
std::string_view last_parameter(std::string_view url) noexcept {
    const auto head = url.substr(0, url.find(','));
    const auto at = head.rfind(';');
    return at == std::string_view::npos ? std::string_view() : head.substr(at + 1);
}

} // namespace

std::string normal_data_url(std::string url) {
    const std::string_view given = url;
    if (iequals(given.substr(0, k_data.size()), k_data)) {
        const auto end = std::min(given.find_first_of(";,"), given.size());
        url.replace(0, end, to_lower(given.substr(0, end)));
    }
    return url;
}

std::string_view data_type(std::string_view url) noexcept {
    return url.starts_with(k_data)
               ? url.substr(k_data.size(), url.find_first_of(";,") - k_data.size())
               : std::string_view();
}

bool says_base64(std::string_view url) noexcept {
    return iequals(trim(last_parameter(url)), k_base64);
}

std::string_view image_fault(std::string_view url) {
    if (!url.starts_with(k_head)) {
        return "an image must be a data: URL: nothing is fetched from other servers";
    }
    const auto comma = url.find(',');
    if (comma == std::string_view::npos) {
        return "an image must have its data behind the comma of its URL";
    }
    const auto data = url.substr(comma + 1);
    // Codex detects the type from the data and passes that one to the model.
    const auto* format = std::ranges::find_if(k_formats, [&](const Format& one) {
        return data.starts_with(one.begins);
    });
    if (format == k_formats.end()) {
        return "an image must be PNG, JPEG, GIF or WebP";
    }
    if (!says_base64(url) || !is_base64(data)) {
        return "an image must be whole base64";
    }
    if (last_parameter(url).size() != k_base64.size()) { // Codex would ignore such an image
        return "an image must have a URL without spaces around base64";
    }
    return shape_fault(format->format, data);
}

} // namespace oa_stream::lane

#include "chat_title.hpp"

#include "oa_stream/base/text.hpp"

#include <algorithm>

namespace oa_stream::lane {

namespace {

constexpr std::ptrdiff_t k_title_chars = 200;

} // namespace

Accepted<std::string> read_title(const Json& body) {
    const auto* value = member(body, "title");
    if (value == nullptr || value->is_null()) {
        return std::string();
    }
    if (!value->is_string()) {
        return std::unexpected(invalid_field("title", "title must be a string"));
    }
    std::string title(trim(value->get_ref<const std::string&>()));
    const auto chars = std::ranges::count_if(title, [](char c) {
        return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U;
    });
    if (chars > k_title_chars) {
        return std::unexpected(invalid_field("title", "title has more than 200 characters"));
    }
    return title;
}

} // namespace oa_stream::lane

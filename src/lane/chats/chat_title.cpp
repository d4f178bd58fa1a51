#include "chat_title.hpp"

#include "oa_stream/base/text.hpp"
#include "oa_stream/base/utf8.hpp"

namespace oa_stream::lane {

namespace {

constexpr std::size_t k_title_chars = 200;

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
    if (code_points(title) > k_title_chars) {
        return std::unexpected(invalid_field("title", "title has more than 200 characters"));
    }
    return title;
}

} // namespace oa_stream::lane

#include "head_fields.hpp"

#include "oa_stream/base/lines.hpp"
#include "oa_stream/base/text.hpp"

namespace oa_stream::net {

namespace {

std::string_view next_line(std::string_view& rest) noexcept {
    auto line = cut_line(rest);
    if (line.ends_with('\r')) {
        line.remove_suffix(1);
    }
    return line;
}

bool folded(std::string_view rest) noexcept {
    return rest.starts_with(' ') || rest.starts_with('\t');
}

} // namespace

Headers parse_fields(std::string_view head) {
    Headers fields;
    (void)next_line(head); // status line
    while (!head.empty()) {
        const auto line = next_line(head);
        const auto colon = line.find(':');
        std::string value(colon == std::string_view::npos ? "" : trim(line.substr(colon + 1)));
        while (folded(head)) {
            value.append(" ").append(trim(next_line(head)));
        }
        if (colon != std::string_view::npos) {
            fields.add(std::string(line.substr(0, colon)), std::move(value));
        }
    }
    return fields;
}

} // namespace oa_stream::net

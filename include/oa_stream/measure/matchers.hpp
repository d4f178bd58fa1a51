// Label matchers as users write them: the text between the braces of a Prometheus selector.
#pragma once

#include "oa_stream/base/error.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace oa_stream::measure {

struct Matcher {
    std::string name{};
    std::string op{}; ///< "=", "!=", "=~" or "!~"
    std::string value{}; ///< without its quotes and escapes

    friend bool operator==(const Matcher&, const Matcher&) = default;
};

/// Parses `job="lane", instance!~"a.*"`; an empty text has no matchers. Code::usage for text that
/// Prometheus would not accept between the braces of a metric's selector. Strings must be in double
/// quotes, with the escapes \\, \" and \n only.
[[nodiscard]] Result<std::vector<Matcher>> parse_matchers(std::string_view text);

/// A label's name: letters, digits and underscores, no digit first.
[[nodiscard]] bool is_label_name(std::string_view text) noexcept;
/// Code::usage for a label that cannot carry the revision: it is not a label name, or the lane's
/// own counters use it for something else.
[[nodiscard]] Result<void> check_revision_label(std::string_view text);

} // namespace oa_stream::measure

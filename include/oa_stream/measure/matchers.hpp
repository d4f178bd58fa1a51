// Label matchers as people give them: what goes between the braces of a Prometheus selector.
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

/// `job="lane", instance!~"a.*"` taken apart; empty text has none. Code::usage for what Prometheus
/// would not take between the braces of a metric's selector; of its strings only those in double
/// quotes, with \\, \" and \n.
[[nodiscard]] Result<std::vector<Matcher>> parse_matchers(std::string_view text);

/// A label's name: letters, digits and underscores, no digit first.
[[nodiscard]] bool is_label_name(std::string_view text) noexcept;
/// Code::usage for what cannot be the label that carries the revision: it is not a name, or the
/// lane's own counters have it for something else.
[[nodiscard]] Result<void> check_revision_label(std::string_view text);

} // namespace oa_stream::measure

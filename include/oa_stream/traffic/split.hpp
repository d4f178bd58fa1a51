// The shares of the traffic that revisions get.
#pragma once

#include "oa_stream/base/error.hpp"
#include "oa_stream/base/json.hpp"

#include <map>
#include <string>
#include <string_view>

namespace oa_stream::traffic {

/// Whole percents by revision, summing to 100. A revision that is not listed has 0.
class Split {
public:
    Split() = default; ///< empty: unknown
    /// Code::usage unless every share is within 0–100 and they sum to 100.
    [[nodiscard]] static Result<Split> of(std::map<std::string, int, std::less<>> percent);
    /// canary gets `percent`, stable the rest. Code::usage for equal names or a percent out of
    /// range.
    [[nodiscard]] static Result<Split>
    between(std::string_view stable, std::string_view canary, int percent);
    /// Code::protocol unless it is an object of revision → whole percent as above.
    [[nodiscard]] static Result<Split> from_json(const Json& json);

    [[nodiscard]] int percent_of(std::string_view revision) const noexcept;
    [[nodiscard]] bool empty() const noexcept { return percent_.empty(); }
    [[nodiscard]] const std::map<std::string, int, std::less<>>& all() const noexcept {
        return percent_;
    }
    [[nodiscard]] Json to_json() const;
    /// "canary 5%, stable 95%"
    [[nodiscard]] std::string text() const;

    /// Equal when every revision has the same share; a named 0 equals an unnamed one.
    friend bool operator==(const Split& a, const Split& b) noexcept;

private:
    std::map<std::string, int, std::less<>> percent_;
};

/// Strict "0"–"100" with an optional "%": no sign, no leading zero, no fraction.
[[nodiscard]] Result<int> parse_percent(std::string_view text);

} // namespace oa_stream::traffic

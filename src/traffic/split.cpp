#include "oa_stream/traffic/split.hpp"

#include "oa_stream/base/text.hpp"
#include "oa_stream/base/utf8.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>

namespace oa_stream::traffic {
namespace {

/// Some programs print a whole number as 100.0 or 1e2.
std::optional<int> whole_percent(const Json& value) {
    const double number = value.is_number() ? value.get<double>() : -1;
    const bool whole = number >= 0 && number <= 100 && std::trunc(number) == number;
    return whole ? std::optional(static_cast<int>(number)) : std::nullopt;
}

} // namespace

Result<Split> Split::of(std::map<std::string, int, std::less<>> percent) {
    int sum = 0;
    for (const auto& [revision, share] : percent) {
        if (share < 0 || share > 100) {
            return fail(Code::usage, fmt::format("share of {} is {}%", revision, share));
        }
        sum += share;
    }
    if (sum != 100) {
        return fail(Code::usage, fmt::format("shares sum to {}%, not 100%", sum));
    }
    Split out;
    out.percent_ = std::move(percent);
    return out;
}

Result<Split> Split::between(std::string_view stable, std::string_view canary, int percent) {
    if (stable == canary) {
        return fail(Code::usage, fmt::format("stable and canary are both '{}'", stable));
    }
    return of({{std::string(stable), 100 - percent}, {std::string(canary), percent}});
}

Result<Split> Split::from_json(const Json& json) {
    if (!json.is_object()) {
        return fail(Code::protocol, "a split is an object of revision and percent");
    }
    std::map<std::string, int, std::less<>> percent;
    for (const auto& [revision, value] : json.items()) {
        if (find_refused_control(revision)) {
            return fail(
                Code::protocol,
                fmt::format("'{}' is not the name of a revision", printable(revision, 40))
            );
        }
        const auto share = whole_percent(value);
        if (!share) {
            return fail(
                Code::protocol, fmt::format("share of {} is not a whole percent", revision)
            );
        }
        percent[revision] = *share;
    }
    auto out = of(std::move(percent));
    if (!out) {
        return fail(Code::protocol, out.error().message);
    }
    return out;
}

int Split::percent_of(std::string_view revision) const noexcept {
    const auto found = percent_.find(revision);
    return found == percent_.end() ? 0 : found->second;
}

Json Split::to_json() const {
    Json out = Json::object();
    for (const auto& [revision, share] : percent_) {
        out[revision] = share;
    }
    return out;
}

std::string Split::text() const {
    std::string out;
    for (const auto& [revision, share] : percent_) {
        out += fmt::format("{}{} {}%", out.empty() ? "" : ", ", revision, share);
    }
    return out.empty() ? "unknown" : out;
}

bool operator==(const Split& a, const Split& b) noexcept {
    const auto covers = [](const Split& some, const Split& other) {
        return std::ranges::all_of(some.all(), [&](const auto& entry) {
            return other.percent_of(entry.first) == entry.second;
        });
    };
    return a.empty() == b.empty() && covers(a, b) && covers(b, a);
}

Result<int> parse_percent(std::string_view text) {
    const std::string_view digits = text.ends_with('%') ? text.substr(0, text.size() - 1) : text;
    auto number = parse_count(digits, 0, 100);
    if (!number) {
        return fail(Code::usage, fmt::format("'{}' is not a percentage", text), {}, "0 to 100");
    }
    return static_cast<int>(*number);
}

} // namespace oa_stream::traffic

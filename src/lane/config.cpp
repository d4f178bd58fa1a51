#include "oa_stream/lane/config.hpp"

#include "oa_stream/base/enum_words.hpp"
#include "oa_stream/base/lines.hpp"
#include "oa_stream/base/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace oa_stream::lane {

std::string_view to_string(LaneMode mode) noexcept {
    return enum_word<LaneMode::off>(k_lane_modes, mode);
}

Result<LaneMode> parse_lane_mode(std::string_view text) {
    const auto word = trim(text);
    if (const auto mode = enum_value<LaneMode>(k_lane_modes, word)) {
        return *mode;
    }
    return fail(
        Code::config,
        fmt::format("no lane mode '{}'", printable(word, 40)),
        {},
        "on, retired or off"
    );
}

std::span<const std::string_view> allowed_words() {
    static constexpr std::array<std::string_view, 4> k_words{"model", "system", "effort", "tools"};
    return k_words;
}

Result<LaneAllowed> parse_allowed(std::string_view text) {
    constexpr std::array k_members{
        &LaneAllowed::model, &LaneAllowed::system, &LaneAllowed::effort, &LaneAllowed::tools
    };
    LaneAllowed out;
    do { // runs for an empty text, too: an unset variable of a script must not mean "none"
        const auto word = trim(cut_until(text, ','));
        const auto found = std::ranges::find(allowed_words(), word);
        if (found == allowed_words().end()) {
            return fail(
                Code::usage,
                fmt::format("a request has no '{}' that could be allowed", printable(word, 40)),
                {},
                "any of model, system, effort and tools, with commas between them"
            );
        }
        out.*k_members.at(static_cast<std::size_t>(found - allowed_words().begin())) = true;
    } while (!text.empty());
    return out;
}

Result<std::string> read_allowed_host(std::string_view text) {
    auto host = text;
    const bool bracketed = host.starts_with('[') && host.ends_with(']');
    if (bracketed) {
        host = host.substr(1, host.size() - 2);
    }
    const auto name = host.starts_with("*.") ? host.substr(2) : host;
    const bool plain = is_plain_word(name, ".-_:");
    const auto colons = std::ranges::count(name, ':');
    const bool fine = host == "*" || (plain && colons != 1 && !name.starts_with('.'));
    if (!fine) {
        return fail(
            Code::usage,
            fmt::format("'{}' is not a host name", printable(text, 60)),
            {},
            "like lane.example, *.example or 10.0.0.5, without a port"
        );
    }
    return to_lower(host);
}

} // namespace oa_stream::lane

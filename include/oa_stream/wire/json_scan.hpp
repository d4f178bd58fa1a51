// Reads JSON as a browser does, and records the facts for rules J1 and J5–J7: which texts a
// client's JSON.parse accepts, and which of those its own checks then refuse.
//
// base/json.hpp is stricter (lone surrogates, numbers out of range) and drops repeated keys.
#pragma once

#include "oa_stream/base/json.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace oa_stream::wire {

enum class JsonFault {
    none,
    malformed, ///< no client could parse it
    too_deep,  ///< nested deeper than the cap; the rest was not read
};

struct ScannedJson {
    JsonFault fault = JsonFault::none;
    std::size_t fault_at = 0; ///< byte where reading stopped
    /// The last of repeated keys wins, as in clients. Invalid UTF-8 becomes U+FFFD; a lone
    /// surrogate escape is kept as its three bytes (ED A0..BF xx): see replace_lone_surrogates().
    Json value{};
    std::optional<std::string> repeated_key{}; ///< the first one found
    std::optional<std::string> forbidden_key{}; ///< "__proto__" or "constructor.prototype"
    bool lone_surrogate = false; ///< in any string or key, including overridden values
};

inline constexpr int k_json_depth = 512; ///< rule W2

/// Never throws. Numbers out of range become infinity or zero, as in JavaScript.
[[nodiscard]] ScannedJson scan_json(std::string_view text, int depth_cap = k_json_depth);

/// True when a key or string of `value` contains a lone surrogate's bytes.
[[nodiscard]] bool has_lone_surrogate(const Json& value);
/// Replaces them with U+FFFD, so that the value can be written again.
void replace_lone_surrogates(Json& value);
void replace_lone_surrogates(std::string& text);

/// Equality as in JavaScript: numbers as doubles, objects without order.
[[nodiscard]] bool same_json(const Json& a, const Json& b);
/// JavaScript represents every integer up to this one exactly.
inline constexpr std::int64_t k_largest_whole = (std::int64_t{1} << 53) - 1;
/// A time from here on is not in seconds: it was written in milliseconds.
inline constexpr std::int64_t k_seconds_end = 100'000'000'000;
/// The member as an integer that JavaScript represents exactly (3.0 is one); nullopt otherwise.
[[nodiscard]] std::optional<std::int64_t> whole_member(const Json& object, std::string_view key);

} // namespace oa_stream::wire

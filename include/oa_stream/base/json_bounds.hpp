// JSON of others: how much of what a client sends is read and kept, and how nothing of a peer is
// lost.
#pragma once

#include "oa_stream/base/json.hpp"

#include <cstddef>
#include <functional>
#include <limits>
#include <span>
#include <stop_token>
#include <string_view>

namespace oa_stream {

struct JsonBounds {
    static constexpr auto k_none = std::numeric_limits<std::size_t>::max();

    int depth = 64; ///< nested arrays and objects
    std::size_t members = k_none; ///< names in one object, each as often as it stands there
    std::size_t values = k_none; ///< kept in all, arrays and objects among them
    /// Not empty: members of other names, at any depth, are checked like all JSON but not kept.
    std::span<const std::string_view> wanted{};
    /// With `wanted`: members of the outermost object that are kept with everything in them …
    std::span<const std::string_view> whole{};
    /// … and of other members down to so many levels of arrays and objects, the outermost one among
    /// them, the names are kept, each with the value null.
    std::size_t named_levels = 0;
    std::stop_token stop{};
    bool unique_names = false; ///< a name twice in one object is an error; else the last one counts
    /// With `wanted`: this item of the array that is the outermost object's member `list` is kept
    /// with everything in it.
    std::string_view list{};
    std::size_t item = k_none;
};

/// parse_json() within bounds, in time proportional to the text (members of one object: n log n).
/// Beyond `members` or `values`: Code::too_large; after `stop`: Code::cancelled.
[[nodiscard]] Result<Json> parse_json_within(std::string_view text, const JsonBounds& bounds);

using TakeText = std::function<void(std::string_view name, std::string_view text)>;
/// A member whose own members are passed on as well; of an array those of its last item.
struct SkimInner {
    std::string_view name;
    TakeText take;
};
/// Passes on the members of a JSON object, then those of each of `inner`, in their order and
/// without memory for the rest. A value that is not a string has an empty text; one that is not an
/// object has no members. Code::protocol: not a JSON object; some members may have been passed on.
/// In other values only strings and brackets are checked.
[[nodiscard]] Result<void>
skim_json(std::string_view text, const TakeText& outer, std::span<const SkimInner> inner);

/// As parse_json(), for a peer whose every message counts: a number beyond the range of a double
/// becomes a string of its digits, and an array or object beyond `limits.depth` a string of its
/// JSON. What fails is no JSON at all.
[[nodiscard]] Result<Json> parse_any_json(std::string_view text, JsonLimits limits = {});

} // namespace oa_stream

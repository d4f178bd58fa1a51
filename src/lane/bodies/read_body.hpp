// From the bytes of a request's body to what a route makes of them.
#pragma once

#include "oa_stream/base/json_bounds.hpp"

#include "gates/call.hpp"
#include "gates/rejection.hpp"
#include "state.hpp"

#include <cstddef>
#include <functional>
#include <optional>
#include <span>
#include <string_view>

namespace oa_stream::lane {

/// Makes something of the body. May be called on another thread, while the request waits: it must
/// touch nothing but the body and what is this request's own.
using BodyUse = std::function<Accepted<void>(const Json& body)>;

/// What of a body is kept: all of it, or what JsonBounds says of these.
struct BodyKeep {
    std::span<const std::string_view> wanted{};
    std::span<const std::string_view> whole{};
    std::size_t named_levels = 0;
    /// Half characters become U+FFFD instead of 400, unless this finds one (surrogates.hpp:
    /// k_half_character) where it must not be: in what is new.
    std::function<bool(const Json& body)> half_in_new{};
    std::size_t message = JsonBounds::k_none; ///< item of `messages` that is kept whole
};

/// For BodyKeep::half_in_new of a body that was read before.
inline bool no_more_new(const Json& /*body*/) {
    return false;
}

/// To read one of the messages again, with everything in it: messages[at], else `message`.
[[nodiscard]] BodyKeep keep_message(std::optional<std::size_t> at);

/// 503: too many large requests are being read.
[[nodiscard]] Rejection reject_crowd();

/// Parses the body and calls `use`, for large bodies on the lane's body thread. 400 invalid_json;
/// 413 when the body has more values or names than the limits allow; 499 when the client left
/// meanwhile; 503 when too many bodies wait or the lane ends; else what `use` says.
[[nodiscard]] Task<Accepted<void>>
read_body(LaneState* lane, CallPtr call, BodyKeep keep, BodyUse use);

} // namespace oa_stream::lane

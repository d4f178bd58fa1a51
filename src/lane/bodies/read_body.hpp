// Parses a request's body and passes it to its route.
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

/// Reads the parsed body. May be called on another thread while the request waits: it must use
/// nothing but the body and the request's own data.
using BodyUse = std::function<Accepted<void>(const Json& body)>;

/// What is kept of a body: all of it, or what JsonBounds defines for these members.
struct BodyKeep {
    std::span<const std::string_view> wanted{};
    std::span<const std::string_view> whole{};
    std::size_t named_levels = 0;
    /// Half characters become U+FFFD. Without this function, or when it finds one (surrogates.hpp:
    /// k_half_character) in the new part of the body, the body is refused with 400.
    std::function<bool(const Json& body)> half_in_new{};
    std::size_t message = JsonBounds::k_none; ///< item of `messages` that is kept whole
};

/// For BodyKeep::half_in_new of a body that was read before.
inline bool no_more_new(const Json& /*body*/) {
    return false;
}

/// To read one message again, completely: messages[at], or else `message`.
[[nodiscard]] BodyKeep keep_message(std::optional<std::size_t> at);

/// 503: too many large requests are being read.
[[nodiscard]] Rejection reject_crowd();

/// Parses the body and calls `use`; for large bodies on the lane's body thread. 400 invalid_json;
/// 413 when the body has more values or names than the limits allow; 499 when the client left
/// meanwhile; 503 when too many bytes wait or the lane ends; otherwise the result of `use`.
[[nodiscard]] Task<Accepted<void>>
read_body(LaneState* lane, CallPtr call, BodyKeep keep, BodyUse use);

} // namespace oa_stream::lane

// The members that a JSON answer must have, with their types. Private to the room.
#pragma once

#include "oa_stream/base/json.hpp"

#include <span>
#include <string>
#include <string_view>

namespace oa_stream::probe {

enum class Shape {
    text,        ///< not empty
    maybe_text, ///< a text, null or absent, if the service has none
    whole,       ///< an integer of 0 or more
    number,      ///< any number of 0 or more
    boolean,
    list,
    object,
    present, ///< anything except null
};

struct MemberShape {
    std::string_view path; ///< "data.session.sessionId"
    Shape shape;
};

/// The value at a dotted path, nullptr when a step is missing.
[[nodiscard]] const Json* at_path(const Json& json, std::string_view path) noexcept;

/// "data.session.userId: expected a text, saw null": the first wrong member; empty when all are
/// right.
[[nodiscard]] std::string
shape_error(const Json& json, std::span<const MemberShape> members, std::string_view prefix = {});

/// "null", "a number", "an object" …; short texts are quoted.
[[nodiscard]] std::string kind_of(const Json* value);

} // namespace oa_stream::probe

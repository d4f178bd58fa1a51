// What members a JSON answer must have, and of which types. Private to the room.
#pragma once

#include "oa_stream/base/json.hpp"

#include <span>
#include <string>
#include <string_view>

namespace oa_stream::probe {

enum class Shape {
    text,        ///< not empty
    maybe_text,  ///< a text, null or absent: what the service leaves out when it has none
    whole,       ///< an integer of 0 or more
    number,      ///< any number of 0 or more
    boolean,
    list,
    object,
    present,     ///< anything but null
};

struct MemberShape {
    std::string_view path; ///< "data.session.sessionId"
    Shape shape;
};

/// The value at a dotted path, nullptr when a step is missing.
[[nodiscard]] const Json* at_path(const Json& json, std::string_view path) noexcept;

/// "data.session.userId: expected a text, saw null": the first member that is not as it must be;
/// empty when all are.
[[nodiscard]] std::string
shape_error(const Json& json, std::span<const MemberShape> members, std::string_view prefix = {});

/// "null", "a number", "an object" … and for short texts the text itself, quoted.
[[nodiscard]] std::string kind_of(const Json* value);

} // namespace oa_stream::probe

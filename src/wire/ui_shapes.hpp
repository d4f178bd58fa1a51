// The chunk types and their keys: the table for rules J2–J4 and J8–J10. The keys are those that all
// nine pinned clients accept, found by running them (conformance kit).
#pragma once

#include "oa_stream/wire/ui_chunk.hpp"

#include <span>
#include <string_view>

namespace oa_stream::wire::ui {

enum class Type {
    start,
    start_step,
    text_start,
    text_delta,
    text_end,
    reasoning_start,
    reasoning_delta,
    reasoning_end,
    tool_input_start,
    tool_input_delta,
    tool_input_available,
    tool_output_available,
    tool_output_error,
    tool_approval_request,
    tool_output_denied,
    data, ///< data-NAME
    error,
    finish_step,
    finish,
    abort,
    other, ///< supported by every client, outside the contract
};

/// `metadata`: an object of objects.
enum class Is { string, boolean, any, object_or_null, metadata };
struct Key {
    std::string_view name;
    Is is = Is::string;
    bool required = false;
};

struct Shape {
    Type type;
    std::string_view name; ///< "data-" matches every data-NAME
    std::span<const Key> keys;
    bool takes_metadata =
        false; ///< every client accepts providerMetadata, the contract does not (J10)
    bool approvals = false; ///< only in Dialect::approvals
};

/// nullptr for a type that some client of the dialect does not support.
[[nodiscard]] const Shape* find_shape(std::string_view type, Dialect dialect) noexcept;

} // namespace oa_stream::wire::ui

#include "ui_shapes.hpp"

#include "oa_stream/base/lists.hpp"

#include <array>

namespace oa_stream::wire::ui {

namespace {

/// Clients merge it into the message's metadata; a string, a number or a boolean there ends the
/// turn.
constexpr Key k_metadata{"messageMetadata", Is::object_or_null};

constexpr std::array k_start{Key{"messageId"}, k_metadata};
constexpr std::array k_id{Key{"id", Is::string, true}};
constexpr std::array k_delta_keys{Key{"id", Is::string, true}, Key{"delta", Is::string, true}};
constexpr std::array k_tool_start{
    Key{"toolCallId", Is::string, true},
    Key{"toolName", Is::string, true},
    Key{"dynamic", Is::boolean},
    Key{"providerExecuted", Is::boolean},
};
constexpr std::array k_tool_delta{
    Key{"toolCallId", Is::string, true},
    Key{"inputTextDelta", Is::string, true},
};
constexpr std::array k_tool_input{
    Key{"toolCallId", Is::string, true},
    Key{"toolName", Is::string, true},
    Key{"input", Is::any, true},
    Key{"dynamic", Is::boolean},
    Key{"providerExecuted", Is::boolean},
};
constexpr std::array k_tool_output{
    Key{"toolCallId", Is::string, true},
    Key{"output", Is::any, true},
    Key{"dynamic", Is::boolean},
    Key{"providerExecuted", Is::boolean},
};
constexpr std::array k_tool_error{
    Key{"toolCallId", Is::string, true},
    Key{"errorText", Is::string, true},
    Key{"dynamic", Is::boolean},
    Key{"providerExecuted", Is::boolean},
};
constexpr std::array k_approval{
    Key{"approvalId", Is::string, true},
    Key{"toolCallId", Is::string, true},
};
constexpr std::array k_denied{Key{"toolCallId", Is::string, true}};
constexpr std::array k_data{
    Key{"id"},
    Key{"data", Is::any, true},
    Key{"transient", Is::boolean},
};
constexpr std::array k_error{Key{"errorText", Is::string, true}};
constexpr std::array k_finish{k_metadata};
constexpr std::array k_source_url{
    Key{"sourceId", Is::string, true},
    Key{"url", Is::string, true},
    Key{"title"},
};
constexpr std::array k_source_document{
    Key{"sourceId", Is::string, true},
    Key{"mediaType", Is::string, true},
    Key{"title", Is::string, true},
    Key{"filename"},
};
constexpr std::array k_file{
    Key{"url", Is::string, true},
    Key{"mediaType", Is::string, true},
};
constexpr std::array k_message_metadata{k_metadata};
constexpr std::span<const Key> k_none{};

// Most frequent first: the lookup is a linear search.
constexpr std::array k_shapes{
    Shape{Type::text_delta, "text-delta", k_delta_keys, true},
    Shape{Type::reasoning_delta, "reasoning-delta", k_delta_keys, true},
    Shape{Type::tool_input_delta, "tool-input-delta", k_tool_delta},
    Shape{Type::text_start, "text-start", k_id, true},
    Shape{Type::text_end, "text-end", k_id, true},
    Shape{Type::reasoning_start, "reasoning-start", k_id, true},
    Shape{Type::reasoning_end, "reasoning-end", k_id, true},
    Shape{Type::tool_input_start, "tool-input-start", k_tool_start},
    Shape{Type::tool_input_available, "tool-input-available", k_tool_input, true},
    Shape{Type::tool_output_available, "tool-output-available", k_tool_output},
    Shape{Type::tool_output_error, "tool-output-error", k_tool_error},
    Shape{Type::start, "start", k_start},
    Shape{Type::start_step, "start-step", k_none},
    Shape{Type::finish_step, "finish-step", k_none},
    Shape{Type::finish, "finish", k_finish},
    Shape{Type::error, "error", k_error},
    Shape{Type::abort, "abort", k_none},
    Shape{Type::tool_approval_request, "tool-approval-request", k_approval, false, true},
    Shape{Type::tool_output_denied, "tool-output-denied", k_denied, false, true},
    Shape{Type::other, "source-url", k_source_url, true},
    Shape{Type::other, "source-document", k_source_document, true},
    Shape{Type::other, "file", k_file, true},
    Shape{Type::other, "message-metadata", k_message_metadata},
};
constexpr Shape k_data_shape{Type::data, "data-", k_data};

} // namespace

const Shape* find_shape(std::string_view type, Dialect dialect) noexcept {
    if (const Shape* shape = find_or_null(k_shapes, type, &Shape::name)) {
        return shape->approvals && dialect != Dialect::approvals ? nullptr : shape;
    }
    return type.starts_with(k_data_shape.name) ? &k_data_shape : nullptr;
}

} // namespace oa_stream::wire::ui

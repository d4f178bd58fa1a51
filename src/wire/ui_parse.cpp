#include "oa_stream/base/lists.hpp"
#include "oa_stream/base/text.hpp"
#include "oa_stream/wire/json_scan.hpp"
#include "oa_stream/wire/object_scan.hpp"
#include "oa_stream/wire/ui_chunk.hpp"

#include "ui_delta.hpp"
#include "ui_shapes.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace oa_stream::wire::ui {

namespace {

/// Moves the members of a chunk's object into structs.
class Members {
public:
    explicit Members(Json& object) : object_(object) {}

    [[nodiscard]] Json* find(std::string_view key) const {
        for (auto& [name, value] : object_.get_ref<Json::object_t&>()) {
            if (name == key) {
                return &value;
            }
        }
        return nullptr;
    }

    /// Empty when missing or not a string (J4).
    [[nodiscard]] std::string text(std::string_view key) const {
        Json* found = find(key);
        return found != nullptr && found->is_string() ? std::move(found->get_ref<std::string&>())
                                                      : std::string();
    }

    /// A value that is compared with other chunks. Missing or wrong values (J4) become a string
    /// that differs from every string on the wire but equals itself, as clients compare them.
    [[nodiscard]] std::string identity(std::string_view key) const {
        Json* found = find(key);
        if (found != nullptr && found->is_string()) {
            return std::move(found->get_ref<std::string&>());
        }
        return '\xFF' + (found == nullptr ? std::string() : dump_json(*found));
    }

    [[nodiscard]] std::optional<std::string> maybe_identity(std::string_view key) const {
        return find(key) == nullptr ? std::nullopt : std::optional(identity(key));
    }

    /// JavaScript's truthiness, so that wrong types (J4) are judged as clients treat them.
    [[nodiscard]] bool truth(std::string_view key) const {
        const Json* found = find(key);
        if (found == nullptr || found->is_null()) {
            return false;
        }
        if (found->is_boolean()) {
            return found->get<bool>();
        }
        if (found->is_number()) {
            return found->get<double>() != 0;
        }
        return !found->is_string() || !found->get_ref<const std::string&>().empty();
    }

    [[nodiscard]] Json opaque(std::string_view key) const {
        Json* found = find(key);
        return found == nullptr ? Json() : std::move(*found);
    }

    [[nodiscard]] std::optional<Json> maybe_opaque(std::string_view key) const {
        return find(key) == nullptr ? std::nullopt : std::optional(opaque(key));
    }

private:
    Json& object_;
};

Chunk to_tool(Type type, const Members& of) {
    std::string call = of.identity("toolCallId");
    const bool dynamic = of.truth("dynamic");
    const bool executed = of.truth("providerExecuted");
    switch (type) {
    case Type::tool_input_start:
        return ToolInputStart{std::move(call), of.identity("toolName"), dynamic, executed};
    case Type::tool_input_delta:
        return ToolInputDelta{std::move(call), of.text("inputTextDelta")};
    case Type::tool_input_available:
        return ToolInputAvailable{
            std::move(call), of.identity("toolName"), of.opaque("input"), dynamic, executed
        };
    case Type::tool_output_available:
        return ToolOutputAvailable{std::move(call), of.opaque("output"), dynamic, executed};
    case Type::tool_approval_request:
        return ToolApprovalRequest{of.identity("approvalId"), std::move(call)};
    case Type::tool_output_denied:
        return ToolOutputDenied{std::move(call)};
    default:
        return ToolOutputError{std::move(call), of.text("errorText"), dynamic, executed};
    }
}

Chunk to_chunk(Type type, const std::string& name, const Members& of) {
    switch (type) {
    case Type::text_delta:
        return PartDelta{PartKind::text, of.identity("id"), of.text("delta")};
    case Type::reasoning_delta:
        return PartDelta{PartKind::reasoning, of.identity("id"), of.text("delta")};
    case Type::text_start:
        return PartStart{PartKind::text, of.identity("id")};
    case Type::reasoning_start:
        return PartStart{PartKind::reasoning, of.identity("id")};
    case Type::text_end:
        return PartEnd{PartKind::text, of.identity("id")};
    case Type::reasoning_end:
        return PartEnd{PartKind::reasoning, of.identity("id")};
    case Type::start:
        return Start{of.maybe_identity("messageId"), of.maybe_opaque("messageMetadata")};
    case Type::start_step:
        return StartStep{};
    case Type::finish_step:
        return FinishStep{};
    case Type::finish:
        return Finish{of.maybe_opaque("messageMetadata")};
    case Type::abort:
        return Abort{};
    case Type::error:
        return ErrorChunk{of.text("errorText")};
    case Type::data:
        return Data{
            name.substr(5), of.maybe_identity("id"), of.opaque("data"), of.truth("transient")
        };
    case Type::other:
        return Other{name};
    case Type::tool_input_start:
    case Type::tool_input_delta:
    case Type::tool_input_available:
    case Type::tool_output_available:
    case Type::tool_output_error:
    case Type::tool_approval_request:
    case Type::tool_output_denied:
        break;
    }
    return to_tool(type, of);
}

bool has_type(const Json& value, Is is) {
    switch (is) {
    case Is::any:
        return true;
    case Is::string:
        return value.is_string();
    case Is::boolean:
        return value.is_boolean();
    case Is::object_or_null:
        return value.is_object() || value.is_null();
    case Is::metadata:
        return value.is_object() &&
               std::ranges::all_of(value, [](const Json& inner) { return inner.is_object(); });
    }
    return false;
}

std::string_view name_of(Is is) {
    switch (is) {
    case Is::any:
        return "any value";
    case Is::string:
        return "a string";
    case Is::boolean:
        return "a boolean";
    case Is::object_or_null:
        return "an object";
    case Is::metadata:
        return "an object of objects";
    }
    return "";
}

constexpr Key k_provider_metadata{"providerMetadata", Is::metadata};

const Key* find_key(const Shape& shape, std::string_view name) {
    return find_or_null(shape.keys, name, &Key::name);
}

/// Rules J3, J4, J9 and J10: the keys of a chunk.
void judge_keys(
    const Shape& shape,
    const std::string& type,
    const Members& of,
    const Json& object,
    std::vector<ParseNote>& notes
) {
    for (const auto& [name, value] : object.get_ref<const Json::object_t&>()) {
        if (name == "type") {
            continue;
        }
        const Key* key = find_key(shape, name);
        if (key == nullptr) {
            const bool harmless = shape.takes_metadata && name == k_provider_metadata.name;
            notes.push_back(
                {harmless ? "J10" : "J3",
                 fmt::format("{} has key \"{}\"", printable(type, 40), printable(name, 40))}
            );
            key = harmless ? &k_provider_metadata : nullptr;
        }
        if (key != nullptr && !has_type(value, key->is)) {
            notes.push_back(
                {"J4",
                 fmt::format(
                     "{}.{} is {}, not {}",
                     printable(type, 40),
                     key->name,
                     value.type_name(),
                     name_of(key->is)
                 )}
            );
        }
    }
    for (const Key& key : shape.keys) {
        if (key.required && of.find(key.name) == nullptr) {
            notes.push_back({"J4", fmt::format("{} has no {}", printable(type, 40), key.name)});
        }
    }
    if (shape.type == Type::start && of.find("messageId") == nullptr) {
        notes.push_back({"J9", "start has no messageId"});
    }
}

/// Makes texts writable again; ids are unchanged, because they are compared.
void clean_texts(Json& object) {
    for (auto& [name, value] : object.get_ref<Json::object_t&>()) {
        const bool id = name == "id" || name == "messageId" || name == "toolCallId" ||
                        name == "toolName" || name == "approvalId";
        if (!id) {
            replace_lone_surrogates(value);
        }
    }
}

void judge_object(ScannedJson& scanned, Dialect dialect, Parsed& parsed) {
    if (scanned.lone_surrogate) {
        clean_texts(scanned.value);
    }
    const Members members(scanned.value);
    const Json* found = members.find("type");
    if (found == nullptr || !found->is_string()) {
        parsed.notes.push_back({"J2", "type is missing or not a string"});
        return;
    }
    const std::string type = found->get<std::string>();
    const Shape* shape = find_shape(type, dialect);
    if (shape == nullptr) {
        parsed.notes.push_back(
            {"J2", fmt::format("type \"{}\" is not known to every client", printable(type, 40))}
        );
        return;
    }
    if (shape->type == Type::other) {
        parsed.notes.push_back({"J8", type});
    }
    judge_keys(*shape, type, members, scanned.value, parsed.notes);
    parsed.chunk = to_chunk(shape->type, type, members);
}

} // namespace

Parsed parse_chunk(std::string_view data, Dialect dialect) {
    Parsed parsed;
    if (data == "[DONE]") {
        parsed.chunk = Done{};
        return parsed;
    }
    if (auto delta = read_plain_delta(data)) {
        parsed.chunk = std::move(*delta);
        return parsed;
    }
    if (auto scanned = scan_object(data, "J1", parsed.notes)) {
        judge_object(*scanned, dialect, parsed);
    }
    return parsed;
}

} // namespace oa_stream::wire::ui

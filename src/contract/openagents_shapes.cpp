#include "openagents_shapes.hpp"

#include "oa_stream/base/lists.hpp"
#include "oa_stream/base/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <span>

namespace oa_stream::contract {

namespace {

enum class Is { string, boolean, any };
struct Member {
    std::string_view name;
    Is is = Is::string;
    bool required = true;
};
struct Shape {
    std::string_view type;
    std::span<const Member> members;
};

constexpr std::array k_start{Member{"threadId"}, Member{"source"}};
constexpr std::array k_start_step{Member{"threadId"}, Member{"turnId"}, Member{"model"}};
constexpr std::array k_text_start{Member{"id"}, Member{"turnId"}};
constexpr std::array k_text_delta{Member{"id"}, Member{"channel"}, Member{"delta"}};
constexpr std::array k_tool_input{
    Member{"toolCallId"}, Member{"toolName"}, Member{"input", Is::any}
};
constexpr std::array k_tool_output{
    Member{"toolCallId"}, Member{"delta", Is::string, false}, Member{"status", Is::string, false}
};
// The mapping document allows token usage in both endings, without stating its form.
constexpr std::array k_finish_step{
    Member{"turnId"}, Member{"status"}, Member{"usage", Is::any, false}
};
constexpr std::array k_error{
    Member{"code"},
    Member{"message"},
    Member{"retryable", Is::boolean},
    Member{"reauthRequired", Is::boolean, false}
};
constexpr std::array k_finish{Member{"status"}, Member{"usage", Is::any, false}};

constexpr std::array k_shapes{
    Shape{"text-delta", k_text_delta},
    Shape{"text-start", k_text_start},
    Shape{"tool-input", k_tool_input},
    Shape{"tool-output", k_tool_output},
    Shape{"start", k_start},
    Shape{"start-step", k_start_step},
    Shape{"error", k_error},
    Shape{"finish-step", k_finish_step},
    Shape{"finish", k_finish},
};

bool has_type(const Json& value, Is is) {
    return is == Is::any || (is == Is::string ? value.is_string() : value.is_boolean());
}

void one_of(
    const Json& frame,
    std::string_view key,
    std::span<const std::string_view> allowed,
    const UiMachine::Report& report
) {
    const auto value = string_member(frame, key);
    if (value && !contains(allowed, *value)) {
        report("A2", fmt::format("{} is \"{}\"", key, printable(*value, 40)));
    }
}

void judge_values(std::string_view type, const Json& frame, const UiMachine::Report& report) {
    static constexpr std::array<std::string_view, 1> k_sources{"codex"};
    static constexpr std::array<std::string_view, 2> k_channels{"assistant", "reasoning"};
    if (type == "start") {
        one_of(frame, "source", k_sources, report);
    } else if (type == "text-delta") {
        one_of(frame, "channel", k_channels, report);
    } else if (type == "tool-output" && member(frame, "delta") == nullptr &&
               member(frame, "status") == nullptr) {
        report("A2", "tool-output has neither delta nor status");
    }
}

} // namespace

bool judge_openagents_members(
    std::string_view type, const Json& frame, const UiMachine::Report& report
) {
    const auto* const shape = std::ranges::find(k_shapes, type, &Shape::type);
    if (shape == k_shapes.end()) {
        report("A1", fmt::format("type \"{}\"", printable(type, 40)));
        return false;
    }
    for (const auto& [name, value] : frame.items()) {
        const auto known = std::ranges::find(shape->members, name, &Member::name);
        if (name == "type") {
            continue;
        }
        if (known == shape->members.end()) {
            report("A2", fmt::format("{} has member \"{}\"", type, printable(name, 40)));
        } else if (!has_type(value, known->is)) {
            report("A2", fmt::format("{}.{} is {}", type, name, value.type_name()));
        }
    }
    for (const Member& wanted : shape->members) {
        if (wanted.required && member(frame, wanted.name) == nullptr) {
            report("A2", fmt::format("{} has no {}", type, wanted.name));
        }
    }
    judge_values(type, frame, report);
    return true;
}

} // namespace oa_stream::contract

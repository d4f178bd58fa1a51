#include "openagents_machine.hpp"

#include "oa_stream/base/json.hpp"
#include "oa_stream/base/json_members.hpp"
#include "oa_stream/base/text.hpp"
#include "oa_stream/contract/ui_machine.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <span>
#include <string_view>
#include <utility>

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
// The mapping text lets both endings carry token usage, in no stated shape.
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
    if (value && std::ranges::find(allowed, *value) == allowed.end()) {
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

/// False when the type is none of the retired lane's. Reports A2.
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

constexpr std::string_view k_preview_failed = "adapter_preview_unavailable";

} // namespace

void OpenagentsMachine::after_done(const Report& report) {
    if (dones_ != 0 && !std::exchange(noted_after_done_, true)) {
        report("O7", "something follows [DONE]");
    }
}

void OpenagentsMachine::unreadable(const Report& report) {
    any_event_ = true;
    after_done(report);
}

void OpenagentsMachine::comment(const Report& report) {
    after_done(report);
}

void OpenagentsMachine::done_mark(const Report& report) {
    unreadable(report);
    if (++dones_ > 1) {
        report("O6", "[DONE] more than once");
    }
}

void OpenagentsMachine::step(const Json& frame, const Report& report) {
    unreadable(report);
    const auto type = string_member(frame, "type");
    if (!type) {
        report("A1", "type is missing or not a string");
        return;
    }
    if (!judge_openagents_members(*type, frame, report)) {
        return;
    }
    if (*type == "error" && !started_ && string_member(frame, "code") == k_preview_failed) {
        lone_error_ = true;
    } else if (*type != "start" && !started_ && !lone_error_) {
        report("A3", fmt::format("the first frame is {}", *type));
        started_ = true;
    }
    place(*type, report);
    same_ids(*type, frame, report);
    take(*type, frame, report);
}

/// What any frame may break by standing where it stands.
void OpenagentsMachine::place(std::string_view type, const Report& report) {
    if (finishes_ != 0 && type != "finish") {
        report("A9", fmt::format("{} after finish", type));
    }
    if (errors_ != 0 && type != "finish" && type != "error") {
        report("A10", fmt::format("{} after error", type));
    }
    const bool content = type.starts_with("text-") || type.starts_with("tool-");
    if ((content || type == "error") && steps_ == 0 && !lone_error_) {
        report("A4", fmt::format("{} before start-step", type));
    }
    if (content && finish_steps_ != 0) {
        report("A8", fmt::format("{} after finish-step", type));
    }
}

void OpenagentsMachine::same_ids(std::string_view type, const Json& frame, const Report& report) {
    for (const std::string_view key : {"threadId", "turnId"}) {
        const auto value = string_member(frame, key);
        if (!value || (type == "text-start" && value->empty())) {
            continue;
        }
        const auto [known, fresh] = ids_.try_emplace(std::string(key), *value);
        if (!fresh && known->second != *value) {
            report(
                "A11",
                fmt::format(
                    R"({}.{} is "{}", before "{}")",
                    type,
                    key,
                    printable(*value, 60),
                    printable(known->second, 60)
                )
            );
        }
    }
}

void OpenagentsMachine::take(std::string_view type, const Json& frame, const Report& report) {
    if (type == "start") {
        if (std::exchange(started_, true)) {
            report("A3", "another start");
        }
    } else if (type == "start-step") {
        if (++steps_ > 1) {
            report("A4", "another start-step");
        }
    } else if (type == "finish-step") {
        if (steps_ == 0) {
            report("A8", "finish-step without start-step");
        }
        if (++finish_steps_ > 1) {
            report("A8", "another finish-step");
        }
    } else if (type == "error") {
        if (++errors_ > 1) {
            report("A10", "another error");
        }
    } else if (type == "finish") {
        ending(frame, report);
    } else if (type.starts_with("text-")) {
        text(type, frame, report);
    } else {
        tool(type, frame, report);
    }
}

void OpenagentsMachine::text(std::string_view type, const Json& frame, const Report& report) {
    const std::string id = text_in(frame, "id");
    if (type == "text-start") {
        if (!texts_.insert(id).second) {
            report("A5", fmt::format("another text-start \"{}\"", printable(id, 60)));
        }
    } else if (!texts_.contains(id)) {
        report("A5", fmt::format("text-delta \"{}\" without text-start", printable(id, 60)));
    }
}

void OpenagentsMachine::tool(std::string_view type, const Json& frame, const Report& report) {
    const std::string id = text_in(frame, "toolCallId");
    const auto known = calls_.find(id);
    if (type == "tool-input") {
        if (known != calls_.end()) {
            report("A6", fmt::format("another tool-input \"{}\"", printable(id, 60)));
        }
        calls_[id] = false;
    } else if (known == calls_.end()) {
        report("A6", fmt::format("tool-output \"{}\" without tool-input", printable(id, 60)));
    } else {
        known->second = member(frame, "status") != nullptr;
    }
}

void OpenagentsMachine::ending(const Json& frame, const Report& report) {
    const std::string status = text_in(frame, "status");
    if (++finishes_ > 1) {
        report("A9", "another finish");
    }
    if (errors_ != 0 && status != "error") {
        report("A9", fmt::format("finish is \"{}\" after an error", printable(status, 40)));
    }
    if (finish_steps_ == 0 && status != "error") {
        report("A8", "finish without finish-step");
    }
    if (errors_ != 0) {
        return; // a failed turn leaves its calls as they are
    }
    for (const auto& [id, closed] : calls_) {
        if (!closed) {
            report("A7", fmt::format("call \"{}\" has no closing status", printable(id, 60)));
        }
    }
}

void OpenagentsMachine::finish(const Report& report) {
    if (!any_event_) {
        report("A3", "no frame at all");
    }
    if (finishes_ == 0) {
        report("A9", "no finish");
    }
    if (dones_ == 0) {
        report("O6", "no [DONE]");
    }
}

} // namespace oa_stream::contract

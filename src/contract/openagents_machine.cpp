#include "openagents_machine.hpp"

#include "oa_stream/base/json_members.hpp"
#include "oa_stream/base/text.hpp"

#include "openagents_shapes.hpp"

#include <fmt/format.h>

#include <utility>

namespace oa_stream::contract {

namespace {

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
    apply(*type, frame, report);
}

/// Rules about the position of any frame.
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

void OpenagentsMachine::apply(std::string_view type, const Json& frame, const Report& report) {
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
        return; // a failed turn leaves its calls open
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

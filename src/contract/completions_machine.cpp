#include "oa_stream/contract/completions_machine.hpp"

#include "oa_stream/base/lists.hpp"
#include "oa_stream/base/text.hpp"

#include <fmt/format.h>

#include <set>
#include <string_view>
#include <utility>

namespace oa_stream::contract {

namespace completions = wire::completions;

namespace {

void judge_usage(
    const completions::Usage& usage, bool text, const CompletionsMachine::Report& report
) {
    // The reader limits counts to 2^53, so the sum cannot overflow.
    if (usage.total != usage.prompt + usage.completion) {
        report(
            "C13",
            fmt::format("total is {}, not {} + {}", usage.total, usage.prompt, usage.completion)
        );
    } else if (text && usage.total == 0) {
        report("C13", "every count is 0, but there was text");
    }
    if (usage.cached.value_or(0) > usage.prompt) {
        report("C13", "more cached tokens than prompt tokens");
    }
    if (usage.reasoning.value_or(0) > usage.completion) {
        report("C13", "more reasoning tokens than completion tokens");
    }
}

void judge_finish(std::string_view finish, bool calls, const CompletionsMachine::Report& report) {
    if (calls && finish == "stop") {
        report("C21", "finish_reason is \"stop\", but there are tool calls");
    } else if (!calls && finish == "tool_calls") {
        report("C21", "finish_reason is \"tool_calls\" without a tool call");
    }
}

} // namespace

void judge_answer(const completions::Answer& answer, const CompletionsMachine::Report& report) {
    if (answer.usage) {
        judge_usage(*answer.usage, !answer.content.empty(), report);
    }
    judge_finish(answer.finish, !answer.tool_calls.empty(), report);
    std::set<std::string_view> ids;
    for (const completions::ToolCall& call : answer.tool_calls) {
        if (!call.id.empty() && !ids.insert(call.id).second) {
            report("C21", fmt::format("the id {} again", printable(call.id, 60)));
        }
    }
}

void CompletionsMachine::after_end(const Report& report) {
    if ((dones_ != 0 || errors_ != 0) && !std::exchange(noted_after_end_, true)) {
        report(
            dones_ != 0 ? "C16" : "C15",
            fmt::format("something follows {}", dones_ != 0 ? "[DONE]" : "the error")
        );
    }
}

void CompletionsMachine::unreadable(const Report& report) {
    any_event_ = true;
    after_end(report);
}

void CompletionsMachine::comment(const Report& report) {
    after_end(report);
}

void CompletionsMachine::step(const completions::Event& event, const Report& report) {
    unreadable(report);
    if (early_usage_ && !std::holds_alternative<completions::ErrorObject>(event)) {
        early_usage_ = false;
        report("C12", "usage before the finish");
    }
    std::visit([&](const auto& known) { apply(known, report); }, event);
}

void CompletionsMachine::apply(const completions::Chunk& chunk, const Report& report) {
    same(chunk, report);
    role(chunk, report);
    usage(chunk, report);
    if (!chunk.has_choice) {
        return;
    }
    if (finishes_ != 0) {
        report("C11", chunk.finish ? "another finish" : "a delta after the finish");
    }
    content(chunk, report);
    calls(chunk, report);
    ending(chunk, report);
}

/// C7. The first chunk's identity is the stream's.
void CompletionsMachine::same(const completions::Chunk& chunk, const Report& report) {
    if (!first_) {
        first_.emplace();
        first_->id = chunk.id;
        first_->created = chunk.created;
        first_->model = chunk.model;
        return;
    }
    const auto differs = [&](std::string_view name, std::string_view now, std::string_view before) {
        report(
            "C7",
            fmt::format(
                R"({} is "{}", before "{}")", name, printable(now, 60), printable(before, 60)
            )
        );
    };
    if (chunk.id != first_->id) {
        differs("id", chunk.id, first_->id);
    }
    if (chunk.created != first_->created) {
        differs("created", std::to_string(chunk.created), std::to_string(first_->created));
    }
    if (chunk.model != first_->model) {
        differs("model", chunk.model, first_->model);
    }
}

/// C8.
void CompletionsMachine::role(const completions::Chunk& chunk, const Report& report) {
    if (!chunk.role) {
        if (roles_ == 0) {
            report("C8", "the first chunk has no role");
            roles_ = 1; // reported once
        }
        return;
    }
    if (++roles_ > 1) {
        report("C8", "another role");
    } else if (*chunk.role != "assistant") {
        report("C8", fmt::format("role is \"{}\"", printable(*chunk.role, 40)));
    }
    if (!chunk.content.value_or("").empty()) {
        report("C8", "the role's chunk has text");
    }
}

/// C12 and C13.
void CompletionsMachine::usage(const completions::Chunk& chunk, const Report& report) {
    if (!chunk.usage) {
        if (!chunk.has_choice) {
            report("C12", "neither a choice nor usage");
        }
        return;
    }
    if (chunk.has_choice) {
        report("C12", "usage on a chunk with a choice");
    } else if (++usages_ > 1) {
        report("C12", "another usage");
    } else {
        early_usage_ = finishes_ == 0;
    }
    judge_usage(*chunk.usage, text_, report);
}

/// C9.
void CompletionsMachine::content(const completions::Chunk& chunk, const Report& report) {
    const bool thought = chunk.reasoning && !chunk.reasoning->empty();
    const bool some = chunk.content && !chunk.content->empty();
    text_ = text_ || some;
    if (!some && !thought && !chunk.role && !chunk.finish && chunk.tool_calls.empty()) {
        report("C9", chunk.content ? "empty content" : "a delta without content");
    }
}

/// C21.
void CompletionsMachine::calls(const completions::Chunk& chunk, const Report& report) {
    for (const completions::ToolCallPiece& piece : chunk.tool_calls) {
        const std::string id = piece.id.value_or("");
        if (piece.index < calls_) {
            if (piece.name) {
                report("C21", fmt::format("call {} is named twice", piece.index));
            }
            const auto known = call_ids_.find(id);
            if (!id.empty() && (known == call_ids_.end() || known->second != piece.index)) {
                report("C21", fmt::format("call {} has another id than before", piece.index));
            }
            continue;
        }
        if (piece.index > calls_) {
            report("C21", fmt::format("index {} follows {} calls", piece.index, calls_));
        }
        if (id.empty() || piece.name.value_or("").empty()) {
            report("C21", fmt::format("call {} begins without id or name", piece.index));
        }
        if (!id.empty() && !call_ids_.try_emplace(id, piece.index).second) {
            report("C21", fmt::format("the id {} again", printable(id, 60)));
        }
        calls_ = piece.index + 1;
    }
}

/// C11.
void CompletionsMachine::ending(const completions::Chunk& chunk, const Report& report) {
    if (!chunk.finish) {
        return;
    }
    ++finishes_;
    judge_finish(*chunk.finish, calls_ != 0, report);
    if (chunk.content || chunk.role || chunk.reasoning || !chunk.tool_calls.empty()) {
        report("C11", "the finish's delta is not empty");
    }
}

/// C14 and C15.
void CompletionsMachine::apply(const completions::ErrorObject& error, const Report& report) {
    if (roles_ == 0 && errors_ == 0) {
        report("C8", "an error before the role");
    }
    early_usage_ = false;
    if (!error.type.empty() && !contains(completions::k_error_types, error.type)) {
        report("C14", fmt::format("type is \"{}\"", printable(error.type, 40)));
    }
    ++errors_;
    if (finishes_ != 0) {
        report("C15", "an error after the finish");
    }
}

/// C16.
void CompletionsMachine::apply(const completions::Done&, const Report& report) {
    if (++dones_ > 1) {
        report("C16", "[DONE] more than once");
    } else if (finishes_ == 0 && errors_ == 0) {
        report("C16", "[DONE] without a finish");
    }
}

void CompletionsMachine::finish(const Report& report) {
    if (dones_ != 0 || errors_ != 0) {
        return;
    }
    if (!any_event_) {
        report("C17", "no frame at all");
    } else {
        report("C17", finishes_ != 0 ? "no [DONE]" : "neither a finish nor an error");
    }
}

} // namespace oa_stream::contract

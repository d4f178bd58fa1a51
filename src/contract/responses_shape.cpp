// Rules about the members of a response and its items, in any event or body.
#include "responses_shape.hpp"

#include "oa_stream/base/json_members.hpp"
#include "oa_stream/base/lists.hpp"
#include "oa_stream/base/text.hpp"
#include "oa_stream/wire/json_scan.hpp"
#include "oa_stream/wire/response_names.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>

namespace oa_stream::contract {

namespace {

using Report = ResponsesMachine::Report;
using wire::responses::ItemKind;
using wire::responses::k_message;

constexpr std::array<std::string_view, 7> k_members{
    "error", "incomplete_details", "instructions", "metadata", "tools", "tool_choice", "usage"
};
constexpr std::string_view k_completed = "completed";
constexpr std::array<std::string_view, 3> k_whole_states{k_completed, "incomplete", "failed"};
constexpr std::array<std::string_view, 3> k_item_states{"in_progress", k_completed, "incomplete"};

/// Judges the item's parts.
void judge_texts(const Json& item, const ItemKind& kind, const Report& report) {
    const Json* list = member(item, kind.member);
    if (list == nullptr || !list->is_array()) {
        report("V5", fmt::format("{} is not an array", kind.member));
        return;
    }
    for (const Json& part : *list) {
        const auto word = text_in(part, "type");
        const bool refusal = &kind == &k_message && word == "refusal";
        if (word != kind.part_type && !refusal) {
            report("V5", fmt::format("a part of {} is \"{}\"", kind.member, printable(word, 40)));
        } else if (!string_member(part, refusal ? "refusal" : "text")) {
            report("V5", fmt::format("a part of {} has no text", kind.member));
        }
        const Json* notes = member(part, "annotations");
        if (word == k_message.part_type && (notes == nullptr || !notes->is_array())) {
            report("V5", fmt::format("an {} has no annotations", word));
        }
    }
}

std::int64_t count_of(const Json& object, std::string_view key, const Report& report) {
    const auto count = wire::whole_member(object, key);
    if (!count || *count < 0) {
        report("V12", fmt::format("{} is not a count", key));
    }
    return std::max<std::int64_t>(count.value_or(0), 0);
}

void judge_usage(const Json& usage, bool output, const Report& report) {
    if (!usage.is_object()) {
        report("V12", fmt::format("usage is {}", usage.type_name()));
        return;
    }
    const auto input = count_of(usage, "input_tokens", report);
    const auto made = count_of(usage, "output_tokens", report);
    const auto total = count_of(usage, "total_tokens", report);
    if (total != input + made) {
        report("V12", fmt::format("total is {}, not {} + {}", total, input, made));
    } else if (output && total == 0) {
        report("V12", "every count is 0, but there is an output");
    }
    const auto detail = [&](std::string_view of, std::string_view key, std::int64_t all) {
        const Json* details = member(usage, of);
        if (details == nullptr || !details->is_object()) {
            report("V12", fmt::format("{} is missing", of));
        } else if (count_of(*details, key, report) > all) {
            report("V12", fmt::format("{} is more than all", key));
        }
    };
    detail("input_tokens_details", "cached_tokens", input);
    detail("output_tokens_details", "reasoning_tokens", made);
}

/// V5 across items.
void judge_ids(const Json& output, std::string_view key, const Report& report) {
    std::set<std::string_view> seen;
    for (const Json& item : output) {
        const auto id = text_view_in(item, key);
        if (!id.empty() && !seen.insert(id).second) {
            report("V5", fmt::format("the {} {} again", key, printable(id, 60)));
        }
    }
}

/// V11.
void judge_reasons(const Json& response, std::string_view status, const Report& report) {
    const Json* error = given(response, "error");
    const bool has_error = error != nullptr;
    if (has_error != (status == "failed")) {
        report("V11", fmt::format("{} with{} an error", status, has_error ? "" : "out"));
    } else if (has_error &&
               (text_view_in(*error, "code").empty() || text_view_in(*error, "message").empty())) {
        report("V11", "the error has no code or no message");
    }
    const Json* details = given(response, "incomplete_details");
    const bool has_details = details != nullptr;
    if (has_details != (status == "incomplete")) {
        report("V11", fmt::format("{} with{} details", status, has_details ? "" : "out"));
    } else if (has_details) {
        const auto reason = text_view_in(*details, "reason");
        if (reason != "max_output_tokens" && reason != "content_filter") {
            report("V11", fmt::format("the reason is \"{}\"", printable(reason, 40)));
        }
    }
}

/// V3.
void judge_members(const Json& response, const Report& report) {
    if (const auto id = text_view_in(response, "id"); !id.starts_with("resp_") || id.size() < 6) {
        report("V3", fmt::format("id is \"{}\", not resp_…", printable(id, 60)));
    }
    if (text_view_in(response, "object") != "response") {
        report("V3", "object is not response");
    }
    const auto created = number_in(response, "created_at");
    if (!created || *created < 0 || *created >= static_cast<double>(wire::k_seconds_end)) {
        report("V3", "created_at is not in seconds");
    }
    if (text_view_in(response, "model").empty()) {
        report("V3", "model is missing");
    }
    if (!bool_member(response, "parallel_tool_calls")) {
        report("V3", "parallel_tool_calls is not a boolean");
    }
    for (const std::string_view name : k_members) {
        if (member(response, name) == nullptr && name != "usage") {
            report("V3", fmt::format("{} is missing", name));
        }
    }
}

} // namespace

void judge_item(const Json& item, const Report& report) {
    const auto type = text_in(item, "type");
    const auto* kind = find_or_null(wire::responses::k_item_kinds, type, &ItemKind::item);
    if (kind == nullptr) {
        report("V5", fmt::format("an item of type \"{}\"", printable(type, 40)));
        return;
    }
    const auto id = text_view_in(item, "id");
    if (!id.starts_with(kind->prefix) || id.size() == kind->prefix.size()) {
        report("V5", fmt::format("the id of a {} is \"{}\"", type, printable(id, 60)));
    }
    if (kind == &k_message && text_view_in(item, "role") != "assistant") {
        report("V5", "the role of a message is not assistant");
    }
    if (!kind->part.empty()) {
        judge_texts(item, *kind, report);
    } else {
        for (const std::string_view key : {"call_id", "name"}) {
            if (text_view_in(item, key).empty()) {
                report("V5", fmt::format("a {} without {}", type, key));
            }
        }
        if (!string_member(item, kind->member)) {
            report("V5", fmt::format("a {} without {}", type, kind->member));
        }
    }
    if (given(item, "status") == nullptr) {
        if (kind != &wire::responses::k_reasoning) {
            report("V5", fmt::format("a {} without status", type));
        }
    } else if (const auto state_word = text_in(item, "status");
               !contains(k_item_states, state_word)) {
        report("V5", fmt::format("the status of a {} is \"{}\"", type, printable(state_word, 40)));
    }
}

void judge_response(const Json& response, std::string_view status, const Report& report) {
    judge_members(response, report);
    const auto state_word = text_in(response, "status");
    const bool fits = status.empty() ? contains(k_whole_states, state_word) : state_word == status;
    if (!fits) {
        report("V3", fmt::format("status is \"{}\"", printable(state_word, 40)));
    }
    const Json* output = member(response, "output");
    if (output == nullptr || !output->is_array()) {
        report("V3", "output is not an array");
    } else {
        for (const Json& item : *output) {
            judge_item(item, report);
            const auto state = text_view_in(item, "status");
            if (state_word == k_completed && !state.empty() && state != k_completed) {
                report(
                    "V5",
                    fmt::format("an item of a completed response is \"{}\"", printable(state, 40))
                );
            }
        }
        judge_ids(*output, "id", report);
        judge_ids(*output, "call_id", report);
    }
    judge_reasons(response, state_word, report);
    const Json* usage = given(response, "usage");
    if (usage == nullptr) {
        return;
    }
    if (state_word == "in_progress") {
        report("V12", "usage before the end");
    }
    judge_usage(*usage, output != nullptr && !output->empty(), report);
}

} // namespace oa_stream::contract

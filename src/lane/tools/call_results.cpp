#include "call_results.hpp"

#include "oa_stream/base/digest.hpp"
#include "oa_stream/base/json_members.hpp"
#include "oa_stream/base/lists.hpp"
#include "oa_stream/base/text.hpp"
#include "oa_stream/encode/normaliser.hpp"
#include "oa_stream/wire/ui_part.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <ranges>
#include <set>

namespace oa_stream::lane {

namespace {

using authority::CallResult;
using authority::PastTurn;

constexpr std::string_view k_ahead = "oa-tool-results+"; ///< before the message's own id
constexpr std::string_view k_of = "oa-tool-results:"; ///< before the id of the page's message
constexpr std::string_view k_head = "Results of the functions that were called above:\n";

bool is_page_call(const Json& part) {
    return wire::ui::tool_name_in(part) && !bool_member(part, "providerExecuted").value_or(false);
}

bool is_result(const Json& part) {
    const auto state = text_view_in(part, "state");
    return (state == "output-available" || state == "output-error") && is_page_call(part) &&
           !text_view_in(part, "toolCallId").empty();
}

bool is_open_call(const Json& part) {
    return is_page_call(part) && !is_result(part) && text_view_in(part, "state") != "output-denied";
}

CallResult result_of(const Json& part) {
    CallResult out{.call = text_in(part, "toolCallId")};
    out.failed = text_view_in(part, "state") == "output-error";
    if (out.failed) {
        out.output = text_in(part, "errorText");
    } else if (const auto* output = member(part, "output")) {
        out.output = *output;
    }
    return out;
}

/// Each call appears once; its last result counts.
std::vector<CallResult> results_in(const Json& message) {
    std::vector<CallResult> results;
    std::set<std::string> seen;
    for (const Json& part : list_in(message, "parts") | std::views::reverse) {
        if (is_result(part) && seen.insert(text_in(part, "toolCallId")).second) {
            results.push_back(result_of(part));
        }
    }
    std::ranges::reverse(results);
    return results;
}

/// The form that the model gets and that settle_calls() reads.
Json result_json(const turn::ClientCall& call, const CallResult& result) {
    Json one = Json::object({{"id", call.call}, {"name", call.name}});
    one[result.failed ? "error" : "output"] = result.output;
    return one;
}

std::string short_digest(std::string_view text) {
    return sha256_hex(text).substr(0, 32);
}

bool begins_with_results(const PastTurn& turn) {
    return turn.client_message_id && turn.client_message_id->starts_with(k_ahead) &&
           turn.user_text.starts_with(k_head);
}

/// The line with the results that a turn began with, without the head.
std::string_view results_line(const PastTurn& turn) {
    const auto line = std::string_view(turn.user_text).substr(k_head.size());
    return line.substr(0, line.find('\n'));
}

Rejection reject_result(int status, std::string code, std::string_view call, std::string_view why) {
    auto rejection = reject(
        status, std::move(code), fmt::format("the tool call \"{}\" {}", printable(call, 60), why)
    );
    rejection.fields.emplace_back("messages", rejection.message);
    return rejection;
}

} // namespace

bool has_call_results(const Json& message) {
    return std::ranges::any_of(list_in(message, "parts"), is_result);
}

bool has_open_calls(const Json& message) {
    return std::ranges::any_of(list_in(message, "parts"), is_open_call);
}

std::vector<CallResult> read_call_results(const Json& body, std::optional<std::size_t> at) {
    return results_in(at ? list_in(body, "messages").at(*at) : object_in(body, "message"));
}

std::string digest_of_call(std::string_view call) {
    return short_digest(call);
}

ResultDigest digest_of_result(const CallResult& result) {
    return {
        digest_of_call(result.call),
        short_digest((result.failed ? '-' : '+') + dump_json(result.output))
    };
}

Rejection reject_unknown_call(std::string_view call) {
    return reject_result(
        422, "unknown_tool_call", call, "is none that this conversation waits for"
    );
}

Rejection reject_answered_call(std::string_view call) {
    return reject_result(409, "already_answered", call, "was answered before");
}

Rejection reject_call_over(std::string_view call) {
    return reject_result(409, "tool_call_over", call, "is not waited for any more");
}

std::vector<turn::ClientCall> open_calls(const PastTurn& turn) {
    std::vector<turn::ClientCall> calls;
    if (turn.running || turn.outcome != turn::Outcome::interrupted) {
        return calls;
    }
    for (const turn::Event& event : turn.events) {
        if (const auto* call = std::get_if<turn::ClientCall>(&event)) {
            calls.push_back(*call);
        }
    }
    return calls;
}

bool is_stop_notice(const CallResult& result) {
    return result.failed && result.output == encode::k_stopped_call;
}

bool only_stop_notices(const std::vector<CallResult>& results) {
    return !results.empty() && std::ranges::all_of(results, is_stop_notice);
}

std::string_view first_call(const std::vector<CallResult>& results) {
    return results.empty() ? std::string_view() : std::string_view(results.front().call);
}

Accepted<std::string>
results_text(const PastTurn& stopped, const std::vector<CallResult>& results) {
    const auto calls = open_calls(stopped);
    // If every open call has its result, older results of the page's message (those that `stopped`
    // itself began with) are ignored.
    const bool whole = !calls.empty() && std::ranges::all_of(calls, [&](const auto& call) {
        return contains(results, call.call, &CallResult::call);
    });
    for (const auto& result : results) {
        const bool open = contains(calls, result.call, &turn::ClientCall::call);
        const bool known = std::ranges::any_of(stopped.events, [&](const turn::Event& event) {
            const auto* opened = std::get_if<turn::ToolOpened>(&event);
            return opened != nullptr && opened->client && opened->call == result.call;
        });
        if (!whole && !open && (!known || calls.empty())) {
            return known ? reject_answered_call(result.call) : reject_unknown_call(result.call);
        }
    }
    const bool only_notices = !calls.empty() && std::ranges::all_of(calls, [&](const auto& call) {
        const auto* found = find_or_null(results, call.call, &CallResult::call);
        return found != nullptr && is_stop_notice(*found);
    });
    if (only_notices) { // a turn would begin again behind its stop
        return reject_call_over(calls.front().call);
    }
    Json list = Json::array();
    for (const auto& call : calls) {
        const auto found = std::ranges::find(results, call.call, &CallResult::call);
        if (found == results.end()) {
            return reject_result(
                422,
                "tool_result_missing",
                call.call,
                "needs its result in the same request: the turn that asked was stopped meanwhile"
            );
        }
        list.push_back(result_json(call, *found));
    }
    if (list.empty()) {
        return reject_unknown_call(first_call(results));
    }
    return std::string(k_head) + dump_json(list);
}

std::string results_ahead(const PastTurn& stopped, const std::vector<CallResult>& results) {
    Json list = Json::array();
    for (const auto& call : open_calls(stopped)) {
        const auto* found = find_or_null(results, call.call, &CallResult::call);
        if (found != nullptr && !is_stop_notice(*found)) {
            list.push_back(result_json(call, *found));
        }
    }
    return list.empty() ? std::string() : std::string(k_head) + dump_json(list);
}

std::string results_ahead_id(std::string_view id) {
    return std::string(k_ahead).append(id);
}

void drop_results_ahead(PastTurn& turn) {
    auto& id = turn.client_message_id;
    if (!id || !begins_with_results(turn)) {
        return;
    }
    const auto size = k_head.size() + results_line(turn).size() + 1;
    turn.user_text.erase(0, size);
    if (!turn.user_parts.empty()) {
        turn.user_parts.erase(turn.user_parts.begin());
    }
    id->erase(0, k_ahead.size());
    if (id->empty()) {
        id.reset();
    }
}

std::string results_id(std::string_view message) {
    return message.empty() ? std::string(k_results_id) : std::string(k_of).append(message);
}

bool holds_results(const PastTurn& turn) {
    const auto id = turn.client_message_id.value_or("");
    return (id == k_results_id || id.starts_with(k_of)) && turn.user_text.starts_with(k_head);
}

std::string message_gone_on_with(const PastTurn& turn) {
    const auto id = turn.client_message_id.value_or("");
    return holds_results(turn) && id != k_results_id ? id.substr(k_of.size()) : std::string();
}

std::vector<CallResult> results_begun_with(const PastTurn& turn) {
    if (!holds_results(turn) && !begins_with_results(turn)) {
        return {};
    }
    const auto list = parse_json(results_line(turn));
    if (!list || !list->is_array()) {
        return {};
    }
    return mapped(*list, [](const Json& one) {
        const auto* output = member(one, "output");
        return CallResult{
            .call = text_in(one, "id"),
            .output = output != nullptr ? *output : Json(text_in(one, "error")),
            .failed = output == nullptr
        };
    });
}

void settle_calls(PastTurn& stopped, const PastTurn& next) {
    const auto results = results_begun_with(next);
    for (turn::Event& event : stopped.events) {
        const auto* call = std::get_if<turn::ClientCall>(&event);
        const auto* found =
            call == nullptr ? nullptr : find_or_null(results, call->call, &CallResult::call);
        if (found == nullptr) {
            continue;
        }
        event = found->failed
                    ? turn::Event(turn::ToolFailed{found->call, found->output.get<std::string>()})
                    : turn::Event(turn::ToolOutput{found->call, found->output});
    }
}

} // namespace oa_stream::lane

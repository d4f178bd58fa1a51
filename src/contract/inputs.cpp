// Parses the inputs other than the body: the response head and the request's messages.
#include "oa_stream/base/json_members.hpp"
#include "oa_stream/base/lines.hpp"
#include "oa_stream/base/text.hpp"
#include "oa_stream/contract/judge.hpp"
#include "oa_stream/wire/json_scan.hpp"
#include "oa_stream/wire/ui_part.hpp"

#include "replay.hpp"

#include <fmt/format.h>

namespace oa_stream::contract {

namespace {

Result<int> parse_status_line(std::string_view line) {
    const std::size_t space = line.find(' ');
    if (line.starts_with("HTTP/") && space != std::string_view::npos) {
        const std::string_view rest = line.substr(space + 1);
        const std::string_view code = rest.substr(0, rest.find(' '));
        const auto status = number_of<int>(code);
        if (status && code.size() == 3 && *status >= 100) {
            return *status;
        }
    }
    return fail(
        Code::unreadable,
        fmt::format("'{}' is not an HTTP status line", printable(line, 80)),
        {},
        "the file must begin as in: HTTP/1.1 200 OK"
    );
}

Result<void> add_header(ResponseHead& head, std::string_view line) {
    const bool folded = line.front() == ' ' || line.front() == '\t';
    if (folded && !head.headers.empty()) {
        head.headers.back().second.append(" ").append(trim(line));
        return {};
    }
    const std::size_t colon = line.find(':');
    if (folded || colon == 0 || colon == std::string_view::npos) {
        return fail(Code::unreadable, fmt::format("'{}' is not a header", printable(line, 80)));
    }
    head.headers.emplace_back(line.substr(0, colon), trim(line.substr(colon + 1)));
    return {};
}

/// A tool part of the assistant message, in any state.
std::optional<EarlierCall> earlier_call(const Json& part) {
    const Json* call = member(part, "toolCallId");
    if (call == nullptr) {
        return std::nullopt;
    }
    const std::string_view state = string_member(part, "state").value_or("");
    EarlierCall earlier;
    earlier.call = call->is_string() ? call->get<std::string>() : dump_json(*call);
    earlier.dynamic = string_member(part, "type") == "dynamic-tool";
    earlier.name = wire::ui::tool_name_in(part).value_or("");
    earlier.has_output = state.starts_with("output-");
    earlier.input_streaming = state == "input-streaming";
    earlier.asked = state.starts_with("approval-");
    return earlier;
}

} // namespace

Result<ResponseHead> parse_head(std::string_view raw) {
    ResponseHead head;
    bool in_head = false;
    bool any = false;
    while (!raw.empty()) {
        std::string_view line = cut_line(raw);
        if (line.ends_with('\r')) {
            line.remove_suffix(1);
        }
        if (line.empty()) {
            in_head = false;
        } else if (in_head) {
            OA_CHECK(add_header(head, line));
        } else {
            OA_TRY(const int status, parse_status_line(line));
            head = ResponseHead{.status = status, .headers = {}};
            in_head = true;
            any = true;
        }
    }
    if (!any) {
        return fail(Code::unreadable, "the response head is empty");
    }
    return head;
}

Result<std::optional<Continues>> parse_messages(std::string_view json) {
    const wire::ScannedJson scanned = wire::scan_json(json);
    if (scanned.fault != wire::JsonFault::none) {
        return fail(
            Code::unreadable, fmt::format("the messages are not JSON (byte {})", scanned.fault_at)
        );
    }
    const Json* messages =
        scanned.value.is_array() ? &scanned.value : member(scanned.value, "messages");
    if (messages == nullptr || !messages->is_array()) {
        return fail(
            Code::unreadable, "neither an array of messages nor an object with \"messages\""
        );
    }
    if (messages->empty() || string_member(messages->back(), "role") != "assistant") {
        return std::optional<Continues>{};
    }
    const Json& last = messages->back();
    Continues continues;
    continues.message_id = string_member(last, "id").value_or("");
    for (const Json& part : list_in(last, "parts")) {
        if (auto earlier = earlier_call(part)) {
            continues.calls.push_back(*std::move(earlier));
        }
    }
    return std::optional(std::move(continues));
}

Result<void> check_recording(std::string_view recording) {
    return Replay(recording).empty() ? fail(
                                           Code::unreadable,
                                           "there is no chunk of a stream in it",
                                           {},
                                           "give the bytes of the answer that is resumed"
                                       )
                                     : Result<void>{};
}

} // namespace oa_stream::contract

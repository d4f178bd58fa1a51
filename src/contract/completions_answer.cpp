#include "completions_answer.hpp"

#include "oa_stream/base/text.hpp"
#include "oa_stream/contract/responses_machine.hpp"
#include "oa_stream/wire/sse.hpp"

#include "headers.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace oa_stream::contract {

namespace completions = wire::completions;

namespace {

constexpr std::string_view k_json_space = " \t\r\n";
/// A body that starts with more white space than this is read as a stream.
constexpr std::size_t k_undecided = 4096;

bool is_json(const ResponseHead& head) {
    return media_type_of(header(head, "content-type").value_or("")) == "application/json";
}

bool says_no_retry(const ResponseHead& head) {
    return iequals(header(head, "x-should-retry").value_or(""), "false");
}

std::string shown(const std::optional<std::string>& value) {
    return value ? printable(*value) : "missing";
}

void judge_limits(const ResponseHead& head, const CompletionsAnswer::Report& report) {
    const bool turn = head.status == 200 || head.status == 429;
    for (const std::string_view name : {"x-request-id", "x-conc-limit", "x-conc-active"}) {
        if ((turn || name == "x-request-id") && header(head, name).value_or("").empty()) {
            report("C5", fmt::format("{} is missing", name));
        }
    }
}

} // namespace

bool CompletionsAnswer::status_says_whole() const noexcept {
    return head_ && head_->status != 200;
}

void CompletionsAnswer::head(const ResponseHead& head) {
    head_ = head;
    if (status_says_whole()) {
        kind_ = Kind::whole;
    }
}

void CompletionsAnswer::keep(std::string_view bytes) {
    const std::size_t room = wire::SseLimits{}.event - held_.size();
    overflowed_ = overflowed_ || bytes.size() > room;
    held_.append(bytes.substr(0, room));
}

std::string_view CompletionsAnswer::take(std::string_view bytes) {
    if (kind_ == Kind::stream) {
        return bytes;
    }
    if (kind_ == Kind::whole) {
        keep(bytes);
        return {};
    }
    const std::size_t found = bytes.find_first_not_of(k_json_space);
    // at the start of the body
    const std::size_t space = held_.size() + std::min(found, bytes.size());
    if (space <= k_undecided) {
        if (found == std::string_view::npos || bytes[found] == '{') {
            kind_ = found == std::string_view::npos ? Kind::unknown : Kind::whole;
            keep(bytes);
            return {};
        }
    }
    kind_ = Kind::stream;
    held_.append(bytes);
    return held_;
}

std::string_view CompletionsAnswer::end() {
    if (kind_ != Kind::unknown) {
        return {};
    }
    kind_ = head_ && is_json(*head_) ? Kind::whole : Kind::stream;
    return whole() ? std::string_view{} : held_;
}

void CompletionsAnswer::judge_head(const Report& report) const {
    if (!head_) {
        return;
    }
    if (!whole()) {
        judge_headers(*head_, profile_, report);
        if (!says_no_retry(*head_)) {
            report(
                "C2", fmt::format("x-should-retry is {}", shown(header(*head_, "x-should-retry")))
            );
        }
        judge_limits(*head_, report);
        return;
    }
    if (!is_json(*head_)) {
        report("C4", fmt::format("content-type is {}", shown(header(*head_, "content-type"))));
    }
    judge_limits(*head_, report);
}

/// C3. A used-up quota does not return within seconds, so it may omit both.
void CompletionsAnswer::judge_retry(std::string_view code, const Report& report) const {
    if (!head_ || code == "insufficient_quota") {
        return;
    }
    const int status = head_->status;
    if ((status == 429 || status == 503) && header(*head_, "retry-after").value_or("").empty()) {
        report("C3", fmt::format("{} without retry-after", status));
    }
    if (status == 429 && says_no_retry(*head_)) {
        report("C3", "429 with x-should-retry: false");
    }
}

/// C14: a client derives its error class from the status, which must match the type.
void CompletionsAnswer::judge_error(const completions::ErrorObject& error, const Report& report)
    const {
    if (!head_ || error.type.empty()) {
        return;
    }
    const int status = head_->status;
    if (status >= 400 && error.type != completions::error_type_of(status)) {
        report("C14", fmt::format("type is \"{}\" under {}", printable(error.type, 40), status));
    }
}

/// Notes about parts that both APIs share are reported for both.
completions::ParsedAnswer CompletionsAnswer::parsed(const Report& report) const {
    completions::ParsedAnswer answer = completions::parse_answer(held_);
    for (completions::ParseNote& note : answer.notes) {
        if (applies(*find_rule(note.rule), profile_)) {
            report(note.rule, std::move(note.text));
        }
    }
    return answer;
}

AnswerKind CompletionsAnswer::judge_body(const Report& report) const {
    if (overflowed_) {
        report("W1", "the body is longer than what is read of an event");
        return AnswerKind::whole;
    }
    const completions::ParsedAnswer answer = parsed(report);
    const auto* error =
        answer.body ? std::get_if<completions::ErrorObject>(&*answer.body) : nullptr;
    judge_retry(error != nullptr ? error->code : "", report);
    if (error != nullptr) {
        judge_error(*error, report);
    } else if (answer.body && profile_ == Profile::chat_completions) {
        judge_answer(std::get<completions::Answer>(*answer.body), report);
    } else if (answer.body) {
        const auto response = parse_json(held_);
        judge_response(response ? *response : Json(), "", report);
    }
    const int status = head_ ? head_->status : 0;
    const bool failed = status >= 400 && status <= 599;
    if (head_ && (error != nullptr ? !failed : status != 200)) {
        report(
            "C1",
            fmt::format("status {} with{} an error object", status, error != nullptr ? "" : "out")
        );
    }
    return error != nullptr ? AnswerKind::error : AnswerKind::whole;
}

} // namespace oa_stream::contract

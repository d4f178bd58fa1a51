// The meaning of Codex's errors, in one table. Their wording belongs to Codex and can change, so no
// other file compares it. docs/mapping.md shows these rows.
#include "codex_events.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <ctime>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace oa_stream::authority {
namespace {

using enum CodexErrorRow::Match;

using Cause = turn::FailureCause;

constexpr std::array k_rows{
    CodexErrorRow{
        ending,
        "Incomplete response returned, reason: max_output_tokens",
        false,
        Cause::other,
        turn::Finish::length
    },
    CodexErrorRow{
        ending,
        "Incomplete response returned, reason: content_filter",
        false,
        Cause::other,
        turn::Finish::content_filter
    },
    // Refusals of OpenAI and Azure: codex forwards the sentence without the code.
    CodexErrorRow{text, "violating our usage policy", false, Cause::refused},
    CodexErrorRow{text, "rejected as a result of our safety system", false, Cause::refused},
    CodexErrorRow{text, "content management policy", false, Cause::refused},
    CodexErrorRow{text, "limited access to this content for safety reasons", false, Cause::refused},
    // OpenAI's schema refusals: "… 'NAME': In context=(), 'required' is required to …".
    CodexErrorRow{text, "Invalid schema for response_format", false, Cause::schema_refused},
    CodexErrorRow{text, "Invalid schema for function", false, Cause::schema_refused},
    // Status 400 from local servers, which has no code.
    CodexErrorRow{text, "maximum context length is", false, Cause::context_length},
    CodexErrorRow{text, "stream disconnected before completion", true},
    CodexErrorRow{text, "Connection failed", true},
    CodexErrorRow{text, "Missing environment variable", false},
    CodexErrorRow{kind, "contextWindowExceeded", false, Cause::context_length},
    CodexErrorRow{kind, "sessionBudgetExceeded", false, Cause::usage_limit},
    CodexErrorRow{kind, "usageLimitExceeded", false, Cause::usage_limit},
    CodexErrorRow{kind, "rateLimitExceeded", true, Cause::rate_limited},
    CodexErrorRow{kind, "flexUnavailable", true, Cause::overloaded},
    CodexErrorRow{kind, "serverOverloaded", true, Cause::overloaded},
    CodexErrorRow{kind, "modelNotFound", false, Cause::unknown_model},
    CodexErrorRow{kind, "policyCapacityUnavailable", true, Cause::overloaded},
    CodexErrorRow{kind, "inferenceHookDenied", false, Cause::refused},
    CodexErrorRow{kind, "cyberPolicy", false, Cause::refused},
    CodexErrorRow{kind, "misalignmentPolicyViolation", false, Cause::refused},
    CodexErrorRow{kind, "tooManyDenials", false},
    CodexErrorRow{kind, "internalServerError", true},
    CodexErrorRow{kind, "unauthorized", false, Cause::bad_key},
    CodexErrorRow{kind, "badRequest", false},
    CodexErrorRow{kind, "threadRollbackFailed", false},
    CodexErrorRow{kind, "sandboxError", false},
    CodexErrorRow{kind, "activeTurnNotSteerable", false},
    // These carry the provider's status; without one, the connection itself failed.
    CodexErrorRow{kind, "httpConnectionFailed", true},
    CodexErrorRow{kind, "responseStreamConnectionFailed", true},
    CodexErrorRow{kind, "responseStreamDisconnected", true},
    CodexErrorRow{kind, "responseTooManyFailedAttempts", true},
};

constexpr int k_too_many_requests = 429;

[[nodiscard]] bool retryable_status(int status) noexcept {
    return status == 408 || status == 409 || status == 425 || status == k_too_many_requests ||
           (status >= 500 && status != 501 && status != 505);
}

[[nodiscard]] std::optional<turn::FailureCause> cause_of_status(int status) noexcept {
    constexpr std::array<std::pair<int, Cause>, 6> k_causes{
        {{401, Cause::bad_key},
         {402, Cause::usage_limit},
         {403, Cause::bad_key},
         {k_too_many_requests, Cause::rate_limited},
         {503, Cause::overloaded},
         {529, Cause::overloaded}}
    };
    const auto row = std::ranges::find(k_causes, status, &std::pair<int, Cause>::first);
    return row == k_causes.end() ? std::nullopt : std::optional(row->second);
}

/// Seconds of the unit at the start of `text`; 0 when it is not a unit.
[[nodiscard]] double seconds_of_unit(std::string_view text) noexcept {
    constexpr std::array<std::pair<std::string_view, double>, 5> k_units{
        {{"ms", 0.001}, {"s", 1}, {"m", 60}, {"h", 3'600}, {"d", 86'400}}
    };
    const auto* unit =
        std::ranges::find_if(k_units, [&](const auto& row) { return text.starts_with(row.first); });
    return unit == k_units.end() ? 0 : unit->second;
}

/// "… try again in 11.054s", "… in 1m30s", "… in 2 hours 5 minutes": whole seconds, rounded up.
[[nodiscard]] std::optional<int> seconds_until_retry(std::string_view message) {
    constexpr std::string_view k_mark = "ry again in ";
    constexpr double k_most = 31.0 * 86'400;
    const auto at = message.find(k_mark);
    if (at == std::string_view::npos) {
        return std::nullopt;
    }
    auto rest = message.substr(at + k_mark.size());
    double seconds = 0;
    bool any = false;
    while (true) {
        double value = 0;
        const auto [end, failed] = std::from_chars(rest.data(), rest.data() + rest.size(), value);
        if (failed != std::errc{} || value < 0 || value > k_most) {
            break;
        }
        rest.remove_prefix(static_cast<std::size_t>(end - rest.data()));
        rest.remove_prefix(rest.starts_with(' ') ? 1 : 0);
        const double unit = seconds_of_unit(rest);
        if (unit == 0) {
            return std::nullopt;
        }
        any = true;
        seconds += value * unit;
        rest.remove_prefix(
            std::min(rest.find_first_not_of("abcdefghijklmnopqrstuvwxyz"), rest.size())
        );
        rest.remove_prefix(std::min(rest.find_first_not_of(", "), rest.size()));
    }
    return any && seconds <= k_most ? std::optional(static_cast<int>(std::ceil(seconds)))
                                    : std::nullopt;
}

/// "5:45 PM" on `day`, or "Dec 2nd, 2026 5:45 PM": Codex's form of local times.
[[nodiscard]] std::optional<std::tm> read_clock(std::string text, const std::tm& day) {
    const auto comma = text.find(',');
    const bool dated = comma != std::string::npos && comma > 2;
    if (dated) {
        text.erase(comma - 2, 2); // st, nd, rd, th
    }
    std::tm out = day;
    const char* end = ::strptime(text.c_str(), dated ? "%b %d, %Y %I:%M %p" : "%I:%M %p", &out);
    out.tm_sec = 0;
    out.tm_isdst = -1;
    return end != nullptr && *end == 0 ? std::optional(out) : std::nullopt;
}

/// "… or try again at Dec 2nd, 2026 5:45 PM."; empty: the message has no time.
[[nodiscard]] std::string time_of_retry(std::string_view message) {
    constexpr std::string_view k_mark = "ry again at ";
    const auto at = message.find(k_mark);
    if (at == std::string_view::npos) {
        return {};
    }
    const auto rest = message.substr(at + k_mark.size());
    const auto end = std::min(rest.find(" AM"), rest.find(" PM"));
    std::string time(end == std::string_view::npos ? "" : rest.substr(0, end + 3));
    return read_clock(time, {}) ? time : std::string();
}

struct Info {
    std::string kind = "other";
    std::optional<int> http_status{};
};

/// codexErrorInfo is a string, or an object of one member that may hold httpStatusCode.
[[nodiscard]] Info read_info(const Json& error) {
    Info info;
    const Json* raw = member(error, "codexErrorInfo");
    if (raw == nullptr) {
        return info;
    }
    if (raw->is_string()) {
        info.kind = raw->get_ref<const std::string&>();
    } else if (raw->is_object() && !raw->empty()) {
        info.kind = raw->begin().key();
        const auto status = int_member(raw->begin().value(), "httpStatusCode");
        if (status && *status >= 100 && *status <= 599) {
            info.http_status = static_cast<int>(*status);
        }
    }
    return info;
}

/// All of Codex's error text, for the log: "kind status: message (details)".
[[nodiscard]] std::string detail_of(const Json& error, const Info& info) {
    std::string detail = info.kind;
    if (info.http_status) {
        detail.append(" ").append(std::to_string(*info.http_status));
    }
    if (const auto message = string_member(error, "message"); message && !message->empty()) {
        detail.append(": ").append(*message);
    }
    if (const auto more = string_member(error, "additionalDetails"); more && !more->empty()) {
        detail.append(" (").append(*more).append(")");
    }
    return detail;
}

[[nodiscard]] const CodexErrorRow* row_of(const Info& info, std::string_view message) noexcept {
    for (const CodexErrorRow& row : k_rows) {
        const bool mentioned = message.find(row.word) != std::string_view::npos;
        if ((row.match == kind && row.word == info.kind) || (row.match == ending && mentioned) ||
            (row.match == text && mentioned && info.kind == "other")) {
            return &row;
        }
    }
    return nullptr;
}

} // namespace

std::span<const CodexErrorRow> codex_error_rows() noexcept {
    return k_rows;
}

std::optional<std::int64_t> seconds_until(const std::string& again_at, std::int64_t now) {
    constexpr std::int64_t k_minute = 60; // Codex omits the seconds
    const std::time_t time = now;
    std::tm day{};
    if (::localtime_r(&time, &day) == nullptr) {
        return std::nullopt;
    }
    auto clock = read_clock(again_at, day);
    const auto left = clock ? std::mktime(&*clock) + k_minute - now : 0;
    return left > 0 ? std::optional<std::int64_t>(left) : std::nullopt;
}

CodexFailure classify_codex_error(const Json& error) {
    Info info = read_info(error);
    CodexFailure result;
    result.failure.code = turn::FailureCode::turn_failed;
    result.failure.detail = detail_of(error, info);
    if (const CodexErrorRow* row = row_of(info, string_member(error, "message").value_or(""))) {
        result.failure.retryable = row->match == kind && info.http_status
                                       ? retryable_status(*info.http_status)
                                       : row->retryable;
        result.finish = row->finish;
        result.failure.cause = row->cause;
        result.truncated = row->finish == turn::Finish::length;
        result.filtered = row->finish == turn::Finish::content_filter;
    }
    if (info.http_status) {
        result.failure.cause = cause_of_status(*info.http_status).value_or(result.failure.cause);
    }
    const auto message = string_member(error, "message").value_or("");
    result.failure.retry_after = seconds_until_retry(message);
    result.failure.again_at = time_of_retry(message);
    result.kind = std::move(info.kind);
    result.http_status = info.http_status;
    return result;
}

} // namespace oa_stream::authority

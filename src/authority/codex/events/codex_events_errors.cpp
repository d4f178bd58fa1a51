// What Codex's errors mean, in one table: the wording belongs to Codex and can change, so nothing
// else in the project compares it. docs/mapping.md shows these rows.
#include "codex_events.hpp"

#include <array>
#include <string>
#include <string_view>

namespace oa_stream::authority {
namespace {

using enum CodexErrorRow::Match;

constexpr std::array k_rows{
    CodexErrorRow{
        ending,
        "Incomplete response returned, reason: max_output_tokens",
        false,
        turn::Finish::length
    },
    CodexErrorRow{
        ending,
        "Incomplete response returned, reason: content_filter",
        false,
        turn::Finish::content_filter
    },
    CodexErrorRow{text, "stream disconnected before completion", true},
    CodexErrorRow{text, "Connection failed", true},
    CodexErrorRow{text, "Missing environment variable", false},
    CodexErrorRow{
        kind,
        "contextWindowExceeded",
        false,
        turn::Finish::error,
        turn::FailureCause::context_length
    },
    CodexErrorRow{kind, "sessionBudgetExceeded", false},
    CodexErrorRow{
        kind, "usageLimitExceeded", false, turn::Finish::error, turn::FailureCause::rate_limited
    },
    CodexErrorRow{
        kind, "rateLimitExceeded", true, turn::Finish::error, turn::FailureCause::rate_limited
    },
    CodexErrorRow{kind, "flexUnavailable", true},
    CodexErrorRow{kind, "serverOverloaded", true},
    CodexErrorRow{kind, "modelNotFound", false},
    CodexErrorRow{kind, "policyCapacityUnavailable", true},
    CodexErrorRow{kind, "inferenceHookDenied", false},
    CodexErrorRow{kind, "cyberPolicy", false},
    CodexErrorRow{kind, "misalignmentPolicyViolation", false},
    CodexErrorRow{kind, "tooManyDenials", false},
    CodexErrorRow{kind, "internalServerError", true},
    CodexErrorRow{kind, "unauthorized", false},
    CodexErrorRow{kind, "badRequest", false},
    CodexErrorRow{kind, "threadRollbackFailed", false},
    CodexErrorRow{kind, "sandboxError", false},
    CodexErrorRow{kind, "activeTurnNotSteerable", false},
    // These carry the provider's status; without one the connection itself failed.
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

/// Everything Codex said, for the log: "kind status: message (details)".
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
        const bool said = message.find(row.word) != std::string_view::npos;
        if ((row.match == kind && row.word == info.kind) || (row.match == ending && said) ||
            (row.match == text && said && info.kind == "other")) {
            return &row;
        }
    }
    return nullptr;
}

} // namespace

std::span<const CodexErrorRow> codex_error_rows() noexcept {
    return k_rows;
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
    if (info.http_status == k_too_many_requests) {
        result.failure.cause = turn::FailureCause::rate_limited;
    }
    result.kind = std::move(info.kind);
    result.http_status = info.http_status;
    return result;
}

} // namespace oa_stream::authority

#include "describe.hpp"

#include "oa_stream/base/json_members.hpp"
#include "oa_stream/base/layout.hpp"
#include "oa_stream/base/text.hpp"
#include "oa_stream/net/reach_advice.hpp"

#include "body_tail.hpp"
#include "outcome.hpp"

#include <fmt/format.h>

namespace oa_stream::probe {
namespace {

std::string place_text(const contract::Violation& violation) {
    return violation.frame == contract::k_in_head  ? "in the head"
           : violation.frame == contract::k_at_end ? "at the end"
                                                   : fmt::format("at frame {}", violation.frame);
}

std::string first_violation(const ProbeSample& sample) {
    for (const contract::Violation& v : sample.judgement.violations) {
        const std::size_t more = sample.judgement.violations.size() - 1;
        return fmt::format(
            "{} {}: {}{}",
            v.rule->id,
            place_text(v),
            v.message,
            more == 0 ? "" : fmt::format(" (and {} more)", more)
        );
    }
    return {};
}

std::string status_text(const ProbeSample& sample) {
    std::string text = fmt::format("HTTP {}", sample.status);
    if (!sample.error_code.empty()) {
        text += " " + printable(sample.error_code, 60);
    }
    if (const auto after = sample.headers.get("retry-after")) {
        text += ", retry-after " + printable(*after, 40);
    }
    return text;
}

/// If two rules have the same outcome, the first is for an answer without a head.
std::string rule_text(const ProbeSample& sample) {
    std::string text;
    for (const OutcomeRule& rule : outcome_rules()) {
        if (rule.outcome == sample.outcome && (text.empty() || sample.status != 0)) {
            text = rule.when;
        }
    }
    return text;
}

// A break right after a long silence is a hop's read timeout, not a failure of the turn.
std::string idle_cut(const ProbeSample& sample) {
    constexpr double k_silent = 1.0;
    return sample.silence_s < k_silent
               ? std::string()
               : fmt::format(", {:.1f}s after the last byte: an idle cut", sample.silence_s);
}

std::string failed_turn_text(const ProbeSample& sample) {
    if (sample.errors > 0) {
        return fmt::format(
            "the turn failed in the stream with code {}",
            sample.error_code.empty() ? "(none)" : printable(sample.error_code, 60)
        );
    }
    if (sample.aborted) {
        return "the turn was stopped";
    }
    return "the final status is " + printable(sample.terminal, 60);
}

std::string core(const ProbeSample& sample) {
    switch (sample.outcome) {
    case Outcome::ok:
        return fmt::format(
            "{}, {} with content, status {}",
            counted(sample.judgement.frames, "frame"),
            sample.content_frames,
            sample.terminal.empty() ? "not given" : printable(sample.terminal, 40)
        );
    case Outcome::compat_rejected:
    case Outcome::unauthorised:
    case Outcome::http_status:
        return status_text(sample);
    case Outcome::wrong_content_type:
        return "content-type is " +
               printable(sample.headers.get("content-type").value_or("missing"), 80);
    case Outcome::malformed_frame:
    case Outcome::contract_violation:
    case Outcome::headers_missing:
        return first_violation(sample);
    case Outcome::late_data:
        return sample.tail_s > k_longest_tail ? late_end_text(sample.tail_s)
                                              : first_violation(sample);
    case Outcome::in_stream_error:
        return failed_turn_text(sample);
    case Outcome::not_sse:
        if (const auto encoding = sample.headers.get("content-encoding")) {
            return "the body was encoded on its way: " + printable(*encoding, 40);
        }
        return sample.status == 0 ? "the answer is not HTTP"
                                  : "a body without a single event or comment";
    case Outcome::buffered:
        return sample.pacing_why;
    case Outcome::truncated:
        return fmt::format(
            "the answer broke off after {}, {} [DONE]{}",
            counted(sample.judgement.bytes, "byte"),
            sample.done ? "after" : "without",
            idle_cut(sample)
        );
    case Outcome::stalled:
    case Outcome::too_slow:
        return fmt::format(
            "{} ({} read{})",
            rule_text(sample),
            counted(sample.judgement.frames, "frame"),
            sample.done ? ", [DONE] among them: the body does not end" : ""
        );
    default:
        return rule_text(sample);
    }
}

void put(Json& out, const char* key, const std::optional<double>& value) {
    if (value) {
        out[key] = *value;
    }
}

} // namespace

std::string envelope_code(std::string_view body) {
    const auto json = parse_json(body);
    return json ? text_in(object_in(*json, "error"), "code") : std::string();
}

std::string describe(const ProbeSample& sample, std::string_view failure) {
    std::string text = core(sample);
    if (!failure.empty() && sample.outcome != Outcome::cancelled && sample.status != 200) {
        text += ": " + printable(failure);
        text += sample.outcome == Outcome::tls ? net::trust_advice(failure) : "";
    }
    return text;
}

Json to_json(const ProbeSample& sample) {
    Json out;
    out["outcome"] = to_string(sample.outcome);
    out["status"] = sample.status;
    Json clocks = Json::object();
    put(clocks, "connect", sample.clocks.connect);
    put(clocks, "headers", sample.clocks.headers);
    put(clocks, "first_byte", sample.clocks.first_byte);
    put(clocks, "first_event", sample.clocks.first_event);
    put(clocks, "first_content", sample.clocks.first_content);
    put(clocks, "end", sample.clocks.end);
    out["clocks"] = std::move(clocks);
    out["max_gap"] = sample.max_gap_s;
    out["silence"] = sample.silence_s;
    out["frames"] = sample.judgement.frames;
    out["bytes"] = sample.judgement.bytes;
    out["content_frames"] = sample.content_frames;
    out["content_reads"] = sample.content_reads;
    out["pacing"] = to_string(sample.pacing);
    out["terminal"] = sample.terminal;
    out["revision"] = sample.revision;
    out["thread"] = sample.thread;
    out["turn"] = sample.turn;
    out["request_id"] = sample.request_id;
    out["violations"] = json_list(sample.judgement.violations, [](const contract::Violation& v) {
        return v.rule->id;
    });
    return out;
}

} // namespace oa_stream::probe

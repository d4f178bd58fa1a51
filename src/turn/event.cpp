#include "oa_stream/turn/event.hpp"

#include "oa_stream/base/enum_words.hpp"
#include "oa_stream/base/layout.hpp"
#include "oa_stream/base/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <set>

namespace oa_stream::turn {

namespace {

constexpr std::array<std::string_view, std::variant_size_v<Event>> k_names{
    "turn-started",
    "part-opened",
    "part-delta",
    "part-closed",
    "tool-opened",
    "tool-input-delta",
    "tool-input-ready",
    "tool-output-delta",
    "tool-output",
    "tool-failed",
    "note",
    "approval-asked",
    "approval-settled",
    "client-call",
    "usage-known",
    "turn-ended",
};

constexpr std::array<std::string_view, 3> k_phases{"", "commentary", "final_answer"};

/// "1 second", "90 seconds", "5 minutes", "3 hours": rounded up.
std::string waiting_time(int seconds) {
    const auto whole = static_cast<std::uint64_t>(std::max(0, seconds));
    if (whole <= 120) {
        return counted(whole, "second");
    }
    return whole <= 7'200 ? counted((whole + 59) / 60, "minute")
                          : counted((whole + 3'599) / 3'600, "hour");
}

std::string usage_text(const std::optional<Usage>& usage) {
    if (!usage) {
        return "unknown";
    }
    return fmt::format(
        "{}+{}/{}+{}", usage->input, usage->cached_input, usage->output, usage->reasoning_output
    );
}

struct Describe {
    std::string operator()(const TurnStarted& e) const {
        return fmt::format("thread={} turn={} model={}", e.thread, e.turn, e.model);
    }
    std::string operator()(const PartOpened& e) const {
        const auto phase = to_string(e.phase);
        return fmt::format(
            "id={} kind={}{}{}", e.id, to_string(e.kind), phase.empty() ? "" : " phase=", phase
        );
    }
    std::string operator()(const PartDelta& e) const {
        return fmt::format("id={} text=\"{}\"", e.id, printable(e.text));
    }
    std::string operator()(const PartClosed& e) const { return fmt::format("id={}", e.id); }
    std::string operator()(const ToolOpened& e) const {
        return fmt::format(
            "call={} name={}{}{}",
            e.call,
            e.name,
            e.dynamic ? " dynamic" : "",
            e.client ? " client" : ""
        );
    }
    std::string operator()(const ToolInputDelta& e) const {
        return fmt::format("call={} text=\"{}\"", e.call, printable(e.text));
    }
    std::string operator()(const ToolInputReady& e) const {
        return fmt::format("call={} input={}", e.call, dump_json(e.input));
    }
    std::string operator()(const ToolOutputDelta& e) const {
        return fmt::format("call={} text=\"{}\"", e.call, printable(e.text));
    }
    std::string operator()(const ToolOutput& e) const {
        return fmt::format("call={} output={}", e.call, dump_json(e.output));
    }
    std::string operator()(const ToolFailed& e) const {
        return fmt::format("call={} text=\"{}\"", e.call, printable(e.text));
    }
    std::string operator()(const Note& e) const {
        return fmt::format(
            "name={} id={}{} payload={}",
            e.name,
            e.id.value_or("-"),
            e.transient ? " transient" : "",
            dump_json(e.payload)
        );
    }
    std::string operator()(const ApprovalAsked& e) const {
        return fmt::format("id={} call={}", e.id, e.call);
    }
    std::string operator()(const ApprovalSettled& e) const {
        return fmt::format("id={} {}", e.id, e.approved ? "approved" : "denied");
    }
    std::string operator()(const ClientCall& e) const {
        return fmt::format("call={} name={} arguments={}", e.call, e.name, printable(e.arguments));
    }
    std::string operator()(const UsageKnown& e) const { return usage_text(e.usage); }
    std::string operator()(const TurnEnded& e) const {
        const std::string_view failure = e.failure ? words_of(e.failure->code).word : "-";
        return fmt::format(
            "outcome={} finish={} failure={} usage={}{}",
            to_string(e.outcome),
            to_string(e.finish),
            failure,
            usage_text(e.usage),
            e.withheld ? " withheld" : ""
        );
    }
};

} // namespace

Failure failure_of(FailureCode code, std::string detail, FailureCause cause) {
    return {code, words_of(code).retryable, std::move(detail), cause};
}

std::string sentence_of(const Failure& failure) {
    const CauseWords& cause = words_of(failure.cause);
    std::string out(cause.word.empty() ? words_of(failure.code).sentence : cause.sentence);
    if (failure.retry_after) {
        out += fmt::format(" Try again in {}.", waiting_time(*failure.retry_after));
    } else if (!failure.again_at.empty()) {
        out +=
            fmt::format(" Try again at {} (the time of the assistant's server).", failure.again_at);
    }
    return out;
}

std::string_view to_string(TextPhase phase) noexcept {
    return enum_word<TextPhase::final_answer>(k_phases, phase);
}

TextPhase text_phase_of(std::string_view word) noexcept {
    return enum_value<TextPhase>(k_phases, word).value_or(TextPhase::unknown);
}

bool is_content(const Event& event) noexcept {
    const auto* delta = std::get_if<PartDelta>(&event);
    return delta != nullptr ? !delta->text.empty() : std::holds_alternative<ToolOpened>(event);
}

bool is_answered(const std::vector<Event>& events) {
    bool answered = false;
    std::set<std::string, std::less<>> texts;
    for (const Event& event : events) {
        if (const auto* opened = std::get_if<PartOpened>(&event)) {
            if (opened->kind == PartKind::text) {
                texts.insert(opened->id);
            }
        } else if (const auto* delta = std::get_if<PartDelta>(&event)) {
            answered = answered || texts.contains(delta->id);
        } else if (std::holds_alternative<ToolOpened>(event)) {
            answered = false;
        }
    }
    return answered;
}

std::string_view name_of(const Event& event) noexcept {
    return k_names.at(event.index());
}

std::string describe(const Event& event) {
    return fmt::format("{} {}", name_of(event), std::visit(Describe{}, event));
}

} // namespace oa_stream::turn

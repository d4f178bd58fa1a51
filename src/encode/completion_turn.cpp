#include "completion_turn.hpp"

#include "oa_stream/base/json_bounds.hpp"
#include "oa_stream/base/lists.hpp"
#include "oa_stream/wire/json_scan.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace oa_stream::encode {

namespace {

[[nodiscard]] std::unexpected<Error> illegal(std::string_view what, std::string_view id) {
    return fail(Code::internal, std::string(what) + " \"" + std::string(id) + "\"");
}

[[nodiscard]] bool all_zero(const turn::Usage& usage) noexcept {
    return usage == turn::Usage{};
}

[[nodiscard]] bool countable(const turn::Usage& usage) noexcept {
    const std::array counts{usage.input, usage.cached_input, usage.output, usage.reasoning_output};
    return std::ranges::all_of(
               counts,
               [](std::int64_t count) { return count >= 0 && count <= wire::k_largest_whole / 2; }
           ) &&
           usage.cached_input <= usage.input && usage.reasoning_output <= usage.output;
}

} // namespace

std::string_view finish_reason(turn::Finish finish) noexcept {
    switch (finish) {
    case turn::Finish::length:
        return "length";
    case turn::Finish::content_filter:
        return "content_filter";
    case turn::Finish::tool_calls:
        return "tool_calls";
    case turn::Finish::stop:
    case turn::Finish::error:
    case turn::Finish::other:
        break;
    }
    return "stop";
}

Result<CompletionTurn::Delta> CompletionTurn::apply(const turn::Event& event) {
    if (ending_) {
        return oa_stream::fail(Code::internal, "event after the end of the turn");
    }
    if (const auto* delta = std::get_if<turn::PartDelta>(&event)) {
        return this->delta(*delta);
    }
    if (const auto* opened = std::get_if<turn::PartOpened>(&event)) {
        OA_CHECK(open(*opened));
    } else if (const auto* closed = std::get_if<turn::PartClosed>(&event)) {
        OA_CHECK(close(*closed));
    } else if (const auto* known = std::get_if<turn::UsageKnown>(&event)) {
        count(known->usage);
    } else if (const auto* ended = std::get_if<turn::TurnEnded>(&event)) {
        const Delta rest = text(stop_.rest());
        end(*ended);
        return rest;
    }
    return Delta{}; // these clients have no use for other tools and notes
}

const turn::ClientCall* CompletionTurn::call(const turn::Event& event) {
    const auto* call = std::get_if<turn::ClientCall>(&event);
    if (call == nullptr || (demands_.one_call && called_) || stop_.cut()) {
        return nullptr; // with one call at a time the model makes the others later
    }
    called_ = true;
    return call;
}

Result<void> CompletionTurn::open(const turn::PartOpened& event) {
    if (contains(parts_, event.id, &OpenPart::id)) {
        return illegal("part is open already:", event.id);
    }
    parts_.push_back({event.id, event.kind, event.phase});
    return {};
}

Result<CompletionTurn::Delta> CompletionTurn::delta(const turn::PartDelta& event) {
    const auto open = std::ranges::find(parts_, event.id, &OpenPart::id);
    if (open == parts_.end()) {
        return illegal("delta of no open part:", event.id);
    }
    // Commentary beside JSON is not a part of the text.
    const bool json_only = demands_.json || demands_.json_object;
    const bool aside = json_only && open->phase == turn::TextPhase::commentary;
    if (open->kind != turn::PartKind::text || aside) {
        return Delta{.reasoning = stop_.cut() ? std::string_view() : std::string_view(event.text)};
    }
    open->has_text = open->has_text || !event.text.empty();
    return text(stop_.pass(event.text));
}

CompletionTurn::Delta CompletionTurn::text(std::string_view text) {
    has_text_ = has_text_ || !text.empty();
    if (demands_.json_object) {
        json_ += text;
    }
    return {.text = text};
}

Result<void> CompletionTurn::close(const turn::PartClosed& event) {
    const auto open = std::ranges::find(parts_, event.id, &OpenPart::id);
    if (open == parts_.end()) {
        return illegal("end of no open part:", event.id);
    }
    // These clients would get the text twice, joined. After a stop sequence they have all of it.
    if (event.broken && open->has_text && !stop_.cut()) {
        turn::Failure failure{turn::FailureCode::turn_failed, true};
        failure.detail = "the model's response broke off; the authority asks for it again";
        fail(std::move(failure));
    }
    parts_.erase(open);
    return {};
}

/// A report of zero (Codex sends one when it truncates) does not replace an earlier one.
void CompletionTurn::count(const turn::Usage& usage) {
    if (!usage_ || !all_zero(usage)) {
        usage_ = usage;
    }
}

void CompletionTurn::end(const turn::TurnEnded& event) {
    if (event.usage) {
        count(*event.usage);
    }
    switch (event.outcome) {
    case turn::Outcome::completed:
        if (const auto cause = unmet(); cause && !turn::is_cut(event.finish)) {
            turn::Failure failure{turn::FailureCode::turn_failed};
            failure.cause = *cause;
            fail(std::move(failure));
            return;
        }
        ending_ = called_                      ? turn::Finish::tool_calls
                  : turn::is_cut(event.finish) ? event.finish
                                               : turn::Finish::stop;
        return;
    case turn::Outcome::interrupted: // stopped elsewhere: this reader is still connected
        fail(turn::Failure{turn::FailureCode::turn_aborted});
        return;
    case turn::Outcome::aborted:
        fail(event.failure.value_or(turn::Failure{turn::FailureCode::turn_aborted}));
        return;
    case turn::Outcome::failed:
        break;
    }
    turn::Failure failure = event.failure.value_or(turn::Failure{});
    if (!failure.clean_eof) {
        fail(std::move(failure));
    } else if (has_text_) {
        ending_ = turn::Finish::length; // complete except for its end: a cut text
    } else {
        failure.code = turn::FailureCode::authority_lost;
        fail(std::move(failure));
    }
}

/// The request's demand that the answer does not meet.
std::optional<turn::FailureCause> CompletionTurn::unmet() const {
    if (called_) {
        return std::nullopt;
    }
    if (demands_.must_call) {
        return turn::FailureCause::no_call;
    }
    if (demands_.json_object && !stop_.cut()) {
        const auto value = parse_any_json(json_);
        return value && value->is_object() ? std::nullopt
                                           : std::optional(turn::FailureCause::no_json);
    }
    return std::nullopt;
}

void CompletionTurn::fail(turn::Failure failure) {
    ending_ = Ending(std::unexpect, std::move(failure));
}

std::optional<wire::completions::Usage> CompletionTurn::usage() const {
    if (!usage_ || !countable(*usage_)) {
        return std::nullopt;
    }
    const bool quiet_success = !has_text_ && !called_ && ending_ && ending_->has_value();
    if (all_zero(*usage_) && !quiet_success) {
        return std::nullopt;
    }
    return wire::completions::Usage{
        .prompt = usage_->input,
        .completion = usage_->output,
        .total = usage_->input + usage_->output,
        .cached = usage_->cached_input,
        .reasoning = usage_->reasoning_output,
    };
}

} // namespace oa_stream::encode

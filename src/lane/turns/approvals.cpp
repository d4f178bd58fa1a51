#include "approvals.hpp"

#include "oa_stream/base/lists.hpp"
#include "oa_stream/base/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

namespace oa_stream::lane {

namespace {

using State = TurnApprovals::Approval::State;

Rejection reject_answer(std::string_view id, std::string_view why) {
    return invalid_field("messages", fmt::format("the approval \"{}\" {}", printable(id, 60), why));
}

/// Why an answer is refused; empty when it is accepted or was given before.
std::string_view objection(const TurnApprovals::Approval& known, bool approved) {
    switch (known.state) {
    case State::expired:
        return "was not answered in time and counts as declined";
    case State::over:
        return "is not waited for any more";
    case State::answered:
        return known.approved == approved ? "" : "was answered before, with another decision";
    case State::waiting:
    case State::asked_before: // its segment shows the decision
        break;
    }
    return "";
}

} // namespace

TurnApprovals::Approval* TurnApprovals::find(std::string_view id) {
    return find_or_null(approvals_, id, &Approval::id);
}

void TurnApprovals::recall(const wire::ui::Chunk& chunk, std::size_t segment) {
    if (const auto* asked = std::get_if<wire::ui::ToolApprovalRequest>(&chunk)) {
        approvals_.push_back({.id = asked->approval, .call = asked->call, .segment = segment});
        approvals_.back().state = State::asked_before;
    } else if (const auto* denied = std::get_if<wire::ui::ToolOutputDenied>(&chunk)) {
        recall_end(denied->call, false, segment);
    } else if (const auto* output = std::get_if<wire::ui::ToolOutputAvailable>(&chunk)) {
        recall_end(output->call, true, segment);
    } else if (const auto* failed = std::get_if<wire::ui::ToolOutputError>(&chunk)) {
        recall_end(failed->call, true, segment);
    }
}

void TurnApprovals::recall_end(std::string_view call, bool approved, std::size_t segment) {
    for (auto& known : approvals_) {
        if (known.call == call && known.state == State::asked_before) {
            known.state = State::answered;
            known.approved = approved;
            known.segment = std::max(known.segment, segment - 1);
        }
    }
}

bool TurnApprovals::unsure(const std::vector<ApprovalAnswer>& answers, std::size_t segment) const {
    return std::ranges::any_of(answers, [&](const ApprovalAnswer& answer) {
        const auto* known = find_or_null(approvals_, answer.id, &Approval::id);
        return known != nullptr && known->state == State::asked_before && known->segment <= segment;
    });
}

void TurnApprovals::watch(const turn::Event& event, Clock::time_point now) {
    if (std::holds_alternative<turn::PartOpened>(event)) {
        ++open_parts_;
    } else if (std::holds_alternative<turn::PartClosed>(event)) {
        --open_parts_;
    } else if (const auto* opened = std::get_if<turn::ToolOpened>(&event)) {
        running_.insert(opened->call);
    } else if (const auto* output = std::get_if<turn::ToolOutput>(&event)) {
        running_.erase(output->call);
    } else if (const auto* failed = std::get_if<turn::ToolFailed>(&event)) {
        running_.erase(failed->call);
    } else if (const auto* asked = std::get_if<turn::ApprovalAsked>(&event)) {
        if (auto* known = find(asked->id)) {
            *known = {.id = asked->id, .call = asked->call, .asked = now};
        } else {
            approvals_.push_back({.id = asked->id, .call = asked->call, .asked = now});
        }
    } else if (const auto* settled = std::get_if<turn::ApprovalSettled>(&event)) {
        if (auto* known = find(settled->id); known != nullptr && known->state == State::waiting) {
            known->state = State::over;
        }
    } else if (std::holds_alternative<turn::TurnEnded>(event)) {
        for (auto& known : approvals_) {
            known.state = known.state == State::waiting ? State::over : known.state;
        }
    }
}

bool TurnApprovals::waiting() const noexcept {
    return contains(approvals_, State::waiting, &Approval::state);
}

bool TurnApprovals::asks(bool relayed) const noexcept {
    return waiting() || (relayed && contains(approvals_, State::asked_before, &Approval::state));
}

bool TurnApprovals::stuck(const TurnCalls& calls) const noexcept {
    return held_up(calls) && std::ranges::all_of(running_, [&](const std::string& call) {
               return calls.waits_for(call) ||
                      std::ranges::any_of(approvals_, [&](const Approval& known) {
                          return known.call == call && known.state == State::waiting;
                      });
           });
}

bool TurnApprovals::held_up(const TurnCalls& calls) const noexcept {
    if (open_parts_ != 0 || (!waiting() && !calls.waiting())) {
        return false;
    }
    return std::ranges::none_of(running_, [&](const std::string& call) {
        return calls.knows(call) && !calls.waits_for(call); // its end will follow soon
    });
}

std::vector<std::string> TurnApprovals::unasked(const TurnCalls& calls) const {
    std::vector<std::string> found;
    std::ranges::copy_if(running_, std::back_inserter(found), [&](const std::string& call) {
        return !calls.knows(call) && !contains(approvals_, call, &Approval::call);
    });
    return found;
}

void TurnApprovals::begin_wait(Clock::time_point now) {
    for (auto& known : approvals_) {
        known.asked = known.state == State::waiting ? now : known.asked;
    }
}

std::vector<std::string> TurnApprovals::expire(Clock::time_point now, Millis limit) {
    std::vector<std::string> ids;
    for (auto& known : approvals_) {
        if (known.state == State::waiting && now - known.asked >= limit) {
            known.state = State::expired;
            ids.push_back(known.id);
        }
    }
    return ids;
}

Accepted<TurnApprovals::Verdict> TurnApprovals::judge(const std::vector<ApprovalAnswer>& answers
) const {
    Verdict verdict;
    for (const auto& answer : answers) {
        const auto* known = find_or_null(approvals_, answer.id, &Approval::id);
        if (known == nullptr) {
            return reject_answer(answer.id, "is none that this turn asked for");
        }
        if (const auto why = objection(*known, answer.approved); !why.empty()) {
            return reject_answer(answer.id, why);
        }
        if (known->state == State::waiting) {
            verdict.fresh.push_back(answer);
        } else {
            verdict.segment = std::max(verdict.segment.value_or(0), known->segment);
        }
    }
    if (!verdict.fresh.empty()) {
        verdict.segment.reset();
    }
    return verdict;
}

void TurnApprovals::note_answer(const ApprovalAnswer& answer, std::size_t segment) {
    if (auto* known = find(answer.id)) {
        known->state = State::answered;
        known->approved = answer.approved;
        known->segment = segment;
    }
}

} // namespace oa_stream::lane

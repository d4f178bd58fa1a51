#include "turn_calls.hpp"

#include "tools/call_results.hpp"

#include <algorithm>

namespace oa_stream::lane {

void TurnCalls::watch(const turn::Event& event, Clock::time_point now) {
    if (const auto* call = std::get_if<turn::ClientCall>(&event)) {
        const bool known = std::ranges::any_of(entries_, [&](const Entry& entry) {
            return entry.call.call == call->call;
        });
        if (!known) {
            entries_.push_back({.call = *call, .asked = now});
        }
    } else if (std::holds_alternative<turn::TurnEnded>(event)) {
        for (auto& entry : entries_) {
            entry.over = !entry.result;
        }
    }
}

bool TurnCalls::waiting() const noexcept {
    return std::ranges::any_of(entries_, waits);
}

bool TurnCalls::waits_for(std::string_view call) const noexcept {
    return std::ranges::any_of(entries_, [&](const Entry& entry) {
        return entry.call.call == call && waits(entry);
    });
}

std::vector<turn::ClientCall> TurnCalls::open() const {
    std::vector<turn::ClientCall> calls;
    for (const auto& entry : entries_) {
        if (waits(entry)) {
            calls.push_back(entry.call);
        }
    }
    return calls;
}

bool TurnCalls::overdue(Clock::time_point now, Millis limit) const noexcept {
    return std::ranges::any_of(entries_, [&](const Entry& entry) {
        return waits(entry) && now - entry.asked >= limit;
    });
}

Accepted<TurnCalls::Verdict> TurnCalls::judge(const std::vector<authority::CallResult>& results
) const {
    Verdict verdict;
    for (const auto& result : results) {
        const auto known = std::ranges::find_if(entries_, [&](const Entry& entry) {
            return entry.call.call == result.call;
        });
        if (known == entries_.end()) {
            return std::unexpected(reject_unknown_call(result.call));
        }
        if (known->over) {
            return std::unexpected(reject_call_over(result.call));
        }
        if (!known->result) {
            verdict.fresh.push_back(result);
        } else if (*known->result == result) {
            verdict.segment = std::max(verdict.segment.value_or(0), known->segment);
        } else {
            return std::unexpected(reject_answered_call(result.call));
        }
    }
    return verdict;
}

void TurnCalls::note_answer(const authority::CallResult& result, std::size_t segment) {
    for (auto& entry : entries_) {
        if (entry.call.call == result.call) {
            entry.result = result;
            entry.segment = segment;
        }
    }
}

} // namespace oa_stream::lane

#include "turn_calls.hpp"

#include "oa_stream/base/lists.hpp"

#include <algorithm>

namespace oa_stream::lane {

TurnCalls::Entry* TurnCalls::find(std::string_view call) noexcept {
    return find_if_or_null(entries_, [&](const Entry& entry) { return entry.call.call == call; });
}

/// The authority reported the end: the call was answered before this lane took over, or was
/// cancelled.
void TurnCalls::settle(authority::CallResult result, std::size_t segment) {
    auto* entry = find(result.call);
    if (entry == nullptr || entry->result) {
        return;
    }
    if (entry->asked) {
        entry->over = true;
    } else {
        entry->result = std::move(result);
        entry->segment = segment;
    }
}

void TurnCalls::recall(
    const wire::ui::Chunk& chunk, std::size_t segment, std::optional<Clock::time_point> asked
) {
    if (const auto* ready = std::get_if<wire::ui::ToolInputAvailable>(&chunk)) {
        if (!ready->provider_executed && find(ready->call) == nullptr) {
            entries_.push_back(
                {.call = {ready->call, ready->name, dump_json(ready->input)}, .asked = asked}
            );
        }
    } else if (const auto* output = std::get_if<wire::ui::ToolOutputAvailable>(&chunk)) {
        recall_end({.call = output->call, .output = output->output}, segment);
    } else if (const auto* failed = std::get_if<wire::ui::ToolOutputError>(&chunk)) {
        recall_end({.call = failed->call, .output = failed->text, .failed = true}, segment);
    }
}

void TurnCalls::recall_end(authority::CallResult result, std::size_t segment) {
    if (auto* known = find(result.call)) {
        known->maybe_over = result.failed;
        known->result = std::move(result);
        known->segment = segment;
    }
}

bool TurnCalls::unsure(const std::vector<authority::CallResult>& results) const {
    return std::ranges::any_of(results, [&](const authority::CallResult& result) {
        return std::ranges::any_of(entries_, [&](const Entry& entry) {
            return entry.call.call == result.call && !entry.asked && !entry.result && !entry.over;
        });
    });
}

void TurnCalls::watch(const turn::Event& event, Clock::time_point now, std::size_t segment) {
    if (const auto* opened = std::get_if<turn::ToolOpened>(&event)) {
        if (opened->client && find(opened->call) == nullptr) {
            entries_.push_back({.call = {opened->call, opened->name, ""}});
        }
    } else if (const auto* call = std::get_if<turn::ClientCall>(&event)) {
        auto* known = find(call->call);
        auto& entry = known == nullptr ? entries_.emplace_back() : *known;
        if (!entry.asked) {
            entry.call = *call;
            entry.asked = now;
        }
    } else if (const auto* output = std::get_if<turn::ToolOutput>(&event)) {
        settle({.call = output->call, .output = output->output}, segment);
    } else if (const auto* failed = std::get_if<turn::ToolFailed>(&event)) {
        settle({.call = failed->call, .output = failed->text, .failed = true}, segment);
    } else if (std::holds_alternative<turn::TurnEnded>(event)) {
        for (auto& entry : entries_) {
            entry.over = !entry.result;
        }
    }
}

bool TurnCalls::waiting() const noexcept {
    return std::ranges::any_of(entries_, waits);
}

bool TurnCalls::knows(std::string_view call) const noexcept {
    return std::ranges::any_of(entries_, [&](const Entry& entry) {
        return entry.call.call == call;
    });
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

std::vector<std::string> TurnCalls::order() const {
    return mapped(entries_, [](const Entry& entry) { return entry.call.call; });
}

bool TurnCalls::overdue(Clock::time_point now, Millis limit) const noexcept {
    return std::ranges::any_of(entries_, [&](const Entry& entry) {
        return waits(entry) && entry.asked.value_or(now) + limit <= now;
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
            const auto call = began_with_.empty() ? std::string() : digest_of_call(result.call);
            if (const auto* begun = find_or_null(began_with_, call, &ResultDigest::call)) {
                if (begun->digest != digest_of_result(result).digest) {
                    return reject_answered_call(result.call);
                }
                verdict.segment = verdict.segment.value_or(0);
            }
            continue;
        }
        if (!known->asked && !known->result) {
            return reject_unknown_call(result.call);
        }
        if (known->over) {
            return reject_call_over(result.call);
        }
        if (!known->result) {
            verdict.fresh.push_back(result);
        } else if (known->result == result) {
            verdict.segment = std::max(verdict.segment.value_or(0), known->segment);
        } else {
            return known->maybe_over ? reject_call_over(result.call)
                                     : reject_answered_call(result.call);
        }
    }
    if (!results.empty() && verdict.fresh.empty() && !verdict.segment) {
        return reject_unknown_call(results.front().call);
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

// What both streams of OpenAI's APIs do alike around their own events. `State` has begin(), end(),
// `turn`, `summary`, `ended` and `refusal`.
#pragma once

#include "oa_stream/base/error.hpp"
#include "oa_stream/contract/rules.hpp"
#include "oa_stream/turn/event.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <tuple>

namespace oa_stream::encode {

/// For a contract's machine: the must-rule that the event just stepped broke, into `refusal`.
inline auto refuse_into(std::string& refusal) {
    return [&refusal](std::string_view rule, const std::string& message) {
        if (contract::is_must(rule)) {
            refusal = std::string(rule) + ": " + message;
        }
    };
}

/// Appends all that `tell` makes of one event, or nothing.
template <class State, class Tell>
[[nodiscard]] Result<void> whole_or_nothing(State& state, std::string& out, Tell tell) {
    const std::size_t mark = out.size();
    const std::uint64_t frames = state.summary.frames;
    auto done = tell();
    if (!done) {
        out.resize(mark);
        state.summary.frames = frames;
    }
    return done;
}

/// TurnEncoder::fail_open().
template <class State>
void fail_answer(State& state, const turn::Failure& failure, std::string& out) {
    if (state.ended) {
        return;
    }
    std::ignore = state.begin(out);
    state.turn.fail(failure);
    if (const auto& ending = state.turn.ending()) {
        std::ignore = state.end(*ending, out);
    }
    state.ended = true;
}

} // namespace oa_stream::encode

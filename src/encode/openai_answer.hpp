// Code shared by the encoders of OpenAI's APIs, around their own events.
#pragma once

#include "oa_stream/base/error.hpp"
#include "oa_stream/contract/rules.hpp"
#include "oa_stream/encode/completions.hpp"
#include "oa_stream/turn/event.hpp"

#include "completion_turn.hpp"

#include <cstddef>
#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>

namespace oa_stream::encode {

/// A report callback for the contract's machine: stores the broken must-rule in `refusal`.
inline auto refuse_into(std::string& refusal) {
    return [&refusal](std::string_view rule, const std::string& message) {
        if (contract::is_must(rule)) {
            refusal = std::string(rule) + ": " + message;
        }
    };
}

/// Appends `text` as a client reads it. Invalid bytes are replaced in each delta separately, as in
/// a stream: joining two deltas first could produce a character that no stream has.
void append_valid(std::string& to, std::string_view text);

/// Counts the bytes that one answer collects.
class Gathered {
public:
    explicit Gathered(TextRoom room) : room_(std::move(room)) {}
    Gathered(const Gathered&) = delete;
    Gathered& operator=(const Gathered&) = delete;
    ~Gathered() { *room_.all -= bytes_; }

    /// False: the bytes would exceed the limit of one answer.
    [[nodiscard]] bool add(std::size_t bytes) {
        if (bytes > room_.most - bytes_) {
            return false;
        }
        bytes_ += bytes;
        *room_.all += bytes;
        return true;
    }
    /// The failure of an answer that exceeds the limit.
    [[nodiscard]] static turn::Failure outgrown() {
        turn::Failure failure{turn::FailureCode::overloaded};
        failure.detail = "the answer is larger than turn-log";
        return failure;
    }

private:
    TextRoom room_;
    std::size_t bytes_ = 0;
};

/// `State` is one answer: begin() (once), tell() (an event that `turn` accepted), end(), `turn`,
/// `summary` and `ended`. Base: TurnEncoder or WholeAnswer.
template <class State, class Base> class OpenAiAnswer : public Base {
public:
    template <class... Args>
    explicit OpenAiAnswer(Args&&... args) : state_(std::forward<Args>(args)...) {}

    void begin(std::string& out) override {
        // On a new stream the machine accepts the first frames, whatever the identity contains.
        std::ignore = state_.begin(out);
    }

    /// Appends all frames of the event, or none.
    [[nodiscard]] Result<void> encode(const turn::Event& event, std::string& out) override {
        if (state_.ended) {
            return fail(Code::internal, "event after the end of the answer");
        }
        OA_CHECK(state_.begin(out));
        OA_TRY(const CompletionTurn::Delta delta, state_.turn.apply(event));
        const std::size_t mark = out.size();
        const std::uint64_t frames = state_.summary.frames;
        auto done = state_.write(event, delta, out);
        if (!done) {
            out.resize(mark);
            state_.summary.frames = frames;
        }
        return done;
    }

    void fail_open(const turn::Failure& failure, std::string& out) override {
        if (state_.ended) {
            return;
        }
        std::ignore = state_.begin(out);
        state_.turn.fail(failure);
        if (const auto& ending = state_.turn.ending()) {
            std::ignore = state_.end(*ending, out);
        }
        state_.ended = true;
    }

    [[nodiscard]] bool satisfied() const noexcept override { return state_.turn.satisfied(); }
    [[nodiscard]] bool ended() const noexcept override { return state_.ended; }
    [[nodiscard]] const TurnSummary& summary() const noexcept override { return state_.summary; }

protected:
    State state_;
};

/// `State` also has a `result`.
template <class State> class OpenAiWhole final : public OpenAiAnswer<State, WholeAnswer> {
public:
    using OpenAiAnswer<State, WholeAnswer>::OpenAiAnswer;
    [[nodiscard]] const std::expected<Json, turn::Failure>& result() const override {
        return this->state_.result;
    }
};

} // namespace oa_stream::encode

#include "oa_stream/encode/ui_encoder.hpp"

#include "ui_encoder_state.hpp"

#include <tuple>
#include <utility>

namespace oa_stream::encode {

UiEncoder::UiEncoder(UiEncoderOptions options)
    : state_(std::make_unique<State>(std::move(options))) {
}
UiEncoder::~UiEncoder() = default;
UiEncoder::UiEncoder(UiEncoder&&) noexcept = default;
UiEncoder& UiEncoder::operator=(UiEncoder&&) noexcept = default;

void UiEncoder::begin(std::string& out) {
    // On a new stream the machine accepts start and start-step, whatever the options contain.
    std::ignore = state_->begin(out);
}

Result<void> UiEncoder::encode(const turn::Event& event, std::string& out) {
    if (state_->ended) {
        return fail(Code::internal, "event after the end of the stream");
    }
    OA_CHECK(state_->begin(out));
    const std::size_t mark = out.size();
    const std::uint64_t frames = state_->summary.frames;
    auto done = std::visit([&](const auto& one) { return state_->on(one, out); }, event);
    if (!done) {
        out.resize(mark);
        state_->summary.frames = frames;
    }
    return done;
}

void UiEncoder::fail_open(const turn::Failure& failure, std::string& out) {
    if (state_->ended) {
        return;
    }
    const turn::TurnEnded event{turn::outcome_of(failure.code), turn::Finish::error, failure, {}};
    std::ignore = state_->begin(out);
    std::ignore = state_->end(event, out);
    state_->ended = true;
}

Result<std::optional<TurnEncoder::Break>> UiEncoder::pause(std::string& out) {
    if (state_->ended) {
        return std::nullopt;
    }
    OA_CHECK(state_->begin(out));
    const std::size_t mark = out.size();
    auto done = state_->pause(out);
    if (!done) {
        out.resize(mark);
    }
    return done;
}

bool UiEncoder::ended() const noexcept {
    return state_->ended;
}
const TurnSummary& UiEncoder::summary() const noexcept {
    return state_->summary;
}

} // namespace oa_stream::encode

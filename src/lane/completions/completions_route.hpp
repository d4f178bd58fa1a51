// The /v1 routes.
#pragma once

#include "oa_stream/encode/completions.hpp"

#include "answers.hpp"
#include "completions_guard.hpp"
#include "completions_request.hpp"
#include "responses/responses_shared.hpp"

#include <cstdint>
#include <functional>
#include <memory>

namespace oa_stream::lane {

class Completions {
public:
    /// `created`: Unix seconds, what the models' list says.
    Completions(LaneState& lane, Answers& answers, std::int64_t created)
        : lane_(&lane), answers_(&answers), created_(created),
          store_(std::make_shared<ResponseStore>(lane.config.limits.responses)) {}

    /// POST /v1/chat/completions and POST /v1/responses.
    [[nodiscard]] Task<void> completions(CallPtr call);
    /// GET and DELETE /v1/responses/{id}.
    [[nodiscard]] Task<void> stored(CallPtr call);
    [[nodiscard]] Task<void> models(CallPtr call);
    /// The same for pages: with labels and efforts.
    [[nodiscard]] Task<void> chat_models(CallPtr call);

    /// To be called for every turn of the lane.
    void turn_ended(const TurnOutcome& outcome) noexcept;
    /// Answers that are not streams and not yet handed to their connections.
    [[nodiscard]] std::size_t whole_answers() const noexcept { return *whole_answers_; }

private:
    struct Started {
        std::shared_ptr<LiveTurn> turn;
        const encode::WholeAnswer* whole; ///< of the turn; null when it is streamed
    };

    [[nodiscard]] Task<Accepted<void>> accept(CallPtr call);
    /// It holds on to `able`.
    [[nodiscard]] CompletionsContext
    context_for(const Call& call, const authority::Capabilities& able) const;
    // completions_stored.cpp
    /// Where what this request names is to be found.
    [[nodiscard]] Task<Accepted<std::shared_ptr<const ResponseStore>>> named_by(CallPtr call);
    /// Looks it up and fills in the conversation.
    [[nodiscard]] Task<Accepted<void>> resolve(CallPtr call, CompletionsContext context);
    /// By the lane's body thread.
    [[nodiscard]] Aside aside(CallPtr call) const;
    /// TurnStyle::before_end
    [[nodiscard]] std::function<void(std::function<void()> done)>
    saves(const std::shared_ptr<NewResponse>& unsaved) const;
    [[nodiscard]] Task<Accepted<Json>> use_stored(CallPtr call, bool reads);

    /// `unsaved`: null for a lane alone.
    [[nodiscard]] std::unique_ptr<encode::TurnEncoder> encoder_for(
        const Call& call, Started& started, const std::shared_ptr<NewResponse>& unsaved
    ) const;
    [[nodiscard]] Task<void> answer(CallPtr call, Counted place, net::Headers headers);
    [[nodiscard]] Task<Accepted<Started>> begin(CallPtr call, Counted place);
    [[nodiscard]] Task<Accepted<std::unique_ptr<authority::Turn>>> start(CallPtr call);
    [[nodiscard]] Task<void> whole(CallPtr call, Started started, net::Headers headers);

    LaneState* lane_;
    Answers* answers_;
    std::int64_t created_;
    CompletionsGuard running_{};
    /// Of a lane alone. Turns that end after this object still write into it.
    std::shared_ptr<ResponseStore> store_;
    std::shared_ptr<std::size_t> whole_answers_ = std::make_shared<std::size_t>(0);
};

} // namespace oa_stream::lane

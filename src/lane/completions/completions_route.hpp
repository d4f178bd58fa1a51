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
    /// `created`: Unix seconds, reported in the list of models.
    Completions(LaneState& lane, Answers& answers, std::int64_t created)
        : lane_(&lane), answers_(&answers), created_(created),
          store_(std::make_shared<ResponseStore>(lane.config.limits.responses)) {}

    /// POST /v1/chat/completions and POST /v1/responses.
    [[nodiscard]] Task<void> completions(CallPtr call);
    /// GET and DELETE /v1/responses/{id}.
    [[nodiscard]] Task<void> stored(CallPtr call);
    [[nodiscard]] Task<void> models(CallPtr call);
    /// The list of models for pages: with labels and efforts.
    [[nodiscard]] Task<void> chat_models(CallPtr call);

    /// Call it for every turn of the lane.
    void turn_ended(const TurnOutcome& outcome) noexcept;
    /// Answers that are not streamed and not handed to their connections yet.
    [[nodiscard]] std::size_t whole_answers() const noexcept { return *whole_answers_; }

private:
    struct Started {
        std::shared_ptr<LiveTurn> turn;
        const encode::WholeAnswer* whole; ///< the answer of the turn; null when it is streamed
    };

    [[nodiscard]] Task<Accepted<void>> accept(CallPtr call);
    /// The result refers to `able`.
    [[nodiscard]] CompletionsContext
    context_for(const Call& call, const authority::Capabilities& able) const;
    // completions_stored.cpp
    /// The store that holds the responses and items which this request names.
    [[nodiscard]] Task<Accepted<std::shared_ptr<const ResponseStore>>> named_by(CallPtr call);
    /// Looks up what the request names and fills in the conversation.
    [[nodiscard]] Task<Accepted<void>> resolve(CallPtr call, CompletionsContext context);
    /// Runs jobs on the lane's body thread.
    [[nodiscard]] Aside aside(CallPtr call) const;
    /// The function for TurnStyle::before_end, which stores the response.
    [[nodiscard]] std::function<void(std::function<void()> done)>
    saves(const std::shared_ptr<NewResponse>& unsaved) const;
    [[nodiscard]] Task<Accepted<Json>> use_stored(CallPtr call, bool reads);

    /// `unsaved`: null when no store is shared.
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
    /// Used when no store is shared. Turns that end after this object still write into it.
    std::shared_ptr<ResponseStore> store_;
    std::shared_ptr<std::size_t> whole_answers_ = std::make_shared<std::size_t>(0);
};

} // namespace oa_stream::lane

// The routes under /api/chats that touch no live turn: those that read, and the one that makes a
// thread.
#pragma once

#include "answers.hpp"
#include "paging.hpp"
#include "projection.hpp"

#include <string>
#include <vector>

namespace oa_stream::lane {

class Chats {
public:
    Chats(LaneState& lane, Answers& answers) : lane_(&lane), answers_(&answers) {}

    [[nodiscard]] Task<void> list(CallPtr call);
    [[nodiscard]] Task<void> make(CallPtr call);
    [[nodiscard]] Task<void> conversation(CallPtr call);
    [[nodiscard]] Task<void> messages(CallPtr call);
    [[nodiscard]] Task<void> runs(CallPtr call);
    [[nodiscard]] Task<void> run_events(CallPtr call);

private:
    /// A thread of this owner, as its authority tells it now.
    struct Thread {
        PageAsked page{};
        ProjectionContext context{};
        authority::ThreadInfo info{};
        std::vector<authority::PastTurn> turns{}; ///< oldest first
    };
    struct NewThread {
        std::string id;
        std::string title{}; ///< empty: none was given
    };

    [[nodiscard]] Task<Accepted<Thread>> read_thread(CallPtr call, std::string_view list);
    [[nodiscard]] Task<Result<std::vector<authority::PastTurn>>>
    read_turns(CallPtr call, std::string thread);
    void note_told(const Call& call, const std::vector<authority::PastTurn>& turns) const;
    [[nodiscard]] Task<Accepted<NewThread>> read_new_thread(CallPtr call);
    [[nodiscard]] Task<Accepted<Json>> make_thread(CallPtr call);
    [[nodiscard]] Task<void> answer(CallPtr call, net::Response response);
    [[nodiscard]] Task<void> refuse(CallPtr call, Rejection rejection);

    LaneState* lane_;
    Answers* answers_;
};

} // namespace oa_stream::lane

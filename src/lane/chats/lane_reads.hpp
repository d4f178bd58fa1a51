// The routes under /api/chats that read, and the one that makes a thread. Each function takes the
// lane it works for; the lane outlives its requests.
#pragma once

#include "gates/call.hpp"
#include "paging.hpp"
#include "projection.hpp"

#include <string>
#include <vector>

namespace oa_stream::lane {

struct Lane::Reads {
    [[nodiscard]] static Task<void> list(Lane* lane, CallPtr call);
    [[nodiscard]] static Task<void> make(Lane* lane, CallPtr call);
    [[nodiscard]] static Task<void> conversation(Lane* lane, CallPtr call);
    [[nodiscard]] static Task<void> messages(Lane* lane, CallPtr call);
    [[nodiscard]] static Task<void> runs(Lane* lane, CallPtr call);
    [[nodiscard]] static Task<void> run_events(Lane* lane, CallPtr call);

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

    [[nodiscard]] static Task<Accepted<Thread>>
    read_thread(Lane* lane, CallPtr call, std::string_view list);
    [[nodiscard]] static Task<Result<std::vector<authority::PastTurn>>>
    read_turns(Lane* lane, CallPtr call, std::string thread);
    static void
    note_told(const Lane& lane, const Call& call, const std::vector<authority::PastTurn>& turns);
    [[nodiscard]] static Accepted<NewThread> read_new_thread(Lane& lane, Call& call);
    [[nodiscard]] static Task<Accepted<Json>> make_thread(Lane* lane, CallPtr call);
    [[nodiscard]] static Task<void> answer(Lane* lane, CallPtr call, net::Response response);
    [[nodiscard]] static Task<void> refuse(Lane* lane, CallPtr call, Rejection rejection);
};

} // namespace oa_stream::lane

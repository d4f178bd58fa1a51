// The routes under /api/chats that touch no live turn: those that read, and the one that makes a
// thread.
#pragma once

#include "answers.hpp"
#include "chat_list.hpp"
#include "paging.hpp"
#include "thread_pages.hpp"

#include <string>
#include <vector>

namespace oa_stream::lane {

class Chats {
public:
    Chats(LaneState& lane, Answers& answers) : lane_(&lane), answers_(&answers), list_(lane) {}

    [[nodiscard]] Task<void> list(CallPtr call);
    [[nodiscard]] Task<void> make(CallPtr call);
    [[nodiscard]] Task<void> conversation(CallPtr call);
    [[nodiscard]] Task<void> messages(CallPtr call);
    [[nodiscard]] Task<void> runs(CallPtr call);
    [[nodiscard]] Task<void> run_events(CallPtr call);
    /// Beside everything else, from the lane's start on.
    [[nodiscard]] Task<void> date_rows() { return list_.date_rows(); }

    enum class Reading { messages, runs, events };

private:
    /// A thread of this owner, as its authority tells it now, and which part of it is asked for.
    struct Thread {
        ThreadPage page{};
        authority::ThreadInfo info{};
    };
    struct NewThread {
        std::string id;
        std::string title{}; ///< empty: none was given
    };

    [[nodiscard]] Task<Accepted<Thread>> read_thread(CallPtr call, Reading reading);
    [[nodiscard]] Task<Result<void>> settle(CallPtr call, std::string thread);
    void note_told(const Call& call, const MessagesRead& read) const;
    [[nodiscard]] Task<Accepted<NewThread>> read_new_thread(CallPtr call);
    [[nodiscard]] Task<Accepted<Json>> make_thread(CallPtr call);
    [[nodiscard]] Task<void> answer(CallPtr call, net::Response response);
    [[nodiscard]] Task<void> refuse(CallPtr call, Rejection rejection);

    LaneState* lane_;
    Answers* answers_;
    ChatList list_;
};

} // namespace oa_stream::lane

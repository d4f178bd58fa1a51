// The routes under /api/chats that start no turn: those that read, and those that make, change,
// copy and delete a thread.
#pragma once

#include "answers.hpp"
#include "bodies/read_body.hpp"
#include "chat_list.hpp"
#include "chats_import.hpp"
#include "paging.hpp"
#include "thread_pages.hpp"
#include "turns/turn_starter.hpp"

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace oa_stream::lane {

/// One answer's share of the memory for all answers, while this object lives.
class AnswerRoom {
public:
    explicit AnswerRoom(const LaneState& lane)
        : all_(lane.answer_bytes), most_(lane.config.limits.total_answer_bytes) {}
    AnswerRoom(const AnswerRoom&) = delete;
    AnswerRoom& operator=(const AnswerRoom&) = delete;
    ~AnswerRoom() { *all_ -= own_; }
    /// 503 beyond the limit, except for a small answer or when there is no other one.
    [[nodiscard]] Accepted<void> add(std::size_t bytes);

private:
    std::shared_ptr<std::size_t> all_;
    std::size_t most_;
    std::size_t own_ = 0;
};

class Chats {
public:
    Chats(LaneState& lane, Answers& answers, TurnStarter& starter)
        : lane_(&lane), answers_(&answers), starter_(&starter), list_(lane) {}

    using Handler = Task<Accepted<net::Response>> (Chats::*)(CallPtr);
    /// Sends the answer that the route's handler returns.
    [[nodiscard]] Task<void> serve(CallPtr call, Handler handler);
    [[nodiscard]] Task<Accepted<net::Response>> list(CallPtr call);
    [[nodiscard]] Task<Accepted<net::Response>> make(CallPtr call);
    [[nodiscard]] Task<Accepted<net::Response>> change(CallPtr call);
    [[nodiscard]] Task<Accepted<net::Response>> fork(CallPtr call);
    [[nodiscard]] Task<Accepted<net::Response>> remove(CallPtr call);
    [[nodiscard]] Task<Accepted<net::Response>> export_chat(CallPtr call);
    [[nodiscard]] Task<Accepted<net::Response>> conversation(CallPtr call);
    [[nodiscard]] Task<Accepted<net::Response>> messages(CallPtr call);
    [[nodiscard]] Task<Accepted<net::Response>> runs(CallPtr call);
    [[nodiscard]] Task<Accepted<net::Response>> run_events(CallPtr call);
    [[nodiscard]] Task<Accepted<net::Response>> guest_session(CallPtr call);
    /// Removes the rows of threads that are deleted already.
    [[nodiscard]] Task<void> forget(std::vector<std::string> threads);
    /// Runs in the background from the lane's start.
    [[nodiscard]] Task<void> date_rows() { return list_.date_rows(); }

    enum class Reading { messages, runs, events };
    struct Change {
        std::optional<std::string> title{};
        std::optional<bool> archived{};
    };

private:
    /// A thread of this owner, as its authority reports it now, and the requested page.
    struct Thread {
        ThreadPage page{};
        authority::ThreadInfo info{};
        bool archived = false;
        std::shared_ptr<LiveTurn> live{}; ///< set only when messages are read
    };
    struct Fork {
        std::string id{}; ///< id of the copy; empty: the lane makes one
        std::string message{}; ///< empty: everything is copied
        std::string title{}; ///< empty: that of the source
        std::int64_t came_s = 0; ///< Unix seconds
    };

    [[nodiscard]] Task<Accepted<Thread>> read_thread(CallPtr call, Reading reading);
    [[nodiscard]] Task<std::shared_ptr<LiveTurn>> join_waiting(CallPtr call);
    [[nodiscard]] Task<Result<std::string>> settle(CallPtr call, std::string thread);
    [[nodiscard]] Task<void>
    note_read(CallPtr call, const MessagesRead* read, const Thread* thread);
    [[nodiscard]] Task<Accepted<ImportedChat>> read_new_thread(CallPtr call);
    // chats_change.cpp
    [[nodiscard]] Task<Accepted<void>> read_fields(CallPtr call, BodyUse use);
    [[nodiscard]] Task<Accepted<void>> store_change(ThreadRow row, Change what);
    [[nodiscard]] Task<Accepted<void>> apply_change(ThreadRow row, Change asked);
    [[nodiscard]] Task<Accepted<void>> end_turn(CallPtr call);
    // chats_export.cpp
    [[nodiscard]] Task<Accepted<Json>> all_messages(ThreadPage page, AnswerRoom* room);
    // chats_fork.cpp
    struct ForkPoint {
        std::string last_turn{}; ///< of the copy; empty: it has no turn
        /// Only then: its part of the messages that the source began with
        Json seed = Json::array();
    };
    [[nodiscard]] Task<Accepted<ForkPoint>> fork_point(ThreadRow row, std::string message);
    [[nodiscard]] Task<Accepted<Fork>> read_fork(CallPtr call);
    [[nodiscard]] Task<Result<std::string>> copy_up_to(ThreadRow source, ForkPoint point);
    [[nodiscard]] Task<Accepted<ThreadRow>> copy_thread(ThreadRow source, Fork asked);
    [[nodiscard]] Task<Json> summary_of(ThreadRow row);
    /// Reserves the id of a new conversation. Does not end any turn: 409 conflict when the id is in
    /// use.
    [[nodiscard]] Task<Accepted<ThreadPlace>> take_new(CallPtr call, std::string id);
    [[nodiscard]] Task<void> drop_thread(std::string thread);
    /// Makes the new conversation known to all lanes; if that fails, deletes its thread.
    [[nodiscard]] Task<Accepted<void>> keep_made(ThreadRow row, std::uint64_t fence);
    /// 201 with the new conversation and its location.
    [[nodiscard]] static net::Response made_response(const Call& call, const Json& made);
    [[nodiscard]] Task<void> answer(CallPtr call, net::Response response);
    [[nodiscard]] Task<void> refuse(CallPtr call, Rejection rejection);

    LaneState* lane_;
    Answers* answers_;
    TurnStarter* starter_;
    ChatList list_;
};

} // namespace oa_stream::lane

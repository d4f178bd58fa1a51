// A turn that outlives its HTTP request: one log, any number of readers, one outcome.
#pragma once

#include "oa_stream/authority/authority.hpp"
#include "oa_stream/encode/continuation.hpp"
#include "oa_stream/encode/normaliser.hpp"
#include "oa_stream/encode/turn_encoder.hpp"
#include "oa_stream/lane/config.hpp"
#include "oa_stream/lane/records.hpp"

#include "approvals.hpp"
#include "approvals/unasked_view.hpp"
#include "frame_log.hpp"

#include <boost/asio/steady_timer.hpp>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace oa_stream::lane {

class TurnJournal;
class TurnReader;
struct ReaderPart;
struct LogView;

/// What all live turns of a lane share.
struct TurnHost {
    LaneLimits limits{};
    LaneTimings timings{};
    std::size_t log_bytes = 0;              ///< held by all logs and gathered answers together
    std::function<void()> free_logs{}; ///< of turns that have ended, oldest first; see full()
    std::string scratch{}; ///< frames on their way into a log
    authority::EventBatch batch{}; ///< events as the authority tells them
    std::vector<turn::Event> events{}; ///< normalised events on their way to the encoder
    LaneObserver* observer = nullptr; ///< never null once the lane runs
    std::function<void(const TurnOutcome&)> on_ended{}; ///< exactly once a turn

    [[nodiscard]] bool beyond_total() const noexcept { return log_bytes > limits.total_log_bytes; }
    /// All logs together are too large, also without those that may go: a turn that runs is worth
    /// more than what can be resumed of one that has ended.
    [[nodiscard]] bool full() {
        if (beyond_total() && free_logs) {
            free_logs();
        }
        return beyond_total();
    }
};

/// What one reader saw; told once.
struct ReaderReport : Delivery {
    ReaderEnd end = ReaderEnd::finished;
    const TurnOutcome* outcome = nullptr; ///< null while the turn goes on
};
using ReaderDone = std::function<void(const ReaderReport&)>;

/// What its client's protocol makes of a turn.
struct TurnStyle {
    std::unique_ptr<encode::TurnEncoder> encoder;
    /// The turn outlives its readers for LaneTimings::detach_grace and can be resumed. False: it is
    /// interrupted as soon as its last reader leaves.
    bool resumable = true;
    /// The client decides on approvals: an answer ends where only a decision is missing, and the
    /// request with the decision is answered with what follows. The encoder knows them too.
    bool approvals = false;
    /// Likewise for the results of functions that the client runs.
    bool calls = false;
    // With a store that lanes share; none without.
    std::shared_ptr<TurnJournal> journal{};
    /// Without a journal: calls `done` once what the client may name later is stored. Until then
    /// nobody is told the end.
    std::function<void(std::function<void()> done)> before_end{};
    std::optional<encode::Continuation> goes_on{}; ///< of a turn that another replica began
    std::function<void()> on_readers{}; ///< their number has changed
    std::function<void()> on_left{}; ///< one of them is the first that lacks something
    std::shared_ptr<void> place{}; ///< among all replicas' turns; given back when it has ended
    std::vector<ResultDigest> began_with{}; ///< see TurnCalls::begin_with()
};

class LiveTurn final : public std::enable_shared_from_this<LiveTurn>, private authority::TurnWaker {
public:
    struct Parts {
        asio::any_io_executor executor;
        std::shared_ptr<TurnHost> host;
        TurnIdentity identity;
        std::unique_ptr<authority::Turn> turn;
        TurnStyle style;
    };
    /// Encodes the stream's beginning and starts to follow the authority's events.
    [[nodiscard]] static std::shared_ptr<LiveTurn> begin(Parts parts);
    /// Goes on with a turn that another replica began and of which `said` was sent; its encoder has
    /// that state, and its authority tells it from the beginning.
    [[nodiscard]] static std::shared_ptr<LiveTurn> adopt(Parts parts, std::string_view sent);
    /// Reads on for a turn that another replica runs: relay() is told what that one sends. It is
    /// neither counted nor limited here.
    [[nodiscard]] static std::shared_ptr<LiveTurn> relay(Parts parts);
    explicit LiveTurn(Parts parts);
    ~LiveTurn();
    LiveTurn(const LiveTurn&) = delete;
    LiveTurn& operator=(const LiveTurn&) = delete;

    [[nodiscard]] const std::string& id() const noexcept { return outcome_.turn; } ///< on the wire
    [[nodiscard]] const TurnIdentity& identity() const noexcept { return outcome_; }
    [[nodiscard]] bool ended() const noexcept { return ended_; }
    /// It ended here alone: what became of it another replica knows.
    [[nodiscard]] bool gone() const noexcept { return ended_ && gone_; }
    [[nodiscard]] bool stopping() const noexcept { return reason_ != StopReason::none; }
    /// A new reader may still get everything: the log is whole and the turn has not ended long ago.
    [[nodiscard]] bool resumable(Clock::time_point now) const noexcept;
    /// … or even then: a client that repeats its request has no answer at all.
    [[nodiscard]] bool repeatable() const noexcept {
        return style_.resumable && log_.whole() && !gone_;
    }
    /// Somebody may lack its end: a reader left before it had everything, or the thread's messages
    /// were read while the turn ran. Not any more once they were read with the answer in them.
    [[nodiscard]] bool owed() const noexcept { return owed_; }
    void history_read(bool whole) noexcept {
        owed_ = !whole;
        read_waiting_ = whole && waiting();
        read_whole_ = whole && !waiting();
    }
    /// Through any replica; the same reading counts once. `text`: store::ThreadState::read.
    void history_read(const std::string& text);
    /// It waits for its client, and the thread's messages were read with what it waits for.
    [[nodiscard]] bool read_waiting() const noexcept { return read_waiting_ && waiting(); }
    /// The thread's messages were read with all of the answer, although its end is still to come.
    [[nodiscard]] bool read_whole() const noexcept { return read_whole_ && !waiting(); }
    /// Calls of the client's functions that wait for a result.
    [[nodiscard]] std::vector<turn::ClientCall> open_calls() const {
        return over() ? std::vector<turn::ClientCall>() : calls_.open();
    }
    /// Ids of all calls of the client's functions, as the stream has them.
    [[nodiscard]] std::vector<std::string> call_order() const { return calls_.order(); }
    [[nodiscard]] std::size_t readers() const noexcept; ///< attached now
    /// The request that started it has not attached its reader yet.
    [[nodiscard]] bool awaits_reader() const noexcept {
        return next_reader_ == 0 && !style_.goes_on && !over();
    }
    [[nodiscard]] const TurnOutcome* outcome() const noexcept {
        return ended_ ? &outcome_ : nullptr;
    }

    /// True between an answer that ended because its client is needed and the request that decides.
    [[nodiscard]] bool waiting() const noexcept { return !over() && !segments_.back().claimed; }
    /// A question waits for a decision.
    [[nodiscard]] bool asks() const noexcept { return !over() && approvals_.asks(relayed_); }
    /// A client's decisions and results, told to the authority; the segment that tells what comes
    /// of them. The same again lead to the same segment. 422: unknown, or settled otherwise; 409:
    /// the answer that asks is still being sent, or what came of it is no longer held.
    [[nodiscard]] Accepted<std::size_t> answer(
        const std::vector<ApprovalAnswer>& answers,
        const std::vector<authority::CallResult>& results = {}
    );
    /// Another replica runs it: relay() tells what it says.
    [[nodiscard]] bool relayed() const noexcept { return relayed_; }
    // live_turn_shared.cpp
    /// Its authority has not said yet whether it still waits for these.
    [[nodiscard]] bool unsure(
        const std::vector<ApprovalAnswer>& answers,
        const std::vector<authority::CallResult>& results
    ) const;
    /// Of a relayed turn: its holder says that this segment tells what came of a decision. False:
    /// it has not come here yet.
    [[nodiscard]] bool claim(std::size_t segment);

    /// A new reader, from the log's beginning: one stream up to the end of the current segment,
    /// whatever breaks the turn had. With a `segment`, that one alone. `body` null: the client left
    /// before its answer began. `first`: the request that started the turn; it is reported when the
    /// turn has ended too. `unasked`: its page knows no approvals and decides on none.
    void attach(
        const std::shared_ptr<net::BodyStream>& body,
        Clock::time_point received,
        bool first,
        ReaderDone done,
        std::optional<std::size_t> segment = {},
        bool unasked = false
    );
    /// Asks the authority to stop; the first reason counts. No effect on an ended turn.
    void stop(StopReason reason);
    /// Ends the turn here and now, whatever the authority does.
    void end_now(StopReason reason);
    /// Lets the turn run on without this lane: its readers are cut, it is told no end and counts
    /// nowhere. False: its authority cannot, or it is being stopped.
    [[nodiscard]] bool leave();
    /// It may be left.
    [[nodiscard]] bool can_leave() const noexcept;
    /// Cuts every reader without a proper ending.
    void cut_readers();
    // live_turn_shared.cpp
    /// Another replica has taken it: readers here get an error, and it counts there.
    void lose_to_another();
    /// Frames of a relayed turn, with the last ones its end. `owed`: somebody may lack that.
    void relay(std::string_view frames, bool last, bool owed, Millis ended_ago = Millis(0));
    /// What a relayed turn says cannot be had here.
    void relay_unread() noexcept { gone_ = true; }
    /// What a relayed turn said is gone: readers are cut, nobody can resume it here.
    void relay_lost();
    /// All logs together are too large, also without what waits for slow readers of this one.
    [[nodiscard]] bool outgrows();
    /// A relayed turn that nobody has read for a while.
    [[nodiscard]] bool unread(Clock::time_point now) const noexcept;
    /// Heartbeats, limits, deadlines. Called every LaneTimings::tick.
    void tick(Clock::time_point now);
    /// What they have not read keeps the log long; without them its head can go.
    void cut_lagging(Clock::time_point now);
    [[nodiscard]] Clock::time_point ended_at() const noexcept { return ended_at_; }
    /// Ended, and every reader was told and reported.
    [[nodiscard]] bool settled() const noexcept { return ended_ && readers_.empty(); }
    /// Settled, and kept for resumes long enough.
    [[nodiscard]] bool expired(Clock::time_point now) const noexcept;
    /// Returns when a reader left or the turn ended, at the latest at `until`.
    [[nodiscard]] Task<void> wait_change(Clock::time_point until);

private:
    friend class TurnReader;
    /// One HTTP answer's share of the log: start … [DONE]. Offsets; 0: not there yet.
    struct Segment {
        std::uint64_t begin = 0;
        std::uint64_t body = 0; ///< behind start
        std::uint64_t finish = 0; ///< of finish, when the turn went on after this segment
        std::uint64_t end = 0; ///< … and behind its [DONE]
        std::uint64_t first_event = 0;
        bool claimed = false; ///< somebody is, was, or will not any more be told it
        bool begun = false; ///< … and its frames have begun to go to a reader
    };
    void turn_ready() override { look(); }
    /// Takes what the authority has to tell; lets it go when the turn has ended.
    void look();
    void look_soon(); ///< in the loop's next turn
    /// They take what was told.
    [[nodiscard]] bool feed_or_end(authority::EventBatch& batch);
    [[nodiscard]] bool feed(authority::EventBatch& batch);
    void lose(const Error& error);
    /// With what the client is told of it, where that is a failure.
    void interrupt(const std::optional<turn::Failure>& failure);
    void write(std::vector<turn::Event>& events, Clock::time_point now);
    void encode(const turn::Event& event, Clock::time_point now);
    /// What was encoded is said; where the turn ended, all before `end` of it.
    void commit(Clock::time_point now, std::size_t end = 0);
    void deliver(Clock::time_point now);
    void append(std::string_view frames);
    // live_turn_segments.cpp
    [[nodiscard]] ReaderPart part_of(std::optional<std::size_t> segment, bool unasked) const;
    [[nodiscard]] LogView view_of(const TurnReader& reader) const;
    void break_off(const Error& fault);
    void arm_pause();
    void pause();
    void expire_waits(Clock::time_point now);
    [[nodiscard]] bool pass_on(
        const std::vector<ApprovalAnswer>& answers,
        const std::vector<authority::CallResult>& results,
        std::size_t segment
    );
    void trim_log();
    void conclude(Clock::time_point now);
    // live_turn_shared.cpp
    /// Nothing is said to the authority any more, which may be let go already.
    [[nodiscard]] bool over() const noexcept { return ended_ || ending_; }
    void append_sent(std::string_view frames);
    void recall(std::string_view frame);
    /// All frames that are to be stored.
    [[nodiscard]] std::string hold_end(std::size_t begin);
    void store_end(std::string frames);
    void settle_end(bool decided_elsewhere);
    void end_as_lost(turn::Failure why);
    void end_as_left();
    void leave_to_others(std::optional<turn::Failure> why = {});
    [[nodiscard]] bool cut_off() const noexcept;
    [[nodiscard]] bool may_lose_turn() const;
    [[nodiscard]] std::string outcome_text() const;
    [[nodiscard]] bool admit(turn::Event& event);
    [[nodiscard]] bool read_elsewhere() const noexcept;
    void tell_readers() const;
    void rewrite_end(turn::TurnEnded& ended) const;
    /// By our reason; what the authority counted stays.
    void name_end(turn::TurnEnded& ended) const;
    void drop_done_readers();
    void announce_change();
    void reader_writable(std::uint64_t id);
    void reader_gone(std::uint64_t id);
    [[nodiscard]] double since_received(Clock::time_point at) const noexcept;

    asio::any_io_executor executor_;
    std::shared_ptr<TurnHost> host_; ///< before log_, which counts in it
    std::unique_ptr<authority::Turn> turn_; ///< until it has ended
    FrameLog log_;
    encode::Normaliser normaliser_;
    TurnStyle style_;
    std::vector<Segment> segments_{Segment{.claimed = true}};
    TurnApprovals approvals_;
    UnaskedView unasked_{};
    TurnCalls calls_;
    asio::steady_timer pause_timer_;
    std::vector<std::unique_ptr<TurnReader>> readers_;
    std::vector<asio::steady_timer*> waiters_;
    std::uint64_t next_reader_ = 0;
    std::size_t open_readers_ = 0; ///< as last told to the observer
    std::uint64_t first_event_offset_ = 0; ///< log offsets; 0: not there yet
    std::uint64_t first_content_offset_ = 0;
    Clock::time_point accepted_{};
    Clock::time_point last_event_{};
    Clock::time_point detached_{};
    Clock::time_point stop_deadline_{};
    Clock::time_point ended_at_{};
    StopReason reason_ = StopReason::none;
    TurnOutcome outcome_;
    std::string read_{}; ///< the last reading of its thread's messages
    std::uint64_t frame_at_ = 0; ///< of frames that another replica wrote: the last one
    std::string last_frames_{}; ///< the ending, until the store has it
    bool saw_event_ = false;
    Clock::time_point last_chunk_{};
    std::size_t last_chunk_segment_ = 0; ///< 1-based; between two segments the client is awaited
    bool owed_ = false;
    bool read_waiting_ = false;
    bool read_whole_ = false;
    bool ended_ = false;
    bool ending_ = false; ///< its end is on its way to the store
    bool relayed_ = false;
    bool gone_ = false; ///< its log is not to be had any more
};

} // namespace oa_stream::lane

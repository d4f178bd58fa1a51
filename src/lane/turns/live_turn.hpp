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
    std::function<void()> free_logs{}; ///< drops logs of ended turns, oldest first; see full()
    std::string scratch{}; ///< encoded frames before they are appended to a log
    authority::EventBatch batch{}; ///< events as the authority reports them
    std::vector<turn::Event> events{}; ///< normalised events before they are encoded
    LaneObserver* observer = nullptr; ///< never null once the lane runs
    std::function<void(const TurnOutcome&)> on_ended{}; ///< exactly once a turn

    [[nodiscard]] bool beyond_total() const noexcept { return log_bytes > limits.total_log_bytes; }
    /// All logs together are too large, even after the logs of ended turns were dropped: a running
    /// turn is worth more than the chance to resume an ended one.
    [[nodiscard]] bool full() {
        if (beyond_total() && free_logs) {
            free_logs();
        }
        return beyond_total();
    }
};

/// What was sent to one reader; reported once.
struct ReaderReport : Delivery {
    ReaderEnd end = ReaderEnd::finished;
    const TurnOutcome* outcome = nullptr; ///< null while the turn goes on
};
using ReaderDone = std::function<void(const ReaderReport&)>;

/// What the client's protocol decides about a turn.
struct TurnStyle {
    std::unique_ptr<encode::TurnEncoder> encoder;
    /// The turn outlives its readers for LaneTimings::detach_grace and can be resumed. False: it is
    /// interrupted as soon as its last reader leaves.
    bool resumable = true;
    /// The client decides on approvals: an answer ends when only a decision is missing, and the
    /// request with the decision receives what follows. The encoder is configured for approvals,
    /// too.
    bool approvals = false;
    /// The same for the results of functions that the client runs.
    bool calls = false;
    // Set when lanes share a store, else null.
    std::shared_ptr<TurnJournal> journal{};
    /// Used without a journal: stores what the client may refer to later, then calls `done`. No
    /// reader receives the end of the turn before that.
    std::function<void(std::function<void()> done)> before_end{};
    std::optional<encode::Continuation> goes_on{}; ///< set for a turn that another replica began
    std::function<void()> on_readers{}; ///< called when their number has changed
    /// Called when a reader is the first to leave without the whole answer
    std::function<void()> on_left{};
    /// Its place among the turns of all replicas; given back when it has ended
    std::shared_ptr<void> place{};
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
    /// Continues a turn that another replica began and of which `sent` was sent. The encoder has
    /// the state after `sent`; the authority replays the turn from the beginning.
    [[nodiscard]] static std::shared_ptr<LiveTurn> adopt(Parts parts, std::string_view sent);
    /// Serves readers of a turn that another replica runs: relay() receives the frames which that
    /// replica sends. This process neither counts nor limits the turn.
    [[nodiscard]] static std::shared_ptr<LiveTurn> relay(Parts parts);
    explicit LiveTurn(Parts parts);
    ~LiveTurn();
    LiveTurn(const LiveTurn&) = delete;
    LiveTurn& operator=(const LiveTurn&) = delete;

    /// The id on the wire
    [[nodiscard]] const std::string& id() const noexcept { return outcome_.turn; }
    [[nodiscard]] const TurnIdentity& identity() const noexcept { return outcome_; }
    [[nodiscard]] bool ended() const noexcept { return ended_; }
    /// It ended in this process only; another replica has its outcome.
    [[nodiscard]] bool gone() const noexcept { return ended_ && gone_; }
    [[nodiscard]] bool stopping() const noexcept { return reason_ != StopReason::none; }
    /// A new reader can still receive everything: the log is whole and the turn has not ended long
    /// ago.
    [[nodiscard]] bool resumable(Clock::time_point now) const noexcept;
    /// Like resumable(), but without the time limit: a client that repeats its request has no
    /// answer at all.
    [[nodiscard]] bool repeatable() const noexcept {
        return style_.resumable && log_.whole() && !gone_;
    }
    /// A client may lack the turn's end: a reader left before it had everything, or the thread's
    /// messages were read while the turn ran. False again once the messages were read with the
    /// whole answer.
    [[nodiscard]] bool owed() const noexcept { return owed_; }
    void history_read(bool whole) noexcept {
        owed_ = !whole;
        read_waiting_ = whole && waiting();
        read_whole_ = whole && !waiting();
    }
    /// The same for a read through any replica; the same `text` counts once. `text`:
    /// store::ThreadState::read.
    void history_read(const std::string& text);
    /// The turn waits for its client, and the thread's messages were read up to what it waits for.
    [[nodiscard]] bool read_waiting() const noexcept { return read_waiting_ && waiting(); }
    /// The thread's messages were read with the whole answer, although the turn has not ended yet.
    [[nodiscard]] bool read_whole() const noexcept { return read_whole_ && !waiting(); }
    /// Calls of the client's functions that wait for a result.
    [[nodiscard]] std::vector<turn::ClientCall> open_calls() const {
        return over() ? std::vector<turn::ClientCall>() : calls_.open();
    }
    /// Ids of all calls of the client's functions, in the order of the stream.
    [[nodiscard]] std::vector<std::string> call_order() const { return calls_.order(); }
    [[nodiscard]] std::size_t readers() const noexcept; ///< attached now
    /// The request that started the turn has not attached its reader yet.
    [[nodiscard]] bool awaits_reader() const noexcept {
        return next_reader_ == 0 && !style_.goes_on && !over();
    }
    [[nodiscard]] const TurnOutcome* outcome() const noexcept {
        return ended_ ? &outcome_ : nullptr;
    }

    /// True from the end of an answer that needs a decision or a result until the request that
    /// brings it.
    [[nodiscard]] bool waiting() const noexcept { return !over() && !segments_.back().claimed; }
    /// An approval waits for a decision.
    [[nodiscard]] bool asks() const noexcept { return !over() && approvals_.asks(relayed_); }
    /// Passes a client's decisions and results to the authority. Returns the segment that contains
    /// what follows from them; the same ones again return the same segment. 422: unknown, or
    /// settled otherwise; 409: the answer that asks is still being sent, or the segment is no
    /// longer held.
    [[nodiscard]] Accepted<std::size_t> answer(
        const std::vector<ApprovalAnswer>& answers,
        const std::vector<authority::CallResult>& results = {}
    );
    /// Another replica runs the turn; relay() receives its frames.
    [[nodiscard]] bool relayed() const noexcept { return relayed_; }
    // live_turn_shared.cpp
    /// The authority has not reported yet whether it still waits for these.
    [[nodiscard]] bool unsure(
        const std::vector<ApprovalAnswer>& answers,
        const std::vector<authority::CallResult>& results
    ) const;
    /// For a relayed turn: the replica that runs it reports that this segment belongs to a
    /// decision. False: the segment has not arrived here yet.
    [[nodiscard]] bool claim(std::size_t segment);

    /// Adds a reader that starts at the log's beginning: one stream up to the end of the current
    /// segment, without the breaks between segments. With a `segment`, only that one. `body` null:
    /// the client left before its answer began. `first`: the request that started the turn; it is
    /// reported when the turn has ended, too. `unasked`: its page does not support approvals.
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
    /// Ends the turn immediately, whatever the authority does.
    void end_now(StopReason reason);
    /// Leaves the turn running without this lane: cuts its readers without an ending and does not
    /// count it. False: its authority cannot do that, or the turn is being stopped.
    [[nodiscard]] bool leave();
    /// leave() is possible for this turn.
    [[nodiscard]] bool can_leave() const noexcept;
    /// Cuts every reader without an ending.
    void cut_readers();
    // live_turn_shared.cpp
    /// Another replica has taken the turn over: readers here get an error, and that replica counts
    /// it.
    void lose_to_another();
    /// Appends frames of a relayed turn. `last`: they contain its end. `owed`: a client may lack
    /// that end.
    void relay(std::string_view frames, bool last, bool owed, Millis ended_ago = Millis(0));
    /// The frames of a relayed turn cannot be read here.
    void relay_unread() noexcept { gone_ = true; }
    /// The frames of a relayed turn are lost: cuts its readers; it cannot be resumed here.
    void relay_lost();
    /// All logs together are too large, even after this turn's slow readers were cut.
    [[nodiscard]] bool outgrows();
    /// A relayed turn that has had no reader for a while.
    [[nodiscard]] bool unread(Clock::time_point now) const noexcept;
    /// Heartbeats, limits, deadlines. Called every LaneTimings::tick.
    void tick(Clock::time_point now);
    /// Cuts readers that lag: the log must keep what they have not read. Without them its head can
    /// be dropped.
    void cut_lagging(Clock::time_point now);
    [[nodiscard]] Clock::time_point ended_at() const noexcept { return ended_at_; }
    /// Ended, and every reader has finished and been reported.
    [[nodiscard]] bool settled() const noexcept { return ended_ && readers_.empty(); }
    /// Settled, and the time for resumes is over.
    [[nodiscard]] bool expired(Clock::time_point now) const noexcept;
    /// Returns when a reader left or the turn ended, at the latest at `until`.
    [[nodiscard]] Task<void> wait_change(Clock::time_point until);

private:
    friend class TurnReader;
    /// One HTTP answer's share of the log: start … [DONE]. Offsets; 0: not there yet.
    struct Segment {
        std::uint64_t begin = 0;
        std::uint64_t body = 0; ///< behind its start frame
        /// Where its finish frame begins, when the turn went on after this segment
        std::uint64_t finish = 0;
        std::uint64_t end = 0; ///< … and behind its [DONE]
        std::uint64_t first_event = 0;
        bool claimed = false; ///< a request has claimed it, or no request can any more
        bool begun = false; ///< … and a reader has received its first frames
    };
    void turn_ready() override { look(); }
    /// Takes new events from the authority; releases the authority's turn when it has ended.
    void look();
    void look_soon(); ///< from the executor, not from this call
    /// Both process the events. False when the turn has ended.
    [[nodiscard]] bool feed_or_end(authority::EventBatch& batch);
    [[nodiscard]] bool feed(authority::EventBatch& batch);
    void lose(const Error& error);
    /// Passes `failure` on when the client is to see one.
    void interrupt(const std::optional<turn::Failure>& failure);
    void write(std::vector<turn::Event>& events, Clock::time_point now);
    void encode(const turn::Event& event, Clock::time_point now);
    /// Publishes the encoded frames. When the turn has ended, only those before `end` at once.
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
    /// True when no call to the authority is possible any more: its turn may be released already.
    [[nodiscard]] bool over() const noexcept { return ended_ || ending_; }
    void append_sent(std::string_view frames);
    void recall(std::string_view frame);
    /// Returns all frames that must be stored.
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
    /// Replaces the end by that of our own reason; keeps the authority's usage.
    void name_end(turn::TurnEnded& ended) const;
    void drop_done_readers();
    void announce_change();
    void reader_writable(std::uint64_t id);
    void reader_gone(std::uint64_t id);
    [[nodiscard]] double since_received(Clock::time_point at) const noexcept;

    asio::any_io_executor executor_;
    std::shared_ptr<TurnHost> host_; ///< before log_, which counts in it
    std::unique_ptr<authority::Turn> turn_; ///< null after the end
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
    std::size_t open_readers_ = 0; ///< as last reported to the observer
    std::uint64_t first_event_offset_ = 0; ///< log offsets; 0: not there yet
    std::uint64_t first_content_offset_ = 0;
    Clock::time_point accepted_{};
    Clock::time_point last_event_{};
    Clock::time_point detached_{};
    Clock::time_point stop_deadline_{};
    Clock::time_point ended_at_{};
    StopReason reason_ = StopReason::none;
    TurnOutcome outcome_;
    std::string read_{}; ///< the last read of the thread's messages
    std::uint64_t frame_at_ = 0; ///< of frames from another replica: where the last one begins
    std::string last_frames_{}; ///< the frames of the end, until the store has them
    bool saw_event_ = false;
    Clock::time_point last_chunk_{};
    std::size_t last_chunk_segment_ = 0; ///< 1-based; the time between two segments is the client's
    bool owed_ = false;
    bool read_waiting_ = false;
    bool read_whole_ = false;
    bool ended_ = false;
    bool ending_ = false; ///< its end is being stored
    bool relayed_ = false;
    bool gone_ = false; ///< its log cannot be read any more
};

} // namespace oa_stream::lane

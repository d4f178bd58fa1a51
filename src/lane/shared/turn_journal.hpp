// Writes one turn's frames to the shared store: most with a delay, the end before readers get it.
#pragma once

#include "oa_stream/store/store.hpp"

#include "write_pace.hpp"

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace oa_stream::lane {

class TurnJournal : public std::enable_shared_from_this<TurnJournal> {
public:
    enum class End {
        stored,
        late, ///< the store does not answer; the journal still tries to store the end
        fenced, ///< another replica has decided how this turn ended
        released, ///< … or will decide: the turn was released before it ended
    };
    /// Why the journal can write nothing more. The callback is called at most once, never within
    /// append().
    enum class Loss { fenced, full, away };

    /// `end`: bytes that are in the log already.
    TurnJournal(
        std::shared_ptr<WritePace> pace,
        store::Store& store,
        store::ThreadKey key,
        std::uint64_t fence,
        std::string turn,
        std::uint64_t end = 0
    );
    TurnJournal(const TurnJournal&) = delete;
    TurnJournal& operator=(const TurnJournal&) = delete;
    ~TurnJournal() = default;

    void on_loss(std::function<void(Loss)> callback) { on_loss_ = std::move(callback); }
    /// Appends complete frames. Gives up the log when more than `most` bytes are unwritten; local
    /// readers are not affected.
    void append(std::string_view frames, std::size_t most);
    /// `done` is called once, and at once when nothing can be written any more. Do not call
    /// append() afterwards.
    void end(std::string frames, std::string outcome, std::function<void(End)> done);
    /// Stores that the turn has been told to stop: if this lane dies, its successor stops the turn.
    void note_stop(std::string_view reason);
    /// The authority itself has reported the stop: once the end is stored, no lane has to check it.
    void stop_is_over() noexcept { stop_over_ = true; }
    /// Writes nothing more and releases the row: another replica may have it.
    void leave();
    /// Writes what was appended, then releases the turn so that another replica can adopt it.
    [[nodiscard]] static Task<bool> release(std::shared_ptr<TurnJournal> self, Millis within);

    [[nodiscard]] const store::ThreadKey& key() const noexcept { return key_; }
    [[nodiscard]] std::uint64_t fence() const noexcept { return fence_; }
    /// The store has everything that was appended.
    [[nodiscard]] bool idle() const noexcept {
        return pending_.empty() && flying_ == 0 && !held_up_;
    }
    /// The turn's end was reported while the store was away, and the store still lacks it.
    [[nodiscard]] bool unsettled() const noexcept { return unsettled_; }
    /// … and will not get it: the row has to be forgotten, until settled().
    [[nodiscard]] bool gave_up() const noexcept { return unsettled_ && gave_up_; }
    void settled() noexcept { unsettled_ = false; }
    [[nodiscard]] const std::string& turn() const noexcept { return turn_; }
    /// Readers on other replicas, as last read or reported. If there are any, writes are not
    /// delayed.
    [[nodiscard]] std::size_t others() const noexcept { return others_; }
    void set_others(std::size_t count);
    /// Writes at once what waits for more: another lane will need it.
    void hurry();
    void write_due(); ///< called by the pace
    /// No other replica can have taken the turn.
    [[nodiscard]] bool leased() const noexcept {
        return store_->leased() && store_->sign_ons == sign_ons_;
    }
    /// The store confirmed the turn as ours after this many of its Store::sign_ons.
    void confirm(std::uint64_t sign_ons) noexcept { sign_ons_ = sign_ons; }
    [[nodiscard]] bool reachable() const { return store_->trouble().empty(); }
    std::shared_ptr<void> use{}; ///< the use of the row, until its end is decided

private:
    using Self = std::shared_ptr<TurnJournal>;
    /// Sends the next piece or, after all pieces, the end.
    void go_on();
    /// True when the next piece waits for more frames; then write_due() will be called.
    [[nodiscard]] bool gathers();
    void send_piece();
    void answered(std::uint64_t end, std::size_t size, const Result<store::Written>& written);
    void note_written(store::Written written, std::uint64_t end, std::size_t size);
    [[nodiscard]] static Task<void> try_again(Self self);
    [[nodiscard]] bool may_end_at_once() const noexcept;
    [[nodiscard]] store::EndRequest early_end() const;
    [[nodiscard]] static Task<void> end_at_once(Self self, store::EndRequest request);
    [[nodiscard]] static Task<void> write_end(Self self);
    /// Reports the end as late: no reader waits for the store longer than for one answer.
    void report_late();
    void report_end(store::Written written);
    void tell_stop_done();
    void lose(Loss loss);
    void give_up_log();
    void drop_pending();
    void drop_stored();

    std::shared_ptr<WritePace> pace_;
    store::Store* store_;
    store::ThreadKey key_;
    std::uint64_t fence_;
    std::string turn_;
    std::uint64_t end_; ///< bytes that the store has confirmed
    std::uint64_t sign_ons_; ///< as last confirmed
    std::string pending_{}; ///< bytes behind `end_`
    std::deque<std::size_t> cuts_{}; ///< sizes of the pieces that the store may have
    std::size_t tried_ = 0; ///< … how many of them were sent since the store was away
    std::size_t sent_ = 0; ///< … and their bytes
    std::uint64_t top_ = 0; ///< like `end_`, of the furthest piece that was ever sent
    /// Like `end_`: the store has it, although earlier answers are missing
    std::uint64_t stored_ = 0;
    std::size_t flying_ = 0; ///< pieces without an answer
    std::uint64_t waits_ = 0; ///< the end of the piece that has not left this process; 0: none
    std::size_t others_ = 0;
    Clock::time_point sent_at_{}; ///< when the last piece was sent
    std::optional<Clock::time_point> failing_{};
    std::string last_{}; ///< the frames of the ending
    std::string outcome_{};
    std::function<void(End)> done_{};
    std::function<void(Loss)> on_loss_{};
    bool waiting_ = false; ///< for write_due()
    bool stop_over_ = false;
    bool unsettled_ = false;
    bool gave_up_ = false;
    bool held_up_ = false; ///< the store was away: all that is pending is to be sent again
    bool ending_ = false;
    bool hurried_ = false; ///< the end was tried while earlier pieces were unanswered or unsent
    bool closing_ = false; ///< … and has no answer yet: nothing else is sent
    bool over_ = false; ///< nothing is written any more
    bool released_ = false; ///< … because the turn is released, even if the store did not answer
    bool logless_ = false; ///< there is no log: only the end is written
};

} // namespace oa_stream::lane

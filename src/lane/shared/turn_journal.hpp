// What one turn says, written behind into the shared store; its end, written through.
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
        late,   ///< the store does not answer; the end is still being tried
        fenced, ///< another replica has decided how this turn ended
        released, ///< … or is to decide it: the turn was let go before it ended
    };
    /// Why nothing more can be written. Called at most once, never from within append().
    enum class Loss { fenced, full, away };

    /// `end`: bytes that the log has already.
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
    /// Whole frames. Beyond `most` unwritten bytes the log is given up: local readers go on.
    void append(std::string_view frames, std::size_t most);
    /// `done` is called once, and at once where the store cannot be asked. Nothing is appended any
    /// more.
    void end(std::string frames, std::string outcome, std::function<void(End)> done);
    /// The turn was told to stop: whoever finds it, should this lane die over it, knows that.
    void note_stop(std::string_view reason);
    /// The authority says itself that it has stopped: with its end nobody looks after it any more.
    void stop_is_over() noexcept { stop_over_ = true; }
    /// Nothing more is written, and the row counts for nobody here: another replica may have it.
    void leave();
    /// Others may adopt the turn; what was appended is written first.
    [[nodiscard]] static Task<bool> release(std::shared_ptr<TurnJournal> self, Millis within);

    [[nodiscard]] const store::ThreadKey& key() const noexcept { return key_; }
    [[nodiscard]] std::uint64_t fence() const noexcept { return fence_; }
    /// The store has all of it.
    [[nodiscard]] bool idle() const noexcept {
        return pending_.empty() && flying_ == 0 && !held_up_;
    }
    /// Its end was told while the store was away, and the store still does not have it.
    [[nodiscard]] bool unsettled() const noexcept { return unsettled_; }
    /// … and is not told it any more: the row is to be forgotten, until settled().
    [[nodiscard]] bool gave_up() const noexcept { return unsettled_ && gave_up_; }
    void settled() noexcept { unsettled_ = false; }
    [[nodiscard]] const std::string& turn() const noexcept { return turn_; }
    /// Readers on other replicas, as last asked or told. For them nothing waits for more.
    [[nodiscard]] std::size_t others() const noexcept { return others_; }
    void set_others(std::size_t count);
    /// What waits for more waits no longer: somebody is about to act on it.
    void hurry();
    void write_due(); ///< for the pace
    /// Nobody else can have taken the turn.
    [[nodiscard]] bool leased() const noexcept {
        return store_->leased() && store_->sign_ons == sign_ons_;
    }
    /// The store had it as ours after this many of its Store::sign_ons.
    void confirm(std::uint64_t sign_ons) noexcept { sign_ons_ = sign_ons; }
    [[nodiscard]] bool reachable() const { return store_->trouble().empty(); }
    std::shared_ptr<void> use{}; ///< of the row, until its end is decided

private:
    using Self = std::shared_ptr<TurnJournal>;
    /// The next piece and, behind all of them, the end.
    void go_on();
    /// What is unwritten waits for more, and write_due() will be called.
    [[nodiscard]] bool gathers();
    void send_piece();
    void answered(std::uint64_t end, std::size_t size, const Result<store::Written>& written);
    void note_written(store::Written written, std::uint64_t end, std::size_t size);
    [[nodiscard]] static Task<void> try_again(Self self);
    [[nodiscard]] bool may_end_at_once() const noexcept;
    [[nodiscard]] store::EndRequest early_end() const;
    [[nodiscard]] static Task<void> end_at_once(Self self, store::EndRequest request);
    [[nodiscard]] static Task<void> write_end(Self self);
    /// Nobody waits for the store for more than an answer.
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
    std::uint64_t end_; ///< bytes written
    std::uint64_t sign_ons_; ///< as last confirmed
    std::string pending_{}; ///< bytes behind `end_`
    std::deque<std::size_t> cuts_{}; ///< sizes of its pieces that the store may have
    std::size_t tried_ = 0; ///< … of which so many were sent since it was away
    std::size_t sent_ = 0; ///< their bytes
    std::uint64_t top_ = 0; ///< as `end_`, of the furthest piece that was ever sent
    std::uint64_t stored_ = 0; ///< as `end_`: the store has it, though earlier answers are missing
    std::size_t flying_ = 0; ///< pieces without an answer
    std::uint64_t waits_ = 0; ///< the end of the piece that has not left this process; 0: none
    std::size_t others_ = 0;
    Clock::time_point sent_at_{}; ///< when the last piece went
    std::optional<Clock::time_point> failing_{};
    std::string last_{}; ///< the ending's frames
    std::string outcome_{};
    std::function<void(End)> done_{};
    std::function<void(Loss)> on_loss_{};
    bool waiting_ = false; ///< for write_due()
    bool stop_over_ = false;
    bool unsettled_ = false;
    bool gave_up_ = false;
    bool held_up_ = false; ///< the store was away: all that is pending is to be sent again
    bool ending_ = false;
    bool hurried_ = false; ///< the end was tried with pieces before it unanswered, or unsent
    bool closing_ = false; ///< … and is under way: nothing else is sent
    bool over_ = false; ///< nothing is written any more
    bool released_ = false; ///< … because the turn is let go, whether the store has heard it or not
    bool logless_ = false; ///< there is no log: only the end is told
};

} // namespace oa_stream::lane

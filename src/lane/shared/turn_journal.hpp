// What one turn says, written behind into the shared store; its end, written through.
#pragma once

#include "oa_stream/store/store.hpp"

#include <boost/asio/steady_timer.hpp>

#include <cstdint>
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
    };
    /// Why nothing more can be written. Called at most once, never from within append().
    enum class Loss { fenced, full, away };

    /// `end`: bytes that the log has already.
    TurnJournal(
        const asio::any_io_executor& executor,
        store::Store& store,
        store::ThreadKey key,
        std::uint64_t fence,
        std::string turn,
        std::uint64_t end = 0
    );
    TurnJournal(const TurnJournal&) = delete;
    TurnJournal& operator=(const TurnJournal&) = delete;
    ~TurnJournal() = default;

    void on_loss(std::function<void(Loss)> told) { on_loss_ = std::move(told); }
    /// Whole frames. Beyond `most` unwritten bytes the log is given up: local readers go on.
    void append(std::string_view frames, std::size_t most);
    /// `done` is called once, later. Nothing is appended any more.
    void end(std::string frames, std::string outcome, std::function<void(End)> done);
    /// Nothing more is written, and the row counts for nobody here: another replica may have it.
    void leave();
    /// Others may adopt the turn; what was appended is written first.
    [[nodiscard]] static Task<bool> release(std::shared_ptr<TurnJournal> self, Millis within);

    [[nodiscard]] const store::ThreadKey& key() const noexcept { return key_; }
    [[nodiscard]] std::uint64_t fence() const noexcept { return fence_; }
    /// Bytes that the store does not have yet.
    [[nodiscard]] std::size_t unacked() const noexcept { return pending_.size(); }
    [[nodiscard]] const std::string& turn() const noexcept { return turn_; }
    /// Readers on other replicas, as last asked.
    std::size_t others = 0;
    /// Nobody else can have taken the turn.
    [[nodiscard]] bool leased() const noexcept { return store_->leased(); }
    std::shared_ptr<void> use{}; ///< of the row, until its end is decided

private:
    using Self = std::shared_ptr<TurnJournal>;
    [[nodiscard]] static Task<void> write_out(Self self);
    [[nodiscard]] static Task<std::optional<store::Written>> write_piece(Self self);
    [[nodiscard]] static Task<void> write_end(Self self);
    void lose(Loss loss);
    void give_up_log();

    asio::any_io_executor executor_;
    store::Store* store_;
    store::ThreadKey key_;
    std::uint64_t fence_;
    std::string turn_;
    std::uint64_t end_; ///< bytes written
    std::string pending_{}; ///< bytes behind `end_`
    std::string last_{}; ///< the ending's frames
    std::string outcome_{};
    std::function<void(End)> done_{};
    std::function<void(Loss)> on_loss_{};
    bool writing_ = false;
    bool ending_ = false;
    bool over_ = false; ///< nothing is written any more
    bool logless_ = false; ///< there is no log: only the end is told
};

} // namespace oa_stream::lane

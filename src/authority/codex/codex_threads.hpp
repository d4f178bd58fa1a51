// The threads this child knows of. Codex runs one turn per thread and silently steers it when a
// second one is started, so a thread is held by exactly one user at a time.
#pragma once

#include "oa_stream/base/text.hpp"

#include "running_turn.hpp"

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace oa_stream::authority {

/// Patience with a thread in use: for the end of a turn that is being interrupted, or is not ours.
inline constexpr Millis k_busy_wait{2'000};

/// Of the ends of turns, what codex does not store.
struct TurnEnds {
    std::vector<std::string> withheld{}; ///< turns whose words it does not have
    /// That it has as interrupted, and what their clients were told.
    std::vector<std::pair<std::string, turn::FailureCode>> failed{};
};

struct CodexThread {
    CodexThread(const asio::any_io_executor& executor, std::string thread)
        : id(std::move(thread)), freed(executor) {}

    std::string id;
    std::string model{};
    std::string effort{}; ///< that codex would take for a turn that names none
    bool loaded = false; ///< started or resumed here and not unsubscribed since: turns can start
    bool ephemeral = false;
    std::vector<std::string> functions{}; ///< the client's, of a thread that was started here
    bool foreign = false; ///< a turn that is not ours ran there when it was last resumed
    bool deleted = false; ///< or about to be
    bool busy = false; ///< being prepared, running a turn, or being unsubscribed
    std::optional<turn::Usage> total{}; ///< unset: only codex knows
    std::string last_turn{};
    TurnEnds ends{}; ///< of turns of ours
    std::shared_ptr<RunningTurn> live{};
    Clock::time_point idle_since = Clock::now();
    Signal freed;
};

/// Holds a thread busy; lets it go on destruction unless a turn has taken it over.
class ThreadHold {
public:
    explicit ThreadHold(std::shared_ptr<CodexThread> thread) : thread_(std::move(thread)) {
        thread_->busy = true;
    }
    ThreadHold(ThreadHold&&) noexcept = default;
    ThreadHold& operator=(ThreadHold&&) = delete;
    ThreadHold(const ThreadHold&) = delete;
    ThreadHold& operator=(const ThreadHold&) = delete;
    ~ThreadHold() {
        if (thread_) {
            release(*thread_);
        }
    }
    [[nodiscard]] CodexThread& operator*() const noexcept { return *thread_; }
    [[nodiscard]] CodexThread* operator->() const noexcept { return thread_.get(); }
    /// The turn that now runs on it will let it go.
    [[nodiscard]] std::shared_ptr<CodexThread> hand_over() { return std::exchange(thread_, {}); }

    static void release(CodexThread& thread) {
        thread.busy = false;
        thread.live.reset();
        thread.idle_since = Clock::now();
        thread.freed.notify();
    }

private:
    std::shared_ptr<CodexThread> thread_;
};

class CodexThreads {
public:
    explicit CodexThreads(asio::any_io_executor executor) : executor_(std::move(executor)) {}

    [[nodiscard]] std::shared_ptr<CodexThread> find(std::string_view id) const;
    [[nodiscard]] std::shared_ptr<CodexThread> find_or_add(const std::string& id);
    /// Code::not_found while it is being deleted.
    [[nodiscard]] Result<void> check_kept(std::string_view id) const;
    /// The thread, held, as soon as it is free: waits for a turn that is being stopped.
    /// Code::conflict when a turn runs on it or it is not free by `deadline`, Code::cancelled.
    [[nodiscard]] static Task<Result<ThreadHold>>
    hold(CodexThreads* self, std::string id, Clock::time_point deadline);
    /// Not a younger entry of the same id: that one belongs to the next child.
    void forget(const CodexThread& thread);

    /// The child died: every live turn fails with `why`, nothing is known any more.
    void lose_all(const Error& why);

    [[nodiscard]] std::vector<std::shared_ptr<CodexThread>> with_turns() const;
    /// The next connection knows none of them as loaded; threads without a turn are forgotten.
    void unload_all();

    /// Every live turn fails with `why`; they are returned, for the child to stop them.
    [[nodiscard]] std::vector<std::shared_ptr<RunningTurn>> fail_all(const Error& why) const;

    /// Idle loaded threads to let go now: idle longer than `linger`, or the oldest beyond `keep`.
    [[nodiscard]] std::vector<std::shared_ptr<CodexThread>>
    surplus(Clock::time_point now, Millis linger, std::size_t keep) const;
    [[nodiscard]] std::size_t loaded() const;
    [[nodiscard]] std::size_t busy() const;

private:
    asio::any_io_executor executor_;
    TextMap<std::shared_ptr<CodexThread>> threads_{};
};

} // namespace oa_stream::authority

// The threads that are known to this child. Codex runs one turn per thread; a second turn/start
// silently steers the running turn. So exactly one user holds a thread at a time.
#pragma once

#include "oa_stream/base/text.hpp"

#include "running_turn.hpp"

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace oa_stream::authority {

/// How long to wait for a busy thread: its turn is being interrupted, or is not ours.
inline constexpr Millis k_busy_wait{2'000};

/// Facts about turn ends that codex does not store.
struct TurnEnds {
    std::vector<std::string> withheld{}; ///< turns whose text codex does not store
    /// Turns stored as interrupted, with the failure that their clients received.
    std::vector<std::pair<std::string, turn::FailureCode>> failed{};
};

struct CodexThread {
    CodexThread(const asio::any_io_executor& executor, std::string thread)
        : id(std::move(thread)), freed(executor) {}

    std::string id;
    std::string model{};
    std::string effort{}; ///< effort that codex uses for a turn without its own
    bool loaded = false; ///< started or resumed here and not unsubscribed since; turns can start
    bool ephemeral = false;
    std::vector<std::string> functions{}; ///< the client's functions, of a thread started here
    bool foreign = false; ///< another lane's or an earlier process's turn may run on it
    bool deleted = false; ///< deleted or being deleted
    bool busy = false; ///< being prepared, running a turn, or being unsubscribed
    std::optional<turn::Usage> total{}; ///< unset: only codex has it
    std::string last_turn{};
    TurnEnds ends{}; ///< ends of this lane's turns
    std::shared_ptr<RunningTurn> live{};
    Clock::time_point idle_since = Clock::now();
    Signal freed;
};

/// Holds a thread busy; the destructor releases it unless a turn has taken it over.
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
    /// The turn that now runs on the thread will release it.
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
    /// The thread, held, as soon as it is free; waits for a turn that is being stopped.
    /// Code::conflict when a turn runs on it or it is not free by `deadline`, Code::cancelled.
    [[nodiscard]] static Task<Result<ThreadHold>>
    hold(CodexThreads* self, std::string id, Clock::time_point deadline);
    /// Keeps a newer entry with the same id: it belongs to the next child.
    void forget(const CodexThread& thread);

    /// The child died: fails every live turn with `why` and drops all threads.
    void lose_all(const Error& why);

    [[nodiscard]] std::vector<std::shared_ptr<CodexThread>> with_turns() const;
    /// Marks all threads as not loaded, for the next connection; drops threads without a turn.
    void unload_all();

    /// Fails every live turn with `why`; returns the turns so that the child can stop them.
    [[nodiscard]] std::vector<std::shared_ptr<RunningTurn>> fail_all(const Error& why) const;

    /// Idle loaded threads to release now: those idle longer than `linger`, and the oldest beyond
    /// `keep`.
    [[nodiscard]] std::vector<std::shared_ptr<CodexThread>>
    surplus(Clock::time_point now, Millis linger, std::size_t keep) const;
    [[nodiscard]] std::size_t loaded() const;
    [[nodiscard]] std::size_t busy() const;

private:
    asio::any_io_executor executor_;
    TextMap<std::shared_ptr<CodexThread>> threads_{};
};

} // namespace oa_stream::authority

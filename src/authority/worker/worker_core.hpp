// The worker authority's shared state and its coroutines: the link to Khala, the order of events,
// the worker's health, and turns from request to end. Every coroutine keeps it alive.
#pragma once

#include "control/control_client.hpp"
#include "events/sequencer.hpp"
#include "khala/khala_link.hpp"
#include "worker_turn.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace oa_stream::authority {

/// A thread this process started or resumed. The worker runs one turn on it at a time.
struct WorkerThread {
    std::string model{};
    std::string cwd{};
    bool known = false; ///< started or resumed here
    bool quiet = false; ///< no turn ran at the last check, and none was reported since
    bool busy = false;  ///< being prepared, or running a turn
    std::optional<turn::Usage> total{};
    std::shared_ptr<WorkerTurn> live{};
    /// A turn/start was not answered: a turn that starts after this seq, before stray_until, is
    /// stray.
    std::optional<std::uint64_t> stray_after{};
    Clock::time_point stray_until{};
    std::uint64_t endings = 0; ///< turns that the worker has reported as ended
    /// an interrupt without a turn id is in progress, so no turn may start
    bool interrupting = false;

    [[nodiscard]] bool taken() const noexcept { return busy || interrupting; }
    [[nodiscard]] bool strays() const noexcept { return stray_after && Clock::now() < stray_until; }
};

/// The newest threads, from the worker's last list.
struct WorkerThreads {
    std::vector<ThreadInfo> threads{};
    bool all = false; ///< the list is complete
    Clock::time_point at{};
    std::uint64_t number = 0; ///< of the request, from 1
};

/// A list request in progress; later callers wait for its end.
struct WorkerListing {
    bool over = false;
    std::optional<Error> failed{};
};

struct WorkerCounts {
    std::uint64_t resyncs = 0;
    std::uint64_t renumbered = 0;
    std::uint64_t unknown_events = 0;
    std::uint64_t text_mismatches = 0;
};

/// Fills the defaults: Khala's address, the client build.
[[nodiscard]] WorkerOptions completed(WorkerOptions options);

class WorkerCore : public std::enable_shared_from_this<WorkerCore> {
public:
    using Self = std::shared_ptr<WorkerCore>;
    using Live = std::shared_ptr<WorkerTurn>;
    using Room = std::shared_ptr<CommandRoom>;

    WorkerCore(const asio::any_io_executor& executor, WorkerOptions options);

    // worker_core.cpp
    [[nodiscard]] static Task<Result<void>> open(Self self);
    [[nodiscard]] static Task<void> close(Self self, Millis grace);
    void abandon_everything();
    [[nodiscard]] Health health() const;
    [[nodiscard]] Capabilities capabilities() const;
    [[nodiscard]] std::vector<Reading> readings() const;

    // worker_start.cpp
    [[nodiscard]] static Task<Result<Live>> start(Self self, TurnRequest request);
    [[nodiscard]] static Task<Result<std::string>> make_thread(Self self);

    // worker_join.cpp
    [[nodiscard]] static Task<Result<Live>> join(Self self, std::string thread);

    // worker_stop.cpp
    void interrupt(const Live& live);
    void abandon(const Live& live);

    // worker_read.cpp
    [[nodiscard]] static Task<Result<std::vector<PastTurn>>> turns(Self self, std::string thread);
    [[nodiscard]] static Task<Result<std::vector<ThreadInfo>>>
    threads(Self self, std::vector<std::string> ids);

private:
    // worker_core.cpp
    void log(LogLevel level, std::string_view line) const;
    [[nodiscard]] KhalaHandlers handlers();
    [[nodiscard]] static Task<void> keep_house(Self self);
    void end_all(turn::FailureCode code, const std::string& why);
    void release(const std::string& thread);
    [[nodiscard]] std::size_t running() const;

    // worker_events.cpp: from updates to turns, in order
    void on_events(std::vector<WorkerEvent> events);
    void deliver(std::vector<WorkerEvent>& ready);
    void on_event(const WorkerEvent& event);
    void on_notification(const WorkerEvent& event);
    void on_other(const WorkerEvent& event, const std::string& turn, WorkerThread& thread);
    void on_life(const WorkerEvent& event);
    /// The worker stopped at `seq` (0: unknown). Turns that started later run on a restarted
    /// worker.
    void on_stopped(std::uint64_t seq);
    void on_command(const WorkerEvent& event);
    void on_up(bool lost);
    void want_resync();
    [[nodiscard]] static Task<void> resync(Self self);
    [[nodiscard]] static Task<Result<WorkerSnapshot>> look(Self self);
    /// `asked_at`: the next number at the time of the request. Events since then are newer than the
    /// snapshot, and do not mean that the numbers restarted.
    void saw(const WorkerSnapshot& snapshot, std::uint64_t asked_at);
    void renumber(std::uint64_t latest);
    void watch(Clock::time_point now);
    void watch_worker(Clock::time_point now);
    void want_look();
    /// After a refused token: a different token in its place ends the pause.
    void watch_tokens(Clock::time_point now);
    [[nodiscard]] static Task<void> ask_tokens(Self self);
    void lose_worker();

    // worker_start.cpp
    [[nodiscard]] static Task<Result<void>> ready(Self self);
    [[nodiscard]] static Task<Result<Live>> begin(Self self, TurnRequest request);
    /// `model` empty: the worker's own.
    [[nodiscard]] static Task<Result<std::string>>
    new_thread(Self self, std::string trace, std::string model, Room room);
    [[nodiscard]] static Task<Result<void>> hold_thread(Self self, std::string thread);
    [[nodiscard]] static Task<Result<void>> resume(Self self, std::string thread, Room room);
    /// `endings`: the thread's count before the other turn was seen running.
    [[nodiscard]] static Task<Result<void>>
    end_other(Self self, std::string thread, std::uint64_t endings);
    [[nodiscard]] static Task<Result<Live>>
    run_turn(Self self, std::string thread, TurnRequest request, Room room);
    void leave_stray(const Live& live);
    void make_room();

    // worker_read.cpp
    [[nodiscard]] static Task<Result<Json>> read_thread(Self self, std::string thread);
    [[nodiscard]] static Task<Result<WorkerThreads>> ask_threads(Self self);
    [[nodiscard]] static Task<Result<void>> list_threads(Self self);

    // worker_stop.cpp
    [[nodiscard]] static Task<void> stop_turn(Self self, Live live);
    /// `turn` is the worker's own id; empty: whatever turn runs on the thread.
    /// An interrupt that is refused for the moment is sent again, until `until`.
    [[nodiscard]] static Task<void>
    send_interrupt(Self self, std::string thread, std::string turn, Clock::time_point until);
    /// The same in the background, for minutes.
    void spawn_interrupt(std::string thread, std::string turn);

    asio::any_io_executor executor_;
    std::shared_ptr<const WorkerOptions> options_;
    std::shared_ptr<ControlClient> control_;
    std::shared_ptr<KhalaLink> link_;
    Sequencer sequence_{};
    WorkerThreads listed_{};
    std::shared_ptr<WorkerListing> listing_{}; ///< null: none in progress
    std::uint64_t listings_ = 0; ///< number of started requests
    WorkerSnapshot worker_{};
    std::string trouble_ = "the worker was not asked yet"; ///< from the last snapshot; empty: none
    Clock::time_point looked_{};
    Clock::time_point applied_ = Clock::now(); ///< the last event of our worker
    std::optional<Clock::time_point> down_since_{};
    /// the worker's log has events that did not arrive
    std::optional<Clock::time_point> behind_since_{};
    std::uint64_t behind_to_ = 0;
    std::map<std::string, WorkerThread, std::less<>> threads_{};
    Signal changed_;
    std::uint64_t watermark_ = 0; ///< highest of our worker's events
    bool looking_ = false;
    bool asking_ = false; ///< for a different token
    Clock::time_point asked_{};
    bool unknown_ = false; ///< control has no such worker: a command would create one
    bool refused_ = false; ///< control refused the token of the last snapshot
    bool resyncing_ = false;
    bool resync_again_ = false;
    bool opened_ = false;
    bool closing_ = false;
    WorkerCounts counts_{};
};

} // namespace oa_stream::authority

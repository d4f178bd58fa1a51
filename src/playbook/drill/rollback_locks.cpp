#include "rollback_locks.hpp"

#include "oa_stream/base/json.hpp"
#include "oa_stream/base/option_names.hpp"
#include "oa_stream/base/process.hpp"
#include "oa_stream/base/shell.hpp"
#include "oa_stream/run/control.hpp"
#include "oa_stream/run/folder_lock.hpp"
#include "oa_stream/run/suggest.hpp"

#include <fmt/format.h>

#include <signal.h> // NOLINT(modernize-deprecated-headers): kill

namespace oa_stream::playbook {

namespace fs = std::filesystem;

namespace {

// Its own process finishes the current step first, however long that may take.
constexpr Millis k_obey = std::chrono::minutes(10);
constexpr Millis k_silent =
    std::chrono::seconds(5); ///< before the command prints what it waits for
constexpr auto k_look = Millis{100};

void say(const RollbackRequest& request, const Advice& line) {
    if (request.by.observer != nullptr) {
        request.by.observer->say(line);
    }
}

void say_how_to_go_on(const RollbackRequest& request, std::string_view who, bool stopped) {
    say(request,
        fmt::format(
            "{} did not end within 5s{}; still waiting for it; to continue without it: ",
            who,
            stopped ? ": it is stopped (Ctrl-Z or SIGSTOP)" : ""
        ) + Advice(run::suggest_take_over(request.run)));
}

Json owner_of(const RollbackRequest& request) {
    return {{"run", request.run}, {"what", "rollback"}};
}

/// Waits until the process that was ordered to roll back has ended, or is taken over.
Task<Result<RollbackLocks>>
wait_for_locks(const RollbackRequest* request, const Plan* plan, std::int64_t pid) {
    const fs::path& state = request->by.state_dir;
    const auto began = Clock::now();
    bool warned = false;
    while (true) {
        auto lock = run::TargetLock::acquire(state, plan->target, owner_of(*request));
        if (lock) {
            co_return RollbackLocks{*std::move(lock)};
        }
        const auto waited = Clock::now() - began;
        if (waited > k_obey || is_requested(request->by.stop)) {
            co_return std::unexpected(std::move(lock).error());
        }
        const bool silent = waited > k_silent;
        if (request->take_over && (silent || is_stopped(pid))) {
            OA_CO_TRY(
                auto taken, run::TargetLock::take_over(state, plan->target, owner_of(*request))
            );
            say(*request, fmt::format("took the run over from process {}", pid));
            co_return RollbackLocks{.target = std::move(taken), .taken_over = true};
        }
        if (silent && !warned) {
            warned = true;
            say_how_to_go_on(*request, fmt::format("process {}", pid), is_stopped(pid));
        }
        (void)co_await sleep_for(k_look);
    }
}

constexpr auto k_answer = std::chrono::seconds(1);

/// Sends an order to abort, which unlike a second signal does not end a rollback under way. False:
/// no process listens. A process that does not answer in time keeps the order: a stopped one reads
/// it when it continues.
bool order_rollback(
    const RollbackRequest& request, const fs::path& folder, const std::string& who
) {
    const Json order = {{"action", "abort"}, {"reason", "rollback apply"}};
    const auto asked = run::ask_run(folder, order, k_answer);
    const Code code = asked ? Code::timeout : asked.error().code;
    const bool ending = code == Code::precondition || code == Code::network;
    if (!ending && code != Code::timeout) {
        return false;
    }
    say(request,
        fmt::format(
            "the run is under way in {}: {}",
            who,
            ending ? "it is ending already" : "asked it to roll back"
        ));
    return true;
}

/// Takes the lock in the run's own state directory, so that the run's process writes nothing more.
std::optional<run::TargetLock>
fence_elsewhere(const RollbackRequest& request, const Plan& plan, const fs::path& folder) {
    std::error_code ignored; // <state>/runs/<id>
    const fs::path state = fs::weakly_canonical(folder, ignored).parent_path().parent_path();
    const auto holder = run::TargetLock::holder(state, plan.target);
    if (holder && string_member(*holder, "run") != request.run) {
        say(request, "the lock of the target there is another run's: " + dump_json(*holder));
        return std::nullopt;
    }
    const auto pid = holder ? int_member(*holder, "pid").value_or(0) : 0;
    auto lock = run::TargetLock::take_over(state, plan.target, owner_of(request));
    if (lock) {
        say(request, fmt::format("took the run over from process {}", pid));
        return *std::move(lock);
    }
    const auto kill = pid > 1 ? fmt::format("; end it: kill -9 {}", pid) : "";
    say(request, "its process cannot be kept from writing: " + lock.error().text() + kill);
    return std::nullopt;
}

/// Handles a process that works in the run's folder without a lock here: of another state
/// directory, one whose lock file was removed, or one that has ended except for its record. It is
/// ordered to roll back, and waited for or taken over.
Task<Result<void>> end_in_folder(
    const RollbackRequest* request, const Plan* plan, fs::path folder, RollbackLocks* locks
) {
    if (locks->taken_over || !run::FolderLock::is_held(folder)) {
        co_return Result<void>{};
    }
    const auto began = Clock::now();
    const bool elsewhere = is_elsewhere(folder, request->by.state_dir);
    const bool asked = order_rollback(*request, folder, "another process");
    const bool ends = asked || !elsewhere;
    bool warned = elsewhere;
    while (run::FolderLock::is_held(folder)) {
        const auto waited = Clock::now() - began;
        const bool silent = waited > k_silent;
        if (silent && request->take_over) {
            if (elsewhere) {
                locks->fence = fence_elsewhere(*request, *plan, folder);
            } else {
                say(*request,
                    "the process in the run's folder has no lock here, so it cannot be kept from "
                    "writing: end it");
            }
            locks->taken_over = true;
            co_return Result<void>{};
        }
        if (waited > (ends ? k_obey : k_silent) || is_requested(request->by.stop)) {
            co_return fail(
                Code::precondition,
                "a living process works on this run",
                folder.string(),
                fmt::format("to continue without it: {}", names::take_over)
            );
        }
        if (silent && !warned) {
            warned = true;
            say_how_to_go_on(*request, "another process", false);
        }
        (void)co_await sleep_for(k_look);
    }
    co_return Result<void>{};
}

/// If the run is under way in another process of this machine, orders that process to roll back and
/// waits for it; any other holder keeps the lock.
Task<Result<RollbackLocks>>
lock_here(const RollbackRequest* request, const Plan* plan, fs::path folder) {
    const fs::path& state = request->by.state_dir;
    auto lock = run::TargetLock::acquire(state, plan->target, owner_of(*request));
    if (lock) {
        co_return RollbackLocks{*std::move(lock)};
    }
    const auto holder = run::TargetLock::holder(state, plan->target);
    const bool same = holder && string_member(*holder, "run") == request->run;
    const bool own = same && string_member(*holder, "what") == "apply";
    const auto pid = holder ? int_member(*holder, "pid").value_or(0) : 0;
    if (pid <= 1 || !(own || (same && request->take_over))) {
        co_return std::unexpected(std::move(lock).error());
    }
    const std::string who = fmt::format("process {}", pid);
    if (own && !order_rollback(*request, folder, who)) {
        if (::kill(static_cast<pid_t>(pid), SIGINT) != 0) {
            co_return std::unexpected(std::move(lock).error());
        }
        say(*request, fmt::format("the run is under way in {}: asked it to roll back", who));
    }
    co_return co_await wait_for_locks(request, plan, pid);
}

} // namespace

bool is_elsewhere(const fs::path& folder, const fs::path& state_dir) {
    std::error_code error;
    return fs::weakly_canonical(state_dir / "runs" / folder.filename(), error) !=
           fs::weakly_canonical(folder, error);
}

Task<Result<RollbackLocks>>
lock_rollback(const RollbackRequest* request, const Plan* plan, fs::path folder) {
    OA_CO_TRY(RollbackLocks locks, co_await lock_here(request, plan, folder));
    OA_CO_CHECK(co_await end_in_folder(request, plan, std::move(folder), &locks));
    co_return locks;
}

} // namespace oa_stream::playbook

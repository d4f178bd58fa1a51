// The parts of the worker control API that the lane uses: it reads workers and sends commands. The
// lane owns no worker, so it never creates, reattaches or stops one, and never posts events.
#pragma once

#include "oa_stream/authority/worker.hpp"
#include "oa_stream/base/clock.hpp"
#include "oa_stream/net/http_client.hpp"

#include "command_minute.hpp"
#include "token_source.hpp"
#include "worker/events/worker_event.hpp"

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace oa_stream::authority {

struct WorkerSnapshot {
    std::string status{}; ///< starting, running, stopping, stopped, failed
    std::string heartbeat{}; ///< fresh, stale, missing, stopped, failed
    std::uint64_t latest_seq = 0;
    std::optional<std::int64_t> heartbeat_age_ms{};

    /// Empty: the worker accepts turns. Else the reason, one line that is safe to show.
    [[nodiscard]] std::string trouble() const;
};

struct WorkerLog {
    std::optional<WorkerSnapshot> worker{};
    std::vector<WorkerEvent> events{};
};

struct WorkerCommand {
    std::string method;
    Json params = Json::object();
    std::string thread{}; ///< empty: the command concerns no thread
    std::string request{}; ///< request id, the same in every retry
    std::string traceparent{};
};

/// The result of a command whose HTTP answer did not contain it: worker.response or worker.error.
using CommandEvent = Result<Json>;

class CommandRoom;

class ControlClient {
public:
    ControlClient(
        const asio::any_io_executor& executor, std::shared_ptr<const WorkerOptions> options
    );
    using Self = std::shared_ptr<ControlClient>;

    static constexpr std::string_view k_unclear = "unclear";
    static constexpr std::string_view k_thread = "thread";

    [[nodiscard]] static std::string new_request_id();

    /// Code::not_found (the control service has no such worker), credentials, unavailable.
    [[nodiscard]] static Task<Result<WorkerSnapshot>> snapshot(Self self);
    /// All events after `cursor`. Errors as for snapshot().
    [[nodiscard]] static Task<Result<WorkerLog>> log(Self self, std::uint64_t cursor);
    /// The receipt's `response`. Errors: Code::unavailable (where "retry_after:N" if known,
    /// k_unclear if the command may have run), timeout (k_unclear likewise; never sent again),
    /// not_found (the thread; where k_thread when the worker has not loaded it), too_large,
    /// precondition, protocol.
    [[nodiscard]] static Task<Result<Json>>
    send(Self self, WorkerCommand command, std::shared_ptr<CommandRoom> room = nullptr);
    /// So many of the minute's commands are kept for one turn, which so gets all of them or none.
    [[nodiscard]] static Result<std::shared_ptr<CommandRoom>>
    reserve(Self self, std::size_t commands);
    /// A new sync token for Khala. Code::credentials: refused.
    [[nodiscard]] static Task<Result<Secret>> mint(Self self);
    /// worker.response or worker.error for a request.
    void settle(const std::string& request, CommandEvent how);

    /// The control token's expiry, if the token contains one. Code::credentials: there is no token.
    [[nodiscard]] static Task<Result<std::optional<WallTime>>> token_end(Self self);
    /// The service's clock minus ours, from its last answer; exact to a second plus that answer's
    /// delay.
    [[nodiscard]] std::optional<Millis> ahead() const noexcept { return ahead_; }
    /// Why no command is sent at present, perhaps only with this token; empty: commands are
    /// allowed.
    [[nodiscard]] std::string commands_refusal() const;
    /// Whether the source of the refused control token now has a different one.
    [[nodiscard]] static Task<bool> replaced(Self self);
    struct Counts {
        std::uint64_t retried = 0;
        /// Commands by method, without retries.
        std::map<std::string, std::uint64_t, std::less<>> done{}, failed{};
    };
    [[nodiscard]] const Counts& counts() const noexcept { return counts_; }

private:
    /// Why no request is sent at present; empty: requests are allowed.
    [[nodiscard]] std::string refusal() const;
    struct Answer {
        int status = 0; ///< 0: no answer
        Json body{}; ///< null: not JSON
        net::TransferFailure failure = net::TransferFailure::none;
        Secret token{}; ///< the token of the request
        std::optional<Millis> wait{}; ///< Retry-After
    };
    [[nodiscard]] std::string worker_url(std::string_view tail = {}) const;
    /// Sends a request with the token, which is read again once on 401. `large`: no time limit
    /// while the answer continues to arrive.
    [[nodiscard]] static Task<Result<Answer>> call(
        Self self,
        std::string method,
        std::string url,
        std::string body,
        std::string trace,
        bool large = false
    );
    [[nodiscard]] net::ClientRequest
    request_to(const std::string& method, const std::string& url, const std::string& body) const;
    friend class CommandRoom;
    [[nodiscard]] Result<void> check_quota(std::size_t wanted, CommandMinute::Kind kind);
    [[nodiscard]] Result<void> count(std::string_view method, CommandRoom* room);
    [[nodiscard]] Result<Json> judge(const Answer& answer, const WorkerCommand& command);
    /// Counts the outcome and returns it.
    [[nodiscard]] Result<Json> logged(const WorkerCommand& command, Result<Json> outcome);
    [[nodiscard]] Error refused(const Answer& answer);

    std::shared_ptr<const WorkerOptions> options_;
    std::unique_ptr<net::HttpClient> http_;
    TokenSource token_;
    Secret used_{}; ///< the token of the last call
    Secret reader_{}; ///< a token that was refused for commands
    Clock::time_point reader_until_{};
    std::map<std::string, std::optional<CommandEvent>, std::less<>> waiting_{};
    CommandMinute minute_;
    std::string refusal_{};
    std::optional<Millis> ahead_{};
    Clock::time_point refused_until_{};
    Counts counts_{};
};

/// Commands that ControlClient::reserve() keeps; those that are not sent are given back at its end.
class CommandRoom {
public:
    CommandRoom(std::shared_ptr<ControlClient> of, std::size_t commands)
        : of_(std::move(of)), left_(commands) {
        of_->minute_.reserve(static_cast<std::ptrdiff_t>(left_));
    }
    ~CommandRoom() { of_->minute_.reserve(-static_cast<std::ptrdiff_t>(left_)); }
    CommandRoom(const CommandRoom&) = delete;
    CommandRoom& operator=(const CommandRoom&) = delete;
    CommandRoom(CommandRoom&&) = delete;
    CommandRoom& operator=(CommandRoom&&) = delete;
    /// One of them is sent. False: there are none left.
    [[nodiscard]] bool use() noexcept {
        const bool some = left_ > 0;
        left_ -= some ? 1 : 0;
        of_->minute_.reserve(some ? -1 : 0);
        return some;
    }

private:
    std::shared_ptr<ControlClient> of_;
    std::size_t left_;
};

} // namespace oa_stream::authority

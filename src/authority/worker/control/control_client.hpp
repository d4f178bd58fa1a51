// The worker control API, as far as the lane uses it. It reads workers and sends commands; it never
// makes, reattaches or stops a worker, and never posts events: the lane owns none.
#pragma once

#include "oa_stream/authority/worker.hpp"
#include "oa_stream/base/clock.hpp"
#include "oa_stream/net/http_client.hpp"

#include "token_source.hpp"
#include "worker/events/worker_event.hpp"

#include <deque>
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

    /// Empty: it takes turns. Else why not, one safe line.
    [[nodiscard]] std::string trouble() const;
};

struct WorkerLog {
    std::optional<WorkerSnapshot> worker{};
    std::vector<WorkerEvent> events{};
};

struct WorkerCommand {
    std::string method;
    Json params = Json::object();
    std::string thread{}; ///< empty: the command is about none
    std::string request{}; ///< its id, the same in every retry
    std::string traceparent{};
};

/// How a command ended where its HTTP answer did not say: worker.response or worker.error.
using CommandEvent = Result<Json>;

class ControlClient {
public:
    ControlClient(
        const asio::any_io_executor& executor, std::shared_ptr<const WorkerOptions> options
    );
    using Self = std::shared_ptr<ControlClient>;

    static constexpr std::string_view k_unclear = "unclear";
    static constexpr std::string_view k_thread = "thread";

    [[nodiscard]] static std::string new_request_id();

    /// Code::not_found (the control service does not know the worker), credentials, unavailable.
    [[nodiscard]] static Task<Result<WorkerSnapshot>> snapshot(Self self);
    /// Events behind `cursor`, all of them. Errors as for snapshot().
    [[nodiscard]] static Task<Result<WorkerLog>> log(Self self, std::uint64_t cursor);
    /// The `response` of the receipt. Errors: Code::unavailable (where "retry_after:N" when it is
    /// known, k_unclear when it may have run all the same), timeout (likewise: never sent again),
    /// not_found (of the thread; where k_thread when the worker has not loaded it), too_large,
    /// precondition, protocol.
    [[nodiscard]] static Task<Result<Json>> send(Self self, WorkerCommand command);
    /// A fresh sync token for Khala. Code::credentials: refused.
    [[nodiscard]] static Task<Result<Secret>> mint(Self self);
    /// worker.response or worker.error named a request.
    void settle(const std::string& request, CommandEvent how);

    /// When the control token says that it ends, if it says so. Code::credentials: there is none.
    [[nodiscard]] static Task<Result<std::optional<WallTime>>> token_end(Self self);
    /// The service's clock, of ours, as its last answer told it: within a second and that answer's
    /// way.
    [[nodiscard]] std::optional<Millis> ahead() const noexcept { return ahead_; }
    /// Why nothing will be asked for now; empty: nothing stands against it.
    [[nodiscard]] std::string refusal() const;
    /// Why no command is to be sent with this token, though it may look; empty: none is refused.
    [[nodiscard]] std::string commands_refusal() const;
    /// Whether another control token stands where the refused one came from.
    [[nodiscard]] static Task<bool> replaced(Self self);
    struct Counts {
        std::uint64_t retried = 0;
        /// Commands by method, without retries.
        std::map<std::string, std::uint64_t, std::less<>> done{}, failed{};
    };
    [[nodiscard]] const Counts& counts() const noexcept { return counts_; }

private:
    struct Answer {
        int status = 0; ///< 0: none
        Json body{}; ///< null: not JSON
        net::TransferFailure failure = net::TransferFailure::none;
        Secret token{}; ///< it was asked with
        std::optional<Millis> wait{}; ///< Retry-After
    };
    [[nodiscard]] std::string worker_url(std::string_view tail = {}) const;
    /// With the token, read again once on 401. `large`: the answer may take as long as it goes on.
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
    [[nodiscard]] Result<void> check_quota(std::string_view method);
    [[nodiscard]] Result<Json> judge(const Answer& answer, const WorkerCommand& command);
    /// Counts it and hands it on.
    [[nodiscard]] Result<Json> logged(const WorkerCommand& command, Result<Json> outcome);
    [[nodiscard]] Error refused(const Answer& answer);

    std::shared_ptr<const WorkerOptions> options_;
    std::unique_ptr<net::HttpClient> http_;
    TokenSource token_;
    Secret used_{}; ///< the token of the last call
    Secret reader_{}; ///< one that was refused for a command
    Clock::time_point reader_until_{};
    std::map<std::string, std::optional<CommandEvent>, std::less<>> waiting_{};
    std::deque<Clock::time_point> sent_{}; ///< POSTs of the last minute
    std::string refusal_{};
    std::optional<Millis> ahead_{};
    Clock::time_point refused_until_{};
    Counts counts_{};
};

} // namespace oa_stream::authority

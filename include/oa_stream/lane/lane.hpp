// The lane itself: requests in, one gate after the other, turns out. Runs on one executor's thread.
#pragma once

#include "oa_stream/authority/authority.hpp"
#include "oa_stream/base/log.hpp"
#include "oa_stream/lane/auth.hpp"
#include "chats/chat_request.hpp"
#include "completions/completions_guard.hpp"
#include "oa_stream/lane/config.hpp"
#include "oa_stream/lane/id_map.hpp"
#include "store/idempotency.hpp"
#include "turns/live_turns.hpp"
#include "oa_stream/lane/records.hpp"
#include "gates/routes.hpp"
#include "oa_stream/net/http_server.hpp"

#include <boost/asio/steady_timer.hpp>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace oa_stream::lane {

/// What the lane works with. Everything outlives it.
struct LaneParts {
    authority::Authority* authority = nullptr;
    IdMap* ids = nullptr;
    LaneObserver* observer = nullptr; ///< may be null
    std::function<void(std::string_view line)> access_log{
    }; ///< one JSON line a request; may be empty
    Log* log = nullptr; ///< of anything else; may be null
    std::function<std::string()> metrics{}; ///< what GET /metrics says; empty: 404
};

class Lane {
public:
    Lane(const asio::any_io_executor& executor, LaneConfig config, LaneParts parts);
    ~Lane();
    Lane(const Lane&) = delete;
    Lane& operator=(const Lane&) = delete;

    /// For HttpServer::listen. The lane must outlive the server and the executor's last run.
    [[nodiscard]] net::Handler handler();
    [[nodiscard]] net::ErrorPage error_page();

    /// With a table every request but health and version needs one of its tokens; with nullopt
    /// nobody does. May be called again (reload).
    void set_tokens(std::optional<TokenTable> tokens);
    void set_window(CompatWindow window);
    void set_mode(LaneMode mode);
    [[nodiscard]] LaneMode mode() const noexcept { return config_.mode; }

    /// From now on: /readyz is 503, new turns are refused.
    void begin_drain();
    /// Waits up to `limit` for live turns; ends what is left with a proper error ending, in time
    /// for it to reach the readers. Returns how many turns were ended so.
    [[nodiscard]] Task<std::size_t> drain(Millis limit);
    /// Stops the lane's timer and cuts readers that are still there.
    void close();
    [[nodiscard]] std::size_t busy() const noexcept { return turns_.busy(); }

private:
    struct Call;
    struct Native; ///< the routes under /v1
    struct Reads; ///< the routes under /api/chats that touch no live turn
    using CallPtr = std::shared_ptr<Call>;

    [[nodiscard]] Task<void> handle(std::shared_ptr<net::Exchange> exchange);
    [[nodiscard]] CallPtr open_call(std::shared_ptr<net::Exchange> exchange);
    [[nodiscard]] Task<void> dispatch(CallPtr call);

    // Gates, in order; each says no with a Rejection.
    [[nodiscard]] Accepted<void> check_size(const Call& call) const;
    [[nodiscard]] Accepted<void> check_compat(const Call& call);
    [[nodiscard]] Accepted<void> check_owner(Call& call) const;
    [[nodiscard]] Accepted<void> check_body(Call& call) const;
    [[nodiscard]] Accepted<void> check_open() const;
    [[nodiscard]] Accepted<void> pass_gates(Call& call);

    // Routes.
    [[nodiscard]] Task<void> chat(CallPtr call);
    [[nodiscard]] Task<void> resume(CallPtr call);
    [[nodiscard]] Task<void> answer_approvals(CallPtr call);
    [[nodiscard]] bool asks_approvals(const Call& call) const;
    [[nodiscard]] Task<void> stop(CallPtr call);
    [[nodiscard]] Accepted<void> find_thread(Call& call) const;
    [[nodiscard]] Task<void> health(CallPtr call);
    [[nodiscard]] Task<void> metrics(CallPtr call);

    // Starting a turn.
    [[nodiscard]] Task<Accepted<std::shared_ptr<LiveTurn>>> earlier_turn(CallPtr call);
    [[nodiscard]] Task<Accepted<std::shared_ptr<LiveTurn>>> begin_keyed_turn(CallPtr call);
    [[nodiscard]] Task<Accepted<std::shared_ptr<LiveTurn>>> begin_turn(CallPtr call);
    [[nodiscard]] Task<Accepted<authority::TurnRequest>> make_turn_request(CallPtr call);
    [[nodiscard]] Task<Accepted<std::unique_ptr<authority::Turn>>> start_turn(CallPtr call);
    [[nodiscard]] bool repeats_newest(const Call& call) const;
    void seed_new_thread(Call& call, authority::TurnRequest& request) const;
    void remember_thread(const Call& call, const authority::Turn& turn);

    // Answering.
    /// `segment`: of a turn in several answers, the one to be sent; all of them as one without.
    [[nodiscard]] Task<void> send_stream(
        CallPtr call,
        std::shared_ptr<LiveTurn> turn,
        bool first,
        std::optional<std::size_t> segment = {}
    );
    [[nodiscard]] Task<void> answer(CallPtr call, net::Response response);
    [[nodiscard]] Task<void> refuse(CallPtr call, Rejection rejection);
    [[nodiscard]] net::Response retired_answer(const Call& call) const;
    void add_common_headers(const Call& call, net::Headers& headers) const;
    void add_cors_headers(const Call& call, net::Headers& headers) const;
    [[nodiscard]] net::Response preflight(const Call& call) const;
    void finish_record(Call& call, const ReaderReport& report);
    void log_request(Call& call);
    void log_turn(const TurnOutcome& outcome);
    void log_event(LogLevel level, std::string_view event, const Json& fields) const;
    [[nodiscard]] Task<void> run_ticks();

    asio::any_io_executor executor_;
    LaneConfig config_;
    LaneParts parts_;
    LaneObserver silent_;
    LaneObserver* observer_;
    std::optional<TokenTable> tokens_;
    std::shared_ptr<TurnHost> host_ = std::make_shared<TurnHost>();
    LiveTurns turns_;
    IdempotencyKeys keys_;
    CompletionsGuard completions_;
    std::size_t whole_answers_ = 0; ///< of /v1, not yet handed to their connections
    std::int64_t created_; ///< Unix seconds
    asio::steady_timer ticker_;
    bool draining_ = false;
    bool closed_ = false;
};

} // namespace oa_stream::lane

// State shared by the parts of the front door. Private to the room.
#pragma once

#include "oa_stream/net/http_client.hpp"
#include "oa_stream/net/http_server.hpp"
#include "oa_stream/traffic/front.hpp"

#include "mirror.hpp"
#include "sticky.hpp"
#include "wake.hpp"
#include "weighted_pick.hpp"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace oa_stream::traffic {

struct Arm {
    Backend backend;
    ArmCounters counters{};
    std::uint32_t weight = 0; ///< of its revision, as last set
    bool ready = true;
    std::string health{}; ///< result of the last check; empty without checks
    std::uint64_t checks = 0;
    int row = 0; ///< consecutive checks that contradict `ready`
};

/// Why a request goes to its backend.
enum class Reason { picked, sticky, pinned };
struct Route {
    std::size_t arm = 0;
    Reason reason = Reason::picked;
    ThreadRef ref{};
    std::optional<std::size_t> former{}; ///< the thread's backend before its new turn began
    std::uint64_t settled = 0; ///< from StickyThreads::remember(); 0: the thread was not moved
    std::string key{}; ///< key of the turn that it begins or repeats; empty: none was given
};

struct FrontCore {
    FrontCore(const asio::any_io_executor& where, FrontOptions given);

    /// Code::usage: the pin names no backend. Code::unavailable: no backend with a weight is ready.
    [[nodiscard]] Result<Route> route(const net::Request& request);
    /// Picks with one of the two picks; nullopt: no backend with a weight is ready.
    [[nodiscard]] std::optional<std::size_t> next_arm(WeightedPick& by);
    /// Applies the configured weights, without those of backends that are not ready. Lanes of one
    /// revision share its weight.
    void apply_weights();
    /// Counts the request at the backend; it is active until the caller decrements the count.
    void begin(const Route& route) noexcept;
    /// Moves the request's count to another lane.
    void pass_on(Route& route, std::size_t other);
    /// Assigns the thread to where its last turn began; before any turn, to where it was first
    /// requested. A read elsewhere does not move it away from a turn that may still run.
    void settle(Route& route);
    /// The same for a thread whose id came from the backend.
    void learn(const std::string& thread, const Route& route);
    /// No turn began there: assigns the thread to its former backend again, where a turn may run,
    /// unless another turn began since.
    void go_back(const Route& route);
    /// The request was refused there, and nothing began: a new thread is chosen a backend again.
    void let_go(const Route& route);
    /// No connection is accepted there: the thread is chosen a backend again.
    void unsettle(const Route& route);
    [[nodiscard]] bool knows(std::string_view name) const;
    /// The next lane of that revision, a ready one if there is any.
    [[nodiscard]] std::optional<std::size_t> lane_of(std::string_view name);
    /// A ready lane of the same revision that is not in `asked`.
    [[nodiscard]] std::optional<std::size_t> other_lane(const std::vector<std::size_t>& asked
    ) const;
    [[nodiscard]] std::string etag() const;
    [[nodiscard]] std::size_t active() const;
    [[nodiscard]] Json state() const;

    asio::any_io_executor executor;
    FrontOptions options;
    std::unique_ptr<net::HttpClient> client;
    std::vector<Arm> arms;
    WeightedPick pick; ///< for requests that may begin a thread or a turn
    /// For other requests: a page lists its chats before each turn, so with one pick each kind
    /// would go to one half.
    WeightedPick pick_other;
    StickyThreads sticky;
    StickyThreads keys; ///< where turns with an Idempotency-Key began
    std::shared_ptr<Mirror> mirror{}; ///< null: no mirror
    /// random: a restarted front door forgot the weights, so its etags differ.
    std::string instance;
    std::uint64_t writes = 0;
    std::size_t last_pinned = 0; ///< for taking the lanes of a revision in turn
    bool draining = false;
    bool closed = false;
    std::vector<std::shared_ptr<Wake>> watches; ///< of the health checks
};
using CorePtr = std::shared_ptr<FrontCore>;

/// Forwards one request to the arm and its answer back, byte by byte as they arrive.
[[nodiscard]] Task<void> relay(CorePtr core, Route route, std::shared_ptr<net::Exchange> exchange);

/// Checks every backend until the core is closed or destroyed.
void start_health_checks(const CorePtr& core);

/// GET /state, GET /metrics, PUT /weights.
[[nodiscard]] net::Handler admin_handler(CorePtr core);

[[nodiscard]] net::Response json_error(int status, std::string_view code, std::string_view message);
/// 503, to be retried after a second.
[[nodiscard]] net::Response unavailable(std::string_view code, std::string_view message);

/// Fields that belong to one connection and are never forwarded (RFC 9110, 7.6.1), and those that
/// Connection itself names.
[[nodiscard]] net::Headers end_to_end(const net::Headers& headers);

} // namespace oa_stream::traffic

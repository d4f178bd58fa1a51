// What the parts of the front door share. Private to the room.
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
    std::string health{}; ///< what the last check saw; empty without checks
    std::uint64_t checks = 0;
    int row = 0; ///< checks in a row that contradict `ready`
};

/// Why a request goes where it goes.
enum class Reason { picked, sticky, pinned };
struct Route {
    std::size_t arm = 0;
    Reason reason = Reason::picked;
    ThreadRef ref{};
    std::optional<std::size_t> former{}; ///< where the thread lived before its new turn began
    std::uint64_t settled = 0; ///< by StickyThreads::remember(); 0: it lives where it did
    std::string key{}; ///< of the turn that it begins or repeats; empty: none was given
};

struct FrontCore {
    FrontCore(const asio::any_io_executor& where, FrontOptions given);

    /// Code::usage: the pin names no backend. Code::unavailable: nobody with a weight is ready.
    [[nodiscard]] Result<Route> route(const net::Request& request);
    /// By one of the two picks; nullopt: nobody with a weight is ready.
    [[nodiscard]] std::optional<std::size_t> next_arm(WeightedPick& by);
    /// Applies the weights that were set, without those of backends that are not ready. Lanes of
    /// one revision share what it is worth.
    void apply_weights();
    /// Counts the request there: it is active until somebody takes it off the count.
    void begin(const Route& route) noexcept;
    /// The request is another lane's from here on.
    void pass_on(Route& route, std::size_t other);
    /// The thread lives where its last turn began; before that, where it was first asked for. A
    /// read elsewhere does not lead away from a turn that may still run.
    void settle(Route& route);
    /// The same for a thread whose id the backend sent.
    void learn(const std::string& thread, const Route& route);
    /// No turn began there: one that runs where the thread lived before is still reached, unless
    /// another began since.
    void go_back(const Route& route);
    /// It is refused there, and nothing began: a thread that is new begins again elsewhere.
    void let_go(const Route& route);
    /// Nobody takes a connection there: the thread begins again elsewhere.
    void unsettle(const Route& route);
    [[nodiscard]] bool knows(std::string_view name) const;
    /// The next of its lanes, a ready one if there is any.
    [[nodiscard]] std::optional<std::size_t> lane_of(std::string_view name);
    /// A ready lane of the same revision that is not among the `asked` ones.
    [[nodiscard]] std::optional<std::size_t> other_lane(const std::vector<std::size_t>& asked
    ) const;
    [[nodiscard]] std::string etag() const;
    [[nodiscard]] std::size_t active() const;
    [[nodiscard]] Json state() const;

    asio::any_io_executor executor;
    FrontOptions options;
    std::unique_ptr<net::HttpClient> client;
    std::vector<Arm> arms;
    WeightedPick pick; ///< of what may begin a thread or a turn
    WeightedPick pick_other; ///< a page lists its chats before each turn: both would be one half
    StickyThreads sticky;
    StickyThreads keys; ///< where turns with an Idempotency-Key began
    std::shared_ptr<Mirror> mirror{}; ///< null: none
    std::string instance; ///< random: a restarted front door forgot the weights, its etags differ
    std::uint64_t writes = 0;
    std::size_t last_pinned = 0; ///< lanes of a revision take turns
    bool draining = false;
    bool closed = false;
    std::vector<std::shared_ptr<Wake>> watches; ///< of the health checks
};
using CorePtr = std::shared_ptr<FrontCore>;

/// Passes one request to the arm and its answer back, byte by byte as they come.
[[nodiscard]] Task<void> relay(CorePtr core, Route route, std::shared_ptr<net::Exchange> exchange);

/// Checks every backend until the core is closed or gone.
void start_health_checks(const CorePtr& core);

/// GET /state, GET /metrics, PUT /weights.
[[nodiscard]] net::Handler admin_handler(CorePtr core);

[[nodiscard]] net::Response json_error(int status, std::string_view code, std::string_view message);
/// 503, to be tried again after a second.
[[nodiscard]] net::Response unavailable(std::string_view code, std::string_view message);

/// Fields that belong to one connection and are never passed on (RFC 9110, 7.6.1), and those
/// named by Connection itself.
[[nodiscard]] net::Headers end_to_end(const net::Headers& headers);

} // namespace oa_stream::traffic

// The local front door: a weighted, streaming reverse proxy for laptops, drills and CI.
#pragma once

#include "oa_stream/base/json.hpp"
#include "oa_stream/base/task.hpp"
#include "oa_stream/net/http.hpp"
#include "oa_stream/traffic/mirror.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace oa_stream::traffic {

/// Probes send it to reach one revision whatever its weight; never forwarded.
inline constexpr std::string_view k_pin_header = "x-oa-pin-revision";

/// Several backends with one name are lanes of one revision and receive its requests in turn.
struct Backend {
    std::string name; ///< the revision; used as x-oa-revision in answers without it
    std::string url;  ///< http://host:port
};

/// Active checks: GET on every backend; 2xx means ready. A backend that is not ready gets no share,
/// whatever its weight; pins and running turns still reach it.
struct HealthOptions {
    std::string path{}; ///< "/readyz"; empty: no checks, every backend counts as ready
    Millis interval{2000};
    Millis timeout{2000};
    /// Failed checks in a row before it is not ready; a single one suffices at the start.
    int fall = 2;
    int rise = 1;
};

/// How the revision for a new thread is chosen.
enum class Balance {
    weights, ///< in turn, exactly by weight
    least_conn, ///< the one with the fewest running requests relative to its weight
};

struct FrontOptions {
    net::Endpoint listen;
    std::string admin_socket; ///< path of a unix socket, mode 0600
    std::vector<Backend> backends;
    std::map<std::string, std::uint32_t, std::less<>> weights{}; ///< missing names have 0
    Balance balance = Balance::weights;
    std::size_t connections = 20000; ///< of clients; each may use one more to a backend
    std::size_t sticky_threads = 100000; ///< 0: threads are not sticky, for lanes with a store
    Millis connect_timeout{3000};
    Millis first_byte_timeout{120000}; ///< a lane answers once its authority has accepted the turn
    Millis idle_timeout{75000}; ///< heartbeats come every 15 s
    HealthOptions health{};
    MirrorOptions mirror{};
    /// Called when a backend becomes ready or stops being ready, and for differences that the
    /// mirror finds; one line for display.
    std::function<void(std::string_view line)> note{};
};

/// Requests of one backend and their endings. Every request counts once among picked, sticky and
/// pinned, and once among the endings.
struct ArmCounters {
    std::uint64_t picked = 0; ///< chosen by weight
    std::uint64_t sticky = 0; ///< followed its thread
    std::uint64_t pinned = 0; ///< chosen by k_pin_header
    std::uint64_t active = 0; ///< running now
    std::uint64_t finished = 0; ///< answer forwarded to its end
    std::uint64_t unreachable = 0; ///< no answer arrived: 502
    std::uint64_t broken = 0; ///< the backend died during the answer: cut
    std::uint64_t client_gone = 0; ///< the client left first
    std::uint64_t status_5xx = 0; ///< answers of the backend, among finished
    /// It accepted no connection, so another lane of the revision got the request and counts it.
    std::uint64_t passed_on = 0;
};

class Front {
public:
    virtual ~Front() = default;
    Front() = default;
    Front(const Front&) = delete;
    Front& operator=(const Front&) = delete;

    /// Code::usage for no backend, a duplicate name, a weight of an unknown backend, or no weight
    /// above 0; the listeners' errors.
    [[nodiscard]] static Result<std::unique_ptr<Front>>
    start(const asio::any_io_executor& executor, FrontOptions options);

    [[nodiscard]] virtual net::Endpoint endpoint() const = 0; ///< with the real port
    /// The document of GET /state on the admin socket.
    [[nodiscard]] virtual Json state() const = 0;
    [[nodiscard]] virtual std::size_t active() const = 0;
    /// The results of the copies in one line; empty without a mirror.
    [[nodiscard]] virtual std::string mirror_summary() const = 0;
    /// Accepts no new connections; returns when nothing is running, or after `limit`.
    [[nodiscard]] virtual Task<void> drain(Millis limit) = 0;
    /// Cuts all connections.
    virtual void close() = 0;
};

} // namespace oa_stream::traffic

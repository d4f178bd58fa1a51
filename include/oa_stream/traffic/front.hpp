// The local front door: a weighted reverse proxy that streams, for laptops, drills and CI.
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

/// A probe sends it to reach one revision whatever its weight; never forwarded.
inline constexpr std::string_view k_pin_header = "x-oa-pin-revision";

/// Several with one name are lanes of one revision: they take its requests in turn.
struct Backend {
    std::string name; ///< the revision; x-oa-revision of answers that lack one
    std::string url;  ///< http://host:port
};

/// Active checks: GET on every backend; 2xx is ready, anything else is not. A backend that is not
/// ready gets no share, whatever its weight; pins and running turns still reach it.
struct HealthOptions {
    std::string path{}; ///< "/readyz"; empty: no checks, every backend counts as ready
    Millis interval{2000};
    Millis timeout{2000};
    int fall = 2; ///< so many failed checks in a row; the very first one is enough
    int rise = 1;
};

/// Which revision a new thread gets.
enum class Balance {
    weights,    ///< in turn, exactly by weight
    least_conn, ///< the one with the fewest requests under way for its weight
};

struct FrontOptions {
    net::Endpoint listen;
    std::string admin_socket; ///< path of a unix socket, mode 0600
    std::vector<Backend> backends;
    std::map<std::string, std::uint32_t, std::less<>> weights{}; ///< missing names have 0
    Balance balance = Balance::weights;
    std::size_t connections = 20000; ///< of clients; each may take one to a backend as well
    std::size_t sticky_threads = 100000; ///< 0: a thread stays nowhere, for lanes with a store
    Millis connect_timeout{3000};
    Millis first_byte_timeout{120000}; ///< a lane answers when its authority took the turn
    Millis idle_timeout{75000};        ///< heartbeats come every 15 s
    HealthOptions health{};
    MirrorOptions mirror{};
    /// Told whenever a backend becomes ready or stops being so, and of what the mirror says
    /// differently; one line for people.
    std::function<void(std::string_view line)> note{};
};

/// What one backend got and how it went. Every request is counted once among picked, sticky and
/// pinned, and once among the endings.
struct ArmCounters {
    std::uint64_t picked = 0; ///< chosen by weight
    std::uint64_t sticky = 0; ///< followed its thread
    std::uint64_t pinned = 0; ///< chosen by k_pin_header
    std::uint64_t active = 0; ///< under way now
    std::uint64_t finished = 0;    ///< answer passed on to its end
    std::uint64_t unreachable = 0; ///< no answer arrived: 502
    std::uint64_t broken = 0;      ///< the backend died in the middle: cut
    std::uint64_t client_gone = 0; ///< the client left first
    std::uint64_t status_5xx = 0;  ///< answers of the backend, among finished
    /// Took no connection, so another lane of the revision got the request: counted there alone.
    std::uint64_t passed_on = 0;
};

class Front {
public:
    virtual ~Front() = default;
    Front() = default;
    Front(const Front&) = delete;
    Front& operator=(const Front&) = delete;

    /// Code::usage for no backend, a name given twice, a weight of an unknown backend, or no weight
    /// above 0; the listeners' errors.
    [[nodiscard]] static Result<std::unique_ptr<Front>>
    start(const asio::any_io_executor& executor, FrontOptions options);

    [[nodiscard]] virtual net::Endpoint endpoint() const = 0; ///< with the real port
    /// The document of GET /state on the admin socket.
    [[nodiscard]] virtual Json state() const = 0;
    [[nodiscard]] virtual std::size_t active() const = 0;
    /// What became of the copies, one line; empty without a mirror.
    [[nodiscard]] virtual std::string mirror_summary() const = 0;
    /// No new connections; returns when nothing is under way, or after `limit`.
    [[nodiscard]] virtual Task<void> drain(Millis limit) = 0;
    /// Cuts everything.
    virtual void close() = 0;
};

} // namespace oa_stream::traffic

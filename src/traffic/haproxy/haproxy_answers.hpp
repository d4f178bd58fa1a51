// What HAProxy's runtime API answers, as structs. Private to the room.
#pragma once

#include "oa_stream/base/error.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace oa_stream::traffic {

struct HaproxyProcess {
    std::string version;
    std::int64_t pid = 0;
    std::int64_t started_s = 0; ///< seconds since 1970
    std::int64_t uptime_s = 0;
    std::string level; ///< what this socket may do: "user", "operator", "admin"
};

/// Whether the server accepts new work, as far as it was set.
enum class Rotation { ready, drain, maint };
[[nodiscard]] std::string_view to_string(Rotation rotation) noexcept;
[[nodiscard]] std::optional<Rotation> parse_rotation(std::string_view word) noexcept;

/// The setting of a server.
struct ServerSetting {
    unsigned weight = 0;
    Rotation rotation = Rotation::ready;
    friend bool operator==(const ServerSetting&, const ServerSetting&) = default;
};
using Settings = std::map<std::string, ServerSetting, std::less<>>; ///< by server

struct HaproxyFacts {
    std::string name;
    std::string address; ///< "-" for one that is no IP address
    std::uint16_t port = 0;
    bool tls = false;
    Rotation rotation = Rotation::ready;
    unsigned weight = 0;  ///< as last set, 0–256; what counts only while it is ready
    unsigned initial = 0; ///< of the configuration file
    bool backup = false;
    std::string status;       ///< "UP", "UP 1/3", "DOWN", "no check", "DRAIN", …
    std::string check_status; ///< "L4CON", …; empty without checks
    int throttle = 100;       ///< percent of the weight that slowstart lets through
    std::map<std::string, std::int64_t, std::less<>> counters; ///< by column name; numbers only

    /// What decides its share among the others, health left aside.
    [[nodiscard]] unsigned effective() const noexcept {
        return rotation == Rotation::ready && !backup ? weight : 0;
    }
    /// Told to take work and able to.
    [[nodiscard]] bool up() const noexcept;
    /// Its last check failed, whether or not it is set to accept work. A server in maintenance is
    /// not checked.
    [[nodiscard]] bool failed() const noexcept;
    [[nodiscard]] std::int64_t count(std::string_view column) const noexcept;
};

struct HaproxySnapshot {
    HaproxyProcess process;
    std::string algorithm; ///< "roundrobin"; empty when the socket does not report it
    std::string persistence; ///< the cookie that keeps clients at their server; empty: none
    std::vector<HaproxyFacts> servers; ///< of one backend, in the file's order

    [[nodiscard]] const HaproxyFacts* find(std::string_view server) const noexcept;
};

/// One line whose answer parse_snapshot() reads: all of it comes from one process at one moment.
[[nodiscard]] std::string snapshot_command(std::string_view backend);

/// Code::precondition for a backend that is not there; Code::protocol.
[[nodiscard]] Result<HaproxySnapshot>
parse_snapshot(std::string_view answer, std::string_view backend);

/// The answer to some `set server …` followed by `show info;show servers state`.
struct HaproxyWritten {
    std::string complaint; ///< HAProxy's objection to the sets, on one line; empty: all is well
    HaproxyProcess process;
    std::string state; ///< as a state file has to look
    Settings servers; ///< of the backend
};
inline constexpr std::string_view k_written_command = "show info;show servers state";
[[nodiscard]] Result<HaproxyWritten>
parse_written(std::string_view answer, std::string_view backend);

} // namespace oa_stream::traffic

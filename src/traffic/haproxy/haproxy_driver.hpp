// The driver of HAProxy 2.6 and later, over its runtime API.
#pragma once

#include "oa_stream/traffic/kind.hpp"

#include <memory>
#include <string>
#include <vector>

namespace oa_stream::traffic {

extern const DriverKind k_haproxy;

struct HaproxyServer {
    std::string revision; ///< its name in the playbook
    std::string server; ///< its name in the backend
};

struct HaproxyDriverOptions {
    std::string socket; ///< path of the stats socket, or host:port
    std::string backend;
    std::vector<HaproxyServer> servers; ///< stable first
    std::string state_file{}; ///< rewritten after each shift; empty: none
    Millis call_timeout{2000}; ///< per command
};

[[nodiscard]] std::unique_ptr<TrafficDriver> make_haproxy_driver(HaproxyDriverOptions options);

} // namespace oa_stream::traffic

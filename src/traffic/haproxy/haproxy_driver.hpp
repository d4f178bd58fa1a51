// The driver of HAProxy 2.6 and later, over its runtime API.
#pragma once

#include "oa_stream/traffic/kind.hpp"

#include <memory>
#include <string>
#include <vector>

namespace oa_stream::traffic {

extern const DriverKind k_haproxy;

struct HaproxyServer {
    std::string revision; ///< as the playbook calls it
    std::string server;   ///< as the backend calls it
};

struct HaproxyDriverOptions {
    std::string socket; ///< path of the stats socket, or host:port
    std::string backend;
    std::vector<HaproxyServer> servers; ///< stable first
    std::string state_file{};           ///< rewritten after each shift; empty: none
    Millis call_timeout{2000};          ///< of one command
};

[[nodiscard]] std::unique_ptr<TrafficDriver> make_haproxy_driver(HaproxyDriverOptions options);

} // namespace oa_stream::traffic

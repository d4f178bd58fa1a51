// The driver for any other machinery: programs of the operator with JSON on stdin and stdout.
#pragma once

#include "oa_stream/traffic/kind.hpp"

#include <memory>
#include <string>
#include <vector>

namespace oa_stream::traffic {

extern const DriverKind k_command;

/// argv lists, never a shell. docs/command-driver.md has the documents they read and write.
struct CommandDriverOptions {
    std::vector<std::string> read;
    std::vector<std::string> set;
    std::vector<std::string> preview{}; ///< empty: every split that read shows is possible
    std::string endpoint{};             ///< passed to the programs as OA_STREAM_ENDPOINT
    std::vector<std::string> revisions; ///< stable first
    Millis timeout{30000};              ///< of one call
};

[[nodiscard]] std::unique_ptr<TrafficDriver>
make_command_driver(asio::any_io_executor executor, CommandDriverOptions options);

} // namespace oa_stream::traffic

// The control socket of a run under way: `control.sock` in its folder, mode 0600. One line of JSON
// each way: {"action": "pause", "who": "alice", "reason": "…"} or {"action": "status"}, answered
// by what Steering::status() has with "ok", or by "error" and "hint".
#pragma once

#include "oa_stream/base/error.hpp"
#include "oa_stream/base/json.hpp"
#include "oa_stream/base/task.hpp"
#include "oa_stream/run/files.hpp"
#include "oa_stream/run/steering.hpp"

#include <chrono>
#include <filesystem>
#include <memory>

namespace oa_stream::run {

/// Listens as long as it lives, on its executor's thread, and removes the file at its end.
class ControlSocket {
public:
    /// `steering` must outlive it. Code::io when there cannot be a socket in that folder.
    [[nodiscard]] static Result<ControlSocket> open(
        const asio::any_io_executor& executor,
        const std::filesystem::path& folder,
        Steering& steering
    );
    ControlSocket(ControlSocket&&) noexcept;
    ControlSocket& operator=(ControlSocket&&) = delete;
    ControlSocket(const ControlSocket&) = delete;
    ControlSocket& operator=(const ControlSocket&) = delete;
    ~ControlSocket();

private:
    struct Door;
    explicit ControlSocket(std::shared_ptr<Door> door);
    std::shared_ptr<Door> door_;
};

/// Asks the run whose folder that is, from another process. Blocks for at most `limit`.
/// Code::precondition with the run's words when it refuses; Code::unavailable when nobody listens
/// there; Code::io for another user's socket; Code::timeout, protocol.
[[nodiscard]] Result<Json> ask_run(
    const std::filesystem::path& folder,
    const Json& request,
    std::chrono::milliseconds limit = std::chrono::seconds(5)
);

} // namespace oa_stream::run

// Notifies whoever started the process, ready and stopping: a service manager (sd_notify(3),
// without its library), or a script by a file.
#pragma once

#include "oa_stream/base/error.hpp"
#include "oa_stream/base/json.hpp"
#include "oa_stream/base/task.hpp"

#include <filesystem>
#include <string>
#include <string_view>

namespace oa_stream::cli {

/// Sends `state` ("READY=1") to the socket that `address` ($NOTIFY_SOCKET) names: a path, or '@'
/// and an abstract name. Never blocks and reports no failure: no caller could handle it, and a
/// manager without the notification reports that itself. An empty address: none is configured.
void tell_service_manager(const std::string& address, std::string_view state) noexcept;

/// The notification when the service begins to drain for at most `limit`: the unit's own stop
/// timeout may be shorter, and the manager kills when it expires.
[[nodiscard]] std::string stopping_state(std::string_view status, Millis limit);

/// The file of --ready-file. It exists while this process accepts requests; one that a dead process
/// left is removed.
class ReadyFile {
public:
    /// An empty path: none is wanted, and all calls do nothing.
    explicit ReadyFile(std::filesystem::path path);
    ReadyFile(const ReadyFile&) = delete;
    ReadyFile& operator=(const ReadyFile&) = delete;
    ~ReadyFile() { remove(); }

    /// Adds this process's "pid" to `facts`. Errors as of write_file_atomic().
    [[nodiscard]] Result<void> write(std::string_view schema, Json facts) const;
    /// The file of another process that lives stays.
    void remove() const noexcept;

private:
    std::filesystem::path path_;
};

} // namespace oa_stream::cli

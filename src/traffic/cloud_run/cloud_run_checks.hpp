// Checks made before anything is sent. Private to the room.
#pragma once

#include "cloud_run/cloud_run_driver.hpp"
#include "cloud_run_api.hpp"
#include "cloud_run_service.hpp"

#include <string>
#include <string_view>

namespace oa_stream::traffic::cloud_run {

/// A path segment that cannot change the rest of the path.
[[nodiscard]] bool is_name(std::string_view text);

/// Code::config when a name is invalid, or the token would be sent in clear text.
[[nodiscard]] Result<void> usable(const CloudRunDriverOptions& options);

/// Code::precondition when the service has no such revision, or it cannot serve. `path`: the
/// service's, as for living_entries(); `api` and `options` outlive the call.
[[nodiscard]] Task<Result<void>> ready(
    Api* api,
    const CloudRunDriverOptions* options,
    std::string path,
    std::string revision,
    Clock::time_point until
);

struct Living {
    Entries entries;
    Json gone = Json::array(); ///< as text: "revision v1 (tag blue)"
};
/// `entries` without those of deleted revisions: a tag of a deleted revision makes every write that
/// contains it fail. `service`: its path; `api` must outlive the call.
[[nodiscard]] Task<Result<Living>>
living_entries(Api* api, std::string service, Entries entries, Clock::time_point until);

} // namespace oa_stream::traffic::cloud_run

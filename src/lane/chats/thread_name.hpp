// The thread and the worker that a request names, under any of their aliases.
#pragma once

#include "gates/rejection.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace oa_stream::lane {

/// Empty when the request names no thread. 422 when names differ or do not match
/// [A-Za-z0-9_-]{1,128}. If the path and the query differ, the path counts, as always on these
/// routes.
[[nodiscard]] Accepted<std::string> read_thread_name(
    const Json& body, const std::optional<std::string>& path_id, std::string_view query
);

/// For a thread that its request does not name.
[[nodiscard]] std::string new_thread_name();

/// The {id} of a path alone (resume, stop). 422 like read_thread_name.
[[nodiscard]] Accepted<std::string> read_path_id(std::string_view raw);

/// Returns the lane's `own` when the request names none. 422 when it names another one, unless the
/// lane has none.
[[nodiscard]] Accepted<std::string> read_worker_name(const Json& body, std::string_view own);

} // namespace oa_stream::lane

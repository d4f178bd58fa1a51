// The names a request gives: of its thread and of its worker, under any of their aliases.
#pragma once

#include "gates/rejection.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace oa_stream::lane {

/// Empty when the request names no thread. 422 when names differ, or leave [A-Za-z0-9_-]{1,128}.
/// A path id and a query id may differ: then the path counts, as it always did on these routes.
[[nodiscard]] Accepted<std::string> read_thread_name(
    const Json& body, const std::optional<std::string>& path_id, std::string_view query
);

/// For a thread that its request does not name.
[[nodiscard]] std::string new_thread_name();

/// The {id} of a path alone (resume, stop). 422 like read_thread_name.
[[nodiscard]] Accepted<std::string> read_path_id(std::string_view raw);

/// The lane's `own` where the request names none. 422 when it names another than that, unless the
/// lane has none of its own.
[[nodiscard]] Accepted<std::string> read_worker_name(const Json& body, std::string_view own);

} // namespace oa_stream::lane

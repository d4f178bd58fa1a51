// The command to run when watch shows BAD.
#pragma once

#include "oa_stream/net/http_client.hpp"

#include "watch_args.hpp"
#include "watch_model.hpp"

#include <string>
#include <string_view>

namespace oa_stream::cli {

/// An open run of the watched target is rolled back; one that may belong to it is shown. Otherwise
/// the broken limit is judged again, on the revision that breaks it, or, if only lanes are queried,
/// one turn is tried.
[[nodiscard]] Advice
watch_next(const WatchAsked& asked, const WatchView& view, const Context& context);

/// For a source at `url` that answers, but without a lane's numbers.
[[nodiscard]] Advice
unreadable_next(const std::string& url, const WatchAsked& asked, const Context& context);

/// For a single source at `url` that does not answer.
[[nodiscard]] Advice
unreached_next(std::string_view url, net::TlsTrouble trouble, const Context& context);

} // namespace oa_stream::cli

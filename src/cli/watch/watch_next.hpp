// What to type when watch says BAD.
#pragma once

#include "oa_stream/net/http_client.hpp"

#include "watch_args.hpp"
#include "watch_model.hpp"

#include <string>
#include <string_view>

namespace oa_stream::cli {

/// An open run of what is watched is rolled back; one that may be of it is looked at. Else the
/// broken limit is judged again, on the revision that breaks it, or, where only lanes are asked,
/// one turn is tried.
[[nodiscard]] Advice
watch_next(const WatchAsked& asked, const WatchView& view, const Context& context);

/// When the source at `url` answers, but not with a lane's numbers.
[[nodiscard]] Advice
unreadable_next(const std::string& url, const WatchAsked& asked, const Context& context);

/// When the one source at `url` does not answer.
[[nodiscard]] Advice
unreached_next(std::string_view url, net::TlsTrouble trouble, const Context& context);

} // namespace oa_stream::cli

// Pages of one thread's messages and runs, reading no more turns than they show.
#pragma once

#include "oa_stream/authority/authority.hpp"
#include "oa_stream/lane/id_map.hpp"

#include "chat_request.hpp"
#include "paging.hpp"
#include "projection.hpp"

#include <string>
#include <vector>

namespace oa_stream::lane {

struct ThreadPage {
    std::string thread; ///< the authority's id
    ProjectionContext context{};
    PageAsked asked{};
    bool newest_first = false; ///< of messages; runs always are
    bool seeded = false; ///< it began with messages that are not turns
};

struct MessagesRead {
    Json body{}; ///< {"data":[…],"nextCursor"}
    std::vector<authority::PastTurn> turns{}; ///< those that were looked at, in the order asked for
    bool reached_newest = false; ///< the thread's newest turn was looked at, if there is one
};

/// 422 for a cursor whose turn is gone.
[[nodiscard]] Task<Accepted<MessagesRead>>
read_messages(authority::Authority* authority, ThreadPage page);
/// The messages that the thread was seeded with, as the page had them; of the newest ones as many
/// as the authority keeps.
[[nodiscard]] Task<Accepted<Json>>
read_seed_of(authority::Authority* authority, std::string thread);
/// Of no row: none.
[[nodiscard]] Task<Accepted<SeededMessages>>
read_seeded(authority::Authority* authority, std::optional<ThreadRow> row);
[[nodiscard]] Task<Accepted<Json>> read_runs(authority::Authority* authority, ThreadPage page);

} // namespace oa_stream::lane

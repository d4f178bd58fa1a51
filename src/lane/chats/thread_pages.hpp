// Reads pages of one thread's messages and runs, with no more turns than they show.
#pragma once

#include "oa_stream/authority/authority.hpp"
#include "oa_stream/lane/id_map.hpp"

#include "chat_request.hpp"
#include "paging.hpp"
#include "projection.hpp"

#include <optional>
#include <string>
#include <vector>

namespace oa_stream::lane {

struct ThreadPage {
    std::string thread; ///< the authority's id
    ProjectionContext context{};
    PageAsked asked{};
    bool newest_first = false; ///< order of messages; runs are always newest first
    bool seeded = false; ///< the thread began with messages that are not turns
    std::optional<authority::TurnsQuery::Reader> reader{}; ///< the client that reads it
};

struct TurnRead {
    std::string id; ///< the authority's
    bool running = false;
};

struct MessagesRead {
    Json body{}; ///< {"data":[…],"nextCursor"}
    std::vector<TurnRead> turns{}; ///< in the requested order
    bool reached_newest = false; ///< the thread's newest turn was read, or it has none
};

/// 422 for a cursor whose turn is gone.
[[nodiscard]] Task<Accepted<MessagesRead>>
read_messages(authority::Authority* authority, ThreadPage page);
/// The messages that the thread was seeded with, as the page sent them; only as many of the newest
/// ones as the authority stores.
[[nodiscard]] Task<Accepted<Json>>
read_seed_of(authority::Authority* authority, std::string thread);
/// Empty without a row.
[[nodiscard]] Task<Accepted<SeededMessages>>
read_seeded(authority::Authority* authority, std::optional<ThreadRow> row);
[[nodiscard]] Task<Accepted<Json>> read_runs(authority::Authority* authority, ThreadPage page);

} // namespace oa_stream::lane

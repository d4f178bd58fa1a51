// The responses that a later request may name, kept for all lanes together. An item is stored once,
// whichever responses have it in their conversation, and goes with the last of them.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace oa_stream::store {

/// One thing said in a conversation; `value` is opaque.
struct ResponseItem {
    std::string key; ///< among the owner's
    std::string value; ///< empty: as it is stored already
};

struct ResponseKey {
    std::string owner{}; ///< empty without auth
    std::string id{};
};

/// Those of all owners together. Beyond them the oldest response goes of whoever holds most. Lanes
/// that share a store have the same.
struct ResponseLimits {
    std::size_t most = 10'000;
    std::size_t bytes = std::size_t{64} << 20U; ///< of responses and items
};

struct ResponseRecord {
    ResponseKey key;
    std::string response; ///< opaque
    std::vector<ResponseItem> items{}; ///< its conversation, from the beginning
};

struct FoundResponses {
    std::optional<std::string> response{}; ///< none: never there, gone, or somebody else's
    std::vector<ResponseItem> items{}; ///< its conversation; empty values are gone
    std::vector<std::string> named{}; ///< in the order of the question; empty: gone
};

} // namespace oa_stream::store

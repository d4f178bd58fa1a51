// The responses that a later request may name, kept for all lanes. An item is stored once, however
// many responses have it in their conversation, and is removed with the last of them.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace oa_stream::store {

/// One message, call or result of a conversation; `value` is opaque.
struct ResponseItem {
    std::string key; ///< unique among the owner's items
    std::string value; ///< empty: unchanged, it is stored already
};

struct ResponseKey {
    std::string owner{}; ///< empty without auth
    std::string id{};
};

/// Limits for the responses of all owners together. Beyond them, the oldest response of the owner
/// who holds most is removed. Lanes that share a store use the same limits.
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
    std::optional<std::string> response{}; ///< none: unknown, removed, or another owner's
    std::vector<ResponseItem> items{}; ///< its conversation; an empty value was removed
    std::vector<std::string> named{}; ///< in the order of the request; empty: removed
};

} // namespace oa_stream::store

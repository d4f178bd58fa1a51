// The responses that a later request may name: previous_response_id, item_reference, and GET and
// DELETE /v1/responses/{id}. Kept in memory for a while, and never the only source: a dropped
// response is answered as not found, and Codex gets the whole conversation with every turn.
#pragma once

#include "oa_stream/base/json.hpp"
#include "oa_stream/store/responses.hpp"

#include "completions/conversation.hpp"

#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace oa_stream::lane {

/// One message, call or result of a conversation.
struct StoredItem {
    std::string id; ///< set for an item of the lane's own responses, else empty
    ModelMessage message;
    std::string key{}; ///< key in the store that lanes share; empty: not stored yet
};
using StoredItemPtr = std::shared_ptr<const StoredItem>;
inline constexpr std::size_t k_item_cost = 256; ///< of an item in addition to its texts
/// Bytes of memory that the item uses.
[[nodiscard]] std::size_t size_of(const StoredItem& item);

struct StoredResponse {
    std::string owner;
    std::string id;
    Json response;
    std::size_t size = 0; ///< bytes of the response as JSON and of the pointers in `conversation`
    std::vector<StoredItemPtr> conversation{}; ///< from its beginning to the response's end
    std::uint64_t number = 0; ///< sequence number of its arrival
};

/// The conversation before the response, followed by the response's own items.
[[nodiscard]] std::vector<StoredItemPtr>
conversation_of(std::vector<StoredItemPtr> before, const Json& response);

/// For one thread. Items that several conversations share count once; the pointers to them count in
/// each. Items that only a running turn holds do not count: no response is dropped for them.
class ResponseStore {
public:
    explicit ResponseStore(store::ResponseLimits limits = {}) : limits_(limits) {}

    /// Adds the response to the conversation before it and keeps both; keeps neither when they
    /// exceed the limit of all responses together.
    void keep(std::string owner, Json response, std::vector<StoredItemPtr> before);
    /// Adds a response that was kept before: its conversation contains its own items already, and
    /// no other response is dropped for it.
    void load(std::string owner, Json response, std::vector<StoredItemPtr> conversation);
    /// Makes the item available to item().
    void offer(std::string owner, StoredItemPtr item);
    /// nullptr: unknown, dropped, or another owner's. Valid until the next call of keep or remove.
    [[nodiscard]] const StoredResponse* find(std::string_view owner, const std::string& id) const;
    [[nodiscard]] bool remove(std::string_view owner, const std::string& id);
    /// An item of a stored response's output.
    [[nodiscard]] StoredItemPtr item(std::string_view owner, const std::string& id) const;

    [[nodiscard]] std::size_t bytes() const noexcept { return bytes_; }
    [[nodiscard]] std::size_t size() const noexcept { return by_id_.size(); }

private:
    using Place = std::list<StoredResponse>::iterator;
    struct Owner {
        std::list<StoredResponse> responses{}; ///< oldest first
        std::size_t bytes = 0;
    };
    using Owners = std::unordered_map<std::string, Owner>;
    struct Item {
        std::string owner;
        StoredItemPtr item;
    };
    Place add(std::string owner, Json response, std::vector<StoredItemPtr> conversation);
    void drop(Place place);
    /// The oldest response of the owner who holds most.
    [[nodiscard]] Place too_many();

    store::ResponseLimits limits_;
    std::size_t bytes_ = 0;
    std::uint64_t last_ = 0;
    Owners owners_{}; ///< owners that have responses
    /// How many conversations hold each item.
    std::unordered_map<const StoredItem*, std::size_t> held_{};
    std::unordered_map<std::string, Place> by_id_{};
    std::unordered_map<std::string, Item> items_{};
};

/// The message that an output item of a response becomes when the model gets it again.
[[nodiscard]] ModelMessage message_of_item(const Json& item);

} // namespace oa_stream::lane

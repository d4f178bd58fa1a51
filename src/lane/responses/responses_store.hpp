// The responses that a later request may name: previous_response_id, item_reference, and
// GET and DELETE /v1/responses/{id}. Kept in memory for a while, never a source of truth: what is
// gone is answered as such, and the conversation is given to Codex again with every turn.
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

/// Something said in a conversation.
struct StoredItem {
    std::string id; ///< of an item of ours, else empty
    ModelMessage message;
    std::string key{}; ///< in the store that lanes share; empty: it is not there yet
};
using StoredItemPtr = std::shared_ptr<const StoredItem>;
inline constexpr std::size_t k_item_cost = 256; ///< of an item beside its texts
/// Bytes that it takes in memory.
[[nodiscard]] std::size_t size_of(const StoredItem& item);

struct StoredResponse {
    std::string owner;
    std::string id;
    Json response;
    std::size_t size = 0; ///< bytes of the response as JSON, and of its places in `conversation`
    std::vector<StoredItemPtr> conversation{}; ///< from its beginning to the response's end
    std::uint64_t number = 0; ///< in the order in which they came
};

/// The conversation before the response, and behind it what the response says.
[[nodiscard]] std::vector<StoredItemPtr>
conversation_of(std::vector<StoredItemPtr> before, const Json& response);

/// One thread. Items that several conversations share count once, their places in each. What only
/// a running turn holds does not count: nothing goes for it.
class ResponseStore {
public:
    explicit ResponseStore(store::ResponseLimits limits = {}) : limits_(limits) {}

    /// Adds the response to the conversation before it and keeps both; neither when they are more
    /// than all that may be kept.
    void keep(std::string owner, Json response, std::vector<StoredItemPtr> before);
    /// As it was kept before: its conversation has its own items already, and nothing goes for it.
    void load(std::string owner, Json response, std::vector<StoredItemPtr> conversation);
    /// item() finds it from now on.
    void offer(std::string owner, StoredItemPtr item);
    /// nullptr: never there, gone, or somebody else's. Valid until the next call of keep or remove.
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
    /// The oldest one of the owner who holds most.
    [[nodiscard]] Place too_many();

    store::ResponseLimits limits_;
    std::size_t bytes_ = 0;
    std::uint64_t last_ = 0;
    Owners owners_{}; ///< those who have responses
    /// In how many conversations they are.
    std::unordered_map<const StoredItem*, std::size_t> held_{};
    std::unordered_map<std::string, Place> by_id_{};
    std::unordered_map<std::string, Item> items_{};
};

/// What an output item of a response means to the model that is told it again.
[[nodiscard]] ModelMessage message_of_item(const Json& item);

} // namespace oa_stream::lane

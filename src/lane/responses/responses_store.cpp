#include "responses_store.hpp"

#include "oa_stream/base/json_members.hpp"

#include <algorithm>
#include <unordered_set>
#include <utility>

namespace oa_stream::lane {

std::size_t size_of(const StoredItem& item) {
    std::size_t size = k_item_cost;
    for (const auto& part : item.message.parts) {
        const auto* text = std::get_if<authority::InputText>(&part);
        size +=
            text != nullptr ? text->text.size() : std::get<authority::InputImage>(part).url.size();
    }
    for (const auto& call : item.message.calls) {
        size += call.id.size() + call.name.size() + call.arguments.size();
    }
    return size;
}

namespace {

/// The size of the response with all its items, including shared ones.
std::size_t size_alone(const StoredResponse& response) {
    std::size_t size = response.size;
    std::unordered_set<const StoredItem*> seen;
    for (const auto& item : response.conversation) {
        size += seen.insert(item.get()).second ? size_of(*item) : 0;
    }
    return size;
}

} // namespace

ModelMessage message_of_item(const Json& item) {
    ModelMessage message{.speaker = Speaker::assistant, .path = "previous_response_id"};
    const auto type = text_view_in(item, "type");
    if (type == "function_call") {
        message.calls.push_back(
            {text_in(item, "call_id"), text_in(item, "name"), text_in(item, "arguments")}
        );
        message.calls_at = message.path;
    } else if (type == "message") {
        for (const auto& part : *member(item, "content")) {
            add_text(message.parts, text_view_in(part, "text"));
        }
        message.phase = turn::text_phase_of(text_view_in(item, "phase"));
    }
    return message; // nothing of reasoning: Codex does not accept earlier summaries
}

std::vector<StoredItemPtr>
conversation_of(std::vector<StoredItemPtr> before, const Json& response) {
    for (const auto& item : *member(response, "output")) {
        before.push_back(std::make_shared<StoredItem>(text_in(item, "id"), message_of_item(item)));
    }
    return before;
}

void ResponseStore::keep(std::string owner, Json response, std::vector<StoredItemPtr> before) {
    const auto known = before.size();
    auto conversation = conversation_of(std::move(before), response);
    for (auto i = known; i < conversation.size(); ++i) {
        offer(owner, conversation[i]);
    }
    const auto kept = add(std::move(owner), std::move(response), std::move(conversation));
    if (bytes_ > limits_.bytes && size_alone(*kept) > limits_.bytes) {
        drop(kept); // no other response is dropped for one that cannot fit
    }
    while (size() > limits_.most || bytes_ > limits_.bytes) {
        drop(too_many());
    }
}

void ResponseStore::load(
    std::string owner, Json response, std::vector<StoredItemPtr> conversation
) {
    for (const auto& item : conversation) {
        offer(owner, item);
    }
    (void)add(std::move(owner), std::move(response), std::move(conversation));
}

void ResponseStore::offer(std::string owner, StoredItemPtr item) {
    auto id = item->id;
    if (!id.empty()) {
        items_.insert_or_assign(std::move(id), Item{std::move(owner), std::move(item)});
    }
}

ResponseStore::Place
ResponseStore::add(std::string owner, Json response, std::vector<StoredItemPtr> conversation) {
    auto& own = owners_[owner];
    auto id = text_in(response, "id");
    const auto size = dump_json(response).size() + conversation.size() * sizeof(StoredItemPtr);
    auto bytes = size;
    for (const auto& item : conversation) {
        bytes += held_[item.get()]++ == 0 ? size_of(*item) : 0;
    }
    own.bytes += bytes;
    bytes_ += bytes;
    own.responses.push_back(
        {std::move(owner), id, std::move(response), size, std::move(conversation), ++last_}
    );
    const auto place = std::prev(own.responses.end());
    by_id_.insert_or_assign(std::move(id), place);
    return place;
}

void ResponseStore::drop(Place place) {
    const auto own = owners_.find(place->owner);
    for (const auto& item : *member(place->response, "output")) {
        items_.erase(text_in(item, "id"));
    }
    auto bytes = place->size;
    for (const auto& item : place->conversation) {
        const auto held = held_.find(item.get());
        if (--held->second == 0) {
            held_.erase(held);
            bytes += size_of(*item);
        }
    }
    bytes_ -= bytes;
    own->second.bytes -= bytes;
    by_id_.erase(place->id);
    own->second.responses.erase(place);
    if (own->second.responses.empty()) {
        owners_.erase(own);
    }
}

ResponseStore::Place ResponseStore::too_many() {
    const bool by_number = size() > limits_.most;
    const auto holds = [&](const Owners::value_type& one) {
        return by_number ? one.second.responses.size() : one.second.bytes;
    };
    const auto less = [&](const Owners::value_type& a, const Owners::value_type& b) {
        return std::pair(holds(a), b.second.responses.front().number) <
               std::pair(holds(b), a.second.responses.front().number);
    };
    return std::ranges::max_element(owners_, less)->second.responses.begin();
}

const StoredResponse* ResponseStore::find(std::string_view owner, const std::string& id) const {
    const auto found = by_id_.find(id);
    return found == by_id_.end() || found->second->owner != owner ? nullptr : &*found->second;
}

bool ResponseStore::remove(std::string_view owner, const std::string& id) {
    if (find(owner, id) == nullptr) {
        return false;
    }
    drop(by_id_.find(id)->second);
    return true;
}

StoredItemPtr ResponseStore::item(std::string_view owner, const std::string& id) const {
    const auto found = items_.find(id);
    return found == items_.end() || found->second.owner != owner ? nullptr : found->second.item;
}

} // namespace oa_stream::lane

#include "responses_store.hpp"

#include "oa_stream/base/json_members.hpp"

#include <utility>

namespace oa_stream::lane {

namespace {

constexpr std::size_t k_item_cost = 256; // of an item beside its texts

std::size_t size_of(const StoredItem& item) {
    std::size_t size = k_item_cost;
    for (const auto& part : item.said.parts) {
        const auto* text = std::get_if<authority::InputText>(&part);
        size +=
            text != nullptr ? text->text.size() : std::get<authority::InputImage>(part).url.size();
    }
    for (const auto& call : item.said.calls) {
        size += call.id.size() + call.name.size() + call.arguments.size();
    }
    return size;
}

} // namespace

Said said_by_item(const Json& item) {
    Said said{.speaker = Speaker::assistant, .path = "previous_response_id"};
    const auto type = text_view_in(item, "type");
    if (type == "function_call") {
        said.calls.push_back(
            {text_in(item, "call_id"), text_in(item, "name"), text_in(item, "arguments")}
        );
        said.calls_at = said.path;
    } else if (type == "message") {
        for (const auto& part : *member(item, "content")) {
            add_text(said.parts, text_view_in(part, "text"));
        }
    }
    return said; // of reasoning nothing: Codex does not take back what it summed up
}

StoredItemPtr ResponseStore::hold(StoredItem item) const {
    const auto size = size_of(item);
    *bytes_ += size;
    return {
        new StoredItem(std::move(item)), // NOLINT(cppcoreguidelines-owning-memory): deleted below
        [bytes = bytes_, size](const StoredItem* held) {
            *bytes -= size;
            delete held; // NOLINT(cppcoreguidelines-owning-memory)
        }
    };
}

std::vector<StoredItemPtr>
ResponseStore::conversation_of(std::vector<StoredItemPtr> before, const Json& response) const {
    for (const auto& item : *member(response, "output")) {
        before.push_back(hold({text_in(item, "id"), said_by_item(item)}));
    }
    return before;
}

void ResponseStore::keep(std::string owner, Json response, std::vector<StoredItemPtr> before) {
    const auto known = before.size();
    auto conversation = conversation_of(std::move(before), response);
    for (auto i = known; i < conversation.size(); ++i) {
        offer(owner, conversation[i]);
    }
    add(std::move(owner), std::move(response), std::move(conversation));
    while (!responses_.empty() && (responses_.size() > most_ || *bytes_ > most_bytes_)) {
        drop(responses_.begin());
    }
}

void ResponseStore::load(
    std::string owner, Json response, std::vector<StoredItemPtr> conversation
) {
    for (const auto& item : conversation) {
        offer(owner, item);
    }
    add(std::move(owner), std::move(response), std::move(conversation));
}

void ResponseStore::offer(std::string owner, StoredItemPtr item) {
    auto id = item->id;
    if (!id.empty()) {
        items_.insert_or_assign(std::move(id), Item{std::move(owner), std::move(item)});
    }
}

void ResponseStore::add(std::string owner, Json response, std::vector<StoredItemPtr> conversation) {
    auto id = text_in(response, "id");
    const auto size = dump_json(response).size() + conversation.size() * sizeof(StoredItemPtr);
    *bytes_ += size;
    responses_.push_back({std::move(owner), id, std::move(response), size, std::move(conversation)}
    );
    by_id_.insert_or_assign(std::move(id), std::prev(responses_.end()));
}

void ResponseStore::drop(Place place) {
    for (const auto& item : *member(place->response, "output")) {
        items_.erase(text_in(item, "id"));
    }
    by_id_.erase(place->id);
    *bytes_ -= place->size;
    responses_.erase(place);
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

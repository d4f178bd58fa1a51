#include "responses_shared.hpp"

#include "oa_stream/base/enum_words.hpp"
#include "oa_stream/base/json_members.hpp"

#include "bodies/body_thread.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <new>
#include <utility>

namespace oa_stream::lane {

namespace {

/// A request's tools may be nested almost as deep as its body, and the response repeats them.
constexpr JsonLimits k_limits{.depth = 256};
/// A waiting job's data is in memory already, and only the running job makes a copy: so it counts
/// less than a waiting body.
constexpr std::size_t k_counted = 256U << 10U;
constexpr std::array<std::string_view, 5> k_speakers{
    "instructions", "user", "assistant", "tool", "function"
};

Json part_json(const authority::InputPart& part) {
    if (const auto* text = std::get_if<authority::InputText>(&part)) {
        return Json::object({{"text", text->text}});
    }
    return Json::object({{"image", std::get<authority::InputImage>(part).url}});
}

std::string stored_item_text(const StoredItem& item) {
    const auto& message = item.message;
    Json out{{"id", item.id}, {"speaker", word_at(k_speakers, message.speaker)}};
    for (const auto& part : message.parts) {
        out["parts"].push_back(part_json(part));
    }
    for (const auto& call : message.calls) {
        out["calls"].push_back(
            Json{{"id", call.id}, {"name", call.name}, {"arguments", call.arguments}}
        );
    }
    out["answers"] = message.answers;
    out["detailed"] = message.detailed;
    out["phase"] = turn::to_string(message.phase);
    return dump_json(out);
}

/// nullopt: written by a later release or another program.
std::optional<StoredItem> item_of(const store::ResponseItem& stored) {
    const auto json = parse_json(stored.value, k_limits);
    const auto speaker =
        json ? enum_value<Speaker>(k_speakers, text_view_in(*json, "speaker")) : std::nullopt;
    if (!speaker) {
        return std::nullopt;
    }
    StoredItem item{.id = text_in(*json, "id"), .message = {}, .key = stored.key};
    auto& message = item.message;
    message.speaker = *speaker;
    message.path = "previous_response_id";
    message.answers = text_in(*json, "answers");
    message.calls_at = message.answers_at = message.path;
    message.detailed = bool_member(*json, "detailed").value_or(false);
    message.phase = turn::text_phase_of(text_view_in(*json, "phase"));
    for (const auto& part : list_in(*json, "parts")) {
        if (const auto url = string_member(part, "image")) {
            message.parts.emplace_back(authority::InputImage{std::string(*url)});
        } else {
            message.parts.emplace_back(authority::InputText{text_in(part, "text")});
        }
    }
    for (const auto& call : list_in(*json, "calls")) {
        message.calls.push_back(
            {text_in(call, "id"), text_in(call, "name"), text_in(call, "arguments")}
        );
    }
    return item;
}

void load_response(
    ResponseStore& out,
    const std::string& owner,
    const std::string& text,
    const std::vector<store::ResponseItem>& items
) {
    auto response = parse_json(text, k_limits);
    std::vector<StoredItemPtr> conversation;
    for (const auto& stored : items) {
        auto item = item_of(stored);
        if (!item) {
            return;
        }
        conversation.push_back(std::make_shared<StoredItem>(*std::move(item)));
    }
    if (response && member(*response, "output") != nullptr) {
        out.load(owner, *std::move(response), std::move(conversation));
    }
}

void load_found(
    ResponseStore& out,
    const std::string& owner,
    const store::FoundResponses& found,
    const std::vector<std::string>& items
) {
    if (found.response) {
        load_response(out, owner, *found.response, found.items);
    }
    for (std::size_t i = 0; i < items.size(); ++i) {
        auto item = item_of({items[i], found.named[i]});
        if (item && item->id == items[i] && out.item(owner, items[i]) == nullptr) {
            out.offer(owner, std::make_shared<StoredItem>(*std::move(item)));
        }
    }
}

std::size_t bytes_of(const store::FoundResponses& found) {
    std::size_t bytes = found.response ? found.response->size() : 0;
    for (const auto& item : found.items) {
        bytes += item.key.size() + item.value.size();
    }
    for (const auto& value : found.named) {
        bytes += value.size();
    }
    return bytes;
}

/// Checks the size as the store counts it; items that are stored already count with their texts
/// only.
Result<void> fits(
    const store::ResponseRecord& record,
    const std::vector<StoredItemPtr>& conversation,
    store::ResponseLimits limits
) {
    std::size_t bytes = record.response.size();
    for (std::size_t i = 0; i < record.items.size(); ++i) {
        const auto& [key, value] = record.items[i];
        bytes +=
            key.size() + (value.empty() ? size_of(*conversation[i]) - k_item_cost : value.size());
    }
    if (bytes > limits.bytes) {
        return fail(Code::too_large, "it is larger than all that is kept");
    }
    return {};
}

} // namespace

Task<bool> run_aside(Aside aside, std::size_t bytes, std::function<void()> job) {
    if (bytes <= k_on_loop) {
        job();
        co_return true;
    }
    bool whole = false;
    std::function<void()> guarded = [&] {
        try {
            job();
            whole = true;
        } catch (const std::bad_alloc&) {
            whole = false;
        }
    };
    const bool ran = co_await aside(std::min(bytes, k_counted), std::move(guarded));
    co_return (ran && whole);
}

Task<Result<std::shared_ptr<ResponseStore>>> load_responses(
    store::Store* store,
    std::string owner,
    std::string id,
    std::vector<std::string> items,
    Aside aside
) {
    // The store would return an item once per request for it.
    std::ranges::sort(items);
    const auto twice = std::ranges::unique(items);
    items.erase(twice.begin(), twice.end());
    OA_CO_TRY(const auto found, co_await store->find_response({owner, id}, items));
    auto out = std::make_shared<ResponseStore>();
    std::function<void()> load = [&] { load_found(*out, owner, found, items); };
    if (!co_await run_aside(std::move(aside), bytes_of(found), std::move(load))) {
        co_return fail(Code::too_large, "too many large conversations are being read");
    }
    co_return out;
}

Task<Result<std::optional<Json>>>
read_response(store::Store* store, std::string owner, std::string id) {
    OA_CO_TRY(const auto found, co_await store->read_response({std::move(owner), std::move(id)}));
    auto response = found ? parse_json(*found, k_limits) : fail(Code::not_found, "");
    co_return response ? std::optional(*std::move(response)) : std::nullopt;
}

Task<Result<void>> save_response(store::Store* store, std::shared_ptr<NewResponse> unsaved) {
    const auto& response = unsaved->response;
    if (!response || store->options().responses_kept == Millis::zero()) {
        co_return Result<void>{};
    }
    const auto id = text_in(*response, "id");
    const auto conversation = conversation_of(unsaved->before, *response);
    store::ResponseRecord record{{unsaved->owner, id}, dump_json(*response)};
    for (const auto& item : conversation) {
        const bool known = !item->key.empty();
        const auto fresh =
            item->id.empty() ? fmt::format("{}.{}", id, record.items.size()) : item->id;
        record.items.push_back({known ? item->key : fresh, known ? "" : stored_item_text(*item)});
    }
    OA_CO_CHECK(fits(record, conversation, store->options().responses));
    OA_CO_TRY(const auto gone, co_await store->keep_response(record));
    if (gone.empty()) {
        co_return Result<void>{};
    }
    // Items of the earlier conversation were deleted meanwhile: store them again.
    for (std::size_t i = 0; i < record.items.size(); ++i) {
        record.items[i].value = stored_item_text(*conversation[i]);
    }
    OA_CO_CHECK(fits(record, conversation, store->options().responses));
    OA_CO_CHECK(co_await store->keep_response(std::move(record)));
    co_return Result<void>{};
}

} // namespace oa_stream::lane

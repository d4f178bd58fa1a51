#include "oa_stream/contract/responses_machine.hpp"

#include "oa_stream/base/json_members.hpp"
#include "oa_stream/base/lists.hpp"
#include "oa_stream/base/text.hpp"
#include "oa_stream/wire/json_scan.hpp"
#include "oa_stream/wire/response_names.hpp"

#include "responses_shape.hpp"

#include <fmt/format.h>

#include <utility>

namespace oa_stream::contract {

using wire::responses::ItemKind;
using wire::responses::k_item_kinds;

namespace {

std::string said_by(const Json& item) {
    const auto* kind = find_or_null(k_item_kinds, text_view_in(item, "type"), &ItemKind::item);
    if (kind == nullptr) {
        return {};
    }
    if (kind->part.empty()) {
        return text_in(item, kind->member);
    }
    std::string out;
    for (const Json& part : list_in(item, kind->member)) {
        out += text_view_in(part, "text");
        out += text_view_in(part, "refusal");
    }
    return out;
}

/// The members of every piece other than its item. `index`: the part's index member; empty: none.
void judge_piece_members(
    const Json& event, std::string_view index, const ResponsesMachine::Report& report
) {
    if (!index.empty() && wire::whole_member(event, index) != 0) {
        report("V7", fmt::format("{} is not 0", index));
    }
    const Json* odds = member(event, "logprobs");
    if (odds != nullptr && !odds->is_array() && !odds->is_null()) {
        report("V7", "logprobs is not an array");
    }
}

} // namespace

void ResponsesMachine::after_end(const Report& report) {
    if (ended_ && !std::exchange(noted_after_end_, true)) {
        report("V9", "something follows the end");
    }
}

void ResponsesMachine::unreadable(const Report& report) {
    ++events_;
    after_end(report);
}

void ResponsesMachine::comment(const Report& report) {
    after_end(report);
}

void ResponsesMachine::number(const Json& event, std::string_view name, const Report& report) {
    const auto type = text_view_in(event, "type");
    if (name != type) {
        report(
            "V1",
            fmt::format(R"(event: is "{}", type "{}")", printable(name, 60), printable(type, 60))
        );
    }
    const auto count = wire::whole_member(event, "sequence_number");
    if (count != next_) {
        report("V1", fmt::format("sequence_number is not {}", next_));
    }
    next_ = count.value_or(next_) + 1;
}

void ResponsesMachine::step(const Json& event, std::string_view name, const Report& report) {
    const auto type = text_in(event, "type");
    const bool after_error = std::exchange(error_last_, type == "error");
    const bool failed = type == "response.failed";
    if (failed && !after_error && !ended_) {
        report("V15", "there is no error before it");
    }
    if (failed && after_error) {
        ++events_; // the pair counts as one end
    } else {
        unreadable(report);
    }
    number(event, name, report);
    if (type == "error") {
        ended_ = true;
        if (events_ == 1) {
            report("V2", "event 0 is error");
        }
        if (text_view_in(event, "message").empty() &&
            text_view_in(object_in(event, "error"), "message").empty()) {
            report("V11", "the error has no message");
        }
        return;
    }
    beginning(type, event, report);
    if (type == "response.output_item.added") {
        item_added(event, report);
    } else if (type == "response.output_item.done") {
        item_done(event, report);
    } else if (type == "response.completed" || type == "response.incomplete" ||
               type == "response.failed") {
        ending(type, event, report);
    } else if (type != "response.created" && type != "response.in_progress" &&
               !piece(type, event, report)) {
        report("V14", fmt::format("an event \"{}\"", printable(type, 60)));
    }
}

/// V2 and V4.
void ResponsesMachine::beginning(std::string_view type, const Json& event, const Report& report) {
    const std::string_view want = events_ == 1   ? "response.created"
                                  : events_ == 2 ? "response.in_progress"
                                                 : std::string_view{};
    const bool early = type == "response.created" || type == "response.in_progress";
    if (early ? type != want : !want.empty()) {
        report("V2", fmt::format("event {} is {}", events_ - 1, printable(type, 60)));
    }
    const Json* response = member(event, "response");
    if (response == nullptr || !response->is_object()) {
        if (early) {
            report("V3", "response is missing");
        }
        return;
    }
    if (early) {
        judge_response(*response, "in_progress", report);
        if (!list_in(*response, "output").empty()) {
            report("V2", "output is not empty");
        }
    }
    same(*response, report);
}

void ResponsesMachine::same(const Json& response, const Report& report) {
    if (!first_) {
        first_ = response;
        return;
    }
    for (const std::string_view key : {"id", "created_at", "model"}) {
        const Json* before = member(*first_, key);
        const Json* now = member(response, key);
        if (before != nullptr && (now == nullptr || *now != *before)) {
            report("V4", fmt::format("{} is another than before", key));
        }
    }
}

/// V5 and V6.
void ResponsesMachine::item_added(const Json& event, const Report& report) {
    const Json* item = member(event, "item");
    if (item == nullptr || !item->is_object()) {
        report("V6", "item is missing");
        return;
    }
    judge_item(*item, report);
    const auto id = text_in(*item, "id");
    if (wire::whole_member(event, "output_index") != static_cast<std::int64_t>(items_.size())) {
        report("V6", fmt::format("output_index is not {}", items_.size()));
    }
    if (contains(items_, id, &Item::id)) {
        report("V5", fmt::format("the id {} again", printable(id, 60)));
    }
    if (!said_by(*item).empty()) {
        report("V8", "an item begins with text");
    }
    auto call = text_in(*item, "call_id");
    if (!call.empty() && contains(items_, call, &Item::call)) {
        report("V5", fmt::format("the call_id {} again", printable(call, 60)));
    }
    items_.push_back(
        {.id = id,
         .type = text_in(*item, "type"),
         .call = std::move(call),
         .name = text_in(*item, "name")}
    );
}

ResponsesMachine::Item*
ResponsesMachine::item_of(const Json& event, std::string_view type, const Report& report) {
    const auto index = wire::whole_member(event, "output_index").value_or(-1);
    if (index < 0 || index >= static_cast<std::int64_t>(items_.size())) {
        report("V7", fmt::format("{} of no item", type));
        return nullptr;
    }
    Item& item = items_[static_cast<std::size_t>(index)];
    if (item.done) {
        report("V6", fmt::format("{} after the item was done", type));
    }
    return &item;
}

/// V7 and V8. False: the event is not a piece of an item.
bool ResponsesMachine::piece(std::string_view type, const Json& event, const Report& report) {
    const auto dot = type.rfind('.');
    const auto stem = type.substr(0, dot);
    const auto* kind = find_if_or_null(k_item_kinds, [&](const ItemKind& row) {
        return stem == row.text || (!row.part.empty() && stem == row.part);
    });
    if (dot == std::string_view::npos || kind == nullptr) {
        return false;
    }
    Item* item = item_of(event, type, report);
    if (item == nullptr) {
        return true;
    }
    if (text_view_in(event, "item_id") != item->id || item->type != kind->item) {
        report("V7", fmt::format("{} names another item", type));
    }
    judge_piece_members(event, kind->index, report);
    const auto what = type.substr(dot + 1);
    if (stem == kind->part) {
        const Json* begun = member(event, "part");
        if (begun != nullptr && text_view_in(*begun, "type") != kind->part_type) {
            report("V7", fmt::format("the part is not {}", kind->part_type));
        }
        part(*item, what, event, report);
        return true;
    }
    if ((!kind->part.empty() && !item->part) || item->text_done) {
        report("V7", fmt::format("{} outside of its part", type));
    }
    if (what == "delta") {
        const auto delta = text_in(event, "delta");
        if (delta.empty()) {
            report("V7", "an empty delta");
        }
        item->text += delta;
    } else if (what == "done") {
        item->text_done = true;
        const auto whole = kind->part.empty() ? kind->member : std::string_view("text");
        if (string_member(event, whole) != item->text) {
            report("V8", fmt::format("{} differs from the pieces", type));
        }
        if (given(event, "name") != nullptr && text_view_in(event, "name") != item->name) {
            report("V8", fmt::format("{} names another function", type));
        }
    } else {
        return false;
    }
    return true;
}

void ResponsesMachine::part(
    Item& item, std::string_view what, const Json& event, const Report& report
) {
    const Json* part = member(event, "part");
    const auto text = part == nullptr ? std::nullopt : string_member(*part, "text");
    if (!text) {
        report("V7", "the part has no text");
    }
    if (what == "added") {
        if (item.part || item.part_done || !text.value_or("").empty()) {
            report("V7", "another part, or one that begins with text");
        }
        item.part = true;
        return;
    }
    if (!item.part || !item.text_done) {
        report("V7", "the end of no part");
    }
    if (text.value_or("") != item.text) {
        report("V8", "the part differs from the pieces");
    }
    item.part = false;
    item.part_done = true;
}

/// V5, V6 and V8.
void ResponsesMachine::item_done(const Json& event, const Report& report) {
    Item* item = item_of(event, "response.output_item.done", report);
    const Json* whole = member(event, "item");
    if (item == nullptr || whole == nullptr || !whole->is_object()) {
        report("V6", "item is missing");
        return;
    }
    judge_item(*whole, report);
    const auto is = [&](std::string_view key, std::string_view before) {
        return text_view_in(*whole, key) == before;
    };
    if (!is("id", item->id) || !is("type", item->type) || !is("call_id", item->call) ||
        !is("name", item->name)) {
        report("V6", "the end of another item");
    }
    if (item->part || (item->type == wire::responses::k_function_call.item && !item->text_done)) {
        report("V6", "the item ends before its text");
    }
    if (said_by(*whole) != item->text) {
        report("V8", "the item differs from the pieces");
    }
    item->done = true;
    item->whole = *whole;
}

/// V9 to V12.
void ResponsesMachine::ending(std::string_view type, const Json& event, const Report& report) {
    ended_ = true;
    const Json* response = member(event, "response");
    if (response == nullptr || !response->is_object()) {
        report("V3", "response is missing");
        return;
    }
    const auto status = type.substr(type.find('.') + 1);
    if (text_view_in(*response, "status") != status) {
        report("V9", fmt::format("status is not {}", status));
    }
    judge_response(*response, status, report);
    if (status == "failed") {
        return;
    }
    const Json* output = member(*response, "output");
    const std::size_t count = output != nullptr && output->is_array() ? output->size() : 0;
    if (count != items_.size()) {
        report("V10", fmt::format("{} items in the output, {} before", count, items_.size()));
    }
    for (std::size_t i = 0; i < items_.size(); ++i) {
        if (!items_[i].done) {
            report("V10", fmt::format("item {} is left open", i));
        } else if (i < count && !wire::same_json((*output)[i], items_[i].whole)) {
            report("V10", fmt::format("item {} is another than before", i));
        }
    }
}

void ResponsesMachine::finish(const Report& report) {
    if (!ended_) {
        report("V13", events_ == 0 ? "no event at all" : "no final event");
    }
}

} // namespace oa_stream::contract

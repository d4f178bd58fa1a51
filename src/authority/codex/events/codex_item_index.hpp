// The items of a running turn: the parts and tools created for them and the text sent so far.
#pragma once

#include "oa_stream/turn/event.hpp"

#include "codex_events_items.hpp"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <ranges>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace oa_stream::authority::codex {

/// One occurrence of an item: ids come from the provider and repeat, even within a turn.
struct Item {
    std::string id;
    std::string type;
    ItemKind kind;
    int occurrence;
    std::string wire{}; ///< part id or call id, once assigned
    bool open = false; ///< a part is open, or a tool has no result yet
    bool input_sent = false; ///< tools
    bool done = false; ///< item/completed was seen
    std::string text{}; ///< text sent so far, to be compared with the completed item's
    std::string section{}; ///< reasoning: the summary part or raw content of the last delta
    turn::TextPhase phase{}; ///< messages
};

class ItemIndex {
public:
    using Events = std::vector<turn::Event>;

    /// The open occurrence, else the latest one. Searches from the end, where deltas usually
    /// belong.
    [[nodiscard]] Item* find(std::string_view id, std::string_view type = {}) {
        Item* latest = nullptr;
        for (Item& item : std::views::reverse(items_)) {
            if (item.id != id || (!type.empty() && item.type != type)) {
                continue;
            }
            if (!item.done) {
                return &item;
            }
            latest = latest == nullptr ? &item : latest;
        }
        return latest;
    }

    /// Calls of all types share one space of ids on the wire.
    [[nodiscard]] Item& add(std::string_view id, std::string_view type) {
        const ItemKind kind = kind_of(type);
        const auto same = std::ranges::count_if(items_, [&](const Item& item) {
            const bool calls = kind == ItemKind::tool && item.kind == ItemKind::tool;
            return item.id == id && (calls || item.type == type);
        });
        items_.push_back(Item{std::string(id), std::string(type), kind, static_cast<int>(same) + 1}
        );
        return items_.back();
    }

    /// The item that a delta belongs to; created if its item/started was opted out of.
    [[nodiscard]] Item& speaker(std::string_view id, std::string_view type, Events& out) {
        if (Item* known = find(id, type); known != nullptr && !known->done) {
            return *known;
        }
        close_parts(out);
        return add(id, type);
    }

    /// The model writes one message after the other. A message that is still open when the next one
    /// starts was cut off (retry, steering) and will not complete.
    void close_parts(Events& out) {
        for (Item& item : items_) {
            if (item.kind != ItemKind::tool) {
                close_part(item, out);
            }
        }
    }

    /// A part opens with its first text, so that a refusal or an empty message leaves no empty
    /// part. Part ids are short because every delta frame contains them.
    void say(Item& item, std::string_view text, Events& out) {
        if (text.empty()) {
            return;
        }
        if (!item.open) {
            const bool message = item.kind == ItemKind::message;
            item.wire =
                message ? "m" + std::to_string(++messages_) : "r" + std::to_string(++reasonings_);
            item.open = true;
            out.emplace_back(turn::PartOpened{
                item.wire, message ? turn::PartKind::text : turn::PartKind::reasoning, item.phase
            });
        }
        item.text += text;
        out.emplace_back(turn::PartDelta{item.wire, std::string(text)});
    }

    /// `whole` is the completed item's text. Sends the rest of it, unless the deltas were not its
    /// beginning: streamed text cannot be taken back.
    void finish_text(Item& item, std::string_view whole, Events& out) {
        item.done = true;
        if (whole.starts_with(item.text)) {
            say(item, whole.substr(item.text.size()), out);
        } else {
            ++mismatches_;
        }
        close_part(item, out);
        item.text = {};
    }

    void open_tool(Item& item, const Json& raw, std::string_view cwd, Events& out) {
        item.wire = call_id(item.id, item.occurrence);
        item.open = true;
        out.emplace_back(turn::ToolOpened{item.wire, tool_name(raw), true});
        send_input(item, tool_input(raw, cwd), out);
    }

    static void send_input(Item& item, std::optional<Json> input, Events& out) {
        if (!item.input_sent && input) {
            item.input_sent = true;
            out.emplace_back(turn::ToolInputReady{item.wire, *std::move(input)});
        }
    }

    void finish_tool(Item& item, const Json& raw, std::string_view cwd, Events& out) {
        item.done = true;
        if (!item.open) {
            open_tool(item, raw, cwd, out);
        }
        send_input(item, tool_input(raw, cwd).value_or(Json::object()), out);
        item.open = false;
        out.push_back(tool_result(item.wire, raw));
    }

    /// How many such items started, and how many ended.
    [[nodiscard]] std::pair<std::size_t, std::size_t>
    count(std::string_view type, std::string_view id) const noexcept {
        std::pair<std::size_t, std::size_t> counts{0, 0};
        for (const Item& item : items_) {
            const bool same = item.id == id && item.type == type;
            counts.first += same ? 1 : 0;
            counts.second += same && item.done ? 1 : 0;
        }
        return counts;
    }

    /// Ignores summaries of earlier text.
    [[nodiscard]] bool empty() const noexcept {
        return std::ranges::all_of(items_, [](const Item& item) {
            return item.kind == ItemKind::compaction;
        });
    }
    [[nodiscard]] bool spoke() const noexcept { return messages_ > 0; }
    /// A message was started and never completed: Codex reports a refusal this way and drops its
    /// text.
    [[nodiscard]] bool withheld() const noexcept {
        const auto message =
            std::ranges::find(items_.rbegin(), items_.rend(), ItemKind::message, &Item::kind);
        return message != items_.rend() && !message->done && message->text.empty();
    }
    /// After the last call there is an item that a client shows as the answer.
    [[nodiscard]] bool answered() const noexcept {
        for (const Item& item : std::views::reverse(items_)) {
            if (item.kind == ItemKind::tool) {
                return false;
            }
            if (item.kind == ItemKind::plan ||
                (item.kind == ItemKind::message && !item.wire.empty())) {
                return true;
            }
        }
        return false;
    }
    [[nodiscard]] std::uint64_t mismatches() const noexcept { return mismatches_; }

private:
    static void close_part(Item& item, Events& out) {
        if (item.open) {
            item.open = false;
            out.emplace_back(turn::PartClosed{item.wire});
        }
    }

    std::vector<Item> items_{};
    int messages_ = 0;
    int reasonings_ = 0;
    std::uint64_t mismatches_ = 0;
};

} // namespace oa_stream::authority::codex

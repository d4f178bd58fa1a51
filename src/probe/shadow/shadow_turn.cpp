#include "shadow_turn.hpp"

#include "oa_stream/base/enum_words.hpp"
#include "oa_stream/base/lists.hpp"
#include "oa_stream/encode/normaliser.hpp"
#include "oa_stream/encode/ui_message.hpp"
#include "oa_stream/wire/sse.hpp"
#include "oa_stream/wire/ui_chunk.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <utility>
#include <variant>

namespace oa_stream::probe {
namespace {

namespace ui = wire::ui;
using Kind = TurnItem::Kind;
using State = TurnItem::State;

template <class... F> struct Overload : F... {
    using F::operator()...;
};

/// Collects items by the ids of their stream; drops the ids at the end.
class Collector {
public:
    explicit Collector(std::span<const std::string> ignored) : ignored_(ignored) {}

    TurnMeaning turn{};

    void know(std::string_view id, std::string_view word) {
        if (!id.empty()) {
            names_.try_emplace(std::string(id), word);
        }
    }
    void know_turn(const std::optional<Json>& metadata) {
        if (metadata) {
            know(string_member(*metadata, "threadId").value_or(""), "«thread»");
            know(string_member(*metadata, "turnId").value_or(""), "«turn»");
        }
    }
    void open_part(Kind kind, const std::string& id) {
        parts_[id] = turn.items.size();
        turn.items.push_back({.kind = kind});
    }
    void part_delta(Kind kind, const std::string& id, std::string_view text) {
        if (!parts_.contains(id)) {
            open_part(kind, id);
        }
        take(turn.items[parts_[id]].text, text);
    }
    void close_part(const std::string& id) { parts_.erase(id); }

    TurnItem& call(const std::string& id) {
        const auto [at, is_new] = calls_.try_emplace(id, turn.items.size());
        if (is_new) {
            turn.items.push_back({.kind = Kind::tool});
            know(id, fmt::format("«call {}»", calls_.size()));
        }
        return turn.items[at->second];
    }
    void open_call(const std::string& id, const std::string& name) { call(id).name = name; }
    void dynamic(const std::string& id, bool set) {
        if (!contains(ignored_, "dynamic")) {
            call(id).dynamic.saw(set);
        }
    }
    void provider(const std::string& id, bool set) {
        call(id).provider = set && !contains(ignored_, "providerExecuted");
    }
    void input_delta(const std::string& id, std::string_view text) {
        take(call(id).input_text, text);
    }
    void live(const std::string& id, std::string_view text) { take(call(id).live, text); }
    void input(const std::string& id, const Json& value) { call(id).input = value; }
    void output(const std::string& id, const Json& value) {
        TurnItem& item = call(id);
        item.output = value;
        item.state = State::done;
    }
    void failure(const std::string& id, State state, std::string_view text) {
        TurnItem& item = call(id);
        item.state = state;
        take(item.text, text);
    }

    /// The last payload with an id replaces earlier ones, as on a page.
    void note(
        const std::string& name, const std::optional<std::string>& id, bool transient, Json value
    ) {
        if (id && !transient) {
            const auto [at, is_new] = notes_.try_emplace(name + '\n' + *id, turn.items.size());
            if (!is_new) {
                turn.items[at->second].output = std::move(value);
                return;
            }
        }
        turn.items.push_back({
            .kind = Kind::note,
            .name = name,
            .output = std::move(value),
            .transient = transient,
        });
    }

    TurnMeaning finish() {
        std::erase_if(turn.items, [](const TurnItem& item) {
            return (item.kind == Kind::text || item.kind == Kind::reasoning) && item.text.empty();
        });
        for (TurnItem& item : turn.items) {
            neutralise(item.input);
            neutralise(item.output);
        }
        if (turn.ending.empty()) {
            turn.ending = "unfinished";
        }
        return std::move(turn);
    }

private:
    void take(std::string& to, std::string_view text) {
        const std::size_t room = k_longest_turn - std::min(k_longest_turn, taken_);
        turn.cut = turn.cut || text.size() > room;
        text = text.substr(0, room);
        taken_ += text.size();
        to += text;
    }

    void neutralise(Json& value) {
        if (value.is_string()) {
            if (const auto known = names_.find(value.get_ref<const std::string&>());
                known != names_.end()) {
                value = known->second;
            }
        } else if (value.is_structured()) {
            for (auto it = value.begin(); it != value.end(); ++it) {
                if (value.is_object() && contains(ignored_, it.key())) {
                    *it = "«ignored»";
                } else {
                    neutralise(*it);
                }
            }
        }
    }

    std::span<const std::string> ignored_;
    std::map<std::string, std::string> names_; ///< id → replacement
    std::map<std::string, std::size_t> parts_; ///< open parts
    std::map<std::string, std::size_t> calls_;
    std::map<std::string, std::size_t> notes_;
    std::size_t taken_ = 0;
};

Kind kind_of(turn::PartKind kind) {
    return kind == turn::PartKind::text ? Kind::text : Kind::reasoning;
}

void on_data(Collector& to, const ui::Data& data) {
    if (data.name == "error") {
        to.turn.code = string_member(data.data, "code").value_or("");
        return;
    }
    const auto call = string_member(data.data, "toolCallId");
    if (data.name == "tool-output" && data.transient && call) {
        to.live(std::string(*call), string_member(data.data, "delta").value_or(""));
        return;
    }
    to.note(data.name, data.id, data.transient, data.data);
}

void on_finish(Collector& to, const ui::Finish& finish) {
    TurnMeaning& turn = to.turn;
    to.know_turn(finish.metadata);
    const Json metadata = finish.metadata.value_or(Json::object());
    const auto status = string_member(metadata, "status");
    if (status) {
        turn.ending = *status;
    } else if (turn.ending.empty()) {
        turn.ending = "completed";
    }
    turn.finish = string_member(metadata, "finishReason").value_or("");
    if (string_member(metadata, "notice") ==
        encode::k_empty_answer_code) { // the last text is the lane's
        const auto own =
            std::ranges::find(turn.items.rbegin(), turn.items.rend(), Kind::text, &TurnItem::kind);
        if (own != turn.items.rend()) {
            turn.items.erase(std::prev(own.base()));
        }
    }
    if (const Json* usage = member(metadata, "usage")) {
        turn.usage = *usage;
    }
}

void on_chunk(Collector& to, const ui::Chunk& chunk) {
    std::visit(
        Overload{
            [&](const ui::Start& start) {
                to.know(start.message_id.value_or(""), "«message»");
                to.know_turn(start.metadata);
            },
            [&](const ui::PartStart& c) { to.open_part(kind_of(c.kind), c.id); },
            [&](const ui::PartDelta& c) { to.part_delta(kind_of(c.kind), c.id, c.delta); },
            [&](const ui::PartEnd& c) { to.close_part(c.id); },
            [&](const ui::ToolInputStart& c) {
                to.open_call(c.call, c.name);
                to.dynamic(c.call, c.dynamic);
                to.provider(c.call, c.provider_executed);
            },
            [&](const ui::ToolInputDelta& c) { to.input_delta(c.call, c.text); },
            [&](const ui::ToolInputAvailable& c) {
                to.open_call(c.call, c.name);
                to.dynamic(c.call, c.dynamic);
                to.provider(c.call, c.provider_executed);
                to.input(c.call, c.input);
            },
            [&](const ui::ToolOutputAvailable& c) {
                to.dynamic(c.call, c.dynamic);
                to.output(c.call, c.output);
            },
            [&](const ui::ToolOutputError& c) {
                to.dynamic(c.call, c.dynamic);
                to.failure(c.call, State::failed, c.text);
            },
            [&](const ui::ToolOutputDenied& c) { to.failure(c.call, State::denied, ""); },
            [&](const ui::ToolApprovalRequest& c) {
                to.note("approval", c.approval, false, Json{{"toolCallId", c.call}});
            },
            [&](const ui::Data& data) { on_data(to, data); },
            [&](const ui::ErrorChunk& c) {
                to.turn.error_text = c.text;
                to.turn.ending = "failed";
            },
            [&](const ui::Abort&) { to.turn.ending = "interrupted"; },
            [&](const ui::Finish& c) { on_finish(to, c); },
            [&](const ui::Other& c) { to.note(c.type, std::nullopt, false, nullptr); },
            [](const auto&) {},
        },
        chunk
    );
}

Json usage_json(const turn::Usage& usage) {
    return Json{
        {"inputTokens", usage.input},
        {"cachedInputTokens", usage.cached_input},
        {"outputTokens", usage.output},
        {"reasoningOutputTokens", usage.reasoning_output},
    };
}

void on_ended(Collector& to, const turn::TurnEnded& end) {
    TurnMeaning& turn = to.turn;
    turn.ending = turn::to_string(end.outcome);
    turn.finish = turn::to_string(end.finish);
    if (end.outcome == turn::Outcome::failed || end.outcome == turn::Outcome::aborted) {
        const turn::Failure failure = end.failure.value_or(turn::Failure{});
        turn.code = turn::words_of(failure.code).word;
        turn.error_text = turn::sentence_of(failure);
    }
    if (end.usage) {
        turn.usage = usage_json(*end.usage);
    }
}

void on_event(Collector& to, const turn::Event& event) {
    std::visit(
        Overload{
            [&](const turn::TurnStarted& e) {
                to.know(e.thread, "«thread»");
                to.know(e.turn, "«turn»");
            },
            [&](const turn::PartOpened& e) { to.open_part(kind_of(e.kind), e.id); },
            [&](const turn::PartDelta& e) { to.part_delta(Kind::text, e.id, e.text); },
            [&](const turn::PartClosed& e) { to.close_part(e.id); },
            [&](const turn::ToolOpened& e) {
                to.open_call(e.call, e.name);
                to.dynamic(e.call, e.dynamic);
                to.provider(e.call, !e.client);
            },
            [&](const turn::ToolInputDelta& e) { to.input_delta(e.call, e.text); },
            [&](const turn::ToolInputReady& e) { to.input(e.call, e.input); },
            [&](const turn::ToolOutputDelta& e) { to.live(e.call, e.text); },
            [&](const turn::ToolOutput& e) { to.output(e.call, e.output); },
            [&](const turn::ToolFailed& e) { to.failure(e.call, State::failed, e.text); },
            [&](const turn::Note& e) { to.note(e.name, e.id, e.transient, e.payload); },
            [&](const turn::UsageKnown& e) { to.turn.usage = usage_json(e.usage); },
            [&](const turn::TurnEnded& e) { on_ended(to, e); },
            [](const auto&) {},
        },
        event
    );
}

} // namespace

std::string TurnItem::label() const {
    switch (kind) {
    case Kind::text:
        return "text";
    case Kind::reasoning:
        return "reasoning";
    case Kind::tool:
        return "tool " + name;
    case Kind::note:
        return "note " + name;
    }
    return {};
}

std::string_view to_string(TurnItem::State state) noexcept {
    static constexpr std::array<std::string_view, 4> k_words{
        "without output", "done", "failed", "denied"
    };
    return enum_word<State::denied>(k_words, state);
}

TurnMeaning meaning_of_stream(std::string_view sse, std::span<const std::string> ignored) {
    Collector collector(ignored);
    wire::SseReader reader({.event = [&](const wire::SseEvent& event) {
        const auto parsed = ui::parse_chunk(event.data, ui::Dialect::approvals);
        if (parsed.chunk) {
            on_chunk(collector, *parsed.chunk);
        }
    }});
    reader.feed(sse);
    reader.finish();
    return collector.finish();
}

TurnMeaning
meaning_of_events(std::vector<turn::Event> events, std::span<const std::string> ignored) {
    encode::Normaliser normaliser;
    std::vector<turn::Event> repaired;
    for (turn::Event& event : events) {
        normaliser.push(std::move(event), repaired);
    }
    if (!normaliser.ended()) {
        turn::Failure lost;
        lost.code = turn::FailureCode::authority_lost;
        normaliser.finish(lost, repaired);
    }
    Collector collector(ignored);
    for (const turn::Event& event : repaired) {
        on_event(collector, event);
    }
    return collector.finish();
}

} // namespace oa_stream::probe

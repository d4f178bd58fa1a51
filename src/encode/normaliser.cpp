#include "oa_stream/encode/normaliser.hpp"

#include "oa_stream/base/enum_words.hpp"
#include "oa_stream/base/lists.hpp"

#include "open_items.hpp"
#include "utf8_gate.hpp"

#include <utility>

namespace oa_stream::encode {
namespace {

constexpr std::array<std::string_view, k_repair_kinds> k_words{
    "started_missing",
    "started_twice",
    "part_unopened",
    "part_reopened",
    "part_left_open",
    "tool_unopened",
    "tool_reopened",
    "tool_input_missing",
    "tool_input_twice",
    "tool_output_twice",
    "tool_left_open",
    "empty_delta",
    "split_code_point",
    "after_end",
    "end_missing",
    "bad_id",
};

/// The NAME of data-NAME: lower case, digits and '-', as turn::Note requires.
[[nodiscard]] bool is_note_name(std::string_view name) noexcept {
    return !name.empty() && name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-") ==
                                std::string_view::npos;
}

/// A background command outlives its turn; any other call was cut off with it.
[[nodiscard]] std::string_view left_open_text(turn::Outcome outcome) noexcept {
    switch (outcome) {
    case turn::Outcome::completed:
        return "Still running when the answer ended.";
    case turn::Outcome::interrupted:
        return k_stopped_call;
    case turn::Outcome::aborted:
    case turn::Outcome::failed:
        break;
    }
    return k_no_output;
}

} // namespace

std::string_view to_string(Repair repair) noexcept {
    return word_at(k_words, repair);
}

struct Normaliser::State {
    using Events = std::vector<turn::Event>;

    bool started = false;
    bool ended = false;
    std::array<std::uint64_t, k_repair_kinds> repairs{};
    OpenParts parts{};
    OpenTools tools{};

    void count(Repair repair) { ++repairs[static_cast<std::size_t>(repair)]; }

    void ensure_started(Events& out) {
        if (!started) {
            started = true;
            count(Repair::started_missing);
            out.emplace_back(turn::TurnStarted{});
        }
    }

    /// Leaves whole code points in `text`; an incomplete one waits for the next delta.
    void pass(Utf8Gate& gate, std::string& text) {
        if (gate.pass(text)) {
            count(Repair::split_code_point);
        }
    }

    Part&
    open_part(std::string_view id, turn::PartKind kind, Events& out, turn::TextPhase phase = {}) {
        bool renamed = false;
        Part& part = parts.open(id, kind, renamed);
        if (renamed) {
            count(Repair::bad_id);
        }
        out.emplace_back(turn::PartOpened{part.wire, kind, phase});
        return part;
    }
    void close_part(Part& part, Events& out) {
        if (std::string rest = part.gate.flush(); !rest.empty()) {
            out.emplace_back(turn::PartDelta{part.wire, std::move(rest)});
        }
        part.open = false;
        out.emplace_back(turn::PartClosed{part.wire});
    }

    Tool& open_tool(std::string_view call, turn::ToolOpened event, Events& out) {
        bool renamed = false;
        Tool& tool = tools.open(call, renamed);
        if (renamed) {
            count(Repair::bad_id);
        }
        if (event.name.empty() || invalid_utf8(event.name)) {
            count(Repair::bad_id);
            event.name = "tool";
        }
        event.call = tool.wire;
        tool.name = event.name;
        out.emplace_back(std::move(event));
        return tool;
    }
    /// The call's tool; opens it if necessary.
    Tool& known_tool(std::string_view call, Events& out) {
        if (Tool* tool = tools.find(call)) {
            return *tool;
        }
        count(Repair::tool_unopened);
        return open_tool(call, turn::ToolOpened{std::string(call), "tool"}, out);
    }
    void ready(Tool& tool, Json input, Events& out) {
        if (std::string rest = tool.gate.flush(); !rest.empty()) {
            out.emplace_back(turn::ToolInputDelta{tool.wire, std::move(rest)});
        }
        tool.phase = Tool::Phase::running;
        out.emplace_back(turn::ToolInputReady{tool.wire, std::move(input)});
    }
    void ensure_ready(Tool& tool, Events& out) {
        if (tool.phase == Tool::Phase::input) {
            count(Repair::tool_input_missing);
            ready(tool, Json::object(), out);
        }
    }
    void end_tool(Tool& tool, Events& out) {
        if (std::string rest = tool.gate.flush(); !rest.empty()) {
            out.emplace_back(turn::ToolOutputDelta{tool.wire, std::move(rest)});
        }
        tool.phase = Tool::Phase::done;
    }
    void cut_tool(Tool& tool, turn::Outcome outcome, Events& out) {
        ensure_ready(tool, out);
        end_tool(tool, out);
        out.emplace_back(turn::ToolFailed{tool.wire, std::string(left_open_text(outcome))});
    }
    /// Whether later events of this call must be dropped.
    [[nodiscard]] bool over(const Tool& tool) {
        const bool done = tool.phase == Tool::Phase::done;
        if (done && !tool.left) {
            count(Repair::tool_output_twice);
        }
        return done;
    }

    // --- one overload per event --------------------------------------------------------------

    void on(turn::TurnStarted&& event, Events& out) {
        if (started) {
            count(Repair::started_twice);
            return;
        }
        started = true;
        out.emplace_back(std::move(event));
    }

    void on(turn::PartOpened&& event, Events& out) {
        if (Part* known = parts.find(event.id)) {
            count(Repair::part_reopened);
            if (known->open) {
                close_part(*known, out);
            }
        }
        open_part(event.id, event.kind, out, event.phase);
    }
    void on(turn::PartDelta&& event, Events& out) {
        Part* part = parts.find(event.id);
        if (event.text.empty()) {
            count(Repair::empty_delta);
            return;
        }
        if (part == nullptr || !part->open) {
            // Sent rather than lost: as a separate part of the same kind.
            count(Repair::part_unopened);
            part = &open_part(event.id, part == nullptr ? turn::PartKind::text : part->kind, out);
        }
        pass(part->gate, event.text);
        if (!event.text.empty()) {
            if (event.id != part->wire) {
                event.id = part->wire;
            }
            out.emplace_back(std::move(event));
        }
    }
    void on(turn::PartClosed&& event, Events& out) {
        Part* part = parts.find(event.id);
        if (part == nullptr || !part->open) {
            count(Repair::part_unopened);
            return;
        }
        close_part(*part, out);
        std::get<turn::PartClosed>(out.back()).broken = event.broken;
    }

    template <class Delta> void pass_on(Tool& tool, Delta&& event, Events& out) {
        pass(tool.gate, event.text);
        if (!event.text.empty()) {
            event.call = tool.wire;
            out.emplace_back(std::forward<Delta>(event));
        }
    }

    void on(turn::ToolOpened&& event, Events& out) {
        if (const Tool* known = tools.find(event.call)) {
            count(Repair::tool_reopened);
            if (known->phase != Tool::Phase::done) {
                return; // reported twice: one call
            }
        }
        std::string call = event.call;
        open_tool(std::move(call), std::move(event), out);
    }
    void on(turn::ToolInputDelta&& event, Events& out) {
        if (event.text.empty()) {
            count(Repair::empty_delta);
            return;
        }
        Tool& tool = known_tool(event.call, out);
        if (tool.phase != Tool::Phase::input) {
            count(Repair::tool_input_twice);
            return;
        }
        pass_on(tool, std::move(event), out);
    }
    void on(turn::ToolInputReady&& event, Events& out) {
        Tool& tool = known_tool(event.call, out);
        if (tool.phase != Tool::Phase::input) {
            count(Repair::tool_input_twice);
            return;
        }
        ready(tool, std::move(event.input), out);
    }
    void on(turn::ToolOutputDelta&& event, Events& out) {
        if (event.text.empty()) {
            count(Repair::empty_delta);
            return;
        }
        Tool& tool = known_tool(event.call, out);
        if (over(tool)) {
            return;
        }
        ensure_ready(tool, out);
        pass_on(tool, std::move(event), out);
    }
    template <class Ending> void on_ending(Ending&& event, Events& out) {
        Tool& tool = known_tool(event.call, out);
        if (over(tool)) {
            return;
        }
        ensure_ready(tool, out);
        end_tool(tool, out);
        event.call = tool.wire;
        out.emplace_back(std::forward<Ending>(event));
    }
    void on(turn::ToolOutput&& event, Events& out) { on_ending(std::move(event), out); }
    void on(turn::ToolFailed&& event, Events& out) { on_ending(std::move(event), out); }

    void on(turn::Note&& event, Events& out) {
        if (!is_note_name(event.name)) {
            count(Repair::bad_id);
            event.name = "note";
        }
        out.emplace_back(std::move(event));
    }
    void on(turn::ApprovalAsked&& event, Events& out) {
        Tool* tool = &known_tool(event.call, out);
        if (tool->left) { // the client was told that it has ended
            tool = &open_tool(event.call, turn::ToolOpened{event.call, tool->name}, out);
            ready(*tool, Json::object(), out);
        } else if (over(*tool)) {
            return;
        }
        ensure_ready(*tool, out);
        event.call = tool->wire;
        out.emplace_back(std::move(event));
    }
    void on(turn::ClientCall&& event, Events& out) {
        Tool& tool = known_tool(event.call, out);
        if (over(tool) || tool.asked) { // repeated when codex abandons it: one call
            return;
        }
        ensure_ready(tool, out);
        tool.asked = true;
        event.call = tool.wire;
        out.emplace_back(std::move(event));
    }
    void on(turn::ApprovalSettled&& event, Events& out) { out.emplace_back(std::move(event)); }
    void on(turn::UsageKnown event, Events& out) { out.emplace_back(event); }

    void on(turn::TurnEnded&& event, Events& out) {
        close_all(event, out);
        ended = true;
        const bool must_say_why =
            event.outcome == turn::Outcome::failed || event.outcome == turn::Outcome::aborted;
        if (must_say_why && !event.failure) {
            event.failure = turn::Failure{};
        } else if (!must_say_why) {
            event.failure.reset();
        }
        out.emplace_back(std::move(event));
    }

    void close_all(const turn::TurnEnded& event, Events& out) {
        for (Part& part : parts.all()) {
            if (part.open) {
                count(Repair::part_left_open);
                close_part(part, out);
            }
        }
        for (Tool& tool : tools.all()) {
            const bool handed_over = tool.asked && event.finish == turn::Finish::tool_calls;
            if (tool.phase != Tool::Phase::done && !handed_over) {
                count(Repair::tool_left_open);
                cut_tool(tool, event.outcome, out);
            }
        }
    }
};

Normaliser::Normaliser() : state_(std::make_unique<State>()) {
}
Normaliser::~Normaliser() = default;
Normaliser::Normaliser(Normaliser&&) noexcept = default;
Normaliser& Normaliser::operator=(Normaliser&&) noexcept = default;

void Normaliser::push(turn::Event event, std::vector<turn::Event>& out) {
    if (state_->ended) {
        state_->count(Repair::after_end);
        return;
    }
    if (!std::holds_alternative<turn::TurnStarted>(event)) {
        state_->ensure_started(out);
    }
    std::visit(
        [&](auto&& one) { state_->on(std::forward<decltype(one)>(one), out); }, std::move(event)
    );
}

void Normaliser::finish(turn::Failure failure, std::vector<turn::Event>& out) {
    if (state_->ended) {
        return;
    }
    state_->ensure_started(out);
    state_->count(Repair::end_missing);
    const auto outcome = turn::outcome_of(failure.code);
    state_->on(turn::TurnEnded{outcome, turn::Finish::error, std::move(failure), {}}, out);
}

void Normaliser::leave_behind(
    const std::vector<std::string>& calls, std::vector<turn::Event>& out
) {
    for (Tool& tool : state_->tools.all()) {
        const bool runs = !state_->ended && tool.phase != Tool::Phase::done;
        if (runs && contains(calls, tool.wire)) {
            state_->cut_tool(tool, turn::Outcome::completed, out);
            tool.left = true;
        }
    }
}

bool Normaliser::ended() const noexcept {
    return state_->ended;
}

const std::array<std::uint64_t, k_repair_kinds>& Normaliser::repairs() const noexcept {
    return state_->repairs;
}

} // namespace oa_stream::encode

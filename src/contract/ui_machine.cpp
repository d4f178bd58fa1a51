#include "oa_stream/contract/ui_machine.hpp"

#include "oa_stream/base/text.hpp"

#include "ui_tools.hpp"

#include <fmt/format.h>

#include <utility>

namespace oa_stream::contract {

namespace ui = wire::ui;

namespace {

using Parts = std::map<std::string, bool, std::less<>>; ///< id → open?

/// The answer waits for the client's results.
bool leaves_calls(const ui::Finish& chunk) {
    return chunk.metadata && string_member(*chunk.metadata, "finishReason") == "tool-calls";
}

template <class... Types> bool is_one_of(const ui::Chunk& chunk) {
    return (std::holds_alternative<Types>(chunk) || ...);
}

} // namespace

struct UiMachine::State {
    std::optional<std::string> continued{}; ///< id of the message that the answer continues
    ui::Dialect dialect = ui::Dialect::every_client;
    bool any_event = false;
    bool started = false;
    bool asked = false; ///< an approval was requested in this step; its answer starts another step
    bool step_open = false;
    bool aborted = false;
    bool noted_after_done = false;
    std::uint64_t steps = 0;
    std::uint64_t finished = 0;
    std::uint64_t dones = 0;
    std::uint64_t errors = 0;
    std::size_t open_parts = 0;
    Parts text{};
    Parts reasoning{};
    UiTools tools{};

    Parts& parts(ui::PartKind kind) { return kind == ui::PartKind::text ? text : reasoning; }

    void after_done(const Report& report) {
        if (dones != 0 && !std::exchange(noted_after_done, true)) {
            report("O7", "something follows [DONE]");
        }
    }

    /// O1, O8 and E4: rules about the position of any chunk.
    void order(const ui::Chunk& chunk, const Report& report) {
        if (!started && !is_one_of<ui::Start>(chunk)) {
            report("O1", "first chunk is " + printable(ui::type_of(chunk), 60));
            started = true;
        }
        if (finished != 0 && !is_one_of<ui::Finish>(chunk)) {
            report("O8", printable(ui::type_of(chunk), 60) + " after finish");
        }
        if ((errors != 0 || aborted) &&
            !is_one_of<ui::FinishStep, ui::Finish, ui::ErrorChunk>(chunk)) {
            report(
                "E4",
                fmt::format(
                    "{} after {}",
                    printable(ui::type_of(chunk), 60),
                    errors != 0 ? "error" : "abort"
                )
            );
        }
    }

    template <class Known> void in_step(const Known& chunk, const Report& report) const {
        if (!step_open && finished == 0) {
            report("O3", ui::type_of(chunk) + " outside a step");
        }
    }

    void open_parts_break(std::string_view rule, const Report& report) const {
        if (open_parts == 0) {
            return;
        }
        for (const Parts* parts : {&text, &reasoning}) {
            for (const auto& [id, open] : *parts) {
                if (open) {
                    report(rule, fmt::format("part \"{}\" is still open", printable(id, 60)));
                }
            }
        }
    }

    /// A step ended (or the turn was stopped): clients drop what is open.
    void leave_open() {
        for (Parts* parts : {&text, &reasoning}) {
            for (auto& [id, open] : *parts) {
                open = false;
            }
        }
        open_parts = 0;
        tools.leave_open();
    }

    void apply(const ui::PartStart& chunk, const Report& report) {
        in_step(chunk, report);
        Parts& known = parts(chunk.kind);
        const auto found = known.find(chunk.id);
        const auto named = [&] {
            return fmt::format("{} \"{}\"", to_string(chunk.kind), printable(chunk.id, 60));
        };
        if (found != known.end() && found->second) {
            report("P2", named() + " is already open");
            return;
        }
        if (found != known.end()) {
            report("P4", named() + " is used again");
            found->second = true;
        } else {
            if (open_parts != 0) {
                report("P5", named() + " starts while another part is open");
            }
            known.emplace(chunk.id, true);
        }
        ++open_parts;
    }

    void apply(const ui::PartDelta& chunk, const Report& report) {
        in_step(chunk, report);
        const Parts& known = parts(chunk.kind);
        const auto found = known.find(chunk.id);
        if (found == known.end() || !found->second) {
            report("P1", without_start(chunk));
        }
    }

    void apply(const ui::PartEnd& chunk, const Report& report) {
        in_step(chunk, report);
        Parts& known = parts(chunk.kind);
        const auto found = known.find(chunk.id);
        if (found == known.end() || !found->second) {
            report("P1", without_start(chunk));
            return;
        }
        found->second = false;
        --open_parts;
    }

    template <class Known> static std::string without_start(const Known& chunk) {
        return fmt::format(
            "{} \"{}\" without an open start", ui::type_of(chunk), printable(chunk.id, 60)
        );
    }

    void apply(const ui::Start& chunk, const Report& report) {
        if (std::exchange(started, true)) {
            report("O2", "another start");
        }
        if (continued && chunk.message_id && *chunk.message_id != *continued) {
            report(
                "O10",
                fmt::format(
                    R"(messageId is "{}", the last assistant message is "{}")",
                    printable(*chunk.message_id, 60),
                    printable(*continued, 60)
                )
            );
        }
    }

    void apply(const ui::StartStep&, const Report& report) {
        if (step_open) {
            report("O3", "start-step inside a step");
        }
        // Chunks after an approval continue the same step.
        if (!std::exchange(asked, false)) {
            tools.without_output(false, report); // the server did not wait for the client
            if (++steps == 2) {
                report("O4", "second step");
            }
        }
        step_open = true;
    }

    void apply(const ui::FinishStep&, const Report& report) {
        if (!step_open) {
            report("O3", "finish-step without start-step");
        }
        step_open = false;
        if (errors == 0) {
            open_parts_break("P3", report);
            tools.unfinished_input(report);
            tools.hold_without_output();
        }
        leave_open();
    }

    void apply(const ui::Finish& chunk, const Report& report) {
        tools.without_output(leaves_calls(chunk), report);
        if (++finished > 1) {
            report("O5", "another finish");
        }
        if (step_open) {
            report("O9", "finish inside an open step");
        } else if (steps == 0 && errors == 0 && !aborted) {
            report("O3", "no step at all");
        }
        step_open = false;
    }

    void apply(const ui::ToolInputStart& chunk, const Report& report) {
        in_step(chunk, report);
        tools.input_start(chunk, report);
    }
    void apply(const ui::ToolInputDelta& chunk, const Report& report) {
        in_step(chunk, report);
        tools.input_delta(chunk, report);
    }
    void apply(const ui::ToolInputAvailable& chunk, const Report& report) {
        in_step(chunk, report);
        tools.input_available(chunk, report);
    }
    void apply(const ui::ToolOutputAvailable& chunk, const Report& report) {
        in_step(chunk, report);
        tools.output(chunk.call, chunk.dynamic, true, report);
    }
    void apply(const ui::ToolOutputError& chunk, const Report& report) {
        in_step(chunk, report);
        tools.output(chunk.call, chunk.dynamic, false, report);
    }

    template <class Known>
    [[nodiscard]] bool knows_approvals(const Known& chunk, const Report& report) const {
        if (dialect != ui::Dialect::approvals) {
            report(
                "J2", fmt::format("type \"{}\" is not known to every client", ui::type_of(chunk))
            );
            return false;
        }
        in_step(chunk, report);
        return true;
    }
    void apply(const ui::ToolApprovalRequest& chunk, const Report& report) {
        if (knows_approvals(chunk, report)) {
            asked = true;
            tools.approval_request(chunk, report);
        }
    }
    void apply(const ui::ToolOutputDenied& chunk, const Report& report) {
        if (knows_approvals(chunk, report)) {
            tools.denied(chunk.call, report);
        }
    }

    void apply(const ui::ErrorChunk& chunk, const Report& report) {
        if (++errors > 1) {
            report("E1", "another error");
            return;
        }
        in_step(chunk, report);
        if (aborted) {
            report("E4", "error after abort");
        }
        open_parts_break("E2", report);
        tools.open_at_error(report);
    }

    void apply(const ui::Abort& chunk, const Report& report) {
        aborted = true;
        in_step(chunk, report);
        open_parts_break("P3", report);
        tools.unfinished_input(report);
        leave_open();
    }

    /// Data parts are allowed anywhere between start and finish; Other chunks are outside the
    /// contract.
    void apply(const ui::Data&, const Report&) {}
    void apply(const ui::Other&, const Report&) {}
    void apply(const ui::Done&, const Report&) {}
};

UiMachine::UiMachine(std::optional<Continues> continues, wire::ui::Dialect dialect)
    : state_(std::make_unique<State>()) {
    state_->dialect = dialect;
    if (continues) {
        state_->tools.continue_with(*continues);
        state_->continued = std::move(continues->message_id);
    }
}
UiMachine::~UiMachine() = default;
UiMachine::UiMachine(UiMachine&&) noexcept = default;
UiMachine& UiMachine::operator=(UiMachine&&) noexcept = default;

void UiMachine::messages_known(bool known) noexcept {
    state_->tools.messages_known(known);
}

bool UiMachine::undecided(std::string_view rule) const noexcept {
    return state_->tools.undecided(rule);
}

void UiMachine::step(const wire::ui::Chunk& chunk, const Report& report) {
    unreadable(report);
    if (is_one_of<ui::Done>(chunk)) {
        if (++state_->dones > 1) {
            report("O6", "[DONE] more than once");
        }
        return;
    }
    state_->order(chunk, report);
    std::visit([&](const auto& known) { state_->apply(known, report); }, chunk);
}

void UiMachine::unreadable(const Report& report) {
    state_->any_event = true;
    state_->after_done(report);
}

void UiMachine::comment(const Report& report) {
    state_->after_done(report);
}

void UiMachine::finish(const Report& report) {
    State& state = *state_;
    if (!state.any_event) {
        report("O1", "no chunk at all");
    }
    state.tools.without_output(false, report);
    if (state.step_open && (!state.aborted || state.finished != 0)) {
        report("O9", "the step is never finished");
    }
    if (state.finished == 0 && state.errors == 0 && !state.aborted) {
        report("O5", "no finish");
    }
    if (state.dones == 0) {
        report("O6", "no [DONE]");
    }
}

bool UiMachine::started() const noexcept {
    return state_->started;
}

bool UiMachine::done() const noexcept {
    return state_->dones != 0;
}

bool UiMachine::terminal() const noexcept {
    return state_->finished != 0 || state_->errors != 0 || state_->aborted;
}

} // namespace oa_stream::contract

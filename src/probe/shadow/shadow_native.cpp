#include "shadow_native.hpp"

#include "oa_stream/base/lists.hpp"

#include "shadow_turn.hpp"

#include <utility>
#include <variant>

namespace oa_stream::probe {
namespace {

std::size_t size_of(const turn::Event& event) {
    if (const auto* delta = std::get_if<turn::PartDelta>(&event)) {
        return delta->text.size();
    }
    if (const auto* live = std::get_if<turn::ToolOutputDelta>(&event)) {
        return live->text.size();
    }
    return 1;
}

turn::TurnEnded lost(const Error& error) {
    turn::Failure failure;
    failure.code = authority::failure_code_of(error);
    turn::TurnEnded end;
    end.outcome = turn::outcome_of(failure.code);
    end.finish = turn::Finish::error;
    end.failure = std::move(failure);
    return end;
}

} // namespace

Task<NativeTurn> ask_native(authority::Authority* authority, std::string prompt, Millis limit) {
    const Clock::time_point began = Clock::now();
    const auto since = [&] { return seconds(Clock::now() - began); };
    authority::TurnRequest request;
    request.input.emplace_back(authority::InputText{std::move(prompt)});
    request.ephemeral = true;
    NativeTurn out;
    auto turn = co_await authority->start(std::move(request));
    if (!turn) {
        out.trouble = "the authority began no turn: " + turn.error().text();
        out.unreachable =
            turn.error().code == Code::unavailable || turn.error().code == Code::timeout;
        co_return out;
    }
    std::size_t bytes = 0;
    for (;;) {
        auto batch = co_await (*turn)->next(began + limit);
        if (since() >= seconds(limit)) {
            out.trouble = "the authority's turn took too long";
            co_return out; // dropping the turn interrupts it
        }
        if (!batch) {
            out.events.emplace_back(lost(batch.error()));
            break;
        }
        for (turn::Event& event : *batch) {
            if (!out.first_content_s && turn::is_content(event)) {
                out.first_content_s = since();
            }
            bytes += size_of(event);
            out.cut = out.cut || bytes > k_longest_turn;
            if (!out.cut || std::holds_alternative<turn::TurnEnded>(event)) {
                out.events.push_back(std::move(event));
            }
        }
        if (!out.events.empty() && std::holds_alternative<turn::TurnEnded>(out.events.back())) {
            break;
        }
    }
    out.end_s = since();
    co_return out;
}

NativeTurn recorded_turn(const authority::Capture& capture) {
    NativeTurn out;
    out.events = mapped(capture.events, &authority::TimedEvent::event);
    return out;
}

std::string native_lines(const NativeTurn& turn) {
    std::string out;
    for (const turn::Event& event : turn.events) {
        out += turn::describe(event) + "\n";
    }
    return out;
}

} // namespace oa_stream::probe

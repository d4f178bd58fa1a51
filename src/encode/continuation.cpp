#include "oa_stream/encode/continuation.hpp"

#include "oa_stream/base/lists.hpp"
#include "oa_stream/wire/sse.hpp"
#include "oa_stream/wire/ui_chunk.hpp"

#include "safe_json.hpp"

#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace oa_stream::encode {

namespace {

namespace ui = wire::ui;

struct SaidPart {
    ui::PartKind kind{};
    std::string id;
    std::string text{};
    bool closed = false;
    bool taken = false; ///< seen again in the repetition
    std::size_t matched = 0; ///< bytes of `text` matched in the repetition
};
struct SaidCall {
    std::string id, name;
    bool ready = false;
    bool done = false;
    bool taken = false;
};
using Counts = std::map<std::string, std::size_t, std::less<>>;

Error torn() {
    return {Code::unavailable, "the answer does not continue what another replica sent"};
}

} // namespace

struct Continuation::State {
    std::vector<SaidPart> parts{};
    std::vector<SaidCall> calls{};
    Counts notes{}; ///< how often each was sent
    Counts asked{};
    /// The authority may use new ids in the repetition: its id → index of the part or call that was
    /// sent.
    std::map<std::string, std::size_t, std::less<>> parts_again{};
    std::map<std::string, std::size_t, std::less<>> calls_again{};

    // What was sent.
    void hear(const ui::PartStart& chunk) { parts.push_back({chunk.kind, chunk.id}); }
    void hear(const ui::PartDelta& chunk) {
        if (auto* part = open_part(chunk.id)) {
            part->text += chunk.delta;
        }
    }
    void hear(const ui::PartEnd& chunk) {
        if (auto* part = open_part(chunk.id)) {
            part->closed = true;
        }
    }
    void hear(const ui::ToolInputStart& chunk) { calls.push_back({chunk.call, chunk.name}); }
    void hear(const ui::ToolInputAvailable& chunk) { with_call(chunk.call, &SaidCall::ready); }
    void hear(const ui::ToolOutputAvailable& chunk) { with_call(chunk.call, &SaidCall::done); }
    void hear(const ui::ToolOutputError& chunk) { with_call(chunk.call, &SaidCall::done); }
    void hear(const ui::ToolOutputDenied& chunk) { with_call(chunk.call, &SaidCall::done); }
    void hear(const ui::ToolApprovalRequest& chunk) { ++asked[chunk.approval]; }
    void hear(const ui::Data& chunk) { ++notes[name_of_note(chunk.name, chunk.id, chunk.data)]; }
    void hear(const auto& /*chunk*/) {}

    SaidPart* open_part(std::string_view id) {
        return find_if_or_null(parts, [id](const SaidPart& one) {
            return one.id == id && !one.closed;
        });
    }
    void with_call(std::string_view id, bool SaidCall::* what) {
        if (SaidCall* found = find_or_null(calls, id, &SaidCall::id)) {
            found->*what = true;
        }
    }
    static std::string
    name_of_note(const std::string& name, const std::optional<std::string>& id, const Json& data) {
        return name + '\n' + id.value_or("") + '\n' + dump_json(data);
    }
    static bool used_up(Counts& all, const std::string& id) {
        const auto found = all.find(id);
        if (found == all.end() || found->second == 0) {
            return false;
        }
        --found->second;
        return true;
    }

    // The repetition.
    Result<bool> admit(turn::PartOpened& event) {
        for (std::size_t i = 0; i < parts.size(); ++i) {
            if (!parts[i].taken && parts[i].kind == event.kind) {
                parts[i].taken = true;
                parts_again[event.id] = i;
                return false;
            }
        }
        // A part that was open is not repeated, and a different one starts.
        const bool left = std::ranges::any_of(parts, [](const SaidPart& one) {
            return !one.taken && !one.closed;
        });
        if (left) {
            return std::unexpected(torn());
        }
        parts_again.erase(event.id);
        return true;
    }
    Result<bool> admit(turn::PartDelta& event) {
        const auto found = parts_again.find(event.id);
        if (found == parts_again.end()) {
            return true;
        }
        auto& part = parts[found->second];
        const auto left = std::string_view(part.text).substr(part.matched);
        const auto both = std::min(left.size(), event.text.size());
        if (left.substr(0, both) != std::string_view(event.text).substr(0, both)) {
            return std::unexpected(torn());
        }
        part.matched += both;
        event.text.erase(0, both);
        event.id = part.id;
        if (!event.text.empty() && part.closed) {
            return std::unexpected(torn());
        }
        return !event.text.empty();
    }
    Result<bool> admit(turn::PartClosed& event) {
        const auto found = parts_again.find(event.id);
        if (found == parts_again.end()) {
            return true;
        }
        auto& part = parts[found->second];
        if (part.matched < part.text.size()) {
            return std::unexpected(torn());
        }
        event.id = part.id;
        parts_again.erase(found);
        return !std::exchange(part.closed, true);
    }
    Result<bool> admit(turn::ToolOpened& event) {
        auto found = std::ranges::find_if(calls, [&event](const SaidCall& one) {
            return !one.taken && one.id == event.call;
        });
        if (found == calls.end()) {
            found = std::ranges::find_if(calls, [&event](const SaidCall& one) {
                return !one.taken && one.name == event.name;
            });
        }
        if (found == calls.end()) {
            return true;
        }
        found->taken = true;
        calls_again[event.call] = static_cast<std::size_t>(found - calls.begin());
        return false;
    }
    Result<bool> admit(turn::ToolInputDelta& event) { return !calls_again.contains(event.call); }
    Result<bool> admit(turn::ToolInputReady& event) { return first(event.call, &SaidCall::ready); }
    Result<bool> admit(turn::ToolOutputDelta& event) { return !calls_again.contains(event.call); }
    Result<bool> admit(turn::ToolOutput& event) { return first(event.call, &SaidCall::done); }
    Result<bool> admit(turn::ToolFailed& event) { return first(event.call, &SaidCall::done); }
    Result<bool> admit(turn::Note& event) {
        return !used_up(notes, name_of_note(event.name, event.id, safe_json(event.payload)));
    }
    Result<bool> admit(turn::ApprovalAsked& event) {
        if (const auto found = calls_again.find(event.call); found != calls_again.end()) {
            event.call = calls[found->second].id;
        }
        return !used_up(asked, event.id);
    }
    Result<bool> admit(auto& /*event*/) { return true; }

    bool first(std::string& call, bool SaidCall::* what) {
        const auto found = calls_again.find(call);
        if (found == calls_again.end()) {
            return true;
        }
        auto& call_state = calls[found->second];
        call = call_state.id;
        return !std::exchange(call_state.*what, true);
    }
};

Continuation::Continuation(std::string_view call_state) : state_(std::make_unique<State>()) {
    wire::SseReader reader({.event = [this](const wire::SseEvent& event) {
        const auto parsed = ui::parse_chunk(event.data, ui::Dialect::approvals);
        if (parsed.chunk) {
            std::visit([this](const auto& chunk) { state_->hear(chunk); }, *parsed.chunk);
        }
    }});
    reader.feed(call_state);
}

Continuation::~Continuation() = default;
Continuation::Continuation(Continuation&&) noexcept = default;
Continuation& Continuation::operator=(Continuation&&) noexcept = default;

Result<bool> Continuation::admit(turn::Event& event) {
    return std::visit([this](auto& one) { return state_->admit(one); }, event);
}

} // namespace oa_stream::encode

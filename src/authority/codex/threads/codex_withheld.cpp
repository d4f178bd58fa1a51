// Codex stores nothing of a refusal: neither its words nor that there were any. Which turns ended
// so is kept with the thread, in an attachment of its own type. Measured with codex 0.169.0: one
// cannot be changed, so each is newer than the one it replaces; a fork has none.
#include "oa_stream/base/json_members.hpp"

#include "codex/codex_core.hpp"
#include "codex_attachments.hpp"

#include <algorithm>
#include <utility>

namespace oa_stream::authority {

namespace {

constexpr std::string_view k_withheld_type = "oa-stream-withheld";
/// Turns: 40 kB of the 65 kB that an attachment takes.
constexpr std::size_t k_most_withheld = 1'000;

struct Withheld {
    std::vector<std::string> turns{};
    std::vector<std::uint64_t> attachments{}; ///< more than one after a crash
    std::uint64_t newest = 0;
};

void add_turn(Withheld& out, const std::string& turn) {
    if (std::ranges::find(out.turns, turn) == out.turns.end()) {
        out.turns.push_back(turn);
    }
}

void add_turns(Withheld& out, const Json& payload) {
    const Json* turns = member(payload, "turns");
    for (const Json& turn : turns != nullptr && turns->is_array() ? *turns : Json::array()) {
        if (turn.is_string()) {
            add_turn(out, turn.get_ref<const std::string&>());
        }
    }
}

Withheld read_withheld(const RpcOutcome& listed) {
    Withheld out;
    const auto* page = std::get_if<Json>(&listed);
    for (const auto& [number, payload] :
         page == nullptr ? std::vector<Attachment>() : attachments_in(*page, k_withheld_type)) {
        out.newest = std::max(out.newest, number);
        out.attachments.push_back(number);
        add_turns(out, payload);
    }
    return out;
}

/// It may be one: it completed, and no text stands behind its last call.
bool is_silent(const PastTurn& turn) {
    bool silent = true;
    for (const turn::Event& event : turn.events) {
        const auto* opened = std::get_if<turn::PartOpened>(&event);
        const bool text = opened != nullptr && opened->kind == turn::PartKind::text;
        silent = std::holds_alternative<turn::ToolOpened>(event) || (silent && !text);
    }
    return silent && !turn.running && turn.outcome == turn::Outcome::completed;
}

} // namespace

Task<void> CodexCore::keep_withheld(Self self, Link link, std::shared_ptr<CodexThread> thread) {
    auto known = read_withheld(
        co_await call(self, link, "thread/attachment/list", list_attachments(thread->id))
    );
    for (const auto& turn : thread->withheld) {
        add_turn(known, turn);
    }
    if (known.turns.size() > k_most_withheld) {
        known.turns.erase(known.turns.begin(), known.turns.end() - k_most_withheld);
    }
    Json params = attachment_params(thread->id, k_withheld_type, known.newest + 1);
    params["payload"] = Json::object({{"turns", known.turns}});
    const auto added = co_await call(self, link, "thread/attachment/add", std::move(params));
    if (!std::holds_alternative<Json>(added)) {
        self->log(LogLevel::info, "codex did not keep that an answer was withheld");
        co_return;
    }
    for (const auto number : known.attachments) {
        std::ignore = co_await call(
            self,
            link,
            "thread/attachment/remove",
            attachment_params(thread->id, k_withheld_type, number)
        );
    }
}

/// What the lane shows in place of such an answer is not part of the conversation: without it the
/// list is still right.
Task<void>
CodexCore::mark_withheld(Self self, Link link, std::string thread, std::vector<PastTurn>* turns) {
    if (std::ranges::none_of(*turns, is_silent)) {
        co_return;
    }
    auto known =
        read_withheld(co_await call(self, link, "thread/attachment/list", list_attachments(thread))
        );
    if (const auto live = self->threads_.find(thread)) {
        std::ranges::copy(live->withheld, std::back_inserter(known.turns));
    }
    for (PastTurn& turn : *turns) {
        if (is_silent(turn) && std::ranges::find(known.turns, turn.id) != known.turns.end()) {
            turn::TurnEnded end;
            end.withheld = true;
            turn.events.emplace_back(std::move(end));
        }
    }
}

Task<void>
CodexCore::copy_withheld(Self self, Link link, std::string from, std::shared_ptr<CodexThread> to) {
    auto known =
        read_withheld(co_await call(self, link, "thread/attachment/list", list_attachments(from)));
    if (const auto live = self->threads_.find(from)) {
        std::ranges::copy(live->withheld, std::back_inserter(known.turns));
    }
    if (!known.turns.empty()) {
        to->withheld = std::move(known.turns);
        co_await keep_withheld(self, link, std::move(to));
    }
}

} // namespace oa_stream::authority

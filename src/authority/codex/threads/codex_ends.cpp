// Codex stores neither a refusal nor its text, and not why a turn was interrupted: a turn that the
// lane ended looks like one that its user stopped. The lane stores these ends in an attachment of
// its own type on the thread. Measured with codex 0.169.0: an attachment cannot be changed, so a
// new one replaces it; a fork has none.
#include "oa_stream/base/json_members.hpp"
#include "oa_stream/base/lists.hpp"

#include "codex/codex_core.hpp"
#include "codex_attachments.hpp"

#include <algorithm>
#include <utility>

namespace oa_stream::authority {

namespace {

constexpr std::string_view k_ends_type = "oa-stream-withheld"; // named after its first use
/// Number of turns: 40 kB and 17 kB of an attachment's 65 kB.
constexpr std::size_t k_most_withheld = 1'000;
constexpr std::size_t k_most_failed = 200;

struct KeptEnds {
    TurnEnds ends{};
    std::vector<std::uint64_t> attachments{}; ///< more than one after a crash
    std::uint64_t newest = 0;
};

template <class T> void add_new(std::vector<T>& to, const std::vector<T>& more) {
    for (const T& one : more) {
        add_once(to, one);
    }
}

void add_ends(TurnEnds& to, const TurnEnds& more) {
    add_new(to.withheld, more.withheld);
    add_new(to.failed, more.failed);
}

template <class T> void keep_newest(std::vector<T>& all, std::size_t most) {
    if (all.size() > most) {
        all.erase(all.begin(), all.end() - static_cast<std::ptrdiff_t>(most));
    }
}

TurnEnds read_ends(const Json& payload) {
    TurnEnds out;
    for (const Json& turn : list_in(payload, "turns")) {
        if (turn.is_string()) {
            out.withheld.push_back(turn.get<std::string>());
        }
    }
    for (const Json& one : list_in(payload, "failed")) { // absent in payloads of earlier releases
        const auto words = turn::all_failure_words();
        const auto* found =
            find_or_null(words, text_view_in(one, "code"), &turn::FailureWords::word);
        if (found != nullptr) { // unknown words come from a later release
            out.failed.emplace_back(text_in(one, "turn"), found->code);
        }
    }
    return out;
}

Json write_ends(const TurnEnds& ends) {
    Json failed = json_list(ends.failed, [](const auto& one) {
        return Json::object({{"turn", one.first}, {"code", turn::words_of(one.second).word}});
    });
    return Json::object({{"turns", ends.withheld}, {"failed", std::move(failed)}});
}

KeptEnds read_kept(const RpcOutcome& listed) {
    KeptEnds out;
    const auto* page = std::get_if<Json>(&listed);
    for (const auto& [number, payload] :
         page == nullptr ? std::vector<Attachment>() : attachments_in(*page, k_ends_type)) {
        out.newest = std::max(out.newest, number);
        out.attachments.push_back(number);
        add_ends(out.ends, read_ends(payload));
    }
    return out;
}

/// Whether the turn may be a refusal: it completed without text after its last call.
bool is_silent(const PastTurn& turn) {
    return !turn.running && turn.outcome == turn::Outcome::completed &&
           !turn::is_answered(turn.events);
}

bool is_interrupted(const PastTurn& turn) {
    return !turn.running && turn.outcome == turn::Outcome::interrupted;
}

void mark_end(PastTurn& turn, const TurnEnds& ends) {
    if (is_silent(turn) && contains(ends.withheld, turn.id)) {
        const bool cut =
            !turn.events.empty() && std::holds_alternative<turn::TurnEnded>(turn.events.back());
        if (!cut) {
            turn.events.emplace_back(turn::TurnEnded{});
        }
        std::get<turn::TurnEnded>(turn.events.back()).withheld = true;
    }
    const auto failed =
        std::ranges::find(ends.failed, turn.id, &decltype(ends.failed)::value_type::first);
    if (is_interrupted(turn) && failed != ends.failed.end()) {
        turn.failure = failed->second;
    }
}

} // namespace

void CodexCore::note_end(const std::shared_ptr<CodexThread>& thread, const RunningTurn& live) {
    if ((!live.withheld && !live.reported_failure) || thread->ephemeral || !link_) {
        return;
    }
    if (live.withheld) {
        thread->ends.withheld.push_back(live.id());
    }
    if (live.reported_failure) {
        thread->ends.failed.emplace_back(live.id(), *live.reported_failure);
    }
    oa_stream::spawn(executor_, "codex turn's end", keep_ends(shared_from_this(), link_, thread));
}

Task<void> CodexCore::keep_ends(Self self, Link link, std::shared_ptr<CodexThread> thread) {
    auto known =
        read_kept(co_await call(self, link, "thread/attachment/list", list_attachments(thread->id))
        );
    add_ends(known.ends, thread->ends);
    keep_newest(known.ends.withheld, k_most_withheld);
    keep_newest(known.ends.failed, k_most_failed);
    Json params = attachment_params(thread->id, k_ends_type, known.newest + 1);
    params["payload"] = write_ends(known.ends);
    const auto added = co_await call(self, link, "thread/attachment/add", std::move(params));
    if (!std::holds_alternative<Json>(added)) {
        self->log(LogLevel::info, "codex did not keep how an answer ended");
        co_return;
    }
    for (const auto number : known.attachments) {
        std::ignore = co_await call(
            self,
            link,
            "thread/attachment/remove",
            attachment_params(thread->id, k_ends_type, number)
        );
    }
}

/// The text shown in place of such an answer and the reason of an end are not part of the
/// conversation, so on an error the list is still correct.
Task<void>
CodexCore::mark_ends(Self self, Link link, TurnsQuery query, std::vector<PastTurn>* turns) {
    const bool whole = query.detail == TurnsQuery::Detail::all;
    const bool asked = std::ranges::any_of(*turns, [&](const PastTurn& turn) {
        return (whole && is_silent(turn)) || (query.failures && is_interrupted(turn));
    });
    if (!asked) {
        co_return;
    }
    auto known = read_kept(
        co_await call(self, link, "thread/attachment/list", list_attachments(query.thread))
    );
    if (const auto live = self->threads_.find(query.thread)) {
        add_ends(known.ends, live->ends);
    }
    for (PastTurn& turn : *turns) {
        mark_end(turn, known.ends);
    }
}

Task<void>
CodexCore::copy_ends(Self self, Link link, std::string from, std::shared_ptr<CodexThread> to) {
    auto known =
        read_kept(co_await call(self, link, "thread/attachment/list", list_attachments(from)));
    if (const auto live = self->threads_.find(from)) {
        add_ends(known.ends, live->ends);
    }
    if (!known.ends.withheld.empty() || !known.ends.failed.empty()) {
        to->ends = std::move(known.ends);
        co_await keep_ends(self, link, std::move(to));
    }
}

} // namespace oa_stream::authority

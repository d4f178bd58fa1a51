#include "mover.hpp"

#include "oa_stream/base/lists.hpp"

#include "within.hpp"

#include <algorithm>

namespace oa_stream::playbook {

using traffic::Split;
using traffic::TrafficState;

namespace {

/// Near its deadline a rollback still gives the machinery this time to settle between two reads.
constexpr Millis k_shortest_look{2000};
constexpr Millis k_grace{1000}; ///< for a read under way at the deadline

/// Every share in `some` lies between those in `a` and `b`.
bool lies_between(const Split& some, const Split& a, const Split& b) {
    if (some.empty()) {
        return false;
    }
    for (const Split* one : {&some, &a, &b}) {
        for (const auto& [revision, ignored] : one->all()) {
            const auto [low, high] = std::minmax(a.percent_of(revision), b.percent_of(revision));
            const int share = some.percent_of(revision);
            if (share < low || share > high) {
                return false;
            }
        }
    }
    return true;
}

} // namespace

struct Mover::Attempt {
    std::string step;
    std::vector<Split> expected;
    Split to;
    Urgency urgency = Urgency::normal;
    Clock::time_point deadline{};
    Moved out{};
    bool fenced = false; ///< the fencing write was tried
    bool unclear = false; ///< the last write had an unclear result
    std::string refusal{}; ///< why the last write was refused

    [[nodiscard]] Millis left() const {
        const auto rest = std::chrono::duration_cast<Millis>(deadline - Clock::now());
        return std::max(rest, Millis(0));
    }
    [[nodiscard]] bool is_expected(const Split& split) const { return contains(expected, split); }
    [[nodiscard]] bool is_ours(const Split& split) const {
        return split == to || is_expected(split) ||
               (out.torn && lies_between(split, out.torn->first, out.torn->second));
    }
    [[nodiscard]] Millis for_a_read(Millis most) const { return std::min(most, left() + k_grace); }
    /// A retry would give the same result.
    [[nodiscard]] bool final(const Error& error) {
        out.denied = error.code == Code::credentials;
        return out.denied || error.code == Code::not_found || error.code == Code::config ||
               error.code == Code::usage;
    }
    void end_with(Moved::Result result, std::string detail) {
        out.result = result;
        out.detail = std::move(detail);
    }
};

Mover::Mover(
    traffic::TrafficDriver& driver,
    Journal& journal,
    std::function<double()> now,
    MoverOptions options
)
    : driver_(driver), journal_(journal), now_(std::move(now)), options_(std::move(options)) {
}

bool Mover::record(Attempt& now, const JournalLine& line) {
    // Also fails when another process has taken the run over.
    const auto written = journal_.record(line);
    if (written) {
        return true;
    }
    if (options_.note) {
        options_.note("journal not written", {{"error", written.error().text()}});
    }
    if (now.urgency == Urgency::rescue) {
        return true; // traffic matters more than its record
    }
    now.end_with(
        Moved::Result::not_tried, "the journal cannot be written: " + written.error().text()
    );
    return false;
}

Task<Moved> Mover::move(std::string step, std::vector<Split> expected, Split to, Urgency urgency) {
    Attempt now{
        std::move(step), std::move(expected), std::move(to), urgency, Clock::now() + options_.limit
    };
    now.out.torn = options_.torn;
    driver_.wait_no_longer_than(now.deadline);
    while (co_await attempt(&now) == After::retry) {
        if (now.left() <= options_.retry_pause || !co_await sleep_for(options_.retry_pause)) {
            break;
        }
    }
    driver_.wait_no_longer_than(Clock::time_point::max());
    co_return std::move(now.out);
}

bool Mover::reached(const TrafficState& state, const Split& to) const {
    return traffic::rests_at(state, to) &&
           (options_.exact.is_null() || driver_.same_setting(state.exact, options_.exact));
}

bool Mover::raises(const Split& serving, const Split& to) const {
    const std::string& revision = options_.never_raises;
    return !revision.empty() && to.percent_of(revision) > serving.percent_of(revision);
}

/// A partial effect of our write also counts as ours: the rollback may overwrite it.
bool Mover::is_known(const Attempt& now, const TrafficState& state) const {
    const bool serves = now.is_ours(state.serving);
    const bool wanted = now.is_ours(state.wanted);
    if (now.urgency != Urgency::rescue) {
        return serves && wanted;
    }
    return serves || wanted || (options_.restarted && options_.restarted(state.process));
}

bool Mover::is_gone(const Result<TrafficState>& state) const {
    return !state && driver_.is_gone(state.error());
}

Mover::After Mover::end_undecided(Attempt& now, const Result<TrafficState>& state) {
    const std::string why = state ? "an earlier change is still being carried out"
                                  : "the traffic cannot be read: " + state.error().text();
    now.end_with(
        now.out.mutated ? Moved::Result::unverified : Moved::Result::not_tried,
        now.refusal.empty() ? why : now.refusal + "; then " + why
    );
    return state || !now.final(state.error()) ? After::retry : After::stop;
}

Task<Mover::After> Mover::attempt(Attempt* now) {
    auto state = co_await within(now->for_a_read(options_.call_limit), driver_.read());
    now->out.gone = is_gone(state);
    if (!state || !state->settled) {
        co_return end_undecided(*now, state);
    }
    const bool rescue = now->urgency == Urgency::rescue;
    if (!rescue && !now->out.mutated && state->serving == now->to &&
        !now->is_expected(state->serving)) {
        end_as_foreign(*now, *state); // another run's write is not our success
        co_return After::stop;
    }
    // The driver may report a split before it serves: a rescue requires one acknowledged write.
    const bool owed = (rescue && now->unclear) || (options_.fence && !now->fenced);
    if (reached(*state, now->to) && !owed) {
        now->out.already = !now->out.mutated;
        (void)record(
            *now, {.phase = Phase::read_back, .step = now->step, .seen = state->serving.to_json()}
        );
        (void)record(*now, {.phase = Phase::done, .step = now->step, .to = now->to.to_json()});
        now->out.before = now->out.already ? *state : now->out.before;
        now->end_with(Moved::Result::done, now->to.text() + " serves");
        co_return After::stop;
    }
    const bool in_part = state->etag != now->out.before.etag && state->serving != now->to &&
                         now->is_ours(state->serving) && !now->is_expected(state->serving);
    if (now->out.mutated && !rescue && (state->wanted == now->to || in_part)) {
        now->end_with(
            Moved::Result::unverified,
            fmt::format("{} was asked for, and {}", now->to.text(), traffic::serves_text(*state))
        );
        co_return After::stop;
    }
    // After an unclear answer an unchanged etag proves that nothing was written. A changed etag
    // with the old split means that others are writing.
    const bool others = now->out.mutated && !rescue && state->etag != now->out.before.etag;
    if (!is_known(*now, *state) || others) {
        end_as_foreign(*now, *state);
        co_return After::stop;
    }
    if (raises(state->serving, now->to)) {
        now->end_with(
            now->out.mutated ? Moved::Result::unverified : Moved::Result::not_tried,
            fmt::format(
                "{} would give {} more: {}",
                now->to.text(),
                options_.never_raises,
                traffic::serves_text(*state)
            )
        );
        co_return After::stop;
    }
    co_return co_await write_once(now, *std::move(state));
}

void Mover::end_as_foreign(Attempt& now, const TrafficState& state) {
    const std::string found = traffic::serving_text(state);
    // Not recorded as a split that was seen: no rollback may mistake it for one of this run.
    (void)record(
        now, {.phase = Phase::unverified, .step = now.step, .more = {{run::k_found_member, found}}}
    );
    now.out.restarted =
        !now.is_expected(state.serving) && options_.restarted && options_.restarted(state.process);
    const bool only_asked = now.is_ours(state.serving) && state.wanted != state.serving;
    // A write that was not seen completely may have gone beyond its two ends.
    const std::string_view own =
        now.out.torn ? "the machinery made another split of the last write, or " : "";
    now.end_with(
        Moved::Result::foreign,
        fmt::format(
            "expected {} to serve, found {}{}{}: {}",
            now.expected.front().text(),
            found,
            only_asked ? fmt::format(", and {} requested", state.wanted.text()) : "",
            now.refusal.empty() ? "" : fmt::format(" after a refused write ({})", now.refusal),
            now.out.restarted ? "the machinery was restarted and forgot what was set"
                              : fmt::format("{}somebody else changed the traffic", own)
        )
    );
}

Task<Mover::After> Mover::write_once(Attempt* now, TrafficState state) {
    const Split from = state.serving;
    const std::string etag = state.etag;
    const auto allowed = options_.may_write ? options_.may_write() : Result<void>{};
    if (!allowed) {
        now->end_with(
            now->out.mutated ? Moved::Result::unverified : Moved::Result::not_tried,
            allowed.error().text()
        );
        co_return After::stop;
    }
    if (!record(
            *now,
            {.phase = Phase::intent,
             .step = now->step,
             .from = from.to_json(),
             .to = now->to.to_json(),
             .etag = etag}
        )) {
        co_return After::stop;
    }
    if (now->out.before.etag.empty()) {
        now->out.before = state;
    }
    const auto written = co_await within(
        options_.call_limit,
        options_.exact.is_null() ? driver_.set(now->to, etag)
                                 : driver_.restore(now->to, options_.exact, etag)
    );
    now->out.written_s = now_();
    if (!written && !is_ambiguous(written.error())) {
        co_return co_await refused(now, std::move(state), written.error());
    }
    now->out.mutated = true;
    now->fenced = true; // even a refused write does not keep an earlier one from taking effect
    // A completed write that may not persist is still completed: a retry would end alike.
    const bool acknowledged = written || written.error().code == Code::io;
    now->unclear = !acknowledged;
    (void)record(
        *now,
        {.phase = acknowledged ? Phase::written : Phase::ambiguous,
         .step = now->step,
         .detail = written ? "" : written.error().text()}
    );
    now->out.torn = {from, now->to};
    if (!written && acknowledged && options_.warn) {
        options_.warn(written.error().text());
    }
    if (!acknowledged) {
        now->end_with(Moved::Result::unverified, written.error().text());
        co_return After::retry; // a retry reads before it writes
    }
    co_return co_await read_back(now, from);
}

/// A refused write may still have changed something: read the state again.
Task<Mover::After> Mover::refused(Attempt* now, TrafficState before, Error error) {
    // A conflict means that the state we decided on is outdated: read and decide again.
    const bool conflict = error.code == Code::conflict;
    const bool final = now->final(error);
    const bool rescue = now->urgency == Urgency::rescue;
    now->refusal = error.text();
    const auto seen = conflict || now->out.denied
                          ? Result<TrafficState>(before)
                          : co_await within(now->for_a_read(options_.call_limit), driver_.read());
    const bool same = seen && seen->serving == before.serving && seen->wanted == before.wanted;
    (void)record(
        *now,
        {.phase = same ? Phase::refused : Phase::ambiguous,
         .step = now->step,
         .detail = error.text()}
    );
    if (same) {
        now->end_with(
            now->out.mutated ? Moved::Result::unverified : Moved::Result::refused, error.text()
        );
    } else {
        now->out.mutated = true;
        now->out.torn = {before.serving, now->to};
        now->end_with(
            Moved::Result::unverified,
            fmt::format(
                "{}; and yet {}",
                error.text(),
                seen ? traffic::serves_text(*seen) + " now"
                     : "the current split is unknown: " + seen.error().text()
            )
        );
    }
    if (conflict && !rescue && now->left() <= options_.retry_pause) { // no further retry reads it
        const auto last = co_await within(now->for_a_read(options_.call_limit), driver_.read());
        // An earlier write of this move whose answer was lost may have taken effect by now.
        const bool own = last && now->out.mutated && now->is_ours(last->serving);
        if (last && !own && !now->is_expected(last->serving)) {
            end_as_foreign(*now, *last);
        }
    }
    // A rollback retries until its deadline.
    co_return conflict || (rescue && !final) ? After::retry : After::stop;
}

Task<Mover::After> Mover::read_back(Attempt* now, Split from) {
    const bool rescue = now->urgency == Urgency::rescue;
    // A rescue retries, but never without a pause.
    const Millis shortest = std::min(k_shortest_look, options_.limit / 4);
    const Millis limit =
        rescue ? std::max(now->left() / 2, std::min(now->left(), shortest)) : now->left();
    auto seen = co_await within(
        limit + std::min(options_.call_limit, k_grace), driver_.verify(now->to, limit)
    );
    now->out.differs = seen && !reached(*seen, now->to);
    if (now->out.differs) {
        seen = fail(
            Code::precondition, now->to.text() + " serves, but the setting is not the recorded one"
        );
    }
    if (seen) {
        (void)record(
            *now, {.phase = Phase::read_back, .step = now->step, .seen = seen->serving.to_json()}
        );
        (void)record(
            *now,
            {.phase = Phase::done,
             .step = now->step,
             .from = from.to_json(),
             .to = now->to.to_json()}
        );
        now->end_with(Moved::Result::done, now->to.text() + " serves");
        co_return After::stop;
    }
    (void
    )record(*now, {.phase = Phase::unverified, .step = now->step, .detail = seen.error().text()});
    now->end_with(Moved::Result::unverified, seen.error().text());
    // The same write would end the same way.
    const bool useless = now->out.differs || (!seen && now->final(seen.error()));
    co_return rescue && !useless ? After::retry : After::stop;
}

} // namespace oa_stream::playbook

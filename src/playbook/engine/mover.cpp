#include "mover.hpp"

#include "within.hpp"

#include <algorithm>

namespace oa_stream::playbook {

using traffic::Split;
using traffic::TrafficState;

struct Mover::Attempt {
    std::string step;
    std::vector<Split> expected;
    Split to;
    Urgency urgency = Urgency::normal;
    Clock::time_point deadline{};
    Moved out{};
    bool fenced = false; ///< the write that fences was tried

    [[nodiscard]] Millis left() const {
        const auto rest = std::chrono::duration_cast<Millis>(deadline - Clock::now());
        return std::max(rest, Millis(0));
    }
    [[nodiscard]] bool is_ours(const Split& split) const {
        return split == to || std::ranges::find(expected, split) != expected.end();
    }
    /// Asking again would bring the same answer.
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
    while (co_await attempt(&now) == After::retry) {
        if (now.left() <= options_.retry_pause || !co_await sleep_for(options_.retry_pause)) {
            break;
        }
    }
    co_return std::move(now.out);
}

bool Mover::reached(const TrafficState& state, const Split& to) const {
    return state.serving == to && (options_.exact.is_null() || state.exact == options_.exact);
}

Task<Mover::After> Mover::attempt(Attempt* now) {
    const auto asked = Clock::now();
    auto state = co_await within(options_.call_limit, driver_.read());
    if (!state || !state->settled) {
        now->end_with(
            now->out.mutated ? Moved::Result::unverified : Moved::Result::not_tried,
            state ? "an earlier change is still being carried out"
                  : "the traffic cannot be read: " + state.error().text()
        );
        co_return state || !now->final(state.error()) ? After::retry : After::stop;
    }
    now->deadline += Clock::now() - asked; // what the machinery made us wait is not our time
    if (reached(*state, now->to) && (!options_.fence || now->fenced)) {
        now->out.already = !now->out.mutated;
        (void)record(
            *now, {.phase = Phase::read_back, .step = now->step, .seen = state->serving.to_json()}
        );
        (void)record(*now, {.phase = Phase::done, .step = now->step, .to = now->to.to_json()});
        now->out.before = now->out.already ? *state : now->out.before;
        now->end_with(Moved::Result::done, now->to.text() + " serves");
        co_return After::stop;
    }
    // A write of ours that came true in part is ours, too: the rollback may write over it.
    const bool rescue = now->urgency == Urgency::rescue;
    const bool known = rescue ? now->is_ours(state->serving) || now->is_ours(state->wanted)
                              : now->is_ours(state->serving) && now->is_ours(state->wanted);
    if (now->out.mutated && !rescue && state->wanted == now->to) {
        now->end_with(
            Moved::Result::unverified,
            fmt::format("{} was asked for, and {} serves", now->to.text(), state->serving.text())
        );
        co_return After::stop;
    }
    // After an unclear answer an unchanged etag proves that nothing was written; with another one
    // and yet the old split, others are at work.
    const bool others = now->out.mutated && !rescue && state->etag != now->out.before.etag;
    if (!known || others) {
        now->end_with(
            Moved::Result::foreign,
            fmt::format(
                "expected {} to serve, found {}: somebody else changed the traffic",
                now->expected.front().text(),
                state->serving.text()
            )
        );
        co_return After::stop;
    }
    co_return co_await write_once(now, *std::move(state));
}

Task<Mover::After> Mover::write_once(Attempt* now, TrafficState state) {
    const Split from = state.serving;
    const std::string etag = state.etag;
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
    now->fenced = true;
    if (now->out.before.etag.empty()) {
        now->out.before = std::move(state);
    }
    const auto asked = Clock::now();
    const auto written = co_await within(
        options_.call_limit,
        options_.exact.is_null() ? driver_.set(now->to, etag)
                                 : driver_.restore(now->to, options_.exact, etag)
    );
    now->out.written_s = now_();
    if (!written && !is_ambiguous(written.error())) {
        (void)record(
            *now, {.phase = Phase::refused, .step = now->step, .detail = written.error().text()}
        );
        now->end_with(
            now->out.mutated ? Moved::Result::unverified : Moved::Result::refused,
            written.error().text()
        );
        const bool final = now->final(written.error());
        // A conflict says that the state we decided on is old: read and decide again.
        // A rollback is tried until its time is over.
        const bool conflict = written.error().code == Code::conflict;
        const bool rescue = now->urgency == Urgency::rescue;
        co_return conflict || (rescue && !final) ? After::retry : After::stop;
    }
    now->out.mutated = true;
    (void)record(
        *now,
        {.phase = written ? Phase::written : Phase::ambiguous,
         .step = now->step,
         .detail = written ? "" : written.error().text()}
    );
    if (!written) {
        now->end_with(Moved::Result::unverified, written.error().text());
        co_return After::retry; // reads before it writes
    }
    now->deadline += Clock::now() - asked;
    co_return co_await read_back(now, from);
}

Task<Mover::After> Mover::read_back(Attempt* now, Split from) {
    const bool rescue = now->urgency == Urgency::rescue;
    const Millis limit = rescue ? now->left() / 2 : now->left(); // a rescue tries again
    auto seen = co_await within(limit + options_.call_limit, driver_.verify(now->to, limit));
    const bool differs = seen && !reached(*seen, now->to);
    if (differs) {
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
    // The same write again would have the same end.
    const bool useless = differs || (!seen && now->final(seen.error()));
    co_return rescue && !useless ? After::retry : After::stop;
}

} // namespace oa_stream::playbook

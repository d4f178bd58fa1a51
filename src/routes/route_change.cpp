#include "oa_stream/routes/route_change.hpp"

#include "oa_stream/base/clock.hpp"
#include "oa_stream/base/json_members.hpp"
#include "oa_stream/base/lists.hpp"

#include "route_look.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace oa_stream::routes {
namespace {

using run::Phase;

constexpr int k_tries = 3; ///< of one write whose answer is lost

void add_missing(std::vector<RouteWrite>& writes, std::vector<RouteWrite> more) {
    for (RouteWrite& one : more) {
        const bool there = std::ranges::any_of(writes, [&](const RouteWrite& other) {
            return other.domain == one.domain;
        });
        if (!there) {
            writes.push_back(std::move(one));
        }
    }
}

// NOLINTBEGIN(*-avoid-reference-coroutine-parameters): each is awaited at once by one that holds
// what it is given

/// Brings every process behind the address to one memory.
class Changer {
public:
    explicit Changer(RouteRun& run)
        : run_(run), before_(overrides_of(run.before)), ours_(run.known), seen_(run.last_seen) {
        ours_.push_back(before_);
        if (run.goal_is_ours) {
            ours_.push_back(run.goal);
        }
    }

    /// Writes what differs and spreads it. Every way out is an outcome in `out`.
    Task<void> apply(RouteOutcome& out);
    Task<void> undo(RouteOutcome& out);
    Task<RouteVerified> look_undone();

private:
    struct Way {
        Overrides from;
        Overrides to;
        std::vector<RouteExpectation> paths;
        bool undo = false;
    };

    [[nodiscard]] Way way_to_goal() const { return {before_, run_.goal, run_.paths, false}; }
    [[nodiscard]] Way way_home() const;
    [[nodiscard]] Result<void> record(
        const Way& way,
        Phase phase,
        std::string detail = {},
        const std::optional<RouteWrite>& write = {}
    ) const;
    [[nodiscard]] bool stopping(const Way& way) const {
        return !way.undo && run_.stop && run_.stop();
    }
    [[nodiscard]] Result<void> allowed() const {
        return run_.may_write ? run_.may_write() : Result<void>{};
    }
    void conclude(const Way& way, bool done, const std::optional<Error>& error) const {
        (void
        )record(way, done ? Phase::done : Phase::unverified, error ? error->text() : std::string());
    }
    void say(const std::string& line) const {
        if (run_.say) {
            run_.say(line);
        }
    }
    Task<Result<void>> put(const Way& way, RouteWrite write, RouteOutcome& out);
    Task<Result<void>> put_once(const Way& way, RouteWrite write, RouteOutcome& out);
    [[nodiscard]] Result<void> may_put(const Way& way, const RouteWrite& write) const;
    Task<Result<void>> look_again(const Way& way, RouteWrite write);
    Task<Result<void>> put_all(const Way& way, std::vector<RouteWrite> writes, RouteOutcome& out);
    Task<Result<void>> undo_ours(const Way& way, RouteOutcome& out);
    Task<Result<void>> agree(const Way& way, RouteOutcome& out, RouteVerified& verified);
    Task<Result<std::optional<Overrides>>> row(const Way& way, RouteVerified& seen);
    [[nodiscard]] std::optional<Error> foreign(const Overrides& seen) const;
    [[nodiscard]] std::optional<Error>
    leave_theirs(std::vector<RouteWrite>& writes, const Overrides& seen) const;

    RouteRun& run_;
    Overrides before_;
    std::vector<Overrides> ours_; ///< values of anything else are somebody else's
    std::optional<Overrides> seen_; ///< what the last answer showed
};

Result<void> Changer::record(
    const Way& way, Phase phase, std::string detail, const std::optional<RouteWrite>& write
) const {
    if (run_.journal == nullptr) {
        return {};
    }
    run::JournalLine line{.phase = phase, .step = "route", .detail = std::move(detail)};
    line.more["way"] = way.undo ? "back" : "forth";
    if (write) {
        line.step += ":" + write->domain.value_or("global");
        line.more["domain"] = or_null(write->domain);
        line.more["target"] = write->target;
    }
    if (!write || phase == Phase::intent) {
        line.from = to_json(way.from);
        line.to = to_json(way.to);
    }
    return run_.journal->record(line);
}

Changer::Way Changer::way_home() const {
    const auto paths = mapped(run_.paths, &RouteExpectation::path);
    return {run_.goal, before_, expectations_of(run_.before, before_, paths), true};
}

/// What the last answer shows of somebody else's ends a change; an undo leaves it as it is.
Result<void> Changer::may_put(const Way& way, const RouteWrite& write) const {
    OA_CHECK(allowed());
    std::vector<RouteWrite> one{write};
    auto theirs = !seen_ ? std::nullopt : way.undo ? leave_theirs(one, *seen_) : foreign(*seen_);
    return theirs ? Result<void>(std::unexpected(*std::move(theirs))) : Result<void>{};
}

/// The service let the write wait.
Task<Result<void>> Changer::look_again(const Way& way, RouteWrite write) {
    if (const auto status = co_await run_.client->status()) {
        seen_ = overrides_of(*status);
    }
    co_return may_put(way, write);
}

/// A full disk must not stop an undo.
Task<Result<void>> Changer::put_once(const Way& way, RouteWrite write, RouteOutcome& out) {
    OA_CO_CHECK(may_put(way, write));
    say(fmt::format("{}{}", way.undo ? "back: " : "", write.text()));
    auto recorded = record(way, Phase::intent, {}, write);
    if (!recorded && !way.undo) {
        co_return recorded;
    }
    ++out.writes;
    const auto answer =
        co_await run_.client->override_target(write, [&] { return look_again(way, write); });
    out.mutated = out.mutated || answer || is_ambiguous(answer.error());
    if (answer) {
        seen_ = overrides_of(*answer);
        if (seen_->of(write.domain) == way.to.of(write.domain)) {
            co_return record(way, Phase::written, {}, write);
        }
    }
    const Error error = answer ? Error{Code::protocol, "the answer does not show the new override"}
                               : answer.error();
    const bool unclear = answer.has_value() || is_ambiguous(error);
    (void)record(way, unclear ? Phase::ambiguous : Phase::refused, error.text(), write);
    co_return std::unexpected(error);
}

Task<Result<void>> Changer::put(const Way& way, RouteWrite write, RouteOutcome& out) {
    Result<void> last{};
    for (int attempt = 1; attempt <= k_tries; ++attempt) {
        last = co_await put_once(way, write, out);
        const bool lost = !last && last.error().code != Code::io && is_ambiguous(last.error());
        if (!lost) {
            co_return last;
        }
        // It may have happened: look before it is repeated.
        const auto status = co_await run_.client->status();
        seen_ = status ? overrides_of(*status) : seen_;
        if (status && seen_->of(write.domain) == way.to.of(write.domain)) {
            co_return record(way, Phase::seen, "it was carried out", write);
        }
        (void)record(
            way, Phase::seen, status ? "it was not carried out there" : status.error().text(), write
        );
    }
    co_return last;
}

Task<Result<void>>
Changer::put_all(const Way& way, std::vector<RouteWrite> writes, RouteOutcome& out) {
    for (RouteWrite& write : writes) {
        if (stopping(way)) {
            co_return fail(Code::cancelled, "interrupted");
        }
        const auto done = co_await put(way, std::move(write), out);
        if (!done && (!way.undo || !allowed())) {
            co_return done;
        }
    }
    co_return Result<void>{};
}

/// Somebody else's hand.
std::optional<Error> Changer::foreign(const Overrides& seen) const {
    if (is_ours(seen, ours_)) {
        return std::nullopt;
    }
    return Error{
        Code::conflict,
        fmt::format("somebody else is changing the routes: {}", seen.text()),
        {},
        "nothing of theirs is overwritten; route status shows what is set"
    };
}

/// Takes out the writes that would change what somebody else has set; the error names them.
std::optional<Error>
Changer::leave_theirs(std::vector<RouteWrite>& writes, const Overrides& seen) const {
    std::string theirs;
    std::erase_if(writes, [&](const RouteWrite& write) {
        const auto value = seen.of(write.domain);
        const bool ours = !value || std::ranges::any_of(ours_, [&](const Overrides& one) {
            return one.of(write.domain) == value;
        });
        theirs += ours ? "" : fmt::format("{} {} ", write.domain.value_or("global"), *value);
        return !ours;
    });
    if (theirs.empty()) {
        return std::nullopt;
    }
    return Error{
        Code::conflict, fmt::format("somebody else set {}meanwhile; it was not changed", theirs)
    };
}

/// Looks until enough in a row agree (nullopt), or the memory of the first that does not.
Task<Result<std::optional<Overrides>>> Changer::row(const Way& way, RouteVerified& seen) {
    int failures = 0;
    for (seen.row = 0; seen.row < run_.looks.agree;) {
        if (stopping(way)) {
            co_return fail(Code::cancelled, "interrupted");
        }
        const auto look = co_await look_at_routes(
            *run_.client, way.to, way.paths, run_.cohort_key, seen.looks % 2 == 1
        );
        ++seen.looks;
        if (!look) {
            seen.row = 0;
            // An undo is worth more than one attempt.
            if (!way.undo || ++failures == k_tries) {
                co_return std::unexpected(look.error());
            }
            continue;
        }
        if (const auto& memory = look->memory) {
            add_once(seen.memories, *memory);
            seen_ = *memory;
        }
        if (!look->ok) {
            seen.seen = look->seen;
            // Right in memory and wrong in what it serves: another process answered the second
            // time, one that was not met yet.
            co_return look->memory == way.to ? way.from : look->memory.value_or(way.from);
        }
        ++seen.row;
    }
    seen.ok = true;
    seen.seen.clear();
    co_return std::optional<Overrides>{};
}

/// Connections are dealt out among the processes in turn or at random: ever more writes one after
/// the other meet ever more of them.
Task<Result<void>> Changer::agree(const Way& way, RouteOutcome& out, RouteVerified& verified) {
    RouteVerified seen;
    const auto deadline = Clock::now() + run_.looks.limit;
    const int first = out.writes;
    for (int burst = 2;; ++burst) {
        OA_CO_TRY(const auto stranger, co_await row(way, seen));
        if (!stranger) {
            break;
        }
        auto writes = writes_between(*stranger, way.to);
        if (auto kept = way.undo ? leave_theirs(writes, *stranger) : std::nullopt;
            kept && writes.empty()) {
            co_return std::unexpected(*std::move(kept));
        }
        const int more = burst * static_cast<int>(writes.size());
        if (writes.empty() || out.writes - first + more > run_.looks.most_writes ||
            Clock::now() > deadline) {
            break;
        }
        (void)record(way, Phase::seen, seen.seen);
        for (int i = 0; i < burst; ++i) {
            OA_CO_CHECK(co_await put_all(way, writes, out));
        }
        if (!co_await sleep_for(run_.looks.pause)) {
            co_return fail(Code::cancelled, "cancelled");
        }
    }
    verified = std::move(seen);
    co_return Result<void>{};
}

Task<void> Changer::apply(RouteOutcome& out) {
    const Way way = way_to_goal();
    auto done = record(way, Phase::begin, run_.client->base_url());
    if (done) {
        auto writes = writes_between(way.from, way.to);
        for (const Overrides& known : run_.known) {
            add_missing(writes, writes_between(known, way.to));
        }
        done = co_await put_all(way, std::move(writes), out);
    }
    if (done) {
        done = co_await agree(way, out, out.verified);
    }
    if (done && stopping(way)) {
        done = fail(Code::cancelled, "interrupted");
    }
    if (done && !out.verified.ok) {
        done = fail(
            Code::timeout,
            fmt::format(
                "{} successive fresh connections never agreed: {}",
                run_.looks.agree,
                out.verified.seen
            ),
            {},
            "overrides live in the memory of each process"
        );
    }
    out.changed = done.has_value();
    if (!done) {
        out.interrupted = done.error().code == Code::cancelled;
        out.error = std::move(done).error();
    }
    conclude(way, out.changed, out.error);
}

/// What somebody else set meanwhile is theirs: it stays, and the result names it.
Task<Result<void>> Changer::undo_ours(const Way& way, RouteOutcome& out) {
    auto writes = writes_between(way.from, way.to);
    std::ranges::reverse(writes);
    if (const auto now = co_await run_.client->status()) {
        seen_ = overrides_of(*now);
    }
    auto kept = leave_theirs(writes, seen_.value_or(way.from));
    OA_CO_CHECK(co_await put_all(way, std::move(writes), out));
    co_return kept ? Result<void>(std::unexpected(*std::move(kept))) : Result<void>{};
}

Task<RouteVerified> Changer::look_undone() {
    RouteVerified seen;
    const auto stranger = co_await row(way_home(), seen);
    seen.ok = seen.ok && stranger.has_value();
    co_return seen;
}

Task<void> Changer::undo(RouteOutcome& out) {
    const Way way = way_home();
    auto done = co_await undo_ours(way, out);
    if (done) {
        done = co_await agree(way, out, out.back);
    }
    out.restored = done && out.back.ok;
    if (!out.restored) {
        out.restore_error = done ? Error{Code::timeout, out.back.seen} : done.error();
    }
    conclude(way, out.restored, out.restore_error);
}

// NOLINTEND(*-avoid-reference-coroutine-parameters)

} // namespace

Task<RouteOutcome> change_routes(RouteRun run) {
    RouteOutcome out;
    Changer changer(run);
    co_await changer.apply(out);
    if (!out.changed && out.mutated) {
        co_await changer.undo(out);
    }
    co_return out;
}

Task<RouteOutcome> undo_routes(RouteRun run) {
    RouteOutcome out;
    Changer changer(run);
    out.back = co_await changer.look_undone();
    out.restored = out.back.ok;
    if (!out.restored) {
        co_await changer.undo(out);
    }
    co_return out;
}

} // namespace oa_stream::routes

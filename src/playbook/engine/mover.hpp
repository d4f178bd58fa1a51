// One change of the traffic split, with journal lines. Private to the room.
#pragma once

#include "oa_stream/traffic/driver.hpp"

#include "journal.hpp"

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace oa_stream::playbook {

struct MoverOptions {
    /// For all attempts together, including waits that the machinery imposes. Only a write under
    /// way may exceed it: its result would be unknown if it were cut short.
    Millis limit{15000};
    Millis call_limit{5000}; ///< for one driver call; a driver that hangs is abandoned
    Millis retry_pause{200};
    /// The machinery's whole setting for `to`; null: the split is sufficient. With it `done` means
    /// that this setting is restored, not only its split.
    Json exact = nullptr;
    /// Write once even when `to` serves already: an earlier write, or one of a process that died,
    /// may still be under way, and this write invalidates its etag.
    bool fence = false;
    /// A write of ours that was not seen completely: a split between the two counts as ours, too.
    std::optional<std::pair<traffic::Split, traffic::Split>> torn{};
    /// Called before each write: another process may have taken the run over. Unset: it cannot.
    std::function<Result<void>()> may_write{};
    /// Whether the machinery was restarted and lost our setting: its split was not chosen by
    /// anyone, so a rescue may overwrite it. Unset: it never restarted.
    std::function<bool(const traffic::MachineryProcess& process)> restarted{};
    std::function<void(std::string_view event, Json fields)> note{};
    /// Warns the reader of the result although the move itself succeeded.
    std::function<void(const std::string& text)> warn{};
    /// No write gives this revision more than its last read share. Empty: no restriction.
    std::string never_raises{};
};

/// How a move treats its own failures.
enum class Urgency {
    normal, ///< never writes without a journal line
    rescue, ///< restoring the baseline: continues when the journal cannot be written
};

struct Moved {
    enum class Result {
        done, ///< seen serving
        not_tried, ///< nothing was written: no journal line or no state was available
        refused, ///< the driver refused; nothing was written
        foreign, ///< somebody else's split serves; left alone
        unverified, ///< written or ambiguous, and not seen serving
    };
    Result result = Result::not_tried;
    bool mutated = false; ///< we may have written something
    bool denied = false; ///< credentials were refused
    bool gone = false; ///< what is to be shifted did not exist at the last read
    bool differs =
        false; ///< the split serves, but the machinery's setting differs from the recorded one
    bool already = false; ///< it served before anything was written
    bool restarted = false; ///< a restart produced the foreign split; it was not chosen by anyone
    /// The write that was not seen completely: from and to.
    std::optional<std::pair<traffic::Split, traffic::Split>> torn{};
    std::string detail{};
    double written_s = -1; ///< by the clock `now`
    traffic::TrafficState before{};
};

class Mover {
public:
    /// All references must outlive the mover. `now`: seconds on the run's clock.
    Mover(
        traffic::TrafficDriver& driver,
        Journal& journal,
        std::function<double()> now,
        MoverOptions options
    );

    /// Moves from one of `expected` to `to`: intent → write → read-back → done. Any other serving
    /// split is foreign, and so is `to` itself when a normal move did not write it. Writes only
    /// when the previous write has settled; after an ambiguous answer it reads before it writes
    /// again.
    [[nodiscard]] Task<Moved> move(
        std::string step, std::vector<traffic::Split> expected, traffic::Split to, Urgency urgency
    );

private:
    enum class After { retry, stop };
    struct Attempt;

    [[nodiscard]] bool is_gone(const Result<traffic::TrafficState>& state) const;
    [[nodiscard]] bool is_known(const Attempt& now, const traffic::TrafficState& state) const;
    [[nodiscard]] bool reached(const traffic::TrafficState& state, const traffic::Split& to) const;
    [[nodiscard]] bool raises(const traffic::Split& serving, const traffic::Split& to) const;
    [[nodiscard]] Task<After> attempt(Attempt* now);
    [[nodiscard]] Task<After> write_once(Attempt* now, traffic::TrafficState state);
    [[nodiscard]] Task<After> refused(Attempt* now, traffic::TrafficState before, Error error);
    [[nodiscard]] Task<After> read_back(Attempt* now, traffic::Split from);
    /// A state that is unreadable or still changing is read again.
    [[nodiscard]] static After
    end_undecided(Attempt& now, const Result<traffic::TrafficState>& state);
    void end_as_foreign(Attempt& now, const traffic::TrafficState& state);
    [[nodiscard]] bool record(Attempt& now, const JournalLine& line);

    traffic::TrafficDriver& driver_;
    Journal& journal_;
    std::function<double()> now_;
    MoverOptions options_;
};

} // namespace oa_stream::playbook

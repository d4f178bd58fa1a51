// One change of traffic, journaled. Private to the room.
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
    /// All attempts together, with what the machinery makes us wait. Only a write under way may
    /// outlast it: cut short, nobody would know what became of it.
    Millis limit{15000};
    Millis call_limit{5000}; ///< one driver call; a driver that hangs is given up
    Millis retry_pause{200};
    /// The whole setting that `to` stands for; null: the split says it all. With it `done` means
    /// that this setting is there again, not only its split.
    Json exact = nullptr;
    /// Write once even when `to` serves already: an earlier write, or one of a process that died,
    /// may still be under way, and this one makes its etag old.
    bool fence = false;
    /// A write of ours that was not seen whole: what serves between the two is ours, too.
    std::optional<std::pair<traffic::Split, traffic::Split>> torn{};
    /// Asked before each write: another process may have taken the run over. Unset: it cannot.
    std::function<Result<void>()> may_write{};
    /// Whether this is machinery that was started again and forgot what we set: nobody chose what
    /// it serves, and a rescue may write over it. Unset: it never was.
    std::function<bool(const traffic::MachineryProcess& process)> restarted{};
    std::function<void(std::string_view event, Json fields)> note{};
    /// What whoever reads the result must know though the move itself went well.
    std::function<void(const std::string& text)> warn{};
    /// No write gives this revision more than it was just read to have. Empty: any may.
    std::string never_raises{};
};

/// How careful a move has to be with its own means.
enum class Urgency {
    normal, ///< without a journal line nothing is written
    rescue, ///< restoring the baseline: goes on when the journal cannot be written
};

struct Moved {
    enum class Result {
        done, ///< seen serving
        not_tried, ///< nothing was written: the journal or the state could not be had
        refused, ///< the driver refused, nothing was written
        foreign, ///< somebody else's split serves; left alone
        unverified, ///< written or ambiguous, and not seen serving
    };
    Result result = Result::not_tried;
    bool mutated = false; ///< something may have been written by us
    bool denied = false; ///< credentials were refused
    bool gone = false; ///< at the last look, what is to be moved did not exist
    bool differs =
        false; ///< it serves, and the machinery makes another setting of the recorded one
    bool already = false; ///< it served before anything was written
    bool restarted = false; ///< what is foreign was brought by a restart: nobody chose it
    /// The write that was not seen whole: from and to.
    std::optional<std::pair<traffic::Split, traffic::Split>> torn{};
    std::string detail{};
    double written_s = -1; ///< clock of `now`
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

    /// From one of `expected` to `to`: intent → write → read-back → done. Anything else that serves
    /// is foreign, and so is `to` itself when a normal move did not write it: somebody else did.
    /// Writes only when the previous write has settled; after an ambiguous answer it reads before
    /// it writes again.
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
    /// What cannot be read, or still changes, is looked at again.
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

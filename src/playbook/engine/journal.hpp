// Reads the traffic split from a run's journal. Private to the room.
#pragma once

#include "oa_stream/run/run_journal.hpp"
#include "oa_stream/traffic/split.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace oa_stream::playbook {

using run::Journal;
using run::JournalLine;
using run::JournalSink;
using run::Phase;

/// Summary of the journal of a run that may have died.
struct JournalSummary {
    traffic::Split baseline;                ///< empty: nothing was begun
    std::string plan;
    /// Last split of the run that was seen serving or confirmed.
    std::optional<traffic::Split> serving{};
    std::string found{}; ///< the split that others set after that; empty: none
    std::optional<traffic::Split> pending{}; ///< an intent without an outcome: may serve or not
    /// From and to of that intent: a split in between may also serve.
    std::optional<std::pair<traffic::Split, traffic::Split>> torn{};
    bool unclear = false; ///< a write since the last split that was seen had an unclear result
    bool late = false; ///< a write before the pending one may still take effect, wholly or partly
    std::vector<traffic::Split> written{}; ///< every split that was intended to be written
    std::vector<std::string> done{}; ///< steps whose split was seen serving
    std::string step{};                     ///< of the last intent
    std::string last_at{};                  ///< of the last line
    std::string ending{};                   ///< verdict and exit code of the end line
    std::uint64_t lines = 0; ///< complete lines
    bool ended = false;
    bool torn_tail = false; ///< a crash cut the last line, which is ignored
    std::optional<run::JournalEnd> end{}; ///< content of the end line
    /// A write was not refused, and no end line reports everything as verified.
    bool unsettled = false;
    /// Something other than the baseline may serve: it was seen, or a write is not verified.
    [[nodiscard]] bool needs_rollback() const noexcept;
};

/// Errors as run::read_journal_lines().
[[nodiscard]] Result<JournalSummary> read_journal(std::string_view text);

} // namespace oa_stream::playbook

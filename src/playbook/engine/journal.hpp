// What a run's journal says about the traffic split. Private to the room.
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

/// What a journal says about a run that may have died.
struct JournalSummary {
    traffic::Split baseline;                ///< empty: nothing was begun
    std::string plan;
    std::optional<traffic::Split> serving{}; ///< last split of the run that was seen or confirmed
    std::string found{};                     ///< what others had set after that; empty: nothing
    std::optional<traffic::Split> pending{}; ///< an intent without an outcome: may serve or not
    /// From and to of that intent: what lies between may serve, too.
    std::optional<std::pair<traffic::Split, traffic::Split>> torn{};
    bool unclear = false; ///< a write since the last split that was seen got no clear answer
    bool late = false; ///< one before the pending may still come true, in whole or in part
    std::vector<traffic::Split> written{};  ///< every split that was set out to be written
    std::vector<std::string> done{};        ///< steps seen serving what they were to bring
    std::string step{};                     ///< of the last intent
    std::string last_at{};                  ///< of the last line
    std::string ending{};                   ///< verdict and exit code of the end line
    std::uint64_t lines = 0;                ///< whole ones
    bool ended = false;
    bool torn_tail = false; ///< the last line was cut by a crash and is left out
    std::optional<run::JournalEnd> end{}; ///< what the end line says
    bool unsettled = false; ///< a write was not refused, and no end says that all is verified
    /// Something other than the baseline may serve: it was seen, or a write is not verified yet.
    [[nodiscard]] bool needs_rollback() const noexcept;
};

/// Errors as of run::read_journal_lines().
[[nodiscard]] Result<JournalSummary> read_journal(std::string_view text);

} // namespace oa_stream::playbook

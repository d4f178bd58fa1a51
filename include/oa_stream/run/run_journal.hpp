// The write-ahead journal: before anything is changed it says what, and after every answer it says
// how it went. What a rollback after a crash needs is in it and nowhere else.
#pragma once

#include "oa_stream/base/json.hpp"
#include "oa_stream/traffic/split.hpp"

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace oa_stream::playbook {

enum class Phase {
    begin,      ///< first line: baseline and plan
    intent,     ///< about to write `to`; it may have happened from here on
    written,    ///< the driver said yes
    ambiguous,  ///< no clear answer; the next read-back tells
    refused,    ///< the driver said no, nothing was written
    read_back,  ///< what was seen serving
    done,       ///< seen serving what was intended
    unverified, ///< not seen within the limit
    end,        ///< last line: verdict
    resumed,    ///< another process goes on with a run that ended or died: a rollback
};
[[nodiscard]] std::string_view to_string(Phase phase) noexcept;

/// One line. Which members are set depends on the phase.
struct JournalLine {
    Phase phase = Phase::begin;
    std::string step{};
    traffic::Split from{};
    traffic::Split to{};
    traffic::Split seen{};
    std::string etag{};
    std::string detail{};
};

/// Writes one line durably before it returns.
using JournalSink = std::function<Result<void>(const Json& line)>;

class Journal {
public:
    /// `next`: number of the first line it writes.
    explicit Journal(JournalSink sink, std::uint64_t next = 1)
        : sink_(std::move(sink)), next_(next) {}
    [[nodiscard]] Result<void> record(const JournalLine& line);

private:
    JournalSink sink_;
    std::uint64_t next_;
};

/// What a journal tells about a run that may have died.
struct JournalStory {
    traffic::Split baseline;                ///< empty: nothing was begun
    std::string plan;
    std::optional<traffic::Split> serving{}; ///< last split seen or confirmed
    std::optional<traffic::Split> pending{}; ///< an intent without an outcome: may serve or not
    std::vector<traffic::Split> written{};  ///< every split that was set out to be written
    std::vector<std::string> done{};        ///< steps seen serving what they were to bring
    std::string step{};                     ///< of the last intent
    std::string last_at{};                  ///< of the last line
    std::string ending{};                   ///< verdict and exit code of the end line
    std::uint64_t lines = 0;                ///< whole ones
    bool ended = false;
    bool torn_tail = false; ///< the last line was cut by a crash and is left out
    /// Something other than the baseline may serve.
    [[nodiscard]] bool needs_rollback() const noexcept;
};

/// Code::unreadable for a line that is neither readable nor the last, or out of sequence.
[[nodiscard]] Result<JournalStory> read_journal(std::string_view text);

} // namespace oa_stream::playbook

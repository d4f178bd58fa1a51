// The write-ahead journal: before anything is changed it says what, and after every answer it says
// how it went. What a rollback after a crash needs is in it and nowhere else.
#pragma once

#include "oa_stream/base/error.hpp"
#include "oa_stream/base/json.hpp"
#include "oa_stream/run/files.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace oa_stream::run {

/// Events of the timeline, before the first write of a shift or a rollback.
inline constexpr std::string_view k_shift_begins = "shift begins";
inline constexpr std::string_view k_restore_begins = "restore begins";
/// Of a line: the traffic that others had set, in words.
inline constexpr const char* k_found_member = "found";

enum class Phase {
    begin,      ///< first line: what serves before
    intent,     ///< about to write `to`; it may have happened from here on
    written,    ///< the other side accepted it
    ambiguous,  ///< no clear answer; the next read-back shows
    refused,    ///< the other side refused it, nothing was written
    read_back,  ///< what was seen serving
    seen,       ///< the same of routes
    done,       ///< seen serving what was intended
    unverified, ///< not seen within the limit
    end,        ///< last line: verdict
    resumed,    ///< another process goes on with a run that ended or died: a rollback
};
[[nodiscard]] std::string_view to_string(Phase phase) noexcept;

/// One line. Which members are set depends on the phase. States are documents of what is changed: a
/// traffic split, or route overrides; null and empty ones are left out.
struct JournalLine {
    Phase phase = Phase::begin;
    std::string step{};
    Json from = nullptr;
    Json to = nullptr;
    Json seen = nullptr;
    std::string etag{};
    std::string detail{};
    /// Further members. A line with "way" is about routes, any other about the traffic split.
    Json more = Json::object();

    [[nodiscard]] bool about_routes() const { return more.contains("way"); }
};

/// Writes one line durably before it returns.
using JournalSink = std::function<Result<void>(const Json& line)>;

/// Numbers the lines.
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

struct RecordedLine {
    std::string at; ///< RFC 3339
    JournalLine line;
};
struct RecordedJournal {
    std::vector<RecordedLine> lines{};
    bool torn_tail = false; ///< the last line was cut by a crash and is left out
};
/// Code::unreadable for a line that is not the last and cannot be read, is out of sequence or has
/// no known phase.
[[nodiscard]] Result<RecordedJournal> read_journal_lines(std::string_view text);

/// The last word of a process that worked on a run.
struct JournalEnd {
    std::string verdict;
    std::int64_t exit = 0;
    bool rollback = false; ///< of a rollback afterwards; else of the run itself
    /// Of the run itself, as in run.json; empty: its evidence was lost after its first such line,
    /// or an earlier version wrote it.
    std::string ended{};
};
/// The line of Phase::end. `seen`: what serves then.
[[nodiscard]] JournalLine end_line(const JournalEnd& end, Json seen = nullptr);
/// What such a line says, also of an earlier version. Nothing: it cannot be read.
[[nodiscard]] std::optional<JournalEnd> end_of(const JournalLine& line);
/// The last end of the run itself.
[[nodiscard]] std::optional<JournalEnd> own_end(const RecordedJournal& journal);

} // namespace oa_stream::run

// The run directory: everything a run leaves behind, written so that a crash leaves a readable
// prefix.
#pragma once

#include "oa_stream/base/clock.hpp"
#include "oa_stream/base/file.hpp"
#include "oa_stream/base/json.hpp"
#include "oa_stream/base/redact.hpp"
#include "oa_stream/run/folder_lock.hpp"
#include "oa_stream/run/redactions.hpp"
#include "oa_stream/run/run_facts.hpp"

#include <chrono>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace oa_stream::run {

inline constexpr std::string_view k_run_schema = "oa-stream.run.v1";

struct RunInfo {
    RunKind kind = RunKind::other;  ///< part of the folder's name
    std::string name{};             ///< of the playbook
    Json target = Json::object();   ///< what is looked at and moved
    Json versions = Json::object(); ///< of this binary and what it drives
    std::vector<std::string> argv{};
    std::optional<bool> mutates{}; ///< unset: as runs of this kind do; see RunFacts
};

/// <state>/runs/<UTC>-<kind>-<8 hex>/ with
///   run.json         verdict null while running; rewritten atomically at the end
///   plan.json        what was going to be done
///   journal.ndjson   every mutation, before and after; on disk before append returns
///   timeline.ndjson  one line an event, absolute and relative time
///   measure/ streams/ logs/ report.md, and SHA256SUMS last: a folder without it is not finished
///
/// Everything passes the redactor, which also knows the secret-like variables of the environment; a
/// file that lost something has FILE.redactions.json beside it: from the beginning when it is
/// written whole, from the end of the run when it is appended to. While the object lives the kernel
/// holds a lock on the folder, gone with the process. Writes are small and happen on the caller's
/// thread; only the journal waits for the disk. Not thread-safe.
class RunFolder {
public:
    /// Creates the folder and the first run.json. Code::io.
    [[nodiscard]] static Result<RunFolder>
    create(const std::filesystem::path& state_dir, RunInfo info, Redactor redactor);

    /// Goes on in the folder of a run that ended or died: run.json stays as it is unless
    /// finish() changes it, the times go on from its start, and a journal line that a crash cut in
    /// the middle is moved to journal.torn. For the holder of the run's lock. Code::conflict while
    /// a process works in the folder, unless the run was taken over from it; Code::unreadable, io.
    [[nodiscard]] static Result<RunFolder>
    reopen(const std::filesystem::path& folder, Redactor redactor, bool taken_over = false);

    /// Bytes of the journal line that reopen() took away.
    [[nodiscard]] std::size_t torn_bytes() const noexcept { return torn_bytes_; }

    [[nodiscard]] const std::string& id() const noexcept { return id_; }
    [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }
    [[nodiscard]] const Redactor& redactor() const noexcept { return redactor_; }
    /// From now on the secret is blanked, too: one that came while the run lasted.
    void learn(const Secret& secret, std::string_view name) { redactor_.add_known(secret, name); }
    [[nodiscard]] WallTime started() const noexcept { return started_; }
    [[nodiscard]] double seconds_since_start() const;

    /// Adds a line to timeline.ndjson. A failure is kept in trouble(): a full disk must not stop a
    /// rollback. Nothing is added to a folder that another process took over and sealed.
    void note(std::string_view event, const Json& fields = Json::object());
    /// Adds a line to any .ndjson below the folder; failures as above.
    void append(std::string_view file, const Json& line);
    /// The same for a file of plain lines; control characters but tabs become '?'.
    void append_text(std::string_view file, std::string_view line);
    /// Replaces a whole file below the folder; failures as above.
    void write(std::string_view file, std::string_view text);
    /// Adds a line to journal.ndjson and waits until it is on disk.
    [[nodiscard]] Result<void> journal(const Json& line);

    /// The first thing that could not be written.
    [[nodiscard]] const std::optional<Error>& trouble() const noexcept { return trouble_; }

    /// Writes run.json with `result` merged in, takes out of all files what a redactor would have
    /// (others write there, too), then SHA256SUMS over all files. Once, at the end.
    [[nodiscard]] Result<void> finish(const Json& result);

private:
    RunFolder() = default;
    [[nodiscard]] Json document() const;
    void keep(Result<void> result);
    [[nodiscard]] bool is_sealed_by_another() const;
    void append_line(std::string_view file, std::string_view line);
    [[nodiscard]] Result<void> write_redacted(std::string_view file, std::string_view text);
    [[nodiscard]] Result<void> repair_files();
    [[nodiscard]] Result<void> write_sidecars();

    /// A file that grows line by line.
    [[nodiscard]] Result<LineAppender>
    grow(std::string_view file, LineAppender::Durability durability) const;
    [[nodiscard]] Result<void>
    append_to(LineAppender& growing, std::string_view file, std::string_view line);

    FolderLock lock_;
    std::string id_;
    std::filesystem::path path_;
    RunInfo info_;
    Redactor redactor_;
    WallTime started_{};
    std::chrono::steady_clock::time_point started_steady_{};
    RedactionIndex redactions_;
    std::optional<LineAppender> journal_;
    std::map<std::string, LineAppender, std::less<>> growing_;
    std::optional<Error> trouble_;
    Json earlier_ = nullptr; ///< run.json as it was found
    std::size_t torn_bytes_ = 0;
    bool sealed_ = false; ///< by finish()
};

} // namespace oa_stream::run

// Follows one log through its files. Reads in small pieces and yields to the event loop in between.
#pragma once

#include "oa_stream/base/task.hpp"

#include "access_log_files.hpp"
#include "access_log_stream.hpp"

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace oa_stream::measure {

/// Which log (its follower's number) owns an identity. A log that is named twice, through a link or
/// as a copy, belongs to the follower that met it first.
using LogOwners = std::map<std::string, std::size_t>;

struct FollowOptions {
    std::filesystem::path path{};
    bool rotated = true;
    std::uint64_t unpacked_bytes = 0;
    LogStreamLimits stream{};
};

class AccessLogFollower {
public:
    /// `log` as in AccessLogIndex::add. The index and the owners must outlive the follower.
    AccessLogFollower(
        std::size_t log, FollowOptions options, AccessLogIndex& index, LogOwners& owners
    );

    /// Reads the new bytes of all files that may hold lines written since `since_s`.
    /// Code::unreadable for a log that never existed.
    [[nodiscard]] Task<Result<void>> catch_up(double since_s, double now_s);

    [[nodiscard]] const std::filesystem::path& path() const noexcept { return options_.path; }
    [[nodiscard]] const LogLineCounts& counts() const noexcept { return counts_; }
    /// Files that could not be read to their end, by name, and folders that cannot be listed.
    struct Trouble {
        std::string why;
        double changed_s = 0; ///< when the file was last changed: it may hold lines up to that time
        std::pair<std::uint64_t, std::uint64_t> id{};
    };
    [[nodiscard]] const std::map<std::string, Trouble>& troubles() const noexcept {
        return troubles_;
    }
    /// The other log that counts this one's lines, when both are the same log.
    [[nodiscard]] std::optional<std::size_t> same_as() const noexcept { return same_as_; }
    /// When access lines were written whose rest is missing.
    [[nodiscard]] std::vector<Span> torn(double now_s) const;

private:
    using FileId = std::pair<std::uint64_t, std::uint64_t>; ///< device, inode
    struct Held {
        std::unique_ptr<LogReader> reader;
        FileId id{};
    };

    [[nodiscard]] Task<Result<void>> read_files(std::vector<LogFile> files, double now_s);
    [[nodiscard]] Task<Result<void>> read_file(LogFile file, double now_s);
    [[nodiscard]] Task<Result<void>>
    read_on(LogReader* reader, FileId id, std::uint64_t size, double now_s);
    [[nodiscard]] AccessLogStream&
    stream_of(const std::string& identity, FileId id, std::uint64_t size);
    void note_gone(const std::vector<LogFile>& files);
    void note_unlisted(const std::string& why);
    void prune();

    std::size_t log_;
    FollowOptions options_;
    AccessLogIndex& index_;
    LogOwners& owners_;
    std::optional<std::size_t> same_as_{};
    std::map<std::string, AccessLogStream> streams_{}; ///< by identity
    std::set<std::string> met_{}; ///< identities met by this catch_up()
    std::map<FileId, LogFile> finished_{}; ///< state of each file when it was read to its end
    Held held_{}; ///< the current file: lines added before it was renamed are still read
    Held older_{}; ///< the previous file: its lane may still write to it
    LogLineCounts counts_{};
    std::map<std::string, Trouble> troubles_{}; ///< by file
};

} // namespace oa_stream::measure

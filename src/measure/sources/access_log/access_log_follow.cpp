#include "access_log_follow.hpp"

#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <fmt/format.h>

#include <limits>

namespace oa_stream::measure {
namespace {

constexpr std::uint64_t k_to_the_end = std::numeric_limits<std::uint64_t>::max();
/// With more logs than this, logs no longer on disk are forgotten.
constexpr std::size_t k_most_streams = 1000;

/// Yields to other work on the event loop.
Task<void> let_others_run() {
    co_await asio::post(co_await asio::this_coro::executor, asio::use_awaitable);
}

} // namespace

AccessLogFollower::AccessLogFollower(
    std::size_t log, FollowOptions options, AccessLogIndex& index, LogOwners& owners
)
    : log_(log), options_(std::move(options)), index_(index), owners_(owners) {
}

std::vector<Span> AccessLogFollower::torn(double now_s) const {
    std::vector<Span> out;
    for (const auto& [identity, stream] : streams_) {
        if (const auto written = stream.torn(now_s)) {
            out.push_back(*written);
        }
    }
    return out;
}

Task<Result<void>> AccessLogFollower::catch_up(double since_s, double now_s) {
    met_.clear();
    // Files opened earlier are read first: they may have been moved to an unknown name.
    for (Held* held : {&older_, &held_}) {
        if (held->reader) {
            OA_CO_CHECK(co_await read_on(held->reader.get(), held->id, k_to_the_end, now_s));
        }
    }
    auto files = log_files(options_.path, options_.rotated, since_s);
    if (!files && !held_.reader) {
        co_return std::unexpected(std::move(files).error());
    }
    if (files) {
        note_unlisted(files->unlisted);
        note_gone(files->files);
        OA_CO_CHECK(co_await read_files(std::move(files->files), now_s));
    }
    for (auto& [identity, stream] : streams_) {
        stream.settle(now_s, index_, counts_);
    }
    prune();
    co_return Result<void>();
}

Task<Result<void>> AccessLogFollower::read_files(std::vector<LogFile> files, double now_s) {
    for (LogFile& file : files) {
        const FileId id{file.device, file.inode};
        const auto finished = finished_.find(id);
        if (finished != finished_.end() && finished->second == file) {
            continue;
        }
        const std::string path = file.path.string();
        const bool current = file.current;
        const double changed_s = file.changed_s;
        std::erase_if(troubles_, [&](const auto& trouble) { return trouble.second.id == id; });
        auto read = co_await read_file(std::move(file), now_s);
        if (!read && current) {
            co_return read;
        }
        if (!read) {
            troubles_[path] = {.why = read.error().message, .changed_s = changed_s, .id = id};
        }
    }
    co_return Result<void>();
}

Task<Result<void>> AccessLogFollower::read_file(LogFile file, double now_s) {
    const FileId id{file.device, file.inode};
    OA_CO_TRY(auto reader, LogReader::open(file.path, options_.unpacked_bytes));
    const bool packed = reader->packed();
    auto read = co_await read_on(reader.get(), id, packed ? k_to_the_end : file.size, now_s);
    if (file.current && !packed) {
        if (id != held_.id) {
            older_ = std::move(held_);
        }
        held_ = {.reader = std::move(reader), .id = id};
    } else if (!file.current) {
        // Damaged files as well: they are not read again until they change.
        troubles_.erase(file.path.string());
        finished_[id] = std::move(file);
    }
    co_return read;
}

Task<Result<void>>
AccessLogFollower::read_on(LogReader* reader, FileId id, std::uint64_t size, double now_s) {
    OA_CO_TRY(const std::string identity, reader->identity());
    if (!identity.empty()) {
        const std::size_t owner = owners_.try_emplace(identity, log_).first->second;
        if (owner != log_) {
            same_as_ = owner;
            co_return Result<void>();
        }
    }
    AccessLogStream& stream = stream_of(identity, id, size);
    reader->seek(stream.offset());
    while (reader->offset() < size) {
        auto next = reader->next();
        if (!next && reader->offset() < stream.offset()) {
            break; // another file of the same log was already read beyond this point
        }
        OA_CO_TRY(std::string_view piece, std::move(next));
        if (piece.empty()) {
            break;
        }
        // A packed file is read from its beginning, so the part that was fed already is skipped.
        const std::uint64_t begin = reader->offset() - piece.size();
        const std::uint64_t known = stream.offset() > begin ? stream.offset() - begin : 0;
        piece.remove_prefix(static_cast<std::size_t>(std::min<std::uint64_t>(known, piece.size())));
        stream.feed(piece, now_s, index_, counts_);
        co_await let_others_run();
    }
    co_return Result<void>();
}

AccessLogStream&
AccessLogFollower::stream_of(const std::string& identity, FileId id, std::uint64_t size) {
    // A log without an access line so far is identified by its file.
    const std::string by_file = fmt::format("file {} {}", id.first, id.second);
    const std::string& name = identity.empty() ? by_file : identity;
    if (auto early = streams_.extract(by_file); !early.empty() && early.mapped().offset() <= size) {
        early.key() = name;
        streams_.insert(std::move(early));
    }
    met_.insert(name);
    return streams_.try_emplace(name, log_, options_.stream).first->second;
}

/// Missing rotated files only matter where the log itself begins within the window.
void AccessLogFollower::note_unlisted(const std::string& why) {
    const std::string folder =
        options_.path.has_parent_path() ? options_.path.parent_path().string() : ".";
    if (why.empty()) {
        troubles_.erase(folder);
    } else {
        troubles_[folder] = {.why = why + ": rotated files are not counted"};
    }
}

/// The current file can be absent for a moment, between a rotation and the lane's next open.
void AccessLogFollower::note_gone(const std::vector<LogFile>& files) {
    const std::string path = options_.path.string();
    if (files.empty() || files.back().current) {
        troubles_.erase(path);
    } else {
        troubles_[path] = {.why = "not there; its rotated files were read"};
    }
}

void AccessLogFollower::prune() {
    if (streams_.size() > k_most_streams) {
        std::erase_if(streams_, [&](const auto& stream) { return !met_.contains(stream.first); });
    }
    if (finished_.size() > k_most_streams) {
        finished_.clear();
    }
    if (troubles_.size() > k_most_streams) {
        troubles_.clear();
    }
}

} // namespace oa_stream::measure

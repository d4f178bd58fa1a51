#include "capture_recorder.hpp"

#include "oa_stream/base/clock.hpp"
#include "oa_stream/base/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <limits>
#include <system_error>

namespace oa_stream::authority {

namespace {

/// Behind a folder's name it would be part of another name: /srv/app of /srv/app2.
bool is_name_character(char c) {
    return is_alnum(c) || c == '-' || c == '_';
}

} // namespace

std::string CaptureScrub::apply(std::string line) const {
    for (const auto& [what, instead] : folders) {
        std::size_t at = what == "/" ? std::string::npos : line.find(what);
        while (at != std::string::npos) {
            const std::size_t end = at + what.size();
            const bool whole = end == line.size() || !is_name_character(line[end]);
            if (whole) {
                line.replace(at, what.size(), instead);
            }
            at = line.find(what, whole ? at + instead.size() : end);
        }
    }
    return redactor.apply(line);
}

namespace {

namespace fs = std::filesystem;

constexpr std::string_view k_part = ".part";
/// One turn may use at most this fraction (1/8) of the limit for all captures.
constexpr std::uint64_t k_turn_share = 8;
/// The folder is listed at each recorded turn; more files would delay it.
constexpr std::size_t k_most_files = 2000;

struct Stored {
    fs::path path;
    std::uint64_t bytes = 0;
};

/// A turn writes at least once within the time limit of a turn (30 min).
constexpr std::chrono::hours k_part_life{1};

/// The unfinished recording of a process that was killed.
bool left_over(const fs::directory_entry& entry) {
    std::error_code gone;
    const auto written = entry.last_write_time(gone);
    return !gone && entry.path().native().ends_with(fmt::format(".jsonl{}", k_part)) &&
           fs::file_time_type::clock::now() - written > k_part_life;
}

/// Sorted by name, which starts with the time. Skips other files and recordings in progress.
std::vector<Stored> captures_in(const fs::path& directory) {
    std::vector<Stored> out;
    std::error_code gone;
    for (const auto& entry : fs::directory_iterator(directory, gone)) {
        const std::uint64_t bytes = entry.file_size(gone);
        if (gone) {
            continue;
        }
        if (left_over(entry)) {
            fs::remove(entry.path(), gone);
        } else if (entry.path().extension() == ".jsonl") {
            out.push_back({entry.path(), bytes});
        }
    }
    std::ranges::sort(out, {}, &Stored::path);
    return out;
}

void make_room(const fs::path& directory, std::uint64_t most_bytes) {
    const auto all = captures_in(directory);
    std::uint64_t sum = 0;
    std::size_t kept = 0;
    for (auto one = all.rbegin(); one != all.rend(); ++one) { // newest first
        sum += one->bytes;
        if (sum > most_bytes || ++kept > k_most_files) {
            std::error_code gone;
            fs::remove(one->path, gone);
        }
    }
}

} // namespace

Result<std::unique_ptr<CaptureRecorder>> CaptureRecorder::begin(
    const fs::path& directory, const std::string& turn, CaptureScrub scrub, std::uint64_t most_bytes
) {
    OA_CHECK(make_dirs(directory));
    const std::uint64_t turn_bytes = most_bytes / k_turn_share;
    make_room(directory, most_bytes - turn_bytes);
    const fs::path path =
        directory /
        fmt::format("{}-{}.jsonl{}", compact_utc(std::chrono::system_clock::now()), turn, k_part);
    OA_TRY(LineAppender file, LineAppender::open(path, LineAppender::Durability::buffered));
    std::error_code refused;
    fs::permissions(path, fs::perms::owner_read | fs::perms::owner_write, refused);
    if (refused) {
        return fail(Code::io, "cannot be made private: " + refused.message(), path.string());
    }
    return std::unique_ptr<CaptureRecorder>(
        new CaptureRecorder(std::move(file), path, std::move(scrub), turn_bytes)
    );
}

CaptureRecorder::~CaptureRecorder() {
    if (file_) {
        publish();
    }
}

void CaptureRecorder::publish() {
    if (published_) {
        return;
    }
    if (!blank_pieces()) {
        return give_up();
    }
    const fs::path whole = fs::path(path_).replace_extension();
    std::error_code refused;
    fs::rename(path_, whole, refused);
    if (!refused) {
        path_ = whole;
        published_ = true;
    }
}

bool CaptureRecorder::blank_pieces() const {
    const auto text = read_file(path_, std::numeric_limits<std::uint64_t>::max());
    if (!text) {
        return false;
    }
    std::fstream file(path_, std::ios::in | std::ios::out | std::ios::binary);
    for (const Redaction& place : scrub_.redactor.find_joined(*text)) {
        file.seekp(static_cast<std::streamoff>(place.offset));
        file << std::string(place.length, '*');
    }
    return file.flush().good();
}

void CaptureRecorder::give_up() {
    file_.reset();
    std::error_code gone;
    fs::remove(path_, gone);
}

void CaptureRecorder::write(std::string_view dir, const Json& message) {
    if (!file_) {
        return;
    }
    const auto since = std::chrono::duration_cast<Millis>(Clock::now() - began_).count();
    Json line = Json::object({{"t", since}, {"dir", dir}, {"msg", message}});
    const std::string text = scrub_.apply(dump_json(line));
    if (text.size() >= left_ || !file_->append(text)) {
        return give_up();
    }
    left_ -= text.size() + 1;
    if (string_member(message, "method") == "turn/completed") {
        publish();
    }
}

} // namespace oa_stream::authority

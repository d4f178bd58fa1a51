#include "codex_rollouts.hpp"

#include "oa_stream/base/file.hpp"
#include "oa_stream/base/lines.hpp"

#include <fmt/format.h>

#include <chrono>
#include <system_error>

namespace oa_stream::authority {

namespace fs = std::filesystem;

namespace {

using std::chrono::nanoseconds;

constexpr std::chrono::hours k_set_back{8 * 24};
constexpr std::chrono::milliseconds k_inexact{2'000}; ///< file systems round times
constexpr std::string_view k_rollout = "rollout-";
constexpr std::string_view k_plain = ".jsonl";
constexpr std::string_view k_compressed = ".zst";
constexpr std::size_t k_id = 36;
constexpr int k_piece = 500; ///< folder entries at once, about 2 µs each

/// The list of rollouts that the previous child aged, next to its home.
fs::path notes_of(const fs::path& home) {
    return home.parent_path() / "resting";
}

std::string_view thread_of(std::string_view name) {
    if (!name.starts_with(k_rollout) || !name.ends_with(k_plain)) {
        return {};
    }
    name.remove_suffix(k_plain.size());
    return name.size() > k_id ? name.substr(name.size() - k_id) : std::string_view{};
}

nanoseconds since_epoch(FileTime time) {
    return std::chrono::duration_cast<nanoseconds>(time.time_since_epoch());
}

void restore(const fs::path& file, FileTime written) {
    std::error_code error;
    const FileTime now = fs::last_write_time(file, error);
    if (!error && std::chrono::abs(now - (written - k_set_back)) < k_inexact) {
        fs::last_write_time(file, written, error);
    }
}

} // namespace

Task<std::vector<RestingRollout>> find_resting(
    fs::path home, FileTime before, std::size_t most, std::function<bool(std::string_view)> skip
) {
    std::vector<RestingRollout> found;
    std::error_code error;
    int entries = 0;
    fs::recursive_directory_iterator each(home / "sessions", error);
    for (; !error && each != fs::recursive_directory_iterator() && found.size() < most;
         each.increment(error)) {
        if (++entries % k_piece == 0 && !co_await sleep_for(Millis(1))) {
            break;
        }
        const std::string name = each->path().filename().string();
        const std::string_view thread = thread_of(name);
        std::error_code unread;
        if (thread.empty() || skip(thread) || !each->is_regular_file(unread)) {
            continue;
        }
        const FileTime written = each->last_write_time(unread);
        if (!unread && written < before) {
            found.push_back({each->path().lexically_relative(home).string(), written});
        }
    }
    co_return found;
}

Task<bool> has_unused(fs::path home, FileTime before) {
    int entries = 0;
    for (const char* const folder : {"sessions", "archived_sessions"}) {
        std::error_code error;
        fs::recursive_directory_iterator each(home / folder, error);
        for (; !error && each != fs::recursive_directory_iterator(); each.increment(error)) {
            if (++entries % k_piece == 0 && !co_await sleep_for(Millis(1))) {
                co_return false;
            }
            std::error_code unread;
            const bool rollout = each->path().filename().string().starts_with(k_rollout) &&
                                 each->is_regular_file(unread);
            if (rollout && each->last_write_time(unread) < before && !unread) {
                co_return true;
            }
        }
    }
    co_return false;
}

Result<void> age_rollouts(const fs::path& home, const std::vector<RestingRollout>& rollouts) {
    std::string notes;
    for (const RestingRollout& one : rollouts) {
        notes += fmt::format("{} {}\n", since_epoch(one.written).count(), one.path);
    }
    OA_CHECK(write_file_atomic(notes_of(home), notes, 0600));
    std::error_code ignored;
    for (const RestingRollout& one : rollouts) {
        fs::last_write_time(home / one.path, one.written - k_set_back, ignored);
    }
    fs::remove(home / ".tmp" / "rollout-compression.lock", ignored);
    return {};
}

std::size_t count_plain(const fs::path& home, const std::vector<RestingRollout>& rollouts) {
    std::size_t count = 0;
    std::error_code ignored;
    for (const RestingRollout& one : rollouts) {
        count += fs::exists(home / one.path, ignored) ? 1 : 0;
    }
    return count;
}

void restore_ages(const fs::path& home) {
    const auto notes = read_file(notes_of(home));
    if (!notes) {
        return;
    }
    std::string_view rest = *notes;
    while (!rest.empty()) {
        const std::string_view line = cut_line(rest);
        const auto space = line.find(' ');
        const auto count = std::strtoll(std::string(line).c_str(), nullptr, 10);
        if (space == std::string_view::npos) {
            continue;
        }
        const FileTime written{std::chrono::duration_cast<FileTime::duration>(nanoseconds(count))};
        const std::string path = (home / line.substr(space + 1)).string();
        restore(path, written);
        restore(fmt::format("{}{}", path, k_compressed), written);
    }
    std::error_code ignored;
    fs::remove(notes_of(home), ignored);
}

} // namespace oa_stream::authority

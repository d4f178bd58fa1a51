#include "oa_stream/run/runs_gc.hpp"

#include "oa_stream/base/ids.hpp"
#include "oa_stream/run/detached_output.hpp"
#include "oa_stream/run/folder_lock.hpp"

#include <fmt/format.h>

namespace oa_stream::run {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view k_tombstone = ".removed-";
constexpr auto k_just_begun = std::chrono::minutes(1);

/// Why it may not go, whatever the rules say.
std::string must_stay(const RunEntry& run, const Needed& needed, WallTime now) {
    if (run.life == RunLife::running) {
        return "it runs: " + run.holder;
    }
    if (run.pinned) {
        return run.pin_reason.empty() ? "pinned" : "pinned: " + run.pin_reason;
    }
    if (auto why = needed(run)) {
        return *std::move(why);
    }
    // Between its folder and its lock there is a moment.
    const bool just_begun =
        run.life == RunLife::died && !is_from_future(run, now) && now - run.started < k_just_begun;
    return just_begun ? "it began less than a minute ago" : "";
}

std::string too_old(const RunEntry& run, const GcRules& rules, WallTime now) {
    if (!rules.older_than || now - run.started <= *rules.older_than) {
        return {};
    }
    return fmt::format("older than {}", format_duration(*rules.older_than));
}

void apply_ages(std::vector<GcStep>& steps, const GcRules& rules, WallTime now) {
    for (std::size_t i = 0; i < steps.size(); ++i) {
        const bool among_newest = rules.keep && i < *rules.keep;
        const bool by_number = rules.keep && !rules.older_than && !rules.max_size;
        if (among_newest) {
            continue;
        }
        steps[i].why = by_number ? fmt::format("not among the newest {}", *rules.keep)
                                 : too_old(steps[i].run, rules, now);
        steps[i].goes = !steps[i].why.empty();
    }
}

void apply_size(std::vector<GcStep>& steps, const GcRules& rules, const auto& stays) {
    if (!rules.max_size) {
        return;
    }
    std::uint64_t left = 0;
    for (const GcStep& step : steps) {
        left += step.goes ? 0 : step.run.bytes;
    }
    for (std::size_t i = steps.size(); i-- > 0 && left > *rules.max_size;) {
        GcStep& step = steps[i];
        if (step.goes || (rules.keep && i < *rules.keep)) {
            continue;
        }
        if (const std::string reason = stays(step.run); !reason.empty()) {
            step.why = reason;
            continue;
        }
        step.goes = true;
        step.why = fmt::format("all together are more than {}", size_text(*rules.max_size));
        left -= step.run.bytes;
    }
}

} // namespace

std::vector<GcStep> plan_gc(
    std::vector<RunEntry> newest_first, const GcRules& rules, const Needed& needed, WallTime now
) {
    std::vector<GcStep> steps;
    steps.reserve(newest_first.size());
    for (RunEntry& run : newest_first) {
        steps.push_back({std::move(run), false, {}});
    }
    apply_ages(steps, rules, now);
    const auto stays = [&](const RunEntry& run) { return must_stay(run, needed, now); };
    for (GcStep& step : steps) {
        if (!step.goes) {
            continue;
        }
        if (std::string reason = stays(step.run); !reason.empty()) {
            step.goes = false;
            step.why = std::move(reason);
        }
    }
    apply_size(steps, rules, stays);
    return steps;
}

Result<void> remove_run(const fs::path& folder) {
    std::error_code error;
    if (!fs::is_directory(folder, error)) {
        return fail(Code::not_found, "is gone already", folder.filename().string());
    }
    const FolderLock lock = FolderLock::try_take(folder);
    if (!lock.held()) {
        return fail(Code::conflict, "is being worked on", folder.filename().string());
    }
    const std::string name = folder.filename().string();
    const fs::path grave =
        folder.parent_path() / fmt::format("{}{}-{}", k_tombstone, name, random_hex(4));
    fs::rename(folder, grave, error);
    if (error) {
        const bool gone = error == std::errc::no_such_file_or_directory;
        return fail(
            gone ? Code::not_found : Code::io,
            gone ? "is gone already" : "cannot be removed: " + error.message(),
            name
        );
    }
    // Pinned at the last moment: the command has reported it as pinned.
    if (fs::exists(grave / k_pin_file, error)) {
        fs::rename(grave, folder, error);
        return fail(Code::conflict, "was pinned just now", name);
    }
    const DetachedOutput output(folder.parent_path().parent_path(), name);
    fs::remove(output.log, error);
    fs::remove(output.document, error);
    fs::remove_all(grave, error);
    if (error) {
        return fail(Code::io, "cannot be removed: " + error.message(), grave.string());
    }
    return {};
}

std::size_t sweep_removed(const fs::path& state_dir) {
    std::vector<fs::path> graves;
    std::error_code error;
    for (fs::directory_iterator at(state_dir / "runs", error), end; at != end && !error;
         at.increment(error)) {
        if (at->path().filename().string().starts_with(k_tombstone)) {
            graves.push_back(at->path());
        }
    }
    std::size_t out = 0;
    for (const fs::path& grave : graves) {
        const FolderLock lock = FolderLock::try_take(grave); // another one may be deleting it
        if (lock.held()) {
            fs::remove_all(grave, error);
            out += error ? 0 : 1;
        }
    }
    return out;
}

} // namespace oa_stream::run

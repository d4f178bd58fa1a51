#include "oa_stream/base/shell.hpp"
#include "oa_stream/base/text.hpp"
#include "oa_stream/playbook/status.hpp"

#include "doctor.hpp"

#include <fmt/format.h>

#include <linux/magic.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/timex.h>
#include <unistd.h>

#include <fstream>

namespace oa_stream::cli {
namespace fs = std::filesystem;
namespace {

// The lane's default limit of streams, each with a socket, and some for everything else.
constexpr std::uint64_t k_files_wanted = 10'000 + 1'000;
// A whole cutover with its streams is a few megabytes; below this a rollback could not be recorded.
constexpr std::uint64_t k_least_free = 64U << 20U;
constexpr std::uint64_t k_mebibyte = 1U << 20U;

/// The nearest that is there, itself or above. What cannot be looked at counts as there.
fs::path existing(fs::path path) {
    std::error_code error;
    while (path != path.parent_path() && !fs::exists(path, error) &&
           (!error || error == std::errc::not_a_directory)) {
        path = path.parent_path();
    }
    return path;
}

std::string elsewhere() {
    return "export OA_STREAM_STATE_DIR=\"$HOME/.local/state/oa-stream\"";
}

/// No folder can be made in a pseudo file system, whatever its permissions say.
bool takes_folders(const fs::path& folder) {
    struct statfs kind{};
    const bool known = ::statfs(folder.c_str(), &kind) == 0;
    const bool pseudo = known && (kind.f_type == PROC_SUPER_MAGIC || kind.f_type == SYSFS_MAGIC);
    return !pseudo && ::access(folder.c_str(), W_OK | X_OK) == 0;
}

/// Of a state directory that is not there.
Check judge_making(const std::string& id, const fs::path& state_dir) {
    const std::string name = printable(state_dir.string());
    const fs::path above = existing(state_dir);
    const std::string place = printable(above.string());
    std::error_code error;
    const bool folder = fs::is_directory(above, error);
    if (folder && takes_folders(above)) {
        return finding(id, Verdict::pass, name + " is made by the first run", {});
    }
    return finding(
        id,
        Verdict::fail,
        fmt::format(
            "{} cannot be made: {} {}",
            name,
            place,
            error     ? "cannot be looked into"
            : !folder ? "is a file, not a folder"
                      : "cannot be written to"
        ),
        elsewhere()
    );
}

Check judge_files(const Machine& machine) {
    if (machine.files_hard >= k_files_wanted) {
        return finding(
            "machine.files", Verdict::pass, fmt::format("{} open files", machine.files_hard), {}
        );
    }
    return finding(
        "machine.files",
        Verdict::fail,
        fmt::format(
            "at most {} open files: the lane's 10000 streams need {}",
            machine.files_hard,
            k_files_wanted
        ),
        "ulimit -Hn 65536"
    );
}

Check judge_clock(const Machine& machine) {
    if (!machine.clock_synchronised) {
        return finding("machine.clock", Verdict::inconclusive, "the kernel does not report it", {});
    }
    return *machine.clock_synchronised
               ? finding("machine.clock", Verdict::pass, "synchronised", {})
               : finding(
                     "machine.clock",
                     Verdict::inconclusive,
                     "not synchronised: times of runs, logs and Prometheus may not agree",
                     "timedatectl set-ntp true"
                 );
}

/// What a person looks for first stands at its end.
std::string trouble_of(const playbook::RunStatus& run) {
    const bool seen = run.unread.empty() && run.moved && !run.serving.empty();
    return seen ? fmt::format("{}; {} serves", run.open, run.serving) : run.open;
}

} // namespace

Check finding(std::string id, Verdict verdict, std::string detail, std::string fix) {
    Check out;
    out.id = std::move(id);
    out.verdict = verdict;
    out.detail = std::move(detail);
    out.required = verdict != Verdict::skipped;
    out.mode = verdict == Verdict::skipped ? CheckMode::skipped : CheckMode::live;
    out.data = {{"mend", fix.empty() ? Json(nullptr) : Json(std::move(fix))}};
    return out;
}

Machine this_machine(const fs::path& state_dir) {
    Machine out;
    rlimit files{};
    if (::getrlimit(RLIMIT_NOFILE, &files) == 0) {
        out.files_soft = files.rlim_cur;
        out.files_hard = files.rlim_max;
    }
    timex clock{};
    if (const int state = ::adjtimex(&clock); state >= 0) {
        out.clock_synchronised = state != TIME_ERROR && (clock.status & STA_UNSYNC) == 0;
    }
    out.has_certificates = ::access("/etc/ssl/certs/ca-certificates.crt", R_OK) == 0;
    struct statvfs disk{};
    if (::statvfs(existing(state_dir).c_str(), &disk) == 0) {
        out.free_bytes = static_cast<std::uint64_t>(disk.f_bavail) * disk.f_frsize;
    }
    return out;
}

std::vector<Check> judge_machine(const Machine& machine) {
    std::vector<Check> out{judge_files(machine), judge_clock(machine)};
    const std::string space =
        fmt::format("{} MiB free where runs are kept", machine.free_bytes / k_mebibyte);
    out.push_back(
        machine.free_bytes >= k_least_free ? finding("machine.space", Verdict::pass, space, {})
                                           : finding(
                                                 "machine.space",
                                                 Verdict::fail,
                                                 space + ": a run could not be recorded",
                                                 "oa-stream runs gc --older-than 30d --apply"
                                             )
    );
    out.push_back(
        machine.has_certificates
            ? finding("machine.certificates", Verdict::pass, "trusted certificates are there", {})
            : finding(
                  "machine.certificates",
                  Verdict::fail,
                  "no trusted certificates: every https target fails",
                  "apt-get install ca-certificates"
              )
    );
    return out;
}

Check judge_state_dir(const fs::path& state_dir) {
    const std::string id = "state.folder";
    constexpr fs::perms k_others = fs::perms::group_write | fs::perms::others_write;
    const std::string name = printable(state_dir.string());
    std::error_code error;
    if (existing(state_dir) != state_dir) {
        return judge_making(id, state_dir);
    }
    if (!fs::is_directory(state_dir, error)) {
        return finding(
            id,
            Verdict::fail,
            error ? fmt::format("{} cannot be looked at: {}", name, error.message())
                  : name + " is a file, not a folder",
            elsewhere()
        );
    }
    if (!takes_folders(state_dir)) {
        return finding(
            id,
            Verdict::fail,
            name + " is not a folder that can be written to",
            "sudo chown -R \"$(id -un)\" " + shell_word(state_dir.string())
        );
    }
    if ((fs::status(state_dir, error).permissions() & k_others) != fs::perms::none) {
        return finding(
            id,
            Verdict::fail,
            name + " can be written to by others: evidence and locks could be forged",
            "chmod go-w " + shell_word(state_dir.string())
        );
    }
    return finding(id, Verdict::pass, name, {});
}

std::vector<Check> judge_runs(const fs::path& state_dir) {
    const auto statuses = playbook::all_statuses(state_dir);
    if (!statuses) {
        const Error& error = statuses.error();
        return {finding("runs", Verdict::fail, error.where + ": " + error.message, error.hint)};
    }
    std::vector<Check> out;
    for (const playbook::RunStatus& run : *statuses) {
        if (run.needs_somebody()) {
            out.push_back(finding("runs." + run.run, Verdict::fail, trouble_of(run), run.next));
        }
    }
    if (out.empty()) {
        out.push_back(finding("runs", Verdict::pass, "none left anything undone", {}));
    }
    return out;
}

} // namespace oa_stream::cli

#include "oa_stream/base/json_members.hpp"
#include "oa_stream/base/lists.hpp"
#include "oa_stream/base/option_names.hpp"
#include "oa_stream/base/process.hpp"
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

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <system_error>
#include <vector>

namespace oa_stream::cli {
namespace fs = std::filesystem;
namespace {

// The lane's default limit of streams, each with a socket, plus a reserve.
constexpr std::uint64_t k_files_wanted = 10'000 + 1'000;
// A whole cutover with its streams takes a few megabytes; with less space than this a rollback
// could not be recorded.
constexpr std::uint64_t k_least_free = 64U << 20U;
constexpr std::uint64_t k_mebibyte = 1U << 20U;

/// The nearest existing folder: the path itself or a parent. A path that cannot be inspected counts
/// as existing.
fs::path existing(fs::path path) {
    std::error_code error;
    while (path != path.parent_path() && !fs::exists(path, error) &&
           (!error || error == std::errc::not_a_directory)) {
        path = path.parent_path();
    }
    return path;
}

std::string elsewhere() {
    return "export OA_STREAM_STATE_DIR=DIR, a folder that you may write to";
}

/// Folders cannot be created in a pseudo file system, whatever its permissions.
bool takes_folders(const fs::path& folder) {
    struct statfs kind{};
    const bool known = ::statfs(folder.c_str(), &kind) == 0;
    const bool pseudo = known && (kind.f_type == PROC_SUPER_MAGIC || kind.f_type == SYSFS_MAGIC);
    return !pseudo && ::access(folder.c_str(), W_OK | X_OK) == 0;
}

/// For a state directory that does not exist.
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

bool is_in(gid_t group) {
    std::vector<gid_t> groups(static_cast<std::size_t>(std::max(::getgroups(0, nullptr), 0)));
    (void)::getgroups(static_cast<int>(groups.size()), groups.data());
    return group == ::getgid() || contains(groups, group);
}

/// For a folder that is not writable. A team shares a folder through a group; the state directory
/// may also hold secrets of a lane, so no suggested command changes it recursively.
Check judge_refusal(
    const std::string& id, const fs::path& folder, const struct stat& facts, bool top
) {
    const std::string name = printable(folder.string());
    const std::string typed = shell_word(folder.string());
    const std::string_view deep = top ? "" : " -R";
    const std::string owner = account_name(facts.st_uid);
    const auto fails = [&](std::string_view why, std::string fix) {
        return finding(id, Verdict::fail, fmt::format("{} {}", name, why), std::move(fix));
    };
    if (facts.st_uid == ::getuid()) {
        const bool closed = (facts.st_mode & S_IRWXU) != S_IRWXU; // otherwise its disk is read-only
        return fails(
            "is not a folder that can be written to", closed ? "chmod u+rwx " + typed : elsewhere()
        );
    }
    if (is_in(facts.st_gid)) {
        return fails(
            fmt::format(
                "is {}'s, and its group may not write there: who shares it needs umask 002", owner
            ),
            fmt::format("sudo chmod{} g+rwX {}", deep, typed)
        );
    }
    if ((facts.st_mode & S_IWGRP) != 0) {
        return fails(
            fmt::format("is {}'s and a group's that you are not in", owner),
            fmt::format("sudo usermod -aG \"$(stat -c %G {})\" \"$(id -un)\"", typed)
        );
    }
    return fails(
        fmt::format("is {}'s alone: a team shares one by a group (docs/cutover.md)", owner),
        fmt::format("sudo chgrp{0} GROUP {1} && sudo chmod{0} g+rwX {1}", deep, typed)
    );
}

Check judge_files(const Machine& machine) {
    if (machine.files >= k_files_wanted) {
        return finding(
            "machine.files", Verdict::pass, fmt::format("{} open files", machine.files), {}
        );
    }
    return finding(
        "machine.files",
        Verdict::fail,
        fmt::format(
            "at most {} open files: the lane's 10000 streams need {}", machine.files, k_files_wanted
        ),
        "raise nofile in /etc/security/limits.conf and log in again; a service: LimitNOFILE=65536"
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

Check judge_space(const Machine& machine) {
    const std::string id = "machine.space";
    if (!machine.free_bytes) {
        return finding(
            id,
            Verdict::inconclusive,
            "the disk of the runs cannot be looked at: " + machine.free_bytes.error(),
            {}
        );
    }
    const std::string space =
        fmt::format("{} MiB free where runs are kept", *machine.free_bytes / k_mebibyte);
    return *machine.free_bytes >= k_least_free
               ? finding(id, Verdict::pass, space, {})
               : finding(
                     id,
                     Verdict::fail,
                     space + ": a run could not be recorded",
                     Suggestion{"runs gc", {names::older_than, "30d", names::apply}}
                 );
}

/// The most important fact comes last.
std::string trouble_of(const playbook::RunStatus& run) {
    const bool seen = run.unread.empty() && run.moved && !run.serving.empty() &&
                      run.serving != run.baseline; // uncertain: no fresh connection has verified it
    return seen ? fmt::format("{}; {} serves", run.open, run.serving) : run.open;
}

} // namespace

Check finding(std::string id, Verdict verdict, std::string detail, const Advice& fix) {
    Json data = {{"mend", nullptr}};
    if (!fix.empty()) {
        put_advice(data, "mend", fix);
    }
    Check out = make_check(std::move(id), verdict, std::move(detail), std::move(data));
    out.required = verdict != Verdict::skipped;
    return out;
}

Machine this_machine(const fs::path& state_dir) {
    Machine out;
    rlimit files{};
    if (::getrlimit(RLIMIT_NOFILE, &files) == 0) {
        out.files = files.rlim_max;
    }
    timex clock{};
    if (const int state = ::adjtimex(&clock); state >= 0) {
        out.clock_synchronised = state != TIME_ERROR && (clock.status & STA_UNSYNC) == 0;
    }
    out.has_certificates = ::access("/etc/ssl/certs/ca-certificates.crt", R_OK) == 0;
    struct statvfs disk{};
    if (::statvfs(existing(state_dir).c_str(), &disk) == 0) {
        out.free_bytes = static_cast<std::uint64_t>(disk.f_bavail) * disk.f_frsize;
    } else {
        out.free_bytes = std::unexpected(errno_text(errno));
    }
    return out;
}

std::vector<Check> judge_machine(const Machine& machine) {
    std::vector<Check> out{judge_files(machine), judge_clock(machine), judge_space(machine)};
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
    bool shared = true;
    for (const fs::path& folder :
         {state_dir, state_dir / "runs", state_dir / "locks", state_dir / "plans"}) {
        struct stat facts{};
        if (::stat(folder.c_str(), &facts) != 0) {
            continue; // the first command that needs it creates it
        }
        const bool top = folder == state_dir;
        shared = shared && (facts.st_mode & S_IWGRP) != 0;
        if (!takes_folders(folder)) {
            return judge_refusal(id, folder, facts, top);
        }
        if ((facts.st_mode & S_IWOTH) != 0) {
            return finding(
                id,
                Verdict::fail,
                printable(folder.string()) +
                    " can be written to by everybody: evidence and locks could be forged",
                "chmod o-w " + shell_word(folder.string())
            );
        }
    }
    return finding(id, Verdict::pass, name + (shared ? ", shared with its group" : ""), {});
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

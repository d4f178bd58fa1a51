#include "planted_fault.hpp"

#include "oa_stream/base/clock.hpp"
#include "oa_stream/base/file.hpp"
#include "oa_stream/base/json_members.hpp"
#include "oa_stream/base/process.hpp"
#include "oa_stream/base/shell.hpp"
#include "oa_stream/run/folder_lock.hpp"
#include "oa_stream/run/kept_file.hpp"
#include "oa_stream/run/run_session.hpp"
#include "oa_stream/run/suggest.hpp"

#include <fmt/format.h>

#include <unistd.h>

namespace oa_stream::playbook {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view k_faults_file = "faults.json";

struct Planted {
    fs::path file;
    std::string fault;
    std::string before;
    bool out = false;

    [[nodiscard]] std::string with_fault() const {
        const bool open_line = !before.empty() && !before.ends_with('\n');
        return before + (open_line ? "\n" : "") + fault + "\n";
    }
};

Result<void> remember(const fs::path& folder, const Planted& planted) {
    const Json out = {
        {"file", planted.file.string()},
        {"fault", planted.fault},
        {"before", planted.before},
        {"taken_out_at",
         planted.out ? Json(rfc3339_millis(std::chrono::system_clock::now())) : Json(nullptr)},
    };
    return write_file_atomic(folder / k_faults_file, dump_json(out) + "\n");
}

/// Unset: no fault was planted.
std::optional<Result<Planted>> recall(const fs::path& folder) {
    if (!is_there(folder / k_faults_file)) {
        return std::nullopt;
    }
    const auto text = run::read_kept(folder / k_faults_file);
    OA_TRY(const auto json, text ? parse_json(*text) : std::unexpected(text.error()));
    Planted out{
        text_in(json, "file"),
        text_in(json, "fault"),
        text_in(json, "before"),
        string_member(json, "taken_out_at").has_value()
    };
    if (out.file.empty() || out.fault.empty()) {
        return fail(Code::unreadable, "it does not record what was planted where");
    }
    return out;
}

bool has_line(std::string_view text, std::string_view line) {
    const std::string lines = fmt::format("\n{}\n", text);
    return lines.contains(fmt::format("\n{}\n", line));
}

struct Removed {
    bool out = false;
    std::string detail;
};

Removed remove(const Planted& planted) {
    const std::string file = planted.file.string();
    if (!is_there(planted.file)) {
        // A watcher of the file may keep the content it read last.
        const auto written = write_file_atomic(planted.file, planted.before);
        return {
            true,
            written ? fmt::format("{} was gone and is as before {} again", file, planted.fault)
                    : fmt::format("{} is gone, and {} with it", file, planted.fault)
        };
    }
    const auto now = read_file(planted.file);
    if (!now) {
        return {false, fmt::format("{} may be planted: {}", planted.fault, now.error().text())};
    }
    if (*now == planted.with_fault()) {
        const auto written = write_file_atomic(planted.file, planted.before);
        return written ? Removed{true, fmt::format("{} is out of {} again", planted.fault, file)}
                       : Removed{
                             false,
                             fmt::format(
                                 "{} stays planted in {}: {}",
                                 planted.fault,
                                 file,
                                 written.error().text()
                             )
                         };
    }
    if (has_line(*now, planted.fault) && !has_line(planted.before, planted.fault)) {
        return {
            false,
            fmt::format(
                "{} changed after {} was injected: remove that line yourself", file, planted.fault
            )
        };
    }
    return {true, fmt::format("{} is not in {} any more", planted.fault, file)};
}

/// The lock cannot keep that process from planting more faults, so it is not taken over: a stopped
/// process must continue or end.
std::unexpected<Error> fail_held(const fs::path& folder, const Json& run) {
    const Json* process = member(run, "process");
    const bool here = process != nullptr && text_in(*process, "host") == host_name();
    const auto pid = here ? int_member(*process, "pid").value_or(0) : 0;
    if (pid <= 1 || !is_stopped(pid)) {
        return fail(
            Code::precondition,
            "a living process works on this run, and removes its fault when it ends",
            folder.string()
        );
    }
    return fail(
        Code::precondition,
        fmt::format("process {} works on this run, and is stopped (Ctrl-Z or SIGSTOP)", pid),
        folder.string(),
        fmt::format(
            "kill -CONT {0}: it goes on, and removes its fault when it ends; or kill -9 {0}, and "
            "then this command",
            pid
        )
    );
}

} // namespace

Result<void> check_faults_file(const fs::path& file) {
    const auto refused = [&](std::string_view why) {
        return fail(
            Code::usage,
            fmt::format("no fault can be planted there: {}", why),
            file.string(),
            "the file of the canary's `serve --inject-file`"
        );
    };
    std::error_code error;
    const auto kind = fs::status(file, error).type();
    if (kind != fs::file_type::regular && kind != fs::file_type::not_found) {
        return refused("it is not a regular file");
    }
    const fs::path folder = fs::absolute(file, error).parent_path();
    if (!fs::is_directory(folder, error)) {
        return refused("its folder is not there");
    }
    // The file is replaced, which requires a writable folder, not only a writable file.
    return ::access(folder.c_str(), W_OK | X_OK) == 0 ? Result<void>{}
                                                      : refused("its folder is not writable");
}

Result<void> plant_fault(const fs::path& folder, const fs::path& file, std::string_view fault) {
    OA_CHECK(check_faults_file(file));
    std::error_code error;
    Planted planted{fs::absolute(file, error), std::string(fault), ""};
    if (is_there(file)) { // otherwise unread content would be lost
        OA_TRY(planted.before, read_file(file));
    }
    OA_CHECK(remember(folder, planted));
    return write_file_atomic(planted.file, planted.with_fault());
}

std::string planted_fault(const fs::path& folder) {
    const auto planted = recall(folder);
    if (!planted) {
        return {};
    }
    if (!*planted) {
        return fmt::format("a fault: {}: {}", k_faults_file, planted->error().text());
    }
    return (*planted)->out ? ""
                           : fmt::format("{} in {}", (*planted)->fault, (*planted)->file.string());
}

std::optional<Check> remove_fault(const fs::path& folder) {
    const auto planted = recall(folder);
    if (!planted || (*planted && (*planted)->out)) {
        return std::nullopt;
    }
    Removed removed{false, fmt::format("what is planted where? {}", planted_fault(folder))};
    if (*planted) {
        removed = remove(**planted);
    }
    if (removed.out) {
        Planted done = **planted;
        done.out = true;
        (void)remember(folder, done); // otherwise the next call checks again
    }
    return make_check(
        "rollback.fault", removed.out ? Verdict::pass : Verdict::fail, std::move(removed.detail)
    );
}

bool has_only_fault(const fs::path& folder) {
    std::error_code error; // a folder that cannot be checked may hold something
    if (planted_fault(folder).empty() || fs::exists(folder / run::k_plan_file, error) || error) {
        return false;
    }
    const auto size = fs::file_size(folder / run::k_journal_file, error);
    return error ? error == std::errc::no_such_file_or_directory : size == 0;
}

Result<run::RunResult>
roll_back_fault(const run::Operator& by, const fs::path& folder, const Json& stored) {
    if (run::FolderLock::is_held(folder)) {
        return fail_held(folder, stored);
    }
    OA_TRY(auto session, run::RunSession::resume(folder, Redactor(), by.observer));
    if (by.on_run) {
        by.on_run(session.id());
    }
    Check check = remove_fault(folder).value_or(
        make_check("rollback.fault", Verdict::pass, "the fault is removed already")
    );
    const bool removed = check.verdict == Verdict::pass;
    report::Report report;
    report.title = fmt::format("rollback of {}", text_in(stored, "name"));
    report.headline = fmt::format("This run moved no traffic. {}.", check.detail);
    report.facts = {{"fault", check.detail}, {"version", by.version}};
    report.more = {{"restored", removed}, {"rollback", nullptr}, {"notes", Json::array()}};
    report.next = removed ? Advice() : run::suggest_rollback(session.id());
    session.add_said(std::move(check));
    const run::Conclusion end =
        session.conclude({.mutated = true, .restored = removed, .completed = removed});
    const bool judged = string_member(stored, "verdict").has_value();
    return session.finish_rollback(end, std::move(report), judged);
}

void end_fault(run::RunSession& session, RunOutcome& outcome) {
    auto check = remove_fault(session.folder().path());
    if (!check) {
        return;
    }
    session.say(fmt::format("  {} {}: {}", to_string(check->verdict), check->id, check->detail));
    if (check->verdict != Verdict::pass) {
        outcome.only_fault_left = outcome.exit != ExitCode::rollback_unverified;
        outcome.verdict = Verdict::fail;
        outcome.exit = ExitCode::rollback_unverified;
        outcome.ended = run::RunEnding::rollback_unverified;
        outcome.headline += fmt::format(" A planted fault is left: {}.", check->detail);
    }
    session.add(*std::move(check));
}

} // namespace oa_stream::playbook

// Reads one run's folder as far as possible. Unreadable data never counts as "all is well".
#include "oa_stream/base/clock.hpp"
#include "oa_stream/base/file.hpp"
#include "oa_stream/base/json_members.hpp"
#include "oa_stream/base/option_names.hpp"
#include "oa_stream/base/process.hpp"
#include "oa_stream/playbook/status.hpp"
#include "oa_stream/routes/route_access.hpp"
#include "oa_stream/routes/route_journal.hpp"
#include "oa_stream/run/control.hpp"
#include "oa_stream/run/finished_mark.hpp"
#include "oa_stream/run/folder_lock.hpp"
#include "oa_stream/run/kept_file.hpp"
#include "oa_stream/run/run_journal.hpp"
#include "oa_stream/run/runs.hpp"
#include "oa_stream/run/suggest.hpp"
#include "oa_stream/run/target_lock.hpp"

#include "drill/planted_fault.hpp"
#include "engine/journal.hpp"
#include "engine/route_step.hpp"
#include "plan/plan_back.hpp"
#include "plan/plan_file.hpp"
#include "verified_rollbacks.hpp"
#include "why_open.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace oa_stream::playbook {

namespace fs = std::filesystem;

namespace {

/// Unset for a file that does not exist. An existing file that cannot be read is an error.
Result<std::optional<std::string>> read_if_there(const fs::path& file) {
    std::error_code error;
    if (!fs::exists(file, error) && !error) {
        return std::nullopt;
    }
    OA_TRY(std::string text, run::read_kept(file));
    return std::optional(std::move(text));
}

void add_unread(RunStatus& out, std::string_view file, std::string_view why) {
    out.unread += fmt::format("{}{}: {}", out.unread.empty() ? "" : "; ", file, why);
}

/// What the run intended to do.
struct StoredPlan {
    bool there = false;
    bool read = false;
    bool routes_alone = false; ///< of route set, clear or restore
    bool routes = false; ///< together with the traffic
    bool own_lanes = false; ///< the lanes died with the run
    bool mutates = true; ///< as far as known
    std::string target{};
    bool in_vain = false; ///< the last rollback: repeating it would end alike
    /// The command that plans a rollback, or a manual one, where the journal's rollback cannot
    /// help.
    Advice back{};
    Advice restore{}; ///< for routes alone: the command that undoes them
};

/// What the last rollback found, in a check's data: "foreign", a split set by others, which it left
/// alone; "gone", nothing to move; "differs", the baseline with a setting other than the recorded
/// one.
bool rollback_found(const Json& run, const char* what) {
    return std::ranges::any_of(run::last_checks(run), [what](const Json& check) {
        return bool_member(object_in(check, "data"), what).value_or(false);
    });
}

StoredPlan read_stored_plan(RunStatus& out, const run::RunFacts& facts, const Json& run) {
    StoredPlan plan;
    plan.mutates = facts.mutates;
    const auto text = read_if_there(out.folder / run::k_plan_file);
    plan.there = !text || text->has_value();
    const auto json = text ? parse_json(text->value_or("")) : fail(Code::unreadable, "");
    plan.read = json && json->is_object() &&
                (member(*json, "schema") != nullptr || member(*json, "source") != nullptr);
    if (!plan.read) {
        plan.routes_alone = facts.kind == run::RunKind::route_split;
        if (plan.there) {
            add_unread(out, run::k_plan_file, text ? "is not whole" : text.error().message);
        }
        return plan;
    }
    plan.routes_alone = text_in(*json, "schema") == routes::k_route_plan_schema;
    plan.target = plan.routes_alone ? routes::route_lock_name(text_in(*json, "control_url"))
                                    : text_in(*json, "target");
    plan.routes = !plan.routes_alone && !object_in(*json, "routes").empty();
    const Json& playbook = object_in(*json, "playbook");
    out.base_url = text_in(object_in(playbook, "target"), "base_url");
    out.canary = text_in(object_in(playbook, "traffic"), "canary");
    plan.own_lanes = !plan.routes_alone && member(*json, "source") == nullptr;
    plan.in_vain = rollback_found(run, "gone") || rollback_found(run, "differs");
    if (rollback_found(run, "foreign")) {
        plan.back = plan_back_command(*json);
        if (plan.back.empty()) {
            const auto whole = read_plan(text->value_or(""), {}, Trust::rescue);
            plan.back = whole ? manual_back_command(manual_step(*whole), out.run) : Advice();
        }
    }
    const Json* steps = member(*json, "steps");
    const bool listed = steps != nullptr && steps->is_array();
    plan.mutates = facts.mutates && (!listed || std::ranges::any_of(*steps, [](const Json& step) {
                       return bool_member(step, "mutates").value_or(true);
                   }));
    return plan;
}

void add_journal_summary(RunStatus& out, const JournalSummary& summary) {
    out.baseline = summary.baseline.empty() ? "" : summary.baseline.text();
    const auto& serving = summary.serving;
    const auto& pending = summary.pending;
    out.serving = !summary.found.empty() ? summary.found : serving ? serving->text() : "";
    out.pending = pending ? pending->text() : "";
    out.moved = summary.needs_rollback();
    out.step = summary.step;
    out.last_at = summary.last_at;
    out.ending = summary.ending;
    out.end = summary.end;
    out.done = summary.done;
    out.state = summary.ended ? RunState::ended : RunState::died;
}

/// The timeline has a shift or a rollback; these begin after their first journal line.
bool has_moved(const fs::path& folder) {
    const std::string text = run::read_kept(folder / run::k_timeline_file).value_or("");
    const auto has = [&text](std::string_view event) {
        return text.contains(fmt::format(R"("event":"{}")", event));
    };
    return has(run::k_shift_begins) || has(run::k_restore_begins);
}

void add_journal(RunStatus& out, StoredPlan& plan) {
    out.state = RunState::died;
    const auto text = read_if_there(out.folder / run::k_journal_file);
    const bool absent = text && !text->has_value();
    if (absent && !plan.there) {
        return;
    }
    // The journal exists from the beginning of every run.
    const auto summary = !text    ? fail(Code::unreadable, text.error().message)
                         : absent ? fail(Code::unreadable, "is not there")
                                  : read_journal(text->value_or(""));
    if (summary) {
        add_journal_summary(out, *summary);
        if (summary->found.empty()) { // a later rollback, which died, saw no split of others
            plan.back = {};
        }
        out.began = summary->lines > 0 || has_moved(out.folder);
        if (summary->lines == 0 && plan.mutates && out.began) {
            add_unread(out, run::k_journal_file, "has no line, though the run moved traffic");
            out.moved = true;
        }
        if (!plan.there && summary->lines > 0 && !summary->ended) {
            add_unread(out, run::k_plan_file, "is not there");
        }
        return;
    }
    add_unread(
        out,
        run::k_journal_file,
        summary.error().where.empty() ? summary.error().message
                                      : summary.error().where + ": " + summary.error().message
    );
    out.moved = plan.mutates; // unknown, so assume that it moved
}

/// "done" means that the result of the last change was verified; any other last phase does not.
void add_routes(RunStatus& out, std::string_view file, bool mutates) {
    const auto text = read_if_there(out.folder / file);
    if (!text) {
        if (file != run::k_journal_file || out.unread.empty()) { // add_journal() reported it
            add_unread(out, file, text.error().message);
        }
        out.routes_unverified = mutates;
        return;
    }
    const auto progress = routes::read_route_journal(text->value_or(""));
    if (progress.text.empty()) {
        return;
    }
    out.last_at = std::max(out.last_at, progress.last_at);
    out.routes_unverified = progress.unverified;
    out.routes = progress.text;
}

/// For a process that is known only by the lock of the folder.
void set_running(RunStatus& out) {
    out.state = RunState::running;
    out.holder = "a living process";
}

/// `held`: a living process works in the folder.
void add_holder(RunStatus& out, const fs::path& state_dir, bool held) {
    const auto holder =
        out.target.empty() ? std::nullopt : run::TargetLock::holder(state_dir, out.target);
    if (holder && text_in(*holder, "run") == out.run) {
        out.state = RunState::running;
        const auto pid = int_member(*holder, "pid").value_or(0);
        out.stopped = is_stopped(pid); // a lock holder runs on this machine
        out.holder = fmt::format(
            "process {} on {} since {}{}",
            pid,
            text_in(*holder, "host"),
            text_in(*holder, "since"),
            out.stopped ? ", stopped (Ctrl-Z or SIGSTOP)" : ""
        );
    } else if (held && (out.state == RunState::died || !out.fault.empty())) {
        // Its lock belongs to another user, its plan is unreadable, or it is about to remove its
        // fault.
        set_running(out);
    }
}

constexpr Millis k_answer{500};

/// Adds what the run's process reports, if it can be queried.
void add_position(RunStatus& out) {
    if (out.state != RunState::running || !is_there(out.folder / run::k_control_file)) {
        return;
    }
    const auto answer = run::ask_run(out.folder, {{"action", "status"}}, k_answer);
    if (!answer) {
        return;
    }
    out.stage = text_in(*answer, "stage");
    if (text_in(*answer, "state") == "paused") {
        const double left = number_in(*answer, "left_s").value_or(0);
        out.paused = fmt::format(
            "{} ({} left)",
            text_in(*answer, "why"),
            format_duration(Millis(static_cast<std::int64_t>(left) * 1000))
        );
    }
}

/// A route restore restores what another run found. Returns the command that undoes either run.
Advice add_restored_run(RunStatus& out, const Json& run, const fs::path& state_dir) {
    const auto access = routes::read_route_access(run);
    const std::string& restores = out.facts.restores;
    const fs::path first = state_dir / "runs" / restores;
    if (std::error_code none; restores.empty() || !fs::is_directory(first, none)) {
        return routes::route_restore(out.run, access, access);
    }
    out.restores = restores;
    const auto kept = routes::read_route_access(run::document_of(first));
    return routes::route_restore(restores, access, kept);
}

void add_open(RunStatus& out, const StoredPlan& plan, const Json& run, bool mutates) {
    out.own_lanes = plan.own_lanes;
    if (plan.own_lanes && out.state == RunState::died) {
        out.moved = false;
        out.routes_unverified = false;
    }
    if (out.stopped && out.moved && mutates) {
        out.open = "its process is stopped: nothing watches the traffic that it moved";
    }
    if (out.state == RunState::running || plan.own_lanes || !mutates) {
        return;
    }
    out.open = why_open(out, run);
    const auto mark = run::finished_mark(out.folder);
    if (!out.open.empty() && mark) {
        out.open.clear();
        out.state = RunState::ended;
        out.ending = fmt::format("{}: {} ({}, {})", mark->how, mark->reason, mark->who, mark->at);
    }
}

void add_next(RunStatus& out, const StoredPlan& plan, VerifiedRollbacks& rollbacks) {
    const Suggestion back = run::suggest_rollback(out.run);
    if (out.stopped) {
        out.next = run::suggest_take_over(out.run);
    } else if (out.state == RunState::running && !out.needs_somebody()) {
        out.next = out.paused.empty() ? run::suggest_wait(out.run)
                                      : Suggestion{"cutover continue", {names::run, out.run}};
    } else if (out.left_nothing()) {
        out.next = run::suggest_show(out.run);
    } else if (!out.needs_somebody()) {
        if (out.state == RunState::died && plan.read && !plan.routes_alone) { // ends its record
            out.next = back;
        }
    } else if (!plan.there && !out.moved && !out.fault.empty()) { // all that it left
        out.next = back;
    } else if (!plan.read) {
        // Without its plan it cannot be rolled back; once everything is restored, an operator must
        // close it.
        out.next =
            rollbacks.any_after(out) ? run::suggest_abandon(out.run) : plan_back_of(out.target);
    } else if (plan.routes_alone) {
        out.next = plan.restore;
    } else if (plan.in_vain && !out.routes_unverified && out.end && out.end->rollback) {
        out.next = run::suggest_abandon(out.run);
    } else {
        out.next = plan.back.empty() || rollbacks.any_after(out) ? Advice(back) : plan.back;
    }
}

} // namespace

RunStatus status_in(const fs::path& state_dir, const fs::path& folder) {
    VerifiedRollbacks rollbacks(state_dir);
    return status_in(state_dir, folder, rollbacks);
}

RunStatus
status_in(const fs::path& state_dir, const fs::path& folder, VerifiedRollbacks& rollbacks) {
    RunStatus out;
    out.run = folder.filename().string();
    out.folder = folder;
    // Read first: after the lock is free the files no longer change.
    bool held = run::FolderLock::is_held(folder);
    const Json run = run::document_of(folder);
    out.facts = run::facts_of(folder, run);
    StoredPlan plan = read_stored_plan(out, out.facts, run);
    out.planned = plan.read;
    out.target = plan.target.empty() ? target_in(run) : plan.target;
    if (plan.routes_alone) {
        out.state = RunState::died;
        add_routes(out, run::k_journal_file, out.facts.mutates);
        plan.restore = add_restored_run(out, run, state_dir);
    } else {
        add_journal(out, plan);
        if (is_there(folder / run::k_routes_journal)) {
            add_routes(out, run::k_routes_journal, out.facts.mutates);
        }
        if (plan.routes) {
            add_routes(out, run::k_journal_file, out.facts.mutates);
        }
    }
    const bool sealed = run::is_sealed(folder);
    // When another process rolled the run back, a stopped process of the run holds the folder as
    // long as it lives.
    held = held && !(sealed && out.end && out.end->rollback);
    if (out.state == RunState::died && sealed) { // its last journal line could not be written
        out.state = RunState::ended;
    }
    // A rollback sealed the folder and closed the journal, but did not end the run.
    if (out.moved && is_rollback_unverified(run)) {
        out.state = RunState::died;
    }
    out.fault = planted_fault(folder);
    out.facts.mutates = out.facts.mutates || !out.fault.empty();
    add_holder(out, state_dir, held);
    add_position(out);
    add_open(out, plan, run, out.facts.mutates);
    // It still waits for its hooks, writes its report and seals its folder, and may yet lose a PASS
    // by that: until then it is not over.
    if (held && out.state == RunState::ended) {
        set_running(out);
    }
    add_next(out, plan, rollbacks);
    return out;
}

} // namespace oa_stream::playbook

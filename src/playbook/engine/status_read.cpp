// One run's folder, read as far as it can be. What cannot be read is never taken for "all is well".
#include "oa_stream/base/file.hpp"
#include "oa_stream/base/json_members.hpp"
#include "oa_stream/base/verdict.hpp"
#include "oa_stream/playbook/finished.hpp"
#include "oa_stream/playbook/journal.hpp"
#include "oa_stream/playbook/status.hpp"
#include "oa_stream/run/folder_lock.hpp"
#include "oa_stream/run/run_facts.hpp"
#include "oa_stream/run/runs.hpp"
#include "oa_stream/run/target_lock.hpp"

#include "drill/planted_fault.hpp"
#include "route_step.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace oa_stream::playbook {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view k_plan = "plan.json";
constexpr std::string_view k_journal = "journal.ndjson";

/// Nothing for a file that is not there. One that is there and cannot be read is an error.
Result<std::optional<std::string>> text_of(const fs::path& file) {
    std::error_code error;
    if (!fs::exists(file, error) && !error) {
        return std::nullopt;
    }
    OA_TRY(std::string text, read_file(file));
    return std::optional(std::move(text));
}

void add_unread(RunStatus& out, std::string_view file, std::string_view why) {
    out.unread += fmt::format("{}{}: {}", out.unread.empty() ? "" : "; ", file, why);
}

/// What was going to be done.
struct PlanPaper {
    bool there = false;
    bool read = false;
    bool routes_alone = false; ///< of route set, clear or restore
    bool own_lanes = false; ///< they died with it
    bool mutates = true; ///< as far as is known
    std::string target{};
};

PlanPaper read_paper(RunStatus& out, const run::RunFacts& facts) {
    PlanPaper paper;
    paper.mutates = facts.mutates;
    const auto text = text_of(out.folder / k_plan);
    paper.there = !text || text->has_value();
    const auto json = text ? parse_json(text->value_or("")) : fail(Code::unreadable, "");
    paper.read = json && json->is_object() &&
                 (member(*json, "schema") != nullptr || member(*json, "source") != nullptr);
    if (!paper.read) {
        paper.routes_alone = facts.kind == run::RunKind::route_split;
        if (paper.there) {
            add_unread(out, k_plan, text ? "is not whole" : text.error().message);
        }
        return paper;
    }
    paper.routes_alone = text_in(*json, "schema") == routes::k_route_plan_schema;
    paper.target = paper.routes_alone ? routes::route_lock_name(text_in(*json, "control_url"))
                                      : text_in(*json, "target");
    paper.own_lanes = !paper.routes_alone && member(*json, "source") == nullptr;
    const Json* steps = member(*json, "steps");
    const bool listed = steps != nullptr && steps->is_array();
    paper.mutates = facts.mutates && (!listed || std::ranges::any_of(*steps, [](const Json& step) {
                        return bool_member(step, "mutates").value_or(true);
                    }));
    return paper;
}

void take_story(RunStatus& out, const JournalStory& story) {
    out.baseline = story.baseline.empty() ? "" : story.baseline.text();
    const auto& serving = story.serving;
    const auto& pending = story.pending;
    out.serving = serving ? serving->text() : "";
    out.pending = pending ? pending->text() : "";
    out.moved = story.needs_rollback();
    out.step = story.step;
    out.last_at = story.last_at;
    out.ending = story.ending;
    out.done = story.done;
    out.state = story.ended ? RunState::ended : RunState::died;
}

void take_journal(RunStatus& out, const PlanPaper& paper) {
    out.state = RunState::died;
    const auto text = text_of(out.folder / k_journal);
    const bool absent = text && !text->has_value();
    if (absent && !paper.there) {
        return;
    }
    // It is there from the beginning of every run.
    const auto story = !text    ? fail(Code::unreadable, text.error().message)
                       : absent ? fail(Code::unreadable, "is not there")
                                : read_journal(text->value_or(""));
    if (story) {
        take_story(out, *story);
        if (!paper.there && story->lines > 0 && !story->ended) {
            add_unread(out, k_plan, "is not there");
        }
        return;
    }
    add_unread(
        out,
        k_journal,
        story.error().where.empty() ? story.error().message
                                    : story.error().where + ": " + story.error().message
    );
    out.moved = paper.mutates; // nobody can tell, so look
}

/// "done" says that what the last way led to was verified; any other last word does not.
void take_routes(RunStatus& out, std::string_view file, bool mutates) {
    const auto text = text_of(out.folder / file);
    if (!text) {
        add_unread(out, file, text.error().message);
        out.routes_loose = mutates;
        return;
    }
    const auto progress = routes::read_route_journal(text->value_or(""));
    out.last_at = std::max(out.last_at, progress.last_at);
    out.routes_loose = progress.unverified;
    out.routes = progress.text;
}

void take_holder(RunStatus& out, const fs::path& state_dir) {
    const auto holder =
        out.target.empty() ? std::nullopt : run::TargetLock::holder(state_dir, out.target);
    if (holder && text_in(*holder, "run") == out.run) {
        out.state = RunState::running;
        out.holder = fmt::format(
            "process {} on {} since {}",
            int_member(*holder, "pid").value_or(0),
            text_in(*holder, "host"),
            text_in(*holder, "since")
        );
    } else if (out.state == RunState::died && run::FolderLock::is_held(out.folder)) {
        out.state = RunState::running; // its lock is another user's, or its plan cannot be read
        out.holder = "a living process";
    }
}

/// What the lock is held on, where the plan does not say it.
std::string target_in(const Json& run) {
    const Json* target = member(run, "target");
    return target == nullptr ? "" : text_in(*target, "what");
}

/// A route restore brings back what another run found.
void take_restored(RunStatus& out, const run::RunFacts& facts, const fs::path& state_dir) {
    std::error_code ignored;
    if (!facts.restores.empty() && fs::is_directory(state_dir / "runs" / facts.restores, ignored)) {
        out.restores = facts.restores;
    }
}

constexpr std::int64_t k_unverified = static_cast<std::int64_t>(ExitCode::rollback_unverified);

/// Of the last rollback of it, if there was one.
std::optional<std::int64_t> rollback_exit(const Json& run) {
    const Json* rolled_back = member(run, "rolled_back");
    return rolled_back == nullptr ? std::nullopt : int_member(*rolled_back, "exit_code");
}

constexpr const char* k_no_way_back = "its rollback was not verified";

std::string died_why(const RunStatus& out) {
    if (!out.moved && !out.routes_loose) {
        return out.fault.empty() ? "" : "its fault is still planted: " + out.fault;
    }
    if (!out.unread.empty()) {
        return fmt::format("it cannot be read whether its traffic is back ({})", out.unread);
    }
    return out.moved ? "it died, and the traffic may not be where it began"
                     : "it died, and routes may not be where they began";
}

std::string ended_why(const RunStatus& out, const Json& run) {
    const auto exit = rollback_exit(run) ? rollback_exit(run) : int_member(run, "exit_code");
    // Of one that is closed and not sealed, its journal may have the last word.
    const bool unverified =
        exit ? *exit == k_unverified : out.ending.ends_with(fmt::format(" exit {}", k_unverified));
    if (!unverified) {
        return !exit && out.ending.empty() && out.moved ? "how it ended cannot be read" : "";
    }
    const bool held = bool_member(run, "held").value_or(false);
    return held && !rollback_exit(run) ? "its split was left as it is" : k_no_way_back;
}

void take_open(RunStatus& out, const PlanPaper& paper, const Json& run, bool mutates) {
    if (paper.own_lanes && out.state == RunState::died) {
        out.moved = false;
        out.routes_loose = false;
    }
    if (out.state == RunState::running || paper.own_lanes || !mutates) {
        return;
    }
    out.open = rollback_exit(run) == k_unverified ? k_no_way_back
               : out.state == RunState::died      ? died_why(out)
                                                  : ended_why(out, run);
    const auto word = settled(out.folder);
    if (!out.open.empty() && word && word->at >= out.last_at) {
        out.open.clear();
        out.state = RunState::ended;
        out.ending = fmt::format("{}: {} ({}, {})", word->how, word->reason, word->who, word->at);
    }
}

void take_next(RunStatus& out, const PlanPaper& paper) {
    if (out.state == RunState::running) {
        out.next = "oa-stream cutover status --run " + out.run + " --wait-for done";
    } else if (!out.needs_somebody()) {
        return;
    } else if (!paper.read) {
        out.next = "oa-stream runs show " + out.run; // without its plan it cannot be taken back
    } else if (paper.routes_alone) {
        out.next = fmt::format(
            "oa-stream route restore {} --apply", out.restores.empty() ? out.run : out.restores
        );
    } else {
        out.next = "oa-stream rollback apply --run " + out.run;
    }
}

bool has_bytes(const fs::path& file, std::error_code& error) {
    return fs::exists(file, error) && fs::file_size(file, error) > 0 && !error;
}

} // namespace

RunStatus status_in(const fs::path& state_dir, const fs::path& folder) {
    RunStatus out;
    out.run = folder.filename().string();
    out.folder = folder;
    const Json run = run::document_in(folder / "run.json");
    const run::RunFacts facts = run::facts_of(folder, run);
    const PlanPaper paper = read_paper(out, facts);
    out.target = paper.target.empty() ? target_in(run) : paper.target;
    if (paper.routes_alone) {
        out.state = RunState::died;
        take_routes(out, k_journal, facts.mutates);
        take_restored(out, facts, state_dir);
    } else {
        take_journal(out, paper);
        take_routes(out, k_routes_journal, facts.mutates);
    }
    std::error_code ignored;
    // Sealed: even if its last journal line could not be written.
    if (out.state == RunState::died && fs::exists(folder / "SHA256SUMS", ignored)) {
        out.state = RunState::ended;
    }
    // It sealed the folder and closed the journal, and yet there is something to do.
    out.fault = planted_fault(folder);
    if (!out.fault.empty() || (out.moved && rollback_exit(run) == k_unverified)) {
        out.state = RunState::died;
    }
    take_holder(out, state_dir);
    take_open(out, paper, run, facts.mutates);
    take_next(out, paper);
    return out;
}

bool holds_traffic(const fs::path& folder) {
    for (const std::string_view file : {k_plan, k_journal, k_routes_journal}) {
        std::error_code error;
        if (has_bytes(folder / file, error)) {
            return true;
        }
        if (error && error != std::errc::no_such_file_or_directory) {
            return run::facts_of(folder).mutates; // nobody can look into it
        }
    }
    return false;
}

} // namespace oa_stream::playbook

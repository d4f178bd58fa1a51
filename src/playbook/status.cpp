#include "oa_stream/playbook/status.hpp"

#include "oa_stream/base/file.hpp"
#include "oa_stream/base/verdict.hpp"
#include "oa_stream/playbook/journal.hpp"
#include "oa_stream/playbook/lock.hpp"

#include "planted_fault.hpp"
#include "route_half.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace oa_stream::playbook {

namespace fs = std::filesystem;

namespace {

std::string text_in(const Json& json, std::string_view key) {
    return std::string(string_member(json, key).value_or(""));
}

Json document(const fs::path& file) {
    const auto text = read_file(file);
    const auto json = text ? parse_json(*text) : fail(Code::unreadable, "");
    return json ? *json : Json::object();
}

void take_journal(RunStatus& out) {
    const auto text = read_file(out.folder / "journal.ndjson");
    const auto story = read_journal(text ? *text : std::string());
    if (!story) {
        out.moved = true; // nobody can tell, so look
        out.state = RunState::died;
        out.step = story.error().text();
        return;
    }
    out.baseline = story->baseline.empty() ? "" : story->baseline.text();
    const auto& serving = story->serving;
    const auto& pending = story->pending;
    out.serving = serving ? serving->text() : "";
    out.pending = pending ? pending->text() : "";
    out.moved = story->needs_rollback();
    out.step = story->step;
    out.last_at = story->last_at;
    out.ending = story->ending;
    out.done = story->done;
    out.state = story->ended ? RunState::ended : RunState::died;
}

/// "done" says that what the last way led to was verified; any other last word does not.
void take_routes(RunStatus& out) {
    const std::string text = read_file(out.folder / k_routes_journal).value_or("");
    bool intended = false;
    for (std::string_view rest = text; rest.contains('\n');) {
        const std::size_t end = rest.find('\n');
        const auto line = parse_json(rest.substr(0, end)); // a torn one says nothing
        rest.remove_prefix(end + 1);
        if (!line || !line->is_object()) {
            continue;
        }
        const std::string phase = text_in(*line, "phase");
        intended = intended || phase == "intent";
        out.routes_loose = intended && phase != "done";
        out.routes = fmt::format(
            "{}{} at {}",
            text_in(*line, "way") == "back" ? "taken back: " : "",
            phase,
            text_in(*line, "at")
        );
        if (const std::string detail = text_in(*line, "detail"); !detail.empty()) {
            out.routes += ", " + detail;
        }
    }
}

void take_holder(RunStatus& out, const fs::path& state_dir) {
    const auto holder = TargetLock::holder(state_dir, out.target);
    if (holder && text_in(*holder, "run") == out.run) {
        out.state = RunState::running;
        out.holder = fmt::format(
            "process {} on {} since {}",
            int_member(*holder, "pid").value_or(0),
            text_in(*holder, "host"),
            text_in(*holder, "since")
        );
    }
}

/// It sealed the folder and closed the journal, and yet there is something to do.
bool rollback_failed(const fs::path& folder) {
    const Json run = document(folder / "run.json");
    const Json* rolled_back = member(run, "rolled_back");
    return rolled_back != nullptr &&
           int_member(*rolled_back, "exit_code") == static_cast<int>(ExitCode::rollback_unverified);
}

void take_next(RunStatus& out, const Json& plan) {
    const bool own_lanes = member(plan, "source") == nullptr; // they died with it
    if (out.state == RunState::running) {
        out.next = "oa-stream cutover status --run " + out.run + " --wait-for done";
    } else if (out.state == RunState::died && out.loose() && !own_lanes) {
        out.next = "oa-stream rollback apply --run " + out.run;
    }
    if (own_lanes && out.state == RunState::died) {
        out.moved = false;
    }
}

RunStatus read(const fs::path& state_dir, const fs::path& folder) {
    RunStatus out;
    out.run = folder.filename().string();
    out.folder = folder;
    const Json plan = document(folder / "plan.json");
    out.target = text_in(plan, "target");
    take_journal(out);
    take_routes(out);
    std::error_code ignored;
    // Sealed: even if its last journal line could not be written.
    if (out.state == RunState::died && fs::exists(folder / "SHA256SUMS", ignored)) {
        out.state = RunState::ended;
    }
    out.fault = planted_fault(folder);
    if (!out.fault.empty() || (out.moved && rollback_failed(folder))) {
        out.state = RunState::died;
    }
    if (!out.target.empty()) {
        take_holder(out, state_dir);
    }
    take_next(out, plan);
    return out;
}

} // namespace

std::string_view to_string(RunState state) noexcept {
    switch (state) {
    case RunState::running:
        return "running";
    case RunState::ended:
        return "ended";
    case RunState::died:
        return "died";
    }
    return "ended";
}

Json to_json(const RunStatus& status) {
    return {
        {"run", status.run},
        {"evidence", status.folder.string()},
        {"state", to_string(status.state)},
        {"target", status.target},
        {"baseline", status.baseline},
        {"serving", status.serving},
        {"pending", status.pending.empty() ? Json(nullptr) : Json(status.pending)},
        {"moved", status.moved},
        {"step", status.step},
        {"last_at", status.last_at},
        {"ending", status.ending},
        {"holder", status.holder.empty() ? Json(nullptr) : Json(status.holder)},
        {"done", status.done},
        {"routes", status.routes.empty() ? Json(nullptr) : Json(status.routes)},
        {"routes_loose", status.routes_loose},
        {"fault", status.fault.empty() ? Json(nullptr) : Json(status.fault)},
        {"next", status.next},
    };
}

std::string status_text(const RunStatus& status) {
    std::string out = fmt::format(
        "{} {}{}\n",
        status.run,
        to_string(status.state),
        status.ending.empty() ? "" : ": " + status.ending
    );
    const auto line = [&](std::string_view name, const std::string& value) {
        if (!value.empty()) {
            out += fmt::format("  {:<10} {}\n", name, value);
        }
    };
    line("target", status.target);
    line("by", status.holder);
    line("began with", status.baseline);
    line("last seen", status.serving);
    line("may serve", status.pending);
    line("last step", status.step);
    line("last line", status.last_at);
    line("routes", status.routes);
    line("fault", status.fault);
    line("next", status.next);
    return out;
}

Result<RunStatus> status_of(const fs::path& state_dir, std::string_view run) {
    const fs::path folder = state_dir / "runs" / run;
    std::error_code ignored;
    if (run.empty() || run.contains('/') || run.starts_with('.') ||
        !fs::is_directory(folder, ignored)) {
        return fail(
            Code::usage,
            fmt::format("there is no run '{}'", run),
            (state_dir / "runs").string(),
            "oa-stream runs list"
        );
    }
    return read(state_dir, folder);
}

std::vector<RunStatus> all_statuses(const fs::path& state_dir) {
    std::vector<fs::path> folders;
    std::error_code ignored;
    for (const auto& entry : fs::directory_iterator(state_dir / "runs", ignored)) {
        if (fs::exists(entry.path() / "plan.json", ignored)) {
            folders.push_back(entry.path());
        }
    }
    std::ranges::sort(folders);
    std::vector<RunStatus> out;
    out.reserve(folders.size());
    for (const fs::path& folder : folders) {
        out.push_back(read(state_dir, folder));
    }
    return out;
}

} // namespace oa_stream::playbook

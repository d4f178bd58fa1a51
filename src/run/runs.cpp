#include "oa_stream/run/runs.hpp"

#include "oa_stream/base/clock.hpp"
#include "oa_stream/base/enum_words.hpp"
#include "oa_stream/base/file.hpp"
#include "oa_stream/base/json_members.hpp"
#include "oa_stream/base/redact.hpp"
#include "oa_stream/base/seconds.hpp"
#include "oa_stream/base/shell.hpp"
#include "oa_stream/base/text.hpp"
#include "oa_stream/base/verdict.hpp"
#include "oa_stream/run/entries.hpp"
#include "oa_stream/run/finished_mark.hpp"
#include "oa_stream/run/folder_lock.hpp"
#include "oa_stream/run/kept_file.hpp"
#include "oa_stream/run/run_journal.hpp"

#include <fmt/format.h>

#include <unistd.h>

#include <algorithm>
#include <array>
#include <tuple>

namespace oa_stream::run {

namespace fs = std::filesystem;

namespace {

constexpr auto k_clocks_apart = std::chrono::minutes(1); ///< of machines that share a state folder

/// "20260222T043600Z-rehearsal-1a2b3c4d": the time, also when nothing but the name is left.
void take_name(RunEntry& out) {
    constexpr std::size_t k_stamp = 16; // 20260222T043600Z
    if (out.id.size() <= k_stamp || out.id[k_stamp] != '-') {
        return;
    }
    const std::string_view id = out.id;
    const std::string stamp = fmt::format(
        "{}-{}-{}T{}:{}:{}Z",
        id.substr(0, 4),
        id.substr(4, 2),
        id.substr(6, 2),
        id.substr(9, 2),
        id.substr(11, 2),
        id.substr(13, 2)
    );
    if (const auto time = parse_rfc3339(stamp)) {
        out.started = *time;
        out.started_at = stamp;
    }
}

void take_document(RunEntry& out) {
    const Json& json = out.document;
    out.facts = facts_of(out.folder, json);
    const std::string word = text_in(json, "kind");
    out.kind = word.empty() ? std::string(to_string(out.facts.kind)) : word;
    out.name = text_in(json, "name");
    out.verdict = text_in(json, "verdict");
    out.exit_code = int_member(json, "exit_code");
    out.headline = text_in(json, "headline");
    const Json* rolled_back = member(json, "rolled_back");
    if (rolled_back != nullptr && !out.facts.died) { // else the headline says so itself
        out.headline +=
            (out.headline.empty() ? "Rolled back afterwards: " : " Rolled back afterwards: ") +
            text_in(*rolled_back, "headline");
    }
    // What it asked for was done, or nobody wants it any more.
    const bool back = rolled_back != nullptr && out.facts.ended == RunEnding::rolled_back;
    out.next = back || finished_mark(out.folder) ? Advice() : advice_in(json, "next");
    if (const auto began = parse_rfc3339(text_in(json, "started_at"))) {
        out.started = *began;
        out.started_at = text_in(json, "started_at");
    }
    out.duration_s = number_in(json, "duration_s");
    const auto age = std::chrono::system_clock::now() - out.started;
    if (age >= WallTime::duration(0) && out.duration_s > seconds(age + k_clocks_apart)) {
        out.duration_s.reset(); // its end is still to come, by a clock that was wrong
    }
    if (const Json* process = member(json, "process")) {
        out.holder = fmt::format(
            "process {} on {}", int_member(*process, "pid").value_or(0), text_in(*process, "host")
        );
    }
}

std::string unreported(const JournalLine& last) {
    return "Its report could not be written. The last line of its journal is: " + last.detail + ".";
}

/// Of a run that could not write its report, as on a full disk: the blocks for its journal's
/// last words were taken at its start. False: it did not end.
bool take_journal_end(RunEntry& out) {
    const auto text = read_kept(out.folder / k_journal_file);
    const auto journal = read_journal_lines(text.value_or(""));
    if (!journal || journal->lines.empty() || journal->lines.back().line.phase != Phase::end) {
        return false;
    }
    const JournalLine& last = journal->lines.back().line;
    const auto end = end_of(last);
    const bool own = end && !end->rollback;
    if (own && out.verdict != end->verdict) { // also over what was written of it before
        out.verdict = end->verdict;
        out.exit_code = end->exit;
        out.headline = unreported(last);
    } else if (out.verdict.empty()) { // a rollback afterwards ended; the run itself died
        const bool verified = end && end->exit == 0;
        out.verdict = to_string(Verdict::error);
        out.exit_code = static_cast<std::int64_t>(
            verified ? ExitCode::rolled_back : ExitCode::rollback_unverified
        );
        out.headline = unreported(last);
    }
    Json known = out.document;
    known["ended"] = own ? or_null(end->ended) : Json(); // over one that was written before it
    known["exit_code"] = out.exit_code.value_or(0);
    out.facts = facts_of(out.folder, known);
    return true;
}

void take_size(RunEntry& out) {
    const Entries all = entries_below(out.folder);
    out.files = all.files.size() + all.drafts.size();
    out.bytes = all.bytes;
    for (const std::string& name : all.unreadable) {
        out.unreadable.push_back(printable(name));
    }
}

bool is_run_name(const std::string& name) {
    return !name.empty() && name[0] != '.';
}

} // namespace

std::string_view to_string(RunLife life) noexcept {
    return enum_word<RunLife::died>(k_run_life_words, life);
}

namespace {

/// The link on the way to `path` that leads nowhere: its disk may not be mounted.
fs::path dangling_link(fs::path path) {
    std::error_code error;
    while (!path.empty() && !is_there(path)) {
        if (fs::is_symlink(path, error)) {
            return path;
        }
        path = path.parent_path();
    }
    return {};
}

} // namespace

bool holds_run(const fs::path& folder) {
    static constexpr std::array k_any{
        k_document_file, k_journal_file, k_plan_file, k_timeline_file, k_sums_file, k_routes_journal
    };
    return std::ranges::any_of(k_any, [&](std::string_view file) {
        std::error_code ignored; // what nobody may look into has the type none
        return fs::symlink_status(folder / file, ignored).type() != fs::file_type::not_found;
    });
}

Result<std::vector<fs::path>> run_folders(const fs::path& state_dir) {
    std::vector<fs::path> out;
    const fs::path runs = state_dir / "runs";
    std::error_code error;
    for (fs::directory_iterator at(runs, error), end; at != end && !error; at.increment(error)) {
        std::error_code gone;
        if (at->is_directory(gone) && is_run_name(at->path().filename().string()) &&
            holds_run(at->path())) {
            out.push_back(at->path());
        }
    }
    if (error && error != std::errc::no_such_file_or_directory) {
        return fail(
            Code::io,
            fmt::format("cannot list the runs: {}", error.message()),
            runs.string(),
            error == std::errc::permission_denied || error == std::errc::operation_not_permitted
                ? fmt::format(
                      "sudo oa-stream --state-dir {} runs list", shell_word(state_dir.string())
                  )
                : std::string()
        );
    }
    if (const fs::path link = dangling_link(runs); !link.empty()) {
        return fail(
            Code::io,
            "cannot list the runs: this link leads nowhere; is its disk mounted?",
            link.string()
        );
    }
    std::ranges::sort(out);
    return out;
}

Json document_in(const fs::path& file) {
    auto json = kept_json(file);
    return json && json->is_object() ? *std::move(json) : Json::object();
}

Result<RunEntry> read_run(const fs::path& folder) {
    RunEntry out;
    out.folder = fs::absolute(folder).lexically_normal();
    if (!out.folder.has_filename()) {
        out.folder = out.folder.parent_path();
    }
    out.id = out.folder.filename().string();
    std::error_code gone;
    if (!fs::is_directory(out.folder, gone)) {
        return fail(Code::not_found, "there is no such run", out.folder.string());
    }
    take_name(out);
    // First the lock, then the seal: who seals in between is seen as finished.
    const bool held = FolderLock::is_held(out.folder);
    const bool sealed = is_sealed(out.folder);
    out.document = document_of(out.folder);
    take_document(out);
    const bool ended = sealed || (!held && take_journal_end(out));
    out.life = ended ? RunLife::finished : held ? RunLife::running : RunLife::died;
    if (out.life == RunLife::finished) {
        out.holder.clear();
    } else if (out.life == RunLife::died) {
        out.facts.ended = RunEnding::died;
        out.facts.mutated = out.facts.mutates; // what run.json says may be of a later rollback
    }
    take_size(out);
    if (is_there(out.folder / k_pin_file)) {
        out.pinned = true;
        out.pin_reason = text_in(document_in(out.folder / k_pin_file), "reason");
    }
    return out;
}

Result<std::vector<RunEntry>> list_runs(const fs::path& state_dir) {
    OA_TRY(const auto folders, run_folders(state_dir));
    std::vector<RunEntry> out;
    for (const fs::path& folder : folders) {
        if (auto entry = read_run(folder)) { // one that is removed meanwhile is none
            out.push_back(*std::move(entry));
        }
    }
    std::ranges::sort(out, [now = std::chrono::system_clock::now()](const auto& a, const auto& b) {
        const bool wrong = is_from_future(a, now);
        if (wrong != is_from_future(b, now)) {
            return !wrong;
        }
        return std::tie(a.started, a.started_at, a.id) > std::tie(b.started, b.started_at, b.id);
    });
    return out;
}

bool is_from_future(const RunEntry& run, WallTime now) noexcept {
    return run.started > now + k_clocks_apart;
}

namespace {

/// The newest run of that kind; the newest of all for an empty word.
Result<fs::path> newest_run(const fs::path& state_dir, std::string_view kind) {
    const RunKind wanted = run_kind(kind);
    if (!kind.empty() && kind != to_string(wanted)) {
        return fail(
            Code::usage,
            fmt::format("no run is of kind '{}'", printable(kind, 40)),
            {},
            "like last:cutover; " + Suggestion{"runs list"} + " shows the kinds"
        );
    }
    OA_TRY(const auto all, list_runs(state_dir));
    const auto found =
        kind.empty()
            ? all.begin()
            : std::ranges::find(all, wanted, [](const RunEntry& one) { return one.facts.kind; });
    if (found == all.end()) {
        return fail(
            Code::usage,
            kind.empty() ? "there are no runs here"
                         : fmt::format("no {} has left anything here", kind),
            (state_dir / "runs").string(),
            Suggestion{"doctor"} + " shows where runs are kept; --state-dir selects another place"
        );
    }
    return found->folder;
}

} // namespace

Result<fs::path> find_run(const fs::path& state_dir, std::string_view word) {
    std::error_code gone;
    if (word.contains('/')) {
        const bool folder = fs::is_directory(word, gone);
        if (folder && holds_run(word)) {
            return fs::absolute(word);
        }
        return fail(
            Code::usage,
            folder ? "this folder holds no run" : "there is no such run folder",
            std::string(word),
            Suggestion{"runs list"}
        );
    }
    constexpr std::string_view k_last = "last";
    if (word == k_last) {
        return newest_run(state_dir, "");
    }
    if (word.starts_with("last:") && word.size() > k_last.size() + 1) {
        return newest_run(state_dir, word.substr(k_last.size() + 1));
    }
    OA_TRY(const auto folders, run_folders(state_dir));
    std::vector<fs::path> near;
    for (const fs::path& folder : folders) {
        const std::string name = folder.filename().string();
        if (name == word) {
            return folder;
        }
        if (!word.empty() && (name.starts_with(word) || name.ends_with(word))) {
            near.push_back(folder);
        }
    }
    if (near.size() == 1) {
        return near.front();
    }
    return fail(
        Code::usage,
        near.empty()
            ? fmt::format("there is no run '{}'", printable(word, 80))
            : fmt::format("'{}' names {} runs, for example ", printable(word, 80), near.size()) +
                  near.front().filename().string(),
        (state_dir / "runs").string(),
        Suggestion{"runs list"}
    );
}

Json to_json(const RunEntry& entry) {
    Json out = {
        {"id", entry.id},
        {"evidence", entry.folder.string()},
        {"kind", entry.kind},
        {"mutates", entry.facts.mutates},
        {"name", entry.name},
        {"state", to_string(entry.life)},
        {"ended", entry.facts.ended ? Json(to_string(*entry.facts.ended)) : Json(nullptr)},
        {"verdict", or_null(entry.verdict)},
        {"exit_code", or_null(entry.exit_code)},
        {"started_at", entry.started_at},
        {"duration_s", or_null(entry.duration_s)},
        {"files", entry.files},
        {"bytes", entry.bytes},
        {"unreadable", entry.unreadable},
        {"pinned", entry.pinned},
        {"headline", entry.headline},
    };
    put_advice(out, "next", entry.next);
    return out;
}

Result<void> pin_run(const fs::path& folder, std::string_view reason) {
    Redactor redactor;
    redactor.add_environment();
    const Json pin = {
        {"schema", "oa-stream.pinned.v1"},
        {"at", rfc3339_millis(std::chrono::system_clock::now())},
        {"reason", redactor.apply(reason)},
    };
    return write_file_atomic(folder / k_pin_file, dump_json(pin) + "\n");
}

Result<void> unpin_run(const fs::path& folder) {
    std::error_code error;
    if (!fs::remove(folder / k_pin_file, error)) {
        return fail(
            error ? Code::io : Code::usage,
            error ? "cannot unpin: " + error.message() : "is not pinned",
            folder.filename().string()
        );
    }
    return {};
}

} // namespace oa_stream::run

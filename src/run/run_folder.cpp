#include "oa_stream/run/run_folder.hpp"

#include "oa_stream/base/clock.hpp"
#include "oa_stream/base/digest.hpp"
#include "oa_stream/base/file.hpp"
#include "oa_stream/base/ids.hpp"
#include "oa_stream/base/log.hpp"
#include "oa_stream/base/process.hpp"
#include "oa_stream/base/seconds.hpp"
#include "oa_stream/run/entries.hpp"
#include "oa_stream/run/kept_file.hpp"
#include "oa_stream/run/redactions.hpp"
#include "oa_stream/run/run_notes.hpp"
#include "oa_stream/run/runs.hpp"

#include "traced.hpp"

#include <fmt/format.h>

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>

namespace oa_stream::run {

namespace fs = std::filesystem;

namespace {

// A rollback writes a few dozen journal lines; this holds thousands.
constexpr off_t k_journal_reserve = 256 << 10;
constexpr std::uint64_t k_largest = std::uint64_t{1} << 30U;

/// A file that is to be written is our own: a link, a folder or a pipe in its place was put there
/// by somebody else. It is moved aside, unfollowed, so that nobody can stop a rollback that way.
Result<void> clear_place(const fs::path& file) {
    std::error_code absent;
    const auto there = fs::symlink_status(file, absent);
    if (!fs::exists(there) || fs::is_regular_file(there)) {
        return {};
    }
    const fs::path aside = fmt::format("{}.set-aside-{}", file.string(), random_hex(4));
    if (::rename(file.c_str(), aside.c_str()) != 0) {
        return fail(
            Code::io,
            "it is not a regular file, and it cannot be moved aside",
            file.string(),
            "look who put it there, and remove it"
        );
    }
    return {};
}

/// Blocks for the journal are taken now, so that a disk that fills up during the run cannot keep a
/// rollback from being journaled. The file's size stays what was written.
Result<void> reserve(const fs::path& path) {
    const Descriptor fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0664));
    if (!fd) {
        return fail(Code::io, "cannot create", path.string());
    }
    if (::fallocate(fd.get(), FALLOC_FL_KEEP_SIZE, 0, k_journal_reserve) != 0 && errno == ENOSPC) {
        return fail(Code::io, "no space left for the journal", path.string());
    }
    return {}; // a file system that cannot reserve is not a reason to refuse
}

/// Each that can be made; the error of the first that cannot.
Result<void> make_subfolders(const fs::path& folder) {
    Result<void> out;
    for (const auto* below : {"measure", "streams", "logs"}) {
        if (auto made = make_dirs(folder / below); !made && out) {
            out = std::move(made);
        }
    }
    return out;
}

/// Without its line end nothing was built on a line: it goes to journal.torn, and the sequence goes
/// on after the last whole one.
Result<std::size_t> cut_torn_line(const fs::path& folder) {
    const fs::path path = folder / k_journal_file;
    if (!is_there(path)) {
        return 0;
    }
    const auto read = read_kept(path);
    if (!read) {
        return fail(Code::io, read.error().message, read.error().where);
    }
    const std::string& text = *read;
    const auto end = text.rfind('\n');
    const std::size_t whole = end == std::string::npos ? 0 : end + 1;
    if (whole == text.size()) {
        return 0;
    }
    (void)write_file_atomic(folder / "journal.torn", text.substr(whole));
    const Descriptor fd(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
    if (!fd || ::ftruncate(fd.get(), static_cast<off_t>(whole)) != 0 || ::fsync(fd.get()) != 0) {
        return fail(Code::io, "cannot cut the torn last line of the journal", path.string());
    }
    return text.size() - whole;
}

double rounded(double seconds) {
    return std::round(seconds * 1e3) / 1e3;
}

} // namespace

Result<RunFolder> RunFolder::create(const fs::path& state_dir, RunInfo info, Redactor redactor) {
    RunFolder run;
    run.started_ = std::chrono::system_clock::now();
    run.started_steady_ = std::chrono::steady_clock::now();
    run.info_ = std::move(info);
    run.redactor_ = std::move(redactor);
    run.redactor_.add_environment();
    run.id_ = fmt::format(
        "{}-{}-{}", compact_utc(run.started_), to_string(run.info_.kind), random_hex(4)
    );
    run.path_ = fs::absolute(state_dir) / "runs" / run.id_;
    const auto fill = [&run]() -> Result<void> {
        OA_CHECK(make_dirs(run.path_));
        run.lock_ = FolderLock::acquire(run.path_);
        OA_CHECK(make_subfolders(run.path_));
        OA_CHECK(reserve(run.path_ / k_journal_file));
        OA_TRY(run.journal_, run.grow(k_journal_file, LineAppender::Durability::synced));
        run.write(k_document_file, dump_json(run.document()) + "\n");
        run.note("run started");
        return run.trouble_ ? Result<void>(std::unexpected(*run.trouble_)) : Result<void>{};
    };
    if (auto filled = fill(); !filled) {
        std::error_code ignored;
        fs::remove_all(run.path_, ignored); // a run that never began is none
        return std::unexpected(std::move(filled).error());
    }
    return run;
}

Result<RunFolder> RunFolder::reopen(const fs::path& folder, Redactor redactor, bool taken_over) {
    RunFolder run;
    run.path_ = fs::absolute(folder);
    run.id_ = run.path_.filename().string();
    run.redactor_ = std::move(redactor);
    run.redactor_.add_environment();
    run.lock_ = FolderLock::acquire(run.path_);
    if (!taken_over && !run.lock_.held() && FolderLock::is_held(run.path_)) {
        return fail(Code::conflict, "a living process works on this run", run.path_.string());
    }
    const auto json = kept_json(run.path_ / k_document_file);
    run.earlier_ = json && json->is_object() ? *json : Json{{"id", run.id_}};
    const WallTime now = std::chrono::system_clock::now();
    const auto began = parse_rfc3339(string_member(run.earlier_, "started_at").value_or(""));
    run.started_ = began.value_or(now);
    // A clock that went back since says nothing of how long it took: it is counted from now.
    const auto age = std::max(now - run.started_, WallTime::duration(0));
    run.started_steady_ = std::chrono::steady_clock::now() -
                          std::chrono::duration_cast<std::chrono::steady_clock::duration>(age);
    std::error_code ignored;
    fs::remove(run.path_ / k_sums_file, ignored); // the folder is not finished any more
    OA_CHECK(clear_place(run.path_ / k_journal_file));
    OA_TRY(run.torn_bytes_, cut_torn_line(run.path_));
    (void)reserve(run.path_ / k_journal_file); // a rollback goes on without
    OA_TRY(run.journal_, run.grow(k_journal_file, LineAppender::Durability::synced));
    (void)make_subfolders(run.path_); // a copy may have lost empty ones
    run.redactions_.take_up(run.path_);
    run.note("run taken up again");
    return run;
}

Json RunFolder::document() const {
    if (!earlier_.is_null()) {
        return earlier_;
    }
    return {
        {"schema", k_run_schema},
        {"id", id_},
        {"kind", to_string(info_.kind)},
        {"mutates", info_.mutates.value_or(kind_mutates(info_.kind))},
        {"name", info_.name},
        {"state", "running"},
        {"ended", nullptr},
        {"verdict", nullptr},
        {"started_at", rfc3339_millis(started_)},
        {"process", {{"pid", ::getpid()}, {"host", host_name()}}},
        {"argv", info_.argv},
        {"versions", info_.versions},
        {"target", info_.target},
        {"checks", Json::array()},
    };
}

double RunFolder::seconds_since_start() const {
    return seconds(std::chrono::steady_clock::now() - started_steady_);
}

void RunFolder::keep(Result<void> result) {
    if (!result && !trouble_) {
        trouble_ = std::move(result).error();
    }
}

void RunFolder::note(std::string_view event, const Json& fields) {
    Json line = {
        {"at", rfc3339_millis(std::chrono::system_clock::now())},
        {"t", rounded(seconds_since_start())},
        {"event", event},
    };
    if (fields.is_object()) {
        line.update(fields);
    }
    if (traces(TraceLevel::decisions)) {
        trace(TraceLevel::decisions, traced(event, fields, redactor_));
    }
    append(k_timeline_file, line);
}

/// Who took the run over while this process was stopped has sealed what there was.
bool RunFolder::is_sealed_by_another() const {
    return !sealed_ && is_sealed(path_);
}

void RunFolder::append_line(std::string_view file, std::string_view line) {
    if (is_sealed_by_another()) {
        return;
    }
    auto found = growing_.find(file);
    if (found == growing_.end()) {
        auto opened = grow(file, LineAppender::Durability::buffered);
        if (!opened) {
            return keep(std::unexpected(std::move(opened).error()));
        }
        found = growing_.emplace(std::string(file), *std::move(opened)).first;
    }
    keep(append_to(found->second, file, line));
}

Result<LineAppender>
RunFolder::grow(std::string_view file, LineAppender::Durability durability) const {
    OA_CHECK(clear_place(path_ / file));
    return LineAppender::open(path_ / file, durability);
}

Result<void>
RunFolder::append_to(LineAppender& growing, std::string_view file, std::string_view line) {
    const auto places = redactor_.find(line);
    OA_CHECK(growing.append(blank(line, places)));
    redactions_.add(
        std::string(file), places, growing.end() - line.size() - 1
    ); // notes come between
    return {};
}

Result<void> RunFolder::write_redacted(std::string_view file, std::string_view text) {
    OA_CHECK(clear_place(path_ / file));
    const std::string name(file);
    const auto places = find_in(name, text, redactor_);
    redactions_.forget(name);
    redactions_.add(name, places);
    OA_CHECK(write_file_atomic(path_ / name, blank(text, places)));
    if (places.empty()) {
        std::error_code absent;
        fs::remove(sidecar_of(path_ / name), absent); // of what stood there before
        return {};
    }
    return write_file_atomic(sidecar_of(path_ / name), redactions_.sidecar(name, text.size()));
}

void RunFolder::append(std::string_view file, const Json& line) {
    append_line(file, dump_json(line));
}

void RunFolder::append_text(std::string_view file, std::string_view line) {
    std::string clean(line);
    std::ranges::replace_if(clean, [](unsigned char c) { return c < 0x20 && c != '\t'; }, '?');
    append_line(file, clean);
}

void RunFolder::write(std::string_view file, std::string_view text) {
    if (!is_sealed_by_another()) {
        keep(write_redacted(file, text));
    }
}

Result<void> RunFolder::journal(const Json& line) {
    if (!journal_) {
        return fail(Code::internal, "this run has no journal");
    }
    if (traces(TraceLevel::decisions)) {
        trace(TraceLevel::decisions, traced("journal", line, redactor_));
    }
    return append_to(*journal_, k_journal_file, dump_json(line));
}

// What passed the redactor has nothing left to find; what others wrote here may.
Result<void> RunFolder::repair_files() {
    OA_TRY(const auto files, files_below(path_));
    for (const std::string& file : files) {
        OA_TRY(const std::string text, read_kept(path_ / file, k_largest));
        const auto places = find_in(file, text, redactor_);
        if (!places.empty()) {
            growing_.erase(file); // what is replaced must not be appended to under its old name
            OA_CHECK(write_file_atomic(path_ / file, blank(text, places)));
            redactions_.add(file, places);
            const Leak first = leaks_of(file, text, places).front();
            note("redacted", {{"file", file}, {"line", first.line}, {"kind", first.kind}});
        }
    }
    return {};
}

Result<void> RunFolder::write_sidecars() {
    for (const std::string& file : redactions_.files()) {
        std::error_code gone;
        const auto bytes = fs::file_size(path_ / file, gone);
        if (!gone) {
            OA_CHECK(write_file_atomic(sidecar_of(path_ / file), redactions_.sidecar(file, bytes)));
        }
    }
    return {};
}

Result<void> RunFolder::finish(const Json& result) {
    Json final = document();
    final["state"] = "finished";
    if (!final.contains("ended_at")) { // a rollback afterwards makes no run last longer
        final["ended_at"] = rfc3339_millis(std::chrono::system_clock::now());
        final["duration_s"] = rounded(seconds_since_start());
    }
    final.update(result);
    OA_CHECK(write_redacted(k_document_file, json_document(final)));
    {
        const NotesGate gate(path_); // who notes something meanwhile waits, and sees the seal
        OA_CHECK(repair_files());
        OA_CHECK(write_sidecars());
        OA_TRY(const std::string sums, checksums(path_));
        OA_CHECK(write_file_atomic(path_ / k_sums_file, sums));
        sealed_ = true;
    }
    if (trouble_) {
        return std::unexpected(*trouble_);
    }
    return {};
}

} // namespace oa_stream::run

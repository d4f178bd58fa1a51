#include "oa_stream/run/run_notes.hpp"

#include "oa_stream/base/clock.hpp"
#include "oa_stream/base/json_members.hpp"
#include "oa_stream/base/redact.hpp"
#include "oa_stream/base/seconds.hpp"
#include "oa_stream/base/text.hpp"
#include "oa_stream/run/kept_file.hpp"
#include "oa_stream/run/runs.hpp"

#include <fcntl.h>
#include <sys/file.h>

#include <cmath>

namespace oa_stream::run {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t k_longest = 4096;

double since_start(const fs::path& folder, WallTime now) {
    const auto json = kept_json(folder / k_document_file);
    const auto began = json ? parse_rfc3339(text_in(*json, "started_at")) : std::nullopt;
    return began ? std::round(seconds(now - *began) * 1e3) / 1e3 : 0.0;
}

} // namespace

// The journal is the one file that is there from the beginning and never replaced.
NotesGate::NotesGate(const fs::path& folder)
    : fd_(::open((folder / k_journal_file).c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)) {
    if (fd_) {
        (void)::flock(fd_.get(), LOCK_EX);
    }
}

Result<Noted> add_note(const fs::path& folder, std::string_view text, std::string_view by) {
    const std::string_view trimmed = trim(text);
    if (trimmed.empty()) {
        return fail(Code::usage, "an empty note", "TEXT", Suggestion{"note", {"pager went off"}});
    }
    if (trimmed.size() > k_longest) {
        return fail(Code::usage, "a note of more than 4096 bytes", "TEXT");
    }
    Redactor redactor;
    redactor.add_environment();
    const WallTime now = std::chrono::system_clock::now();
    Noted out;
    out.line = {
        {"at", rfc3339_millis(now)},
        {"t", since_start(folder, now)},
        {"event", "note"},
        {"by", by},
        {"text", redactor.apply(trimmed)},
    };
    const NotesGate gate(folder);
    out.file = is_sealed(folder) ? k_notes_file : k_timeline_file;
    std::error_code absent;
    const auto there = fs::status(folder / out.file, absent);
    if (fs::exists(there) && !fs::is_regular_file(there)) {
        return fail(Code::io, "it is not a regular file", (folder / out.file).string());
    }
    OA_TRY(auto appender, LineAppender::open(folder / out.file, LineAppender::Durability::synced));
    OA_CHECK(appender.append(dump_json(out.line)));
    return out;
}

} // namespace oa_stream::run

#include "oa_stream/run/finished_mark.hpp"

#include "oa_stream/base/clock.hpp"
#include "oa_stream/base/file.hpp"
#include "oa_stream/base/json_members.hpp"
#include "oa_stream/base/redact.hpp"
#include "oa_stream/run/kept_file.hpp"
#include "oa_stream/run/run_journal.hpp"
#include "oa_stream/run/runs.hpp"

#include "afterwards.hpp"

#include <algorithm>

namespace oa_stream::run {

namespace fs = std::filesystem;

namespace {

/// Of the last lines of its journals, the later one; empty: there are none.
std::string last_line_at(const fs::path& folder) {
    std::string out;
    for (const std::string_view file : {k_journal_file, k_routes_journal}) {
        std::string last;
        (void)each_kept_line(folder / file, [&last](const Json& line) {
            last = string_member(line, "at").value_or(last);
            return true;
        });
        out = std::max(out, last);
    }
    return out;
}

} // namespace

Result<void> mark_finished(
    const fs::path& folder, std::string_view who, std::string_view how, std::string_view reason
) {
    Redactor redactor;
    redactor.add_environment();
    const Json mark = {
        {"schema", "oa-stream.settled.v1"},
        {"at", rfc3339_millis(std::chrono::system_clock::now())},
        {"who", who},
        {"how", how},
        {"reason", redactor.apply(reason)},
        {"after", last_line_at(folder)},
    };
    return write_file_atomic(folder / k_finished_file, dump_json(mark) + "\n");
}

std::optional<FinishedMark> finished_mark(const fs::path& folder) {
    const Json json = document_in(folder / k_finished_file);
    if (json.empty()) {
        return std::nullopt;
    }
    const std::string at = text_in(json, "at");
    const std::string last = last_line_at(folder);
    if (at < last && text_in(json, "after") != last) { // equal: the clock went back before the mark
        return std::nullopt;
    }
    return FinishedMark{at, text_in(json, "who"), text_in(json, "how"), text_in(json, "reason")};
}

} // namespace oa_stream::run

// What the files of a run are called.
#pragma once

#include <string_view>

namespace oa_stream::run {

inline constexpr std::string_view k_document_file = "run.json";
inline constexpr std::string_view k_plan_file = "plan.json";
inline constexpr std::string_view k_journal_file = "journal.ndjson";
/// Of runs of earlier versions: the routes had a journal of their own.
inline constexpr std::string_view k_routes_journal = "routes.ndjson";
inline constexpr std::string_view k_timeline_file = "timeline.ndjson";
inline constexpr std::string_view k_report_file = "report.md";
inline constexpr std::string_view k_sums_file = "SHA256SUMS"; ///< the seal
inline constexpr std::string_view k_control_file = "control.sock"; ///< while the run is under way

// Written after the seal, too.
inline constexpr std::string_view k_notes_file = "notes.ndjson";
inline constexpr std::string_view k_pin_file = "pinned.json";
inline constexpr std::string_view k_finished_file = "settled.json"; ///< see finished_mark()

} // namespace oa_stream::run

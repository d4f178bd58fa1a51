// What people have to say about a run, while it runs and afterwards.
#pragma once

#include "oa_stream/base/error.hpp"
#include "oa_stream/base/json.hpp"
#include "oa_stream/base/process.hpp"

#include <filesystem>
#include <string>
#include <string_view>

namespace oa_stream::run {

/// Held while one line goes into a folder's timeline, and while the folder is sealed: a note comes
/// whole before the sums or after them. Waits for the other.
class NotesGate {
public:
    explicit NotesGate(const std::filesystem::path& folder);

private:
    Descriptor fd_;
};

struct Noted {
    std::string file; ///< "timeline.ndjson", or "notes.ndjson" of a run that is sealed
    Json line;
};

/// Adds a line {at, t, event: "note", by, text} to a run's timeline; to notes.ndjson if its sums
/// stand already, for they must stay right. Redacted by shape and environment; `t` counts from the
/// run's start. Code::usage for an empty text, Code::io.
[[nodiscard]] Result<Noted>
add_note(const std::filesystem::path& folder, std::string_view text, std::string_view by);

} // namespace oa_stream::run

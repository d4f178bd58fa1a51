// The canonical mapping, as data: Codex event → turn event → chunks. docs/mapping.md is printed
// from it; the tests hold the translator and the encoder to every row.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace oa_stream::encode {

/// What a message of Codex becomes. `events` are names of turn events, comma separated; empty:
/// none.
struct CodexRow {
    std::string_view message; ///< method, and the item type where it matters
    std::string_view events;
    std::string_view how;
};
[[nodiscard]] std::span<const CodexRow> codex_rows() noexcept;

/// What a notification of a worker becomes (`--authority worker`), where Codex's own table does not
/// say it.
[[nodiscard]] std::span<const CodexRow> worker_rows() noexcept;

/// Which chunk types the UI encoder may write for a turn event, in order; each at least once
/// somewhere. `[DONE]` is written as such.
struct ChunkRow {
    std::string_view event;
    std::string_view chunks;
    std::string_view how;
};
[[nodiscard]] std::span<const ChunkRow> chunk_rows() noexcept;

/// A frame of the retired lane's goldens beside what stands in its place now. Frames are one-line
/// JSON, several in a row separated by a space; empty: nothing stands there.
struct OriginalRow {
    std::string_view scenario;
    std::string_view original;
    std::string_view ours;
    std::string_view reason;
};
[[nodiscard]] std::span<const OriginalRow> original_rows() noexcept;

/// docs/mapping.md, whole.
[[nodiscard]] std::string mapping_markdown();

} // namespace oa_stream::encode

// Redaction of files: what is taken out, where it stood, and what is still left in one.
#pragma once

#include "oa_stream/base/error.hpp"
#include "oa_stream/base/json.hpp"
#include "oa_stream/base/redact.hpp"

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace oa_stream::evidence {

inline constexpr std::string_view k_redactions_schema = "oa-stream.redactions.v1";
/// Beside FILE, when something was taken out of it: {schema, file, bytes, ranges: [{offset, length,
/// kind}]}. Lengths are kept, so offsets are those of the file as it stands there.
inline constexpr std::string_view k_redactions_suffix = ".redactions.json";

/// A secret that stands in a file, for a person who must find it.
struct Leak {
    std::string file;
    std::uint64_t line = 1; ///< counted from 1
    std::string kind; ///< never the value
};

/// True for files whose deltas are joined by whoever reads them.
[[nodiscard]] bool is_stream(std::string_view file) noexcept;

/// What stands in `text` and must not, by the rules for a file of that name.
[[nodiscard]] std::vector<Redaction>
find_in(std::string_view file, std::string_view text, const Redactor& redactor);
[[nodiscard]] std::vector<Leak>
leaks_of(const std::string& file, std::string_view text, const std::vector<Redaction>& places);
/// `text` with stars at those places.
[[nodiscard]] std::string blank(std::string_view text, const std::vector<Redaction>& places);
/// The sidecar's text.
[[nodiscard]] std::string
sidecar(std::string_view file, std::string_view text, const std::vector<Redaction>& places);

/// Writes `text` redacted, atomically, and its sidecar if anything was taken out. Code::io.
[[nodiscard]] Result<void>
write_redacted(const std::filesystem::path& path, std::string_view text, const Redactor& redactor);
/// The same with a file that is there already; what was found. Nothing is written if nothing was.
[[nodiscard]] Result<std::vector<Leak>>
redact_file(const std::filesystem::path& path, const Redactor& redactor);

/// Regular files below, relative, sorted by bytes; nothing that is being written just now.
[[nodiscard]] std::vector<std::string> files_below(const std::filesystem::path& folder);
/// Lines for `sha256sum -c`, over all files but SHA256SUMS itself. Code::unreadable.
[[nodiscard]] Result<std::string> checksums(const std::filesystem::path& folder);

} // namespace oa_stream::evidence

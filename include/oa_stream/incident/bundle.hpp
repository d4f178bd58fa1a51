// An incident as one file that can be moved, checked anywhere, and made again byte for byte.
#pragma once

#include "oa_stream/base/check.hpp"
#include "oa_stream/incident/incident.hpp"
#include "oa_stream/run/redactions.hpp"

#include <filesystem>
#include <string>
#include <vector>

namespace oa_stream::incident {

inline constexpr std::string_view k_bundle_schema = "oa-stream.incident.v1";

struct BundleRules {
    bool redact = false;         ///< take secrets out that are found, instead of refusing
    bool accept_changed = false; ///< runs whose files are not as they were sealed
};

struct Bundle {
    std::filesystem::path file;
    std::string digest; ///< SHA-256 of the file
    std::uint64_t bytes = 0;
    std::size_t files = 0;
    std::vector<run::Leak> redacted{};
};

/// A .tar.zst with one folder incident-ID: incident.md, timeline.ndjson, manifest.json, charts/,
/// logs/, runs/ID/ and, over all of them, SHA256SUMS. Sorted, owned by nobody in particular, timed
/// by the newest run: from the same runs the same bytes. The self-check reads every file before it
/// goes in: where a secret stands, the bundle is refused (Code::precondition, where = file and line
/// of the first, message = all of them by kind) and nothing is written; one in a file's name is
/// never taken out, only refused. A link at `out` stays where its file is there, which is replaced;
/// Code::usage when what is there is not a file. Code::io, unreadable.
[[nodiscard]] Result<Bundle> write_bundle(
    const Incident& incident,
    const std::filesystem::path& out,
    const Redactor& redactor,
    const BundleRules& rules
);

struct BundleVerdict {
    std::vector<Check> checks{}; ///< archive, paths, sums, manifest, seals, "run ID"
    Json manifest = nullptr;
    std::size_t files = 0;
    [[nodiscard]] Verdict verdict() const noexcept; ///< pass or fail
};

/// Reads the whole file, offline and without unpacking it. One that ends too early, or does not end
/// where it should, fails the check "archive". Code::unreadable when it is not such an archive.
[[nodiscard]] Result<BundleVerdict> verify_bundle(const std::filesystem::path& file);

} // namespace oa_stream::incident

// Redaction of files: what is taken out, where it stood, and what is still left in one.
#pragma once

#include "oa_stream/base/error.hpp"
#include "oa_stream/base/redact.hpp"

#include <cstdint>
#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace oa_stream::run {

inline constexpr std::string_view k_redactions_schema = "oa-stream.redactions.v1";
/// Beside FILE, when something was taken out of it: {schema, file, bytes, ranges: [{offset, length,
/// kind, value}]}. Lengths are kept, so offsets are those of the file as it stands there; `value`
/// is the secret's name in this run ("token#3"), the same wherever the same secret stood.
inline constexpr std::string_view k_redactions_suffix = ".redactions.json";

/// A secret that stands in a file, for a person who must find it.
struct Leak {
    std::string file;
    std::uint64_t line = 1; ///< counted from 1; 0: it stands in the file's name
    std::string kind; ///< never the value
};

/// True for files whose deltas are joined by whoever reads them, as far as the name shows.
[[nodiscard]] bool is_stream(std::string_view file);

/// What stands in `text` and must not, by the rules for a file of that name.
[[nodiscard]] std::vector<Redaction>
find_in(std::string_view file, std::string_view text, const Redactor& redactor);
[[nodiscard]] std::vector<Leak>
leaks_of(const std::string& file, std::string_view text, const std::vector<Redaction>& places);
/// `text` with stars at those places.
[[nodiscard]] std::string blank(std::string_view text, const std::vector<Redaction>& places);

/// What was taken out of the files of one run, and the names of it. A name states the sort of
/// secret and a number in the order of finding: nothing that could be worked out from the secret
/// itself.
class RedactionIndex {
public:
    /// Reads earlier sidecars: ranges, and the names in use. A known secret that has a name of its
    /// own is recognised by it; others cannot be compared.
    void take_up(const std::filesystem::path& folder);
    /// Of one sidecar; `file` as it is called here.
    void take_up(const std::string& file, std::string_view sidecar);

    /// These were blanked in `file`, which is called by its path below the folder; offsets count
    /// from `base`.
    void add(const std::string& file, const std::vector<Redaction>& places, std::uint64_t base = 0);
    /// `file` is rewritten.
    void forget(const std::string& file) { files_.erase(file); }

    [[nodiscard]] std::vector<std::string> files() const;
    /// The sidecar's text; empty if nothing was taken out.
    [[nodiscard]] std::string sidecar(const std::string& file, std::uint64_t bytes) const;

private:
    struct Range {
        std::uint64_t offset = 0;
        std::uint64_t length = 0;
        std::string kind;
        std::string value;
        auto operator<=>(const Range&) const = default;
    };
    [[nodiscard]] std::string name_of(const Redaction& place);

    std::map<std::string, std::set<Range>, std::less<>> files_;
    std::map<std::string, std::string, std::less<>> by_digest_; ///< never leaves the process
    std::map<std::string, std::string, std::less<>> by_kind_; ///< of known secrets with a name
    std::size_t last_ = 0;
};

/// Where the sidecar of a file stands.
[[nodiscard]] std::filesystem::path sidecar_of(const std::filesystem::path& file);

/// Lines for `sha256sum -c`, over all files but SHA256SUMS and what is written after a seal: notes,
/// pins, settled.json. Code::unreadable.
[[nodiscard]] Result<std::string> checksums(const std::filesystem::path& folder);

} // namespace oa_stream::run

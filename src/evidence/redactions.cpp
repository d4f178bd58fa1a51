#include "oa_stream/evidence/redactions.hpp"

#include "oa_stream/base/file.hpp"
#include "oa_stream/evidence/digest.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace oa_stream::evidence {

namespace fs = std::filesystem;

namespace {

constexpr std::uint64_t k_largest = std::uint64_t{1} << 30U;

fs::path sidecar_of(const fs::path& path) {
    return path.string() + std::string(k_redactions_suffix);
}

Result<void>
write_blanked(const fs::path& path, std::string_view text, const std::vector<Redaction>& places) {
    OA_CHECK(write_file_atomic(path, blank(text, places)));
    if (!places.empty()) {
        return write_file_atomic(sidecar_of(path), sidecar(path.filename().string(), text, places));
    }
    return {};
}

} // namespace

bool is_stream(std::string_view file) noexcept {
    return file.ends_with(".sse") || file.ends_with(".jsonl") || file.ends_with(".body");
}

std::vector<Redaction>
find_in(std::string_view file, std::string_view text, const Redactor& redactor) {
    return is_stream(file) ? redactor.find_stream(text) : redactor.find(text);
}

std::vector<Leak>
leaks_of(const std::string& file, std::string_view text, const std::vector<Redaction>& places) {
    std::vector<Leak> out;
    for (const Redaction& place : places) {
        const std::string_view before = text.substr(0, place.offset);
        const auto line = static_cast<std::uint64_t>(std::ranges::count(before, '\n')) + 1;
        const bool again = !out.empty() && out.back().line == line && out.back().kind == place.kind;
        if (!again) {
            out.push_back({file, line, place.kind});
        }
    }
    return out;
}

std::string blank(std::string_view text, const std::vector<Redaction>& places) {
    std::string out(text);
    for (const Redaction& place : places) {
        out.replace(place.offset, place.length, place.length, '*');
    }
    return out;
}

std::string
sidecar(std::string_view file, std::string_view text, const std::vector<Redaction>& places) {
    Json ranges = Json::array();
    for (const Redaction& place : places) {
        ranges.push_back({{"offset", place.offset}, {"length", place.length}, {"kind", place.kind}}
        );
    }
    const Json document = {
        {"schema", k_redactions_schema},
        {"file", file},
        {"bytes", text.size()},
        {"ranges", std::move(ranges)},
    };
    return dump_json(document) + "\n";
}

Result<void> write_redacted(const fs::path& path, std::string_view text, const Redactor& redactor) {
    return write_blanked(path, text, find_in(path.filename().string(), text, redactor));
}

Result<std::vector<Leak>> redact_file(const fs::path& path, const Redactor& redactor) {
    OA_TRY(const std::string text, read_file(path, k_largest));
    const std::string name = path.filename().string();
    const auto places = find_in(name, text, redactor);
    if (!places.empty()) {
        OA_CHECK(write_blanked(path, text, places));
    }
    return leaks_of(name, text, places);
}

std::vector<std::string> files_below(const fs::path& folder) {
    std::vector<std::string> out;
    std::error_code error;
    for (const auto& entry : fs::recursive_directory_iterator(folder, error)) {
        if (entry.is_regular_file() && !entry.is_symlink() &&
            !entry.path().filename().string().contains(".tmp-")) {
            out.push_back(entry.path().lexically_relative(folder).generic_string());
        }
    }
    std::ranges::sort(out);
    return out;
}

Result<std::string> checksums(const fs::path& folder) {
    std::string out;
    for (const std::string& file : files_below(folder)) {
        if (file != "SHA256SUMS") {
            OA_TRY(const std::string digest, sha256_of_file(folder / file));
            out += fmt::format("{}  {}\n", digest, file);
        }
    }
    return out;
}

} // namespace oa_stream::evidence

#include "oa_stream/run/redactions.hpp"

#include "oa_stream/base/digest.hpp"
#include "oa_stream/base/json_members.hpp"
#include "oa_stream/base/lists.hpp"
#include "oa_stream/base/text.hpp"
#include "oa_stream/run/entries.hpp"
#include "oa_stream/run/kept_file.hpp"

#include "afterwards.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace oa_stream::run {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view k_known = "known secret ";

/// The first half of a name.
std::string_view sort_of(std::string_view kind) {
    for (const std::string_view sort : {"cookie", "password", "key"}) {
        if (kind.contains(sort) && !kind.starts_with(k_known)) {
            return sort;
        }
    }
    return "token";
}

} // namespace

bool is_stream(std::string_view file) {
    for (const std::string_view folder : {"streams/", "logs/"}) {
        if (file.starts_with(folder) || file.contains("/" + std::string(folder))) {
            return true;
        }
    }
    return file.ends_with(".sse") || file.ends_with(".jsonl") || file.ends_with(".body");
}

std::vector<Redaction>
find_in(std::string_view file, std::string_view text, const Redactor& redactor) {
    const bool events = text.starts_with("data:") || text.contains("\ndata:");
    return events || is_stream(file) ? redactor.find_stream(text) : redactor.find(text);
}

std::vector<Leak>
leaks_of(const std::string& file, std::string_view text, const std::vector<Redaction>& places) {
    std::vector<Leak> out;
    for (const Redaction& place : places) {
        const std::string_view before = text.substr(0, place.offset);
        const auto line = static_cast<std::uint64_t>(std::ranges::count(before, '\n')) + 1;
        const bool same_place =
            !out.empty() && out.back().line == line && out.back().kind == place.kind;
        if (!same_place) {
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

fs::path sidecar_of(const fs::path& file) {
    return file.string() + std::string(k_redactions_suffix);
}

void RedactionIndex::take_up(const fs::path& folder) {
    for (const std::string& name : entries_below(folder).files) {
        if (name.ends_with(k_redactions_suffix)) {
            const auto text = read_kept(folder / name);
            take_up(name.substr(0, name.size() - k_redactions_suffix.size()), text.value_or(""));
        }
    }
}

void RedactionIndex::take_up(const std::string& file, std::string_view sidecar) {
    const Json json = parse_json(sidecar).value_or(nullptr);
    // Of one that is torn or of somebody else there is nothing to go on with.
    for (const Json& one : list_in(json, "ranges")) {
        const std::string value = text_in(one, "value");
        const std::string kind = text_in(one, "kind");
        files_[file].insert(
            {count_in(one, "offset").value_or(0), count_in(one, "length").value_or(0), kind, value}
        );
        const auto number = parse_count(value.substr(value.find('#') + 1), 0, UINT32_MAX);
        last_ = std::max<std::size_t>(last_, number.value_or(0));
        if (kind.starts_with(k_known) && !value.empty()) {
            by_kind_.emplace(kind, value);
        }
    }
}

std::string RedactionIndex::name_of(const Redaction& place) {
    const std::string digest = sha256_hex(place.value.reveal());
    if (const auto found = by_digest_.find(digest); found != by_digest_.end()) {
        return found->second;
    }
    const auto known = by_kind_.find(place.kind);
    std::string name = known != by_kind_.end() ? known->second
                                               : fmt::format("{}#{}", sort_of(place.kind), ++last_);
    by_digest_.emplace(digest, name);
    return name;
}

void RedactionIndex::add(
    const std::string& file, const std::vector<Redaction>& places, std::uint64_t base
) {
    for (const Redaction& place : places) {
        files_[file].insert({base + place.offset, place.length, place.kind, name_of(place)});
    }
}

std::vector<std::string> RedactionIndex::files() const {
    return mapped(files_, [](const auto& one) { return one.first; });
}

std::string RedactionIndex::sidecar(const std::string& file, std::uint64_t bytes) const {
    const auto found = files_.find(file);
    if (found == files_.end() || found->second.empty()) {
        return {};
    }
    Json ranges = json_list(found->second, [](const Range& range) -> Json {
        return {
            {"offset", range.offset},
            {"length", range.length},
            {"kind", range.kind},
            {"value", range.value},
        };
    });
    const Json document = {
        {"schema", k_redactions_schema},
        {"file", fs::path(file).filename().string()},
        {"bytes", bytes},
        {"ranges", std::move(ranges)},
    };
    return dump_json(document) + "\n";
}

Result<std::string> checksums(const fs::path& folder) {
    OA_TRY(const auto files, files_below(folder));
    std::string out;
    for (const std::string& file : files) {
        if (!is_written_afterwards(file)) {
            OA_TRY(const std::string digest, sha256_of_file(folder / file));
            out += fmt::format("{}  {}\n", digest, file);
        }
    }
    return out;
}

} // namespace oa_stream::run

#include "oa_stream/run/entries.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <system_error>

namespace oa_stream::run {

namespace fs = std::filesystem;

namespace {

/// What stands in one folder of the walk, which is called `below` in it; folders go to `open`.
void look_into(
    const fs::path& root, const std::string& below, std::vector<std::string>& open, Entries& out
) {
    std::error_code error;
    fs::directory_iterator at(root / below, error);
    for (const fs::directory_iterator end; !error && at != end; at.increment(error)) {
        const std::string file = at->path().filename().string();
        std::string name = below.empty() ? file : fmt::format("{}/{}", below, file);
        std::error_code unknown;
        const fs::file_type kind = at->symlink_status(unknown).type();
        if (kind == fs::file_type::directory) {
            open.push_back(std::move(name));
        } else if (kind == fs::file_type::regular) {
            const auto size = at->file_size(unknown);
            out.bytes += unknown ? 0 : size;
            (file.contains(".tmp-") ? out.drafts : out.files).push_back(std::move(name));
        } else if (kind == fs::file_type::none) {
            out.unreadable.push_back(std::move(name));
        } else if (kind != fs::file_type::not_found) { // removed meanwhile
            out.others.push_back(std::move(name));
        }
    }
    if (error && error != std::errc::no_such_file_or_directory) {
        out.unreadable.push_back(below.empty() ? "." : below);
    }
}

} // namespace

// The library's walk ends at the first folder that it cannot read.
Entries entries_below(const fs::path& folder) {
    Entries out;
    std::vector<std::string> open{""};
    while (!open.empty()) {
        const std::string below = std::move(open.back());
        open.pop_back();
        look_into(folder, below, open, out);
    }
    for (auto* names : {&out.files, &out.drafts, &out.others, &out.unreadable}) {
        std::ranges::sort(*names);
    }
    return out;
}

Result<std::vector<std::string>> files_below(const fs::path& folder) {
    Entries all = entries_below(folder);
    if (!all.unreadable.empty()) {
        return fail(
            Code::unreadable,
            "cannot be read, so its content is unknown",
            (folder / all.unreadable.front()).lexically_normal().string(),
            "let its owner make it readable, then the same command"
        );
    }
    return std::move(all.files);
}

} // namespace oa_stream::run

#include "oa_stream/base/digest.hpp"
#include "oa_stream/base/file.hpp"
#include "oa_stream/base/layout.hpp"
#include "oa_stream/base/text.hpp"
#include "oa_stream/run/control.hpp"
#include "oa_stream/run/entries.hpp"
#include "oa_stream/run/kept_file.hpp"
#include "oa_stream/run/runs.hpp"

#include "afterwards.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <set>

namespace oa_stream::run {

namespace fs = std::filesystem;

namespace {

struct Unit {
    std::string_view name;
    double bytes;
};
constexpr std::array k_units{Unit{"TB", 1e12}, Unit{"GB", 1e9}, Unit{"MB", 1e6}, Unit{"kB", 1e3}};

using Names = std::set<std::string, std::less<>>;

/// A run that was killed leaves its own socket, and may be sealed by its rollback.
bool is_left_over(const fs::path& folder, std::string_view name) {
    std::error_code gone;
    return name == k_control_file && fs::is_socket(fs::symlink_status(folder / name, gone));
}

/// Of something that is named as unreadable itself.
bool is_part_of(const std::vector<std::string>& unreadable, std::string_view file) {
    return std::ranges::any_of(unreadable, [&](const std::string& one) {
        return one == "." || file == one || file.starts_with(one + "/");
    });
}

/// Each line held against the regular files that are there: what a link leads to, or stands above
/// the folder, is not a file of the run.
Names check_lines(
    std::string_view sums, const fs::path& folder, const Entries& there, SumsCheck& out
) {
    const Names here(there.files.begin(), there.files.end());
    Names listed;
    std::size_t number = 0;
    for (const SumLine& line : sum_lines(sums)) {
        ++number;
        const std::string file(line.file);
        if (line.digest.empty() || !listed.insert(file).second) {
            out.changed.push_back(fmt::format("{}: line {}", k_sums_file, number));
            continue;
        }
        // Earlier releases sealed what is written afterwards with the rest.
        if (is_written_afterwards(file) || is_part_of(there.unreadable, file)) {
            continue;
        }
        if (!here.contains(file)) {
            out.missing.push_back(printable(file));
        } else if (const auto digest = sha256_of_file(folder / file); !digest) {
            out.unreadable.push_back(printable(file));
        } else if (*digest != line.digest) {
            out.changed.push_back(printable(file));
        } else {
            ++out.right;
        }
    }
    return listed;
}

} // namespace

Result<SumsCheck> check_sums(const fs::path& folder) {
    SumsCheck out;
    std::string text;
    if (is_there(folder / k_sums_file)) {
        OA_TRY(text, read_kept(folder / k_sums_file));
        out.sealed = true;
    }
    const Entries there = entries_below(folder);
    for (const std::string& name : there.unreadable) {
        out.unreadable.push_back(printable(name));
    }
    if (!out.sealed) {
        return out;
    }
    const Names listed = check_lines(text, folder, there, out);
    const bool linked = !std::ranges::binary_search(there.files, k_sums_file);
    // Each seal lists it: one that does not lost its lines.
    const bool emptied = std::ranges::binary_search(there.files, k_document_file) &&
                         !listed.contains(k_document_file);
    if (linked || emptied) {
        out.changed.emplace_back(k_sums_file);
    }
    Names added;
    for (const std::string& file : there.files) {
        if (!is_written_afterwards(file)) {
            added.insert(file);
        }
    }
    for (const std::string& name : there.others) {
        if (!is_left_over(folder, name)) {
            added.insert(name);
        }
    }
    for (const std::string& file : added) {
        if (!listed.contains(file)) {
            out.added.push_back(printable(file));
        }
    }
    return out;
}

std::string sums_text(const SumsCheck& check) {
    std::string out;
    const auto add = [&](std::string_view what, const std::vector<std::string>& files) {
        if (!files.empty()) {
            out += fmt::format("; {}: {}", what, first_of(files, 10, ", ")); // --json has all
        }
    };
    add("CANNOT BE READ", check.unreadable);
    add("CHANGED since the seal", check.changed);
    add("MISSING since the seal", check.missing);
    add("added since the seal", check.added);
    return check.sealed ? fmt::format("{} as sealed{}", counted(check.right, "file"), out)
                        : "never sealed: it is unknown whether files are whole" + out;
}

std::string size_text(std::uint64_t bytes) {
    const auto size = static_cast<double>(bytes);
    for (const Unit& unit : k_units) {
        if (size >= unit.bytes) {
            return fmt::format("{:.1f} {}", size / unit.bytes, unit.name);
        }
    }
    return fmt::format("{} B", bytes);
}

std::string age_text(std::chrono::seconds age) {
    using namespace std::chrono;
    if (age < minutes(2)) {
        return fmt::format("{}s", std::max<std::int64_t>(age.count(), 0));
    }
    if (age < hours(2)) {
        return fmt::format("{}m", duration_cast<minutes>(age).count());
    }
    return age < hours(48) ? fmt::format("{}h", duration_cast<hours>(age).count())
                           : fmt::format("{}d", duration_cast<days>(age).count());
}

} // namespace oa_stream::run

#include "oa_stream/base/digest.hpp"
#include "oa_stream/base/json_members.hpp"
#include "oa_stream/base/layout.hpp"
#include "oa_stream/base/lines.hpp"
#include "oa_stream/base/text.hpp"
#include "oa_stream/incident/bundle.hpp"
#include "oa_stream/run/files.hpp"

#include "archive.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>

namespace oa_stream::incident {
namespace {

using run::k_sums_file;

/// Of sums and manifest in memory: those of about 300,000 files, each of which is in the sums of
/// its run and in those of the whole. Everything else is read, summed and let go.
constexpr std::size_t k_most_kept = std::size_t{64} << 20U;

/// What the archive holds, without its root.
struct Contents {
    std::string root;
    std::map<std::string, std::string> digests{};
    std::map<std::string, std::string> sums{}; ///< text of each SHA256SUMS
    std::string manifest;
    std::vector<std::string> odd{}; ///< what does not belong into a bundle
    std::size_t kept = 0; ///< bytes of sums and manifest
};

void keep_entry(ArchiveEntry&& entry, Contents& into) {
    if (entry.folder) {
        return;
    }
    const std::size_t slash = entry.path.find('/');
    if (!entry.plain || !is_kept_unchanged(entry.path) || slash == std::string::npos) {
        into.odd.push_back(printable(entry.path, 120));
        return;
    }
    const std::string root = entry.path.substr(0, slash);
    if (into.root.empty()) {
        into.root = root;
    }
    const std::string path = entry.path.substr(slash + 1);
    if (root != into.root || !into.digests.emplace(path, sha256_hex(entry.bytes)).second) {
        into.odd.push_back(printable(entry.path, 120));
        return;
    }
    const bool sums = path == k_sums_file || path.ends_with("/" + std::string(k_sums_file));
    if (!sums && path != "manifest.json") {
        return;
    }
    into.kept += entry.bytes.size();
    if (into.kept > k_most_kept) {
        into.odd.push_back(fmt::format(
            "{} (sums and manifest of more than {} MiB in all)",
            printable(entry.path, 120),
            k_most_kept >> 20U
        ));
        return;
    }
    (sums ? into.sums[path] : into.manifest) = std::move(entry.bytes);
}

Check judged(std::string id, bool pass, std::string detail) {
    return {
        .id = std::move(id),
        .verdict = pass ? Verdict::pass : Verdict::fail,
        .mode = CheckMode::replayed,
        .detail = std::move(detail)
    };
}

/// One list of sums, held against what is there. Files below `folder` that it does not name are
/// wrong only for the list of the whole, but every seal names run.json.
Check check_list(std::string id, const Contents& contents, const std::string& list, bool all) {
    const std::string folder = list.substr(0, list.size() - k_sums_file.size());
    std::map<std::string, std::string> named;
    std::vector<std::string> wrong;
    for (const SumLine& line : sum_lines(contents.sums.at(list))) {
        if (line.digest.empty()) {
            wrong.emplace_back("a line that is not a sum");
            continue;
        }
        if (!named.emplace(folder + std::string(line.file), line.digest).second) {
            wrong.push_back(printable(line.file) + " is listed twice");
        }
    }
    std::size_t right = 0;
    for (const auto& [file, digest] : named) {
        const auto found = contents.digests.find(file);
        if (found == contents.digests.end()) {
            wrong.push_back(printable(file) + " is missing");
        } else if (found->second != digest) {
            wrong.push_back(printable(file) + " was changed");
        } else {
            ++right;
        }
    }
    const std::string document = folder + std::string(run::k_document_file);
    for (const auto& [file, digest] : contents.digests) {
        const bool needed = all || file == document;
        if (needed && file != list && !named.contains(file)) {
            wrong.push_back(printable(file) + " is not listed");
        }
    }
    const bool pass = wrong.empty();
    return judged(
        std::move(id),
        pass,
        pass ? counted(right, "file") + " as listed" : first_of(std::move(wrong), 5, "; ")
    );
}

/// What the maker of the bundle recorded of the runs' own seals.
Check check_seals(const Json& manifest, const Contents& contents) {
    std::vector<std::string> wrong;
    std::size_t sealed = 0;
    for (const Json& run : list_in(manifest, "runs")) {
        const std::string_view id = string_member(run, "id").value_or("?");
        if (bool_member(run, "sealed").value_or(false)) {
            ++sealed;
            if (!contents.sums.contains(fmt::format("runs/{}/{}", id, k_sums_file))) {
                wrong.push_back(fmt::format("{}: its seal is missing", printable(id)));
            }
        }
        for (const std::string_view what : {"changed", "missing"}) {
            for (const Json& file : list_in(run, what)) {
                wrong.push_back(fmt::format(
                    "{} {} was {} since its seal when this was made",
                    printable(id),
                    printable(file.is_string() ? file.get<std::string>() : dump_json(file)),
                    what
                ));
            }
        }
    }
    const bool pass = wrong.empty();
    return judged(
        "seals",
        pass,
        !pass         ? first_of(std::move(wrong), 5, "; ")
        : sealed == 1 ? "1 run was as it was sealed when this was made"
                      : fmt::format("{} runs were as they were sealed when this was made", sealed)
    );
}

} // namespace

Verdict BundleVerdict::verdict() const noexcept {
    const auto passed = std::ranges::count(checks, Verdict::pass, &Check::verdict);
    return passed > 0 && std::cmp_equal(passed, checks.size()) ? Verdict::pass : Verdict::fail;
}

Result<BundleVerdict> verify_bundle(const std::filesystem::path& file) {
    Contents contents;
    OA_TRY(const std::string broken, read_archive(file, [&](ArchiveEntry&& entry) {
               keep_entry(std::move(entry), contents);
           }));
    BundleVerdict out;
    out.files = contents.digests.size();
    out.checks.push_back(judged(
        "archive",
        broken.empty(),
        broken.empty() ? "read to its end" : fmt::format("{}, copy it again", broken)
    ));
    out.checks.push_back(judged(
        "paths",
        contents.odd.empty() && !contents.root.empty(),
        contents.odd.empty()
            ? fmt::format("{} plain files below {}", out.files, printable(contents.root))
            : fmt::format("a bundle cannot hold {}", first_of(contents.odd, 5, "; "))
    ));
    const std::string sums(k_sums_file);
    out.checks.push_back(
        contents.sums.contains(sums) ? check_list("sums", contents, sums, true)
                                     : judged("sums", false, "there is no SHA256SUMS")
    );
    const auto manifest = parse_json(contents.manifest);
    const bool known =
        manifest && string_member(*manifest, "schema").value_or("") == k_bundle_schema;
    out.checks.push_back(judged(
        "manifest", known, known ? std::string(k_bundle_schema) : "there is none that we know"
    ));
    out.manifest = known ? *manifest : Json(nullptr);
    if (known) {
        out.checks.push_back(check_seals(*manifest, contents));
    }
    for (const auto& [list, text] : contents.sums) {
        if (list.starts_with("runs/")) {
            const auto run = printable(list.substr(5, list.size() - 5 - k_sums_file.size() - 1));
            out.checks.push_back(check_list("run " + run, contents, list, false));
        }
    }
    return out;
}

} // namespace oa_stream::incident

#include "oa_stream/incident/bundle.hpp"

#include "oa_stream/base/digest.hpp"
#include "oa_stream/base/ids.hpp"
#include "oa_stream/base/json_members.hpp"
#include "oa_stream/base/shell.hpp"
#include "oa_stream/base/text.hpp"
#include "oa_stream/run/entries.hpp"
#include "oa_stream/run/kept_file.hpp"

#include "archive.hpp"
#include "run_sums.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <iterator>
#include <map>
#include <optional>

namespace oa_stream::incident {

namespace fs = std::filesystem;

namespace {

constexpr std::uint64_t k_largest = std::uint64_t{1} << 30U;

/// What a bundle is made of: text of our own, or a file that is read when its turn comes.
struct BundleSource {
    std::string text{};
    fs::path file{};
};
using Sources = std::map<std::string, BundleSource>;

Json manifest_of(const Incident& incident, const BundleRules& rules) {
    Json runs = Json::array();
    for (const IncidentRun& run : incident.runs) {
        runs.push_back(
            {{"label", run.label},
             {"id", run.entry.id},
             {"kind", run.entry.kind},
             {"verdict", or_null(run.entry.verdict)},
             {"state", run::to_string(run.entry.life)},
             {"sealed", run.sums.sealed},
             {"changed", run.sums.changed},
             {"missing", run.sums.missing}}
        );
    }
    Json facts = Json::object();
    for (const auto& [name, value] : incident.facts) {
        facts[name] = value;
    }
    return {
        {"schema", k_bundle_schema},
        {"id", incident.id},
        {"title", incident.title},
        {"runs", std::move(runs)},
        {"facts", std::move(facts)},
        {"redacted", rules.redact},
    };
}

/// Files are searched for secrets as a whole, in memory.
Result<void> check_size(const fs::path& file, const Redactor& redactor, std::string_view way_out) {
    std::error_code unreadable; // reported when it is read
    const std::uint64_t size = fs::file_size(file, unreadable);
    if (unreadable || size <= k_largest) {
        return {};
    }
    return fail(
        Code::precondition,
        fmt::format("no bundle can hold a file of more than 1 GiB: it has {} bytes", size),
        redactor.apply(file.string()),
        std::string(way_out)
    );
}

Result<Sources>
sources_of(const Incident& incident, const Redactor& redactor, const BundleRules& rules) {
    Sources out;
    out["timeline.ndjson"].text = redactor.apply(timeline_ndjson(incident.timeline));
    out["manifest.json"].text = json_document(manifest_of(incident, rules));
    for (const IncidentRun& run : incident.runs) {
        if (std::string svg = svg_chart(run.samples, run.entry.id); !svg.empty()) {
            out[fmt::format("charts/{}.svg", run.entry.id)].text = std::move(svg);
        }
        OA_TRY(const auto files, run::files_below(run.entry.folder));
        for (const std::string& file : files) {
            OA_CHECK(check_size(
                run.entry.folder / file,
                redactor,
                "move it out of there, then the same command with --accept-changed"
            ));
            if (!is_kept_unchanged(file)) {
                return fail(
                    Code::precondition,
                    "no bundle can hold a file of this name: " +
                        printable(redactor.apply(file), 120),
                    run.entry.folder.string(),
                    "rename or remove it, then the same command"
                );
            }
            out[fmt::format("runs/{}/{}", run.entry.id, file)].file = run.entry.folder / file;
        }
    }
    for (std::size_t i = 0; i < incident.logs.size(); ++i) {
        OA_CHECK(check_size(incident.logs[i], redactor, "give the part of it that matters"));
        const std::string name = plain_name(redactor.apply(incident.logs[i].filename().string()));
        out[fmt::format("logs/{}-{}", i + 1, name)].file = incident.logs[i];
    }
    return out;
}

/// As a shell finds the file: "?" stands for what is hidden, all else for itself.
std::string shell_pattern(std::string_view path) {
    std::string out;
    while (!path.empty()) {
        const std::size_t plain = std::min(path.find('?'), path.size());
        out += plain == 0 ? "?" : shell_word(path.substr(0, plain));
        path.remove_prefix(std::max<std::size_t>(plain, 1));
    }
    return out;
}

/// Files of others: their secrets are not ours to have let in, so they are always redacted.
bool is_foreign(const std::string& path) {
    return path.starts_with("logs/");
}

std::string leak_text(const run::Leak& leak) {
    return leak.line == 0 ? fmt::format("{}: {}", leak.file, leak.kind)
                          : fmt::format("{} line {}: {}", leak.file, leak.line, leak.kind);
}

Error refusal(const std::vector<run::Leak>& leaks, const std::string& rename) {
    std::vector<std::string> named;
    std::ranges::transform(leaks, std::back_inserter(named), leak_text);
    const run::Leak& first = leaks.front();
    return {
        Code::precondition,
        fmt::format(
            "not sealed, secrets would leave with it: {}", first_of(std::move(named), 5, "; ")
        ),
        first.line == 0 ? first.file : fmt::format("{}:{}", first.file, first.line),
        rename.empty() ? "the same command with --redact takes them out and seals"
                       : rename + ", then the same command with --redact --accept-changed"
    };
}

class BundleMaker {
public:
    BundleMaker(
        const Redactor& redactor, bool redact, ArchiveWriter writer, const Incident& incident
    )
        : redactor_(redactor), redact_(redact), writer_(std::move(writer)),
          root_("incident-" + incident.id) {
        for (const IncidentRun& run : incident.runs) {
            const std::string folder = fmt::format("runs/{}/", run.entry.id);
            // Names go on where the run's own left off.
            redactions_[folder].take_up(run.entry.folder);
            folders_[folder] = run.entry.folder;
        }
    }

    Result<void> add(const std::string& path, const std::string& text) {
        OA_TRY(const auto kept, clean(path, text));
        return kept ? put(path, *kept) : Result<void>{};
    }

    /// After all others of its folder.
    Result<void> add_run_sums(const std::string& path, const std::string& text) {
        OA_TRY(const auto kept, clean(path, text));
        if (!kept) {
            return {};
        }
        if (const auto resealed = sums_.resealed(path, *kept)) {
            OA_CHECK(put(path + ".before-redaction", *kept));
            return put(path, *resealed);
        }
        return put(path, *kept);
    }

    Result<void> close() {
        std::string sums;
        for (const auto& [path, digest] : digests_) {
            sums += fmt::format("{}  {}\n", digest, path);
        }
        OA_CHECK(writer_.add(root_ + "/SHA256SUMS", sums));
        return writer_.close();
    }

    /// With the sums of what is in here: a file that was redacted has another one in its run.
    [[nodiscard]] Incident as_kept(Incident incident) const {
        for (Artefact& one : incident.artefacts) {
            const auto found = digests_.find(one.path);
            if (found != digests_.end() && !one.digest.empty()) {
                one.digest = found->second;
            }
        }
        return incident;
    }

    [[nodiscard]] const std::vector<run::Leak>& leaks() const { return leaks_; }
    /// What to type where a secret stands in a file's name; empty: in none.
    [[nodiscard]] const std::string& rename() const { return rename_; }
    [[nodiscard]] std::vector<run::Leak> redacted() { return std::move(redacted_); }
    [[nodiscard]] std::size_t files() const { return digests_.size() + 1; }

private:
    /// `text` as it may leave under that name; nothing: it may not.
    Result<std::optional<std::string>> clean(const std::string& path, const std::string& text) {
        if (!clean_name(path)) {
            return std::nullopt;
        }
        const auto places = run::find_in(path, text, redactor_);
        if (places.empty()) {
            return text;
        }
        if (!redact_ && !is_foreign(path)) {
            std::ranges::move(run::leaks_of(path, text, places), std::back_inserter(leaks_));
            return std::nullopt;
        }
        std::ranges::move(run::leaks_of(path, text, places), std::back_inserter(redacted_));
        sums_.changed(path, sha256_hex(text));
        const std::string beside = run::sidecar_of(path).string();
        OA_CHECK(put(beside, sidecar(path, places, text.size())));
        sums_.made(beside);
        return run::blank(text, places);
    }

    /// Nothing here can give a file another name: people know it by that.
    bool clean_name(const std::string& path) {
        const auto places = redactor_.find(path);
        if (places.empty()) {
            return true;
        }
        std::string shown = path; // a pattern of the shell, which finds the file
        for (const Redaction& place : places) {
            std::replace_if(
                shown.begin() + static_cast<std::ptrdiff_t>(place.offset),
                shown.begin() + static_cast<std::ptrdiff_t>(place.offset + place.length),
                [](char c) { return c != '/'; },
                '?'
            );
        }
        leaks_.push_back({shown, 0, places.front().kind + " in the file name"});
        const auto folder = std::ranges::find_if(folders_, [&](const auto& one) {
            return path.starts_with(one.first);
        });
        if (rename_.empty() && folder != folders_.end()) {
            constexpr std::size_t k_runs = std::string_view("runs/").size();
            const std::size_t end = shown.find('/', places.front().offset);
            const fs::path from = folder->second.parent_path() / shown.substr(k_runs, end - k_runs);
            const fs::path to = from.parent_path() / "renamed";
            rename_ =
                fmt::format("mv {} {}", shell_pattern(from.string()), shell_word(to.string()));
        }
        return false;
    }

    std::string
    sidecar(const std::string& path, const std::vector<Redaction>& places, std::uint64_t bytes) {
        const auto found = std::ranges::find_if(redactions_, [&](const auto& one) {
            return path.starts_with(one.first);
        });
        const std::string folder = found == redactions_.end() ? "" : found->first;
        const std::string file = path.substr(folder.size());
        redactions_[folder].add(file, places);
        return redactions_[folder].sidecar(file, bytes);
    }

    Result<void> put(const std::string& path, std::string_view text) {
        const std::string digest = sha256_hex(text);
        if (!digests_.emplace(path, digest).second) {
            sums_.changed(path, digest); // the sidecar of a file that was redacted once more
            return {};
        }
        sums_.set(path, digest);
        return writer_.add(root_ + "/" + path, text);
    }

    const Redactor& redactor_;
    bool redact_;
    ArchiveWriter writer_;
    std::string root_;
    std::map<std::string, run::RedactionIndex, std::greater<>>
        redactions_; ///< by folder; "" comes last
    std::map<std::string, fs::path> folders_; ///< of the runs, by what they are called here
    RunSums sums_;
    std::map<std::string, std::string> digests_;
    std::vector<run::Leak> leaks_;
    std::string rename_;
    std::vector<run::Leak> redacted_;
};

Result<void> fill(
    BundleMaker& maker, const Sources& sources, const Incident& incident, const Redactor& redactor
) {
    std::vector<std::string> run_sums;
    for (const auto& [path, source] : sources) {
        if (source.file.empty()) {
            OA_CHECK(maker.add(path, source.text));
            continue;
        }
        OA_TRY(const std::string text, run::read_kept(source.file, k_largest));
        if (path.starts_with("runs/") && path.ends_with("/SHA256SUMS")) {
            run_sums.push_back(path);
            continue;
        }
        OA_CHECK(maker.add(path, text));
    }
    for (const std::string& path : run_sums) {
        OA_TRY(const std::string text, run::read_kept(sources.at(path).file, k_largest));
        OA_CHECK(maker.add_run_sums(path, text));
    }
    OA_CHECK(maker.add("incident.md", incident_body(maker.as_kept(incident), redactor)));
    if (!maker.leaks().empty()) {
        return std::unexpected(refusal(maker.leaks(), maker.rename()));
    }
    return maker.close();
}

Result<void>
check_seals(const Incident& incident, const Redactor& redactor, const BundleRules& rules) {
    for (const IncidentRun& run : incident.runs) {
        if (!run.sums.whole() && !rules.accept_changed) {
            return fail(
                Code::precondition,
                fmt::format("{}: {}", run.entry.id, redactor.apply(run::sums_text(run.sums))),
                run.entry.folder.string(),
                "to include it, with a note in the bundle, give --accept-changed"
            );
        }
    }
    return {};
}

} // namespace

Result<Bundle> write_bundle(
    const Incident& incident,
    const fs::path& name,
    const Redactor& redactor,
    const BundleRules& rules
) {
    std::error_code error;
    const fs::path real = fs::weakly_canonical(name, error); // a link stays
    const fs::path out = error ? name : real;
    // A device or a pipe would be replaced by the file.
    if (fs::exists(out, error) && !fs::is_regular_file(out, error)) {
        return fail(
            Code::usage,
            "it is not a regular file",
            name.string(),
            "a bundle is written beside and then renamed: name a file"
        );
    }
    OA_TRY(const Sources sources, sources_of(incident, redactor, rules));
    const fs::path draft = out.string() + ".tmp-" + random_hex(4);
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(
        incident.runs.back().entry.started.time_since_epoch()
    );
    OA_TRY(ArchiveWriter writer, ArchiveWriter::open(draft, name, seconds.count()));
    BundleMaker maker(redactor, rules.redact, std::move(writer), incident);
    auto filled = fill(maker, sources, incident, redactor);
    if (filled) {
        filled =
            check_seals(incident, redactor, rules); // after the leaks: they are what matters more
    }
    if (!filled) {
        fs::remove(draft, error);
        return std::unexpected(std::move(filled).error());
    }
    fs::rename(draft, out, error);
    if (error) {
        const std::string why = error.message();
        fs::remove(draft, error);
        return fail(Code::io, "cannot write: " + why, name.string());
    }
    Bundle made;
    made.file = fs::absolute(name);
    made.files = maker.files();
    made.bytes = fs::file_size(out, error);
    made.redacted = maker.redacted();
    OA_TRY(made.digest, sha256_of_file(out));
    return made;
}

} // namespace oa_stream::incident

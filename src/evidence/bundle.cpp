#include "oa_stream/evidence/bundle.hpp"

#include "oa_stream/base/file.hpp"
#include "oa_stream/base/ids.hpp"
#include "oa_stream/evidence/digest.hpp"

#include "archive.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <functional>
#include <map>
#include <optional>

namespace oa_stream::evidence {

namespace fs = std::filesystem;

namespace {

constexpr std::uint64_t k_largest = std::uint64_t{1} << 30U;

/// A name that every shell and every sha256sum takes as it is.
std::string plain_name(const fs::path& path) {
    std::string out = path.filename().string();
    std::ranges::replace_if(
        out,
        [](char c) {
            return !(
                (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                c == '.' || c == '_' || c == '-'
            );
        },
        '_'
    );
    return out;
}

/// What a bundle is made of: text of our own, or a file that is read when its turn comes.
struct Source {
    std::string text{};
    fs::path file{};
};
using Sources = std::map<std::string, Source>;

Json manifest_of(const Incident& incident, const BundleRules& rules) {
    Json runs = Json::array();
    for (const IncidentRun& run : incident.runs) {
        runs.push_back(
            {{"label", run.label},
             {"id", run.entry.id},
             {"kind", run.entry.kind},
             {"verdict", run.entry.verdict.empty() ? Json(nullptr) : Json(run.entry.verdict)},
             {"state", to_string(run.entry.life)},
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

Sources sources_of(const Incident& incident, const Redactor& redactor, const BundleRules& rules) {
    Sources out;
    out["incident.md"].text = incident_body(incident, redactor);
    out["timeline.ndjson"].text = redactor.apply(story_ndjson(incident.story));
    out["manifest.json"].text = manifest_of(incident, rules).dump(2) + "\n";
    for (const IncidentRun& run : incident.runs) {
        if (std::string svg = svg_chart(run.samples, run.entry.id); !svg.empty()) {
            out[fmt::format("charts/{}.svg", run.entry.id)].text = std::move(svg);
        }
        for (const std::string& file : files_below(run.entry.folder)) {
            out[fmt::format("runs/{}/{}", run.entry.id, file)].file = run.entry.folder / file;
        }
    }
    for (std::size_t i = 0; i < incident.logs.size(); ++i) {
        out[fmt::format("logs/{}-{}", i + 1, plain_name(incident.logs[i]))].file = incident.logs[i];
    }
    return out;
}

/// Files of others: their secrets are not ours to have let in, so they are always redacted.
bool is_foreign(const std::string& path) {
    return path.starts_with("logs/");
}

Error refusal(const std::vector<Leak>& leaks) {
    constexpr std::size_t k_named = 5;
    std::vector<std::string> named;
    for (const Leak& leak : leaks) {
        if (named.size() < k_named) {
            named.push_back(fmt::format("{} line {}: {}", leak.file, leak.line, leak.kind));
        }
    }
    const std::size_t more = leaks.size() - named.size();
    return {
        Code::precondition,
        fmt::format(
            "not sealed, secrets would leave with it: {}{}",
            fmt::join(named, "; "),
            more > 0 ? fmt::format("; and {} more", more) : ""
        ),
        fmt::format("{}:{}", leaks.front().file, leaks.front().line),
        "the same command with --redact takes them out and seals"
    };
}

/// A folder's own sums after something in it was redacted: the old ones stay beside them.
class RunSums {
public:
    void take(const std::string& path, const std::string& digest) { digests_[path] = digest; }
    void changed(const std::string& path) { changed_.push_back(path); }
    /// New text of `path`, the SHA256SUMS of a run, if one of its files was redacted.
    [[nodiscard]] std::optional<std::string> again(const std::string& path) const {
        const std::string folder = path.substr(0, path.rfind('/') + 1);
        if (std::ranges::none_of(changed_, [&](const std::string& file) {
                return file.starts_with(folder);
            })) {
            return std::nullopt;
        }
        std::string out;
        for (const auto& [file, digest] : digests_) {
            if (file.starts_with(folder)) {
                out += fmt::format("{}  {}\n", digest, file.substr(folder.size()));
            }
        }
        return out;
    }

private:
    std::map<std::string, std::string> digests_;
    std::vector<std::string> changed_;
};

class BundleMaker {
public:
    BundleMaker(
        const Redactor& redactor, bool redact, ArchiveWriter writer, const Incident& incident
    )
        : redactor_(redactor), redact_(redact), writer_(std::move(writer)),
          root_("incident-" + incident.id) {
        for (const IncidentRun& run : incident.runs) {
            // Names go on where the run's own left off.
            books_[fmt::format("runs/{}/", run.entry.id)].take_up(run.entry.folder);
        }
    }

    Result<void> add(const std::string& path, std::string text) {
        const auto places = find_in(path, text, redactor_);
        if (!places.empty() && !redact_ && !is_foreign(path)) {
            std::ranges::move(leaks_of(path, text, places), std::back_inserter(leaks_));
            return {};
        }
        if (!places.empty()) {
            std::ranges::move(leaks_of(path, text, places), std::back_inserter(redacted_));
            sums_.changed(path);
            OA_CHECK(put(sidecar_of(path).string(), sidecar(path, places, text.size())));
            text = blank(text, places);
        }
        return put(path, text);
    }

    /// After all others of its folder.
    Result<void> add_run_sums(const std::string& path, const std::string& text) {
        if (const auto again = sums_.again(path)) {
            OA_CHECK(put(path + ".before-redaction", text));
            return put(path, *again);
        }
        return put(path, text);
    }

    Result<void> close() {
        std::string sums;
        for (const auto& [path, digest] : digests_) {
            sums += fmt::format("{}  {}\n", digest, path);
        }
        OA_CHECK(writer_.add(root_ + "/SHA256SUMS", sums));
        return writer_.close();
    }

    [[nodiscard]] const std::vector<Leak>& leaks() const { return leaks_; }
    [[nodiscard]] std::vector<Leak> redacted() { return std::move(redacted_); }
    [[nodiscard]] std::size_t files() const { return digests_.size() + 1; }

private:
    std::string
    sidecar(const std::string& path, const std::vector<Redaction>& places, std::uint64_t bytes) {
        const auto found = std::ranges::find_if(books_, [&](const auto& one) {
            return path.starts_with(one.first);
        });
        const std::string folder = found == books_.end() ? "" : found->first;
        const std::string file = path.substr(folder.size());
        books_[folder].add(file, places);
        return books_[folder].sidecar(file, bytes);
    }

    Result<void> put(const std::string& path, std::string_view text) {
        const std::string digest = sha256_hex(text);
        if (!digests_.emplace(path, digest).second) {
            return {}; // the sidecar of a file that was redacted once more
        }
        sums_.take(path, digest);
        return writer_.add(root_ + "/" + path, text);
    }

    const Redactor& redactor_;
    bool redact_;
    ArchiveWriter writer_;
    std::string root_;
    std::map<std::string, RedactionBook, std::greater<>> books_; ///< by folder; "" comes last
    RunSums sums_;
    std::map<std::string, std::string> digests_;
    std::vector<Leak> leaks_;
    std::vector<Leak> redacted_;
};

Result<void> fill(BundleMaker& maker, const Sources& sources) {
    std::vector<std::string> run_sums;
    for (const auto& [path, source] : sources) {
        if (source.file.empty()) {
            OA_CHECK(maker.add(path, source.text));
            continue;
        }
        OA_TRY(std::string text, read_file(source.file, k_largest));
        if (path.starts_with("runs/") && path.ends_with("/SHA256SUMS")) {
            run_sums.push_back(path);
            continue;
        }
        OA_CHECK(maker.add(path, std::move(text)));
    }
    for (const std::string& path : run_sums) {
        OA_TRY(const std::string text, read_file(sources.at(path).file, k_largest));
        OA_CHECK(maker.add_run_sums(path, text));
    }
    if (!maker.leaks().empty()) {
        return std::unexpected(refusal(maker.leaks()));
    }
    return maker.close();
}

Result<void> check_seals(const Incident& incident, const BundleRules& rules) {
    for (const IncidentRun& run : incident.runs) {
        if (!run.sums.whole() && !rules.accept_changed) {
            return fail(
                Code::precondition,
                fmt::format("{}: {}", run.entry.id, sums_text(run.sums)),
                run.entry.folder.string(),
                "--accept-changed takes it nevertheless and says so in the bundle"
            );
        }
    }
    return {};
}

} // namespace

Result<Bundle> write_bundle(
    const Incident& incident,
    const fs::path& out,
    const Redactor& redactor,
    const BundleRules& rules
) {
    const Sources sources = sources_of(incident, redactor, rules);
    const fs::path draft = out.string() + ".tmp-" + random_hex(4);
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(
        incident.runs.back().entry.started.time_since_epoch()
    );
    OA_TRY(ArchiveWriter writer, ArchiveWriter::open(draft, seconds.count()));
    BundleMaker maker(redactor, rules.redact, std::move(writer), incident);
    auto filled = fill(maker, sources);
    if (filled) {
        filled = check_seals(incident, rules); // after the leaks: they are what matters more
    }
    std::error_code error;
    if (!filled) {
        fs::remove(draft, error);
        return std::unexpected(std::move(filled).error());
    }
    fs::rename(draft, out, error);
    if (error) {
        fs::remove(draft, error);
        return fail(Code::io, "cannot be written", out.string());
    }
    Bundle made;
    made.file = fs::absolute(out);
    made.files = maker.files();
    made.bytes = fs::file_size(out, error);
    made.redacted = maker.redacted();
    OA_TRY(made.digest, sha256_of_file(out));
    return made;
}

} // namespace oa_stream::evidence

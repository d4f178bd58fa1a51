#include "oa_stream/incident/incident.hpp"

#include "oa_stream/base/digest.hpp"
#include "oa_stream/base/file.hpp"
#include "oa_stream/base/text.hpp"
#include "oa_stream/base/utf8.hpp"
#include "oa_stream/base/verdict.hpp"
#include "oa_stream/run/entries.hpp"
#include "oa_stream/run/kept_file.hpp"

#include "stored_samples.hpp"

#include <fmt/format.h>

#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <limits>

namespace oa_stream::incident {

namespace fs = std::filesystem;

namespace {

/// The worse the further back; died is worse than any verdict, because nobody decided anything.
int gravity(const run::RunEntry& run) {
    return run.life == run::RunLife::died ? std::numeric_limits<int>::max()
                                          : badness(run.verdict).value_or(0);
}

std::string title_of(const std::vector<IncidentRun>& runs) {
    const auto worst = std::ranges::max_element(runs, {}, [](const IncidentRun& run) {
        return gravity(run.entry);
    });
    const run::RunEntry& run = worst->entry;
    const std::string what = run.life == run::RunLife::died ? "died" : run.verdict;
    const std::string why = run.headline.empty() ? run.id : run.headline;
    return fmt::format("{} {}: {}", run.kind, what, why);
}

/// One line in a list of issues, whatever was handed in.
std::string title_line(std::string title) {
    title = blank_controls(title);
    constexpr std::size_t k_longest = 180;
    if (title.size() > k_longest) {
        title.resize(whole_utf8_prefix(std::string_view(title).substr(0, k_longest)));
        title += "…";
    }
    return title;
}

/// Before the run's texts are escaped for a table: afterwards a secret in them would not be
/// recognised.
void redact(IncidentRun& run, const Redactor& redactor) {
    if (auto clean = parse_json(redactor.apply(dump_json(run.entry.document)))) {
        run.entry.document = *std::move(clean);
    }
    run.entry.headline = redactor.apply(run.entry.headline);
    run.open = redactor.apply(run.open);
}

void add_artefacts(const run::RunEntry& run, std::vector<Artefact>& out) {
    for (const std::string& file : run::entries_below(run.folder).files) {
        const bool there = is_there(run.folder / file);
        // Of a run that goes on, what is written next makes any sum wrong.
        auto digest = run.life == run::RunLife::running ? Result<std::string>()
                                                        : sha256_of_file(run.folder / file);
        if (digest && there) { // one that is being replaced just now is there under its name later
            out.push_back({fmt::format("runs/{}/{}", run.id, file), *std::move(digest)});
        }
    }
}

/// Its file's name; one that several logs have gets the number that it has in a bundle.
std::string source_of(const std::vector<fs::path>& logs, std::size_t i) {
    std::string name = logs[i].filename().string();
    const auto alike =
        std::ranges::count_if(logs, [&](const fs::path& log) { return log.filename() == name; });
    return alike == 1 ? name : fmt::format("{}-{}", i + 1, name);
}

std::string first_value(const fs::path& file, std::string_view key) {
    const auto text = run::read_kept(file, 1U << 20U);
    const std::string_view all = text ? std::string_view(*text) : std::string_view{};
    const std::size_t at = all.starts_with(key) ? 0 : all.find("\n" + std::string(key));
    if (at == std::string_view::npos) {
        return {};
    }
    const std::string_view line = trim(all.substr(at));
    const std::string_view value = line.substr(key.size(), line.find('\n') - key.size());
    std::string out(trim(value));
    std::erase(out, '"');
    return out;
}

} // namespace

std::vector<Fact> machine_facts() {
    std::vector<Fact> out;
    utsname system{};
    if (::uname(&system) == 0) {
        out.emplace_back("host", system.nodename);
        out.emplace_back(
            "system", fmt::format("{} {} {}", system.sysname, system.release, system.machine)
        );
    }
    if (std::string name = first_value("/etc/os-release", "PRETTY_NAME="); !name.empty()) {
        out.emplace_back("distribution", std::move(name));
    }
    out.emplace_back("processors", fmt::format("{}", ::sysconf(_SC_NPROCESSORS_ONLN)));
    if (std::string memory = first_value("/proc/meminfo", "MemTotal:"); !memory.empty()) {
        out.emplace_back("memory", std::move(memory));
    }
    return out;
}

Result<Incident> gather_incident(IncidentInput input) {
    if (input.runs.empty()) {
        return fail(Code::usage, "of which run?", "RUN", Suggestion{"runs list"});
    }
    Incident out;
    for (std::size_t i = 0; i < input.runs.size(); ++i) {
        IncidentRun run;
        run.entry = std::move(input.runs[i]);
        run.open = i < input.open.size() ? input.open[i] : "";
        OA_TRY(run.sums, run::check_sums(run.entry.folder));
        run.samples = stored_samples(run.entry.folder);
        redact(run, input.redactor);
        out.runs.push_back(std::move(run));
    }
    std::ranges::sort(out.runs, [](const IncidentRun& a, const IncidentRun& b) {
        return std::tie(a.entry.started_at, a.entry.id) < std::tie(b.entry.started_at, b.entry.id);
    });
    std::vector<Timeline> timelines;
    for (std::size_t i = 0; i < out.runs.size(); ++i) {
        out.runs[i].label = fmt::format("run {}", i + 1);
        timelines.push_back(
            run_timeline(out.runs[i].entry.folder, out.runs[i].label, input.redactor)
        );
        add_artefacts(out.runs[i].entry, out.artefacts);
    }
    for (std::size_t i = 0; i < input.logs.size(); ++i) {
        OA_TRY(
            Timeline timeline, log_timeline(input.logs[i], source_of(input.logs, i), input.redactor)
        );
        timelines.push_back(std::move(timeline));
    }
    out.timeline = merge(std::move(timelines));
    out.logs = std::move(input.logs);
    out.id = out.runs.back().entry.id;
    out.title = input.title.empty() ? title_of(out.runs) : std::move(input.title);
    out.title = title_line(input.redactor.apply(out.title));
    out.facts.emplace_back("gathered by", "oa-stream " + input.version);
    std::ranges::move(machine_facts(), std::back_inserter(out.facts));
    return out;
}

} // namespace oa_stream::incident

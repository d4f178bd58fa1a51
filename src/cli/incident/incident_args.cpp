#include "incident_args.hpp"

#include "core/suggestion.hpp"
#include "core/version.hpp"

#include <algorithm>

namespace oa_stream::cli {

Result<Gathered> gather(const IncidentOptions& options, const Context& context) {
    Redactor redactor;
    for (const std::string& reference : options.secrets) {
        OA_TRY(const Secret secret, read_secret(reference));
        redactor.add_known(secret, reference);
    }
    redactor.add_environment();
    incident::IncidentInput input;
    auto words = options.runs;
    if (words.empty()) {
        words.emplace_back("last");
    }
    for (const std::string& word : words) {
        OA_TRY(auto run, named_run(word, context));
        if (std::ranges::find(input.runs, run.id, &run::RunEntry::id) == input.runs.end()) {
            input.runs.push_back(std::move(run));
        }
    }
    for (const run::RunEntry& run : input.runs) {
        const auto left = unfinished(run, context);
        input.open.push_back(left ? left->why + ": " + left->next : "");
    }
    input.logs = options.logs;
    input.title = options.title;
    input.version = version();
    input.redactor = redactor;
    OA_TRY(incident::Incident incident, incident::gather_incident(std::move(input)));
    incident.bundle_command =
        typed_here("oa-stream incident bundle " + run_words(incident, context), context);
    return Gathered{std::move(incident), std::move(redactor)};
}

std::string run_words(const incident::Incident& incident, const Context& context) {
    std::string out;
    for (const incident::IncidentRun& run : incident.runs) {
        out += (out.empty() ? "" : " ") + word_of(run.entry, context);
    }
    return out;
}

} // namespace oa_stream::cli

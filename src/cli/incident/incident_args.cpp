#include "incident_args.hpp"

#include "oa_stream/base/lists.hpp"
#include "oa_stream/base/shell.hpp"
#include "oa_stream/measure/alert_rules.hpp"
#include "oa_stream/net/token_source.hpp"

#include "core/suggestion.hpp"
#include "core/version.hpp"
#include "incident_choice.hpp"
#include "screen/shown.hpp"

namespace oa_stream::cli {

std::span<const std::string_view> alert_words() {
    static const auto names = measure::alert_names();
    static const std::vector<std::string_view> words(names.begin(), names.end());
    return words;
}

Result<Gathered> gather(const IncidentOptions& options, const Context& context) {
    Redactor redactor;
    for (const std::string& reference : options.secrets) {
        OA_TRY(const Secret secret, net::read_token(reference));
        redactor.add_known(secret, reference);
    }
    redactor.add_environment();
    incident::IncidentInput input;
    ChosenRuns chosen;
    if (options.runs.empty()) {
        OA_TRY(chosen, choose_runs({options.since, options.alert}, context));
        input.runs = chosen.runs;
    } else if (options.since || !options.alert.empty()) {
        return fail(
            Code::usage,
            "runs are named already, so there are none to choose",
            std::string(options.since ? k_incident_since.name : k_incident_alert.name),
            "give one of the two"
        );
    }
    for (const std::string& word : options.runs) {
        OA_TRY(auto run, named_run(word, context));
        if (!contains(input.runs, run.id, &run::RunEntry::id)) {
            input.runs.push_back(std::move(run));
        }
    }
    for (const run::RunEntry& run : input.runs) {
        const auto left = unfinished(run, context);
        input.open.push_back(left ? (left->why + ": " + left->next).text() : "");
    }
    input.logs = options.logs;
    input.title = options.title;
    if (options.title.empty() && !options.alert.empty()) {
        input.title = options.alert + " after " + input.runs.back().id;
    }
    input.version = version();
    input.redactor = redactor;
    OA_TRY(incident::Incident incident, incident::gather_incident(std::move(input)));
    incident.bundle_command =
        typed_here(typed_next("incident bundle", incident, options, context), context).text();
    if (!chosen.why.empty() && !context.quiet && !context.json) {
        tell_text(chosen.why + "\n", context);
    }
    return Gathered{std::move(incident), std::move(redactor), std::move(chosen.why)};
}

Suggestion typed_next(
    std::string command,
    const incident::Incident& incident,
    const IncidentOptions& options,
    const Context& context,
    const std::vector<std::string>& more
) {
    Suggestion out{std::move(command)};
    for (const incident::IncidentRun& run : incident.runs) {
        const auto& folder = run.entry.folder;
        const bool here = folder.parent_path() == context.state_dir / "runs";
        out.arguments.push_back(here ? run.entry.id : folder.string());
    }
    const auto add = [&](std::string_view option, std::string value) {
        out.arguments.insert(out.arguments.end(), {std::string(option), std::move(value)});
    };
    for (const std::filesystem::path& log : options.logs) {
        add(k_incident_log.name, log.string());
    }
    // An alert sets the title of the runs that it selected.
    if (!options.title.empty() || !options.alert.empty()) {
        add(k_incident_title.name, incident.title);
    }
    for (const std::string& secret : options.secrets) {
        add(k_incident_secret.name, secret);
    }
    out.arguments.insert(out.arguments.end(), more.begin(), more.end());
    return out;
}

} // namespace oa_stream::cli

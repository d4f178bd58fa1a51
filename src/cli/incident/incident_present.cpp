// The part of an incident's text about this machine's present state.
#include "oa_stream/base/json_members.hpp"
#include "oa_stream/base/lists.hpp"
#include "oa_stream/base/text.hpp"

#include "core/layers.hpp"
#include "core/parse.hpp"
#include "doctor/doctor.hpp"
#include "incident_args.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <optional>
#include <span>

namespace oa_stream::cli {
namespace {

/// The run's command line as it parses now. Unset if it does not parse: an older version wrote it.
std::optional<Invocation> invocation_of(const run::RunEntry& run) {
    const auto words = mapped(list_in(run.document, "argv"), [](const Json& word) {
        return word.is_string() ? word.get<std::string>() : "";
    });
    if (words.size() < 2) {
        return std::nullopt;
    }
    auto parsed = parse_command_line(std::span(words).subspan(1)); // without the program's name
    const bool whole = parsed && parsed->command != nullptr;
    return whole ? std::optional(*std::move(parsed)) : std::nullopt;
}

void add_settings(const incident::IncidentRun& run, const Context& context, incident::Facts& out) {
    auto invocation = invocation_of(run.entry);
    if (!invocation) {
        return;
    }
    if (!context.globals.config.empty()) {
        invocation->globals.given[std::string(k_config.name)] = {context.globals.config};
    }
    const auto config = find_config(*invocation, context.env);
    if (!config) {
        out.emplace_back(run.label + " config", config.error().text());
        return;
    }
    const auto settings = apply_layers(*invocation, *config, context.env);
    if (!settings) {
        out.emplace_back(run.label + " config", settings.error().text());
        return;
    }
    const std::optional<ConfigFile>& file = *config;
    out.emplace_back(run.label + " config", file ? file->name() : "no file");
    for (const Setting& setting : without_secrets(*settings, *invocation->command)) {
        if (setting.layer != Layer::fallback) {
            const std::string where = setting.where.empty() ? "" : " " + setting.where;
            const std::string value =
                setting.values.empty() ? "on" : fmt::format("{}", fmt::join(setting.values, ", "));
            out.emplace_back(
                fmt::format("{} {}", run.label, setting.option),
                fmt::format("{} ({}{})", printable(value, 200), to_string(setting.layer), where)
            );
        }
    }
}

} // namespace

void add_present(incident::Incident& incident, const Context& context) {
    for (const incident::IncidentRun& run : incident.runs) {
        add_settings(run, context, incident.settings);
    }
    incident.doctor = judge_all(context);
}

} // namespace oa_stream::cli

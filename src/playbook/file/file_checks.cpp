// Keys of checks, objectives and drills.
#include "oa_stream/base/clock.hpp"
#include "oa_stream/base/seconds.hpp"
#include "oa_stream/base/text.hpp"

#include "file_keys.hpp"
#include "words.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace oa_stream::playbook::file {
namespace {

using namespace config;

constexpr std::string_view k_left_out = "none";
constexpr std::array<std::string_view, 3> k_profile_words{"shell-serving", "api-only", k_left_out};

constexpr auto k_budget_keys = keys<BudgetSpec>(
    percent<&BudgetSpec::consumed_at_most>(
        "consumed_at_most", Need::required, "Share of each slo's error budget that may be consumed."
    ),
    boolean<&BudgetSpec::or_stated>(
        "or_stated",
        Need::optional,
        "`true`: where no source decides, `--asserted-budget PERCENT --reason TEXT` is enough for "
        "a live apply; it is shown as stated. A measured breach stays a breach."
    )
        .or_else("false")
);
constinit const Section<BudgetSpec> k_budget{
    {"budget", "The error budget that must be left.", k_budget_keys}
};

void p95_delta(const Node& node, ShadowSpec& out) {
    if (const auto value = node.duration()) {
        out.p95_delta_at_most_s = seconds(*value);
    }
}
constexpr auto k_shadow_keys = keys<ShadowSpec>(
    texts<&ShadowSpec::prompts>(
        "prompts", Need::optional, "Sent to both; built-in ones if absent."
    ),
    custom<ShadowSpec, p95_delta>(
        Type::duration,
        "p95_delta_at_most",
        Need::optional,
        "How much later the canary's p95 of whole turns may be."
    )
        .or_else("250ms")
);
constinit const Section<ShadowSpec> k_shadow{
    {"shadow", "Sends the same prompts to both revisions and shows differences.", k_shadow_keys}
};

constexpr auto k_drilled_keys = keys<DrilledSpec>(
    duration<&DrilledSpec::within>("within", Need::optional, "How long ago, at most.")
        .or_else("30d"),
    text<&DrilledSpec::playbook>(
        "playbook", Need::optional, "Name of the playbook with the gates; this one if absent."
    )
);
constinit const Section<DrilledSpec> k_drilled{
    {"gates_drilled",
     "`rollback drill --each-gate` was carried out, and each gate detected its fault.",
     k_drilled_keys}
};

void rehearse_set(const Node& node, RehearseSpec& out) {
    for (const Node& item : node.list()) {
        const std::string text = item.text().value_or("");
        const std::size_t equals = text.find('=');
        if (equals == std::string::npos || equals == 0) {
            item.refuse("expected NAME=VALUE");
        } else if (equals + 1 < text.size()) { // an empty value keeps the playbook's own
            out.set.insert_or_assign(text.substr(0, equals), text.substr(equals + 1));
        }
    }
}
constexpr auto k_rehearse_keys = keys<RehearseSpec>(
    text<&RehearseSpec::file>(
        "playbook",
        Need::optional, // an empty variable omits the check
        "Needed: a cutover playbook, shipped or a file. When its variable is empty, the check is "
        "left out."
    ),
    custom<RehearseSpec, rehearse_set>(
        Type::texts,
        "set",
        Need::optional,
        "Its variables, `NAME=VALUE` each; those without a value keep its default."
    )
);
constinit const Section<RehearseSpec> k_rehearse{
    {"rehearse", "A dry run of a cutover, with its error budget measured.", k_rehearse_keys}
};

/// Reports a variable that the check's `set` omits; --set cannot give it.
void refuse_rehearsed(const Node& item, const Loaded& loaded) {
    config::Problem problem = loaded.problems.front();
    const YamlNode* set = item.yaml().find("rehearse")->find("set");
    const bool passed = std::ranges::all_of(loaded.unset, [&](const std::string& name) {
        return set != nullptr && std::ranges::any_of(set->items, [&](const YamlNode& given) {
                   return given.text.starts_with(name + "=");
               });
    });
    if (problem.path == "variables" && !passed) {
        problem.hint = fmt::format(
            "{}.rehearse.set gives values, like {}=…", item.path(), loaded.unset.front()
        );
    }
    item.refuse(problem.text());
}

/// Reads the other playbook now, so that its errors are reported here.
void complete_rehearsal(const Node& item, RehearseSpec& spec, Playbook& out) {
    if (item.yaml().find("rehearse")->find("playbook") == nullptr) {
        item.refuse("rehearse.playbook is missing");
    }
    if (spec.file.empty() || spec.file.contains("${")) {
        return;
    }
    auto source = find_playbook(spec.file);
    if (!source) {
        item.refuse(source.error().message, source.error().hint);
        return;
    }
    spec.text = std::move(source->text);
    const Loaded loaded = load_playbook(spec.text, spec.file, spec.set, Unset::refuse);
    if (!loaded.playbook) {
        refuse_rehearsed(item, loaded);
        return;
    }
    if (loaded.playbook->kind != Kind::cutover) {
        item.refuse(fmt::format("{} is not a cutover", spec.file));
    } else if (!loaded.playbook->budget) {
        item.refuse(fmt::format("{} has no error budget in its preflight", spec.file));
    }
    out.rehearse = std::move(spec);
}

constexpr std::array<std::string_view, 5> k_check_forms{
    "smoke", "budget", "shadow", "gates_drilled", "rehearse"
};
constexpr auto k_check_keys = keys<CheckDraft>(
    word<&CheckDraft::smoke, k_surface_words>(
        "smoke", Need::optional, "Live checks of one surface of the target."
    ),
    word<&CheckDraft::through, k_through_words>(
        "through",
        Need::optional,
        "Of a smoke: which address. `stable` and `canary` are reached at any share."
    )
        .or_else("users"),
    word_text<&CheckDraft::profile, k_profile_words>(
        "profile",
        Need::optional,
        "Of a control smoke: whether the target also serves the web shell; `none` leaves the smoke "
        "out."
    ),
    text<&CheckDraft::id>(
        "id", Need::optional, "Prefix of the checks' names; from list and door if absent."
    ),
    section<&CheckDraft::budget, k_budget>("budget", Need::optional, "An error budget."),
    section<&CheckDraft::shadow, k_shadow>("shadow", Need::optional, "A shadow comparison."),
    section<&CheckDraft::drilled, k_drilled>(
        "gates_drilled", Need::optional, "The gates were recently tested with injected faults."
    ),
    section<&CheckDraft::rehearse, k_rehearse>(
        "rehearse", Need::optional, "A dry run of a cutover; of playbooks that only check."
    )
);

/// "first_content <= 2.5s"
std::optional<double> read_good(const Node& node) {
    constexpr std::string_view k_form = "first_content <= ";
    const auto text = node.text();
    if (!text || node.yaml().unset) {
        return std::nullopt;
    }
    if (text->starts_with(k_form)) {
        if (const auto limit = read_duration(std::string_view(*text).substr(k_form.size()))) {
            return seconds(*limit);
        }
    }
    node.refuse(
        fmt::format("'{}' is not first_content <= a duration", printable(*text, 40)),
        "like first_content <= 2.5s"
    );
    return std::nullopt;
}

constexpr std::array<std::string_view, 2> k_slo_forms{"bad", "good"};
constexpr auto k_slo_keys = keys<SloSpec>(
    text<&SloSpec::name>("name", Need::required, "Name of the objective; unique."),
    percent<&SloSpec::objective>("objective", Need::required, "Share of good requests."),
    duration<&SloSpec::window>("window", Need::required, "Over how long."),
    words<&SloSpec::bad, telemetry::k_bad_words>("bad", Need::optional, "What counts as bad."),
    phrase<&SloSpec::first_content_s, read_good>(
        "good", Need::optional, "What counts as good: `first_content <= 2.5s`."
    ),
    texts<&SloSpec::routes>(
        "routes", Need::optional, "Of which routes; all that carry turns if absent."
    )
);

constexpr auto k_drill_keys = keys<DrillSpec>(
    whole_percent<&DrillSpec::fail_at>(
        "fail_at", Need::required, "The stage that is made to fail."
    ),
    text<&DrillSpec::fault>(
        "fault",
        Need::optional,
        "KIND=VALUE injected into the canary at that stage, like "
        "`error-rate=0.2`; if absent, its gates count as failed."
    ),
    duration<&DrillSpec::recover_within>(
        "recover_within",
        Need::optional,
        "From the decision until users see only the stable revision."
    )
        .or_else("1m")
);

std::string default_id(std::string_view prefix, const CheckDraft& draft) {
    const Surface surface = draft.smoke.value_or(Surface::stream);
    return fmt::format(
        "{}.{}", prefix, surface == Surface::stream ? to_string(draft.through) : to_string(surface)
    );
}

void keep_check(
    const Node& item,
    std::string_view prefix,
    CheckDraft draft,
    std::vector<SmokeSpec>& smokes,
    Playbook& out
) {
    for (const std::string_view key : {"through", "profile", "id"}) {
        if (has(item, key) && !has(item, "smoke")) {
            item.refuse(fmt::format("{} belongs to a smoke", key));
        }
    }
    if (!draft.profile.empty() && draft.smoke != Surface::control) {
        item.refuse("profile belongs to a control smoke");
    }
    if ((draft.budget && out.budget) || (draft.shadow && out.shadow)) {
        item.refuse(fmt::format("a second {}", draft.budget ? "budget" : "shadow"));
    }
    if (draft.rehearse && (prefix != "check" || out.rehearse)) {
        item.refuse(
            out.rehearse ? "a second rehearse" : "rehearse belongs to a playbook that only checks"
        );
    } else if (draft.rehearse) {
        complete_rehearsal(item, *draft.rehearse, out);
    }
    if (draft.budget) {
        out.budget = draft.budget;
    }
    if (draft.drilled) {
        out.drilled = std::move(draft.drilled);
    }
    if (draft.shadow) {
        out.shadow = std::move(draft.shadow);
    }
    if (draft.smoke && draft.profile != k_left_out) {
        std::string id = draft.id.empty() ? default_id(prefix, draft) : std::move(draft.id);
        smokes.push_back({std::move(id), draft.through, *draft.smoke, std::move(draft.profile)});
    }
}

} // namespace

constinit const Section<CheckDraft> k_check{
    {.name = "check",
     .help = "Exactly one of smoke, budget, shadow, gates_drilled and rehearse.",
     .keys = k_check_keys,
     .exactly_one = k_check_forms}
};
constinit const Section<SloSpec> k_slo{
    {.name = "slo",
     .help = "An objective: exactly one of bad and good defines what is counted.",
     .keys = k_slo_keys,
     .exactly_one = k_slo_forms}
};
constinit const Section<DrillSpec> k_drill{{"drill", "How the rollback is tested.", k_drill_keys}};

void read_checks(
    const Node& node, std::string_view prefix, std::vector<SmokeSpec>& smokes, Playbook& out
) {
    for (const Node& item : node.list()) {
        CheckDraft draft;
        read_section(item, k_check, draft);
        keep_check(item, prefix, std::move(draft), smokes, out);
    }
}

} // namespace oa_stream::playbook::file

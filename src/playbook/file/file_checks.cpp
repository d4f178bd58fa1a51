// Keys of checks, objectives, sources and drills.
#include "oa_stream/base/clock.hpp"
#include "oa_stream/base/text.hpp"

#include "file_keys.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace oa_stream::playbook::file {
namespace {

using namespace config;

constexpr std::array<std::string_view, 3> k_surface_words{"stream", "control", "completions"};
constexpr std::array<std::string_view, 3> k_through_words{"stable", "canary", "users"};
constexpr std::string_view k_left_out = "none";
constexpr std::array<std::string_view, 3> k_profile_words{"shell-serving", "api-only", k_left_out};
constexpr std::array<std::string_view, 4> k_slo_event_words{
    "http_5xx", "terminal_error", "empty", "compat_rejected"
};

constexpr auto k_budget_keys = keys<BudgetSpec>(
    percent<&BudgetSpec::consumed_at_most>(
        "consumed_at_most", Need::required, "Share of each slo's error budget that may be gone."
    ),
    boolean<&BudgetSpec::or_stated>(
        "or_stated",
        Need::optional,
        "`true`: where no source decides, `--asserted-budget PERCENT --reason TEXT` is enough for "
        "a live apply, and shown as stated. A measured breach stays one."
    )
        .or_else("false")
);
constinit const Section<BudgetSpec> k_budget{
    {"budget", "The error budget that must be left.", k_budget_keys}
};

void p95_delta(const Node& node, ShadowSpec& out) {
    if (const auto value = node.duration()) {
        out.p95_delta_at_most_s = std::chrono::duration<double>(*value).count();
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
    {"shadow", "The same prompts to both revisions: what differs?", k_shadow_keys}
};

constexpr std::array<std::string_view, 3> k_check_forms{"smoke", "budget", "shadow"};
constexpr auto k_check_keys = keys<CheckDraft>(
    word<&CheckDraft::smoke, k_surface_words>(
        "smoke", Need::optional, "Live checks of one surface of the target."
    ),
    word<&CheckDraft::through, k_through_words>(
        "through",
        Need::optional,
        "Of a smoke: whose door. `stable` and `canary` are reached whatever their share is."
    )
        .or_else("users"),
    word_text<&CheckDraft::profile, k_profile_words>(
        "profile",
        Need::optional,
        "Of a control smoke: whether the web shell is served there, too; `none` leaves it out."
    ),
    text<&CheckDraft::id>(
        "id", Need::optional, "Prefix of the checks' names; from list and door if absent."
    ),
    section<&CheckDraft::budget, k_budget>("budget", Need::optional, "An error budget."),
    section<&CheckDraft::shadow, k_shadow>("shadow", Need::optional, "A shadow comparison.")
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
            return std::chrono::duration<double>(*limit).count();
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
    words<&SloSpec::bad, k_slo_event_words>("bad", Need::optional, "What counts as bad."),
    phrase<&SloSpec::first_content_s, read_good>(
        "good", Need::optional, "What counts as good: `first_content <= 2.5s`."
    ),
    texts<&SloSpec::routes>(
        "routes", Need::optional, "Of which routes; all that carry turns if absent."
    )
);

/// "canary 3/1200, stable 4/24000": events among requests.
std::optional<measure::EventCounts> read_counts(std::string_view text, std::string_view arm) {
    const std::size_t slash = text.find('/');
    if (!text.starts_with(arm) || slash == std::string_view::npos) {
        return std::nullopt;
    }
    constexpr std::uint64_t k_most = 1000000000000;
    const auto events = parse_count(text.substr(arm.size(), slash - arm.size()), 0, k_most);
    const auto requests = parse_count(text.substr(slash + 1), 1, k_most);
    if (!events || !requests || *events > *requests) {
        return std::nullopt;
    }
    return measure::EventCounts{*events, *requests};
}

template <std::size_t Signal> void reading_into(const Node& node, SourceSpec& out) {
    const auto text = node.text();
    if (!text || node.yaml().unset) {
        return;
    }
    const std::size_t comma = text->find(", ");
    const std::string_view all = *text;
    const auto canary = read_counts(all.substr(0, comma), "canary ");
    const auto stable =
        comma == std::string::npos ? std::nullopt : read_counts(all.substr(comma + 2), "stable ");
    if (!canary || !stable) {
        node.refuse(
            fmt::format(
                "'{}' is not canary EVENTS/REQUESTS, stable EVENTS/REQUESTS", printable(all, 60)
            ),
            "like canary 3/1200, stable 4/24000"
        );
        return;
    }
    out.readings[std::string(k_signal_words[Signal])] = {.canary = *canary, .stable = *stable};
}

constexpr auto k_probe_source_keys = std::array<Key, 0>{};
constexpr auto k_asserted_keys = keys<SourceSpec>(
    boolean<&SourceSpec::enough_to_apply>(
        "enough_to_apply",
        Need::optional,
        "`true`: a value stated by hand is enough for a live apply. It is shown as such all the "
        "same."
    )
        .or_else("false"),
    text<&SourceSpec::reason>(
        "reason", Need::optional, "Where the numbers were looked up; needed with any of them."
    ),
    custom<SourceSpec, reading_into<0>>(
        Type::phrase,
        "auth_errors",
        Need::optional,
        "Failed verifications of logins, like `canary 3/1200, stable 4/24000`: events/requests."
    ),
    custom<SourceSpec, reading_into<1>>(
        Type::phrase, "sync_token_errors", Need::optional, "The same of sync tokens not minted."
    ),
    custom<SourceSpec, reading_into<2>>(
        Type::phrase,
        "audit_errors",
        Need::optional,
        "The same of route decisions whose audit event is missing or cannot be parsed."
    )
);
/// "a.log,b.log": as one variable can say it.
std::optional<std::vector<std::string>> read_paths(const Node& node) {
    const auto text = node.text();
    if (!text || node.yaml().unset) {
        return std::nullopt;
    }
    std::vector<std::string> out;
    for (std::string_view rest = *text; !rest.empty();) {
        const std::size_t comma = rest.find(',');
        const std::string_view path = rest.substr(0, comma);
        rest.remove_prefix(comma == std::string_view::npos ? rest.size() : comma + 1);
        if (path.empty()) {
            node.refuse("an empty path", "one path, or several with a comma between");
            return std::nullopt;
        }
        out.emplace_back(path);
    }
    return out;
}

constexpr auto k_prometheus_keys = keys<SourceSpec>(
    config::url<&SourceSpec::url>(
        "url",
        Need::optional,
        "Of the server, before `/api/v1/query`. Needed; when its variable is empty, the source "
        "is left out."
    ),
    config::auth<&SourceSpec::auth>(
        "auth", Need::optional, "A bearer token, or with `user` the password."
    ),
    text<&SourceSpec::user>("user", Need::optional, "Name for basic authentication."),
    text<&SourceSpec::ca>(
        "ca",
        Need::optional,
        "PEM file of who signs the server's certificate; the system's if absent."
    ),
    text<&SourceSpec::revision_label>(
        "revision_label",
        Need::optional,
        "Label that names the revision on every series; if absent, series are joined with "
        "`oa_stream_build_info`."
    ),
    text<&SourceSpec::matchers>(
        "match", Need::optional, "Further label matchers of every series, like `job=\"lane\"`."
    ),
    duration<&SourceSpec::timeout>("timeout", Need::optional, "How long one question may take.")
        .or_else("10s"),
    duration<&SourceSpec::stale_after>(
        "stale_after",
        Need::optional,
        "Values scraped longer ago are missing; three scrape intervals, at least 10s, if absent."
    )
);
constexpr auto k_access_log_keys = keys<SourceSpec>(
    phrase<&SourceSpec::paths, read_paths>(
        "path",
        Need::optional,
        "The lane's access log, `-` for stdin, or the files of all lanes with a comma between. "
        "Needed; when its variable is empty, the source is left out."
    ),
    boolean<&SourceSpec::rotated>(
        "rotated", Need::optional, "Read what was rotated away as well (`FILE.1`, `FILE.2.gz`)."
    )
        .or_else("true"),
    duration<&SourceSpec::stale_after>(
        "stale_after",
        Need::optional,
        "A log without a line for longer says nothing about that time; 5m if absent."
    )
);
constinit const Section<SourceSpec> k_probe_source{
    {"probe source", "This run's own requests. Takes no keys: `{}`.", k_probe_source_keys}
};
constinit const Section<SourceSpec> k_asserted{
    {"asserted", "A value stated by hand, with a reason.", k_asserted_keys}
};
constinit const Section<SourceSpec> k_prometheus{
    {"prometheus", "A Prometheus server.", k_prometheus_keys}
};
constinit const Section<SourceSpec> k_access_log{
    {"access_log", "The lanes' access logs.", k_access_log_keys}
};
constexpr std::array<std::string_view, 4> k_source_forms{
    "probe", "asserted", "prometheus", "access_log"
};
constexpr auto k_source_keys = keys<SourceDraft>(
    section<&SourceDraft::probe, k_probe_source>("probe", Need::optional, "The run's own probes."),
    section<&SourceDraft::asserted, k_asserted>("asserted", Need::optional, "Stated by hand."),
    section<&SourceDraft::prometheus, k_prometheus>(
        "prometheus", Need::optional, "A Prometheus server."
    ),
    section<&SourceDraft::access_log, k_access_log>(
        "access_log", Need::optional, "The lanes' access logs."
    )
);

constexpr auto k_drill_keys = keys<DrillSpec>(
    whole_percent<&DrillSpec::fail_at>(
        "fail_at", Need::required, "The stage that is made to fail."
    ),
    text<&DrillSpec::fault>(
        "fault",
        Need::optional,
        "KIND=VALUE planted in the canary at that stage (driver local only), like "
        "`error-rate=0.2`; if absent its gates are ruled to fail."
    ),
    duration<&DrillSpec::recover_within>(
        "recover_within",
        Need::optional,
        "From the decision until users see nothing but the stable revision."
    )
        .or_else("1m")
);

/// A source whose place is an empty variable is not there; one without a place is a mistake.
bool is_there(const Node& item, std::string_view source, std::string_view place) {
    const auto at = std::ranges::find(item.yaml().entries, source, &YamlEntry::key);
    if (at == item.yaml().entries.end()) {
        return false;
    }
    const auto& keys = at->value.entries;
    const auto found = std::ranges::find(keys, place, &YamlEntry::key);
    if (found == keys.end()) {
        item.refuse(fmt::format("{}.{} is missing", source, place));
        return false;
    }
    return !(found->value.kind == YamlKind::scalar && found->value.text.empty());
}

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
    if (draft.budget) {
        out.budget = draft.budget;
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
     .help = "Exactly one of smoke, budget and shadow.",
     .keys = k_check_keys,
     .exactly_one = k_check_forms}
};
constinit const Section<SloSpec> k_slo{
    {.name = "slo",
     .help = "An objective: exactly one of bad and good says what is counted.",
     .keys = k_slo_keys,
     .exactly_one = k_slo_forms}
};
constinit const Section<SourceDraft> k_source{
    {.name = "source",
     .help = "Where numbers come from: exactly one of the keys.",
     .keys = k_source_keys,
     .exactly_one = k_source_forms}
};
constinit const Section<DrillSpec> k_drill{{"drill", "How the way back is tried.", k_drill_keys}};

void read_checks(
    const Node& node, std::string_view prefix, std::vector<SmokeSpec>& smokes, Playbook& out
) {
    for (const Node& item : node.list()) {
        CheckDraft draft;
        read_section(item, k_check, draft);
        keep_check(item, prefix, std::move(draft), smokes, out);
    }
}

std::vector<SloSpec> read_slos(const Node& node) {
    std::vector<SloSpec> out;
    for (const Node& item : node.list()) {
        read_section(item, k_slo, out.emplace_back());
    }
    return out;
}

std::vector<SourceSpec> read_sources(const Node& node) {
    std::vector<SourceSpec> out;
    for (const Node& item : node.list()) {
        SourceDraft draft;
        read_section(item, k_source, draft);
        const auto keep = [&](std::optional<SourceSpec>& source, SourceKind kind) {
            if (source) {
                source->kind = kind;
                out.push_back(*std::move(source));
            }
        };
        keep(draft.probe, SourceKind::probe);
        keep(draft.asserted, SourceKind::asserted);
        if (is_there(item, "prometheus", "url")) {
            keep(draft.prometheus, SourceKind::prometheus);
        }
        if (is_there(item, "access_log", "path")) {
            keep(draft.access_log, SourceKind::access_log);
        }
    }
    return out;
}

} // namespace oa_stream::playbook::file

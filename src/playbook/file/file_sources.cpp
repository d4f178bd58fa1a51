// Keys of the sources: where numbers come from.
#include "oa_stream/base/text.hpp"

#include "file_keys.hpp"
#include "words.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace oa_stream::playbook::file {
namespace {

using namespace config;

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

} // namespace

constinit const Section<SourceDraft> k_source{
    {.name = "source",
     .help = "Where numbers come from: exactly one of the keys.",
     .keys = k_source_keys,
     .exactly_one = k_source_words}
};
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

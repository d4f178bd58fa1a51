#include "oa_stream/base/seconds.hpp"
#include "oa_stream/measure/matchers.hpp"
#include "oa_stream/measure/prometheus_source.hpp"
#include "oa_stream/measure/source_kind.hpp"
#include "oa_stream/net/client_certificate.hpp"
#include "oa_stream/telemetry/metrics.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <span>

namespace oa_stream::measure {

extern const SourceKind k_prometheus;

namespace {

using namespace config;

struct PrometheusSettings final : SourceSettings {
    std::string url{};
    std::optional<AuthRef> auth{}; ///< bearer token, or the password for `user`
    std::string user{};
    std::string ca{}; ///< PEM file of trusted authorities; empty: the system's
    std::string cert{}; ///< PEM file
    std::string key{}; ///< PEM file
    std::vector<std::string> lines{}; ///< headers
    std::string revision_label{}; ///< empty: joined with oa_stream_build_info
    std::string matchers{};
    Millis timeout{10000}; ///< for one question
    Millis stale_after{0}; ///< 0: the source's default
    bool include_probes = false;
    std::vector<SignalQuery> queries{};

    [[nodiscard]] const SourceKind& kind() const noexcept override { return k_prometheus; }
    [[nodiscard]] Json to_json() const override {
        Json out{
            {"url", url},
            {"auth", config::to_json(auth)},
            {"user", user},
            {"ca", ca},
            {"revision_label", revision_label},
            {"match", matchers},
            {"timeout_ms", timeout.count()},
            {"stale_after_ms", stale_after.count()},
            {"include_probes", include_probes},
        };
        for (const auto& [name, file] : {std::pair("cert", cert), std::pair("key", key)}) {
            if (!file.empty()) {
                out[name] = file;
            }
        }
        if (!lines.empty()) {
            out["headers"] = lines;
        }
        for (const SignalQuery& query : queries) {
            out["signals"].push_back(
                {{"signal", query.signal}, {"events", query.events}, {"requests", query.requests}}
            );
        }
        return out;
    }
    [[nodiscard]] std::vector<SignalQuery> signals() const override { return queries; }
    [[nodiscard]] bool counts_probes() const noexcept override { return include_probes; }
    [[nodiscard]] std::vector<Error> problems() const override {
        std::vector<Error> out;
        if (auto checked = check_url("url", url); !checked) {
            out.push_back(std::move(checked).error());
        }
        if (!user.empty() && !auth) {
            out.push_back({Code::config, "a user needs auth: where the password is", "user", {}});
        }
        if (!key.empty() && cert.empty()) {
            out.push_back({Code::config, "a key needs its certificate", "key", "add cert"});
        }
        const auto parsed = parse_matchers(matchers);
        if (!parsed && !matchers.contains("${")) {
            out.push_back({Code::config, parsed.error().message, "match", parsed.error().hint});
        }
        const auto label = check_revision_label(revision_label);
        if (!revision_label.empty() && !label && !revision_label.contains("${")) {
            out.push_back(
                {Code::config, label.error().message, "revision_label", label.error().hint}
            );
        }
        if (timeout <= Millis(0)) {
            out.push_back({Code::config, "must be above 0", "timeout", {}});
        }
        return out;
    }
    [[nodiscard]] std::string place() const override { return url; }
    [[nodiscard]] std::optional<AuthRef> credential() const override { return auth; }
    [[nodiscard]] std::vector<std::string> headers() const override { return lines; }
    void change(const SourceFlags& flags) override {
        url = flags.places.empty() ? url : flags.places.front();
        auth = flags.auth ? flags.auth : auth;
        user = flags.user.value_or(user);
        ca = flags.ca.value_or(ca);
        cert = flags.cert.value_or(cert);
        key = flags.key.value_or(key);
        lines.insert(lines.end(), flags.headers.begin(), flags.headers.end());
        matchers = flags.matchers.value_or(matchers);
        revision_label = flags.revision_label.value_or(revision_label);
        stale_after = flags.stale_after.value_or(stale_after);
        timeout = flags.timeout.value_or(timeout);
        include_probes = include_probes || flags.include_probes;
    }
    [[nodiscard]] Result<std::unique_ptr<Source>> open(SourceParts parts) const override {
        PrometheusOptions options;
        options.url = url;
        options.user = user;
        if (user.empty() && auth && !parts.secret.empty() && net::is_renewed(auth->reference)) {
            options.token =
                net::token_source(parts.executor, *parts.client, auth->reference, parts.secret);
        }
        (user.empty() ? options.bearer : options.password) = std::move(parts.secret);
        options.headers = std::move(parts.headers);
        options.hidden = std::move(parts.hidden);
        options.ca_file = ca;
        options.cert_file = cert;
        options.key_file = key;
        options.revision_label = revision_label;
        options.matchers = matchers;
        options.include_probes = include_probes;
        options.deadline = parts.patient ? 3 * timeout : timeout;
        options.timeout = parts.patient ? timeout : std::min(options.timeout, timeout);
        options.stale_after_s = seconds(stale_after);
        OA_CHECK(check(options));
        OA_CHECK(net::check_tls_files(url, {.ca = ca, .certificate = cert, .key = key}));
        return prometheus_source(*parts.client, std::move(options));
    }
};

constexpr auto k_signal_keys = keys<SignalQuery>(
    word_text<&SignalQuery::signal, k_signal_words>(
        "signal", Need::required, "The signal that gates on spikes use."
    ),
    text<&SignalQuery::events>(
        "events",
        Need::required,
        "PromQL: how many events there were. `$window` is the window's length, "
        "`$revision` is the judged revision."
    ),
    text<&SignalQuery::requests>(
        "requests",
        Need::optional,
        "PromQL: among how many requests; the lane's turn requests if absent."
    )
);
constinit const Section<SignalQuery> k_signal{
    {"signal", "How Prometheus counts the events of a spike.", k_signal_keys}
};

constexpr auto k_keys = keys<PrometheusSettings>(
    config::url<&PrometheusSettings::url>(
        "url",
        Need::optional,
        "Of the server, before `/api/v1/query`. Needed; when its variable is empty, the source "
        "is left out."
    ),
    config::auth<&PrometheusSettings::auth>(
        "auth", Need::optional, "A bearer token, or with `user` the password."
    ),
    text<&PrometheusSettings::user>("user", Need::optional, "Name for basic authentication."),
    text<&PrometheusSettings::ca>(
        "ca",
        Need::optional,
        "PEM file of the authority that signs the server's certificate; SSL_CERT_FILE or the "
        "system's if absent."
    ),
    text<&PrometheusSettings::cert>(
        "cert", Need::optional, "PEM file of the certificate to show it; the target's if absent."
    ),
    text<&PrometheusSettings::key>("key", Need::optional, "PEM file of that certificate's key."),
    texts<&PrometheusSettings::lines>(
        "headers",
        Need::optional,
        "Headers to send, `Name: value`; a secret as `Name: env:VARIABLE`, `file:PATH` or "
        "`command:PROGRAM`."
    ),
    text<&PrometheusSettings::revision_label>(
        "revision_label",
        Need::optional,
        "Label that names the revision on every series; if absent, series are joined with "
        "`oa_stream_build_info`."
    ),
    text<&PrometheusSettings::matchers>(
        "match", Need::optional, "Further label matchers of every series, like `job=\"lane\"`."
    ),
    duration<&PrometheusSettings::timeout>(
        "timeout", Need::optional, "How long one query may take."
    )
        .or_else("10s"),
    duration<&PrometheusSettings::stale_after>(
        "stale_after",
        Need::optional,
        "Values scraped longer ago are missing; three scrape intervals, at least 10s, if absent."
    ),
    boolean<&PrometheusSettings::include_probes>(
        "include_probes", Need::optional, k_include_probes_help
    )
        .or_else("false"),
    sections<&PrometheusSettings::queries, k_signal>(
        "signals", Need::optional, "Signals of the control service, for gates on spikes."
    )
);
constinit const Section<PrometheusSettings> k_section{{"prometheus", "A Prometheus server.", k_keys}
};

/// Bounds of the lane's histogram of these times; empty: there is no such histogram. The gap
/// histogram measures all chunks, a gate measures pieces of content.
std::span<const double> bounds_of(Timing timing) {
    switch (timing) {
    case Timing::first_content:
        return telemetry::k_first_content_bounds;
    case Timing::duration:
        return telemetry::k_duration_bounds;
    case Timing::chunk_gap:
    case Timing::per_token:
        break;
    }
    return {};
}

/// A limit between two bounds can never be decided.
bool is_bound(std::span<const double> bounds, double seconds) {
    return std::ranges::any_of(bounds, [&](double bound) {
        return std::abs(bound - seconds) < 1e-9;
    });
}

/// The smallest ratio of two neighbouring bounds: two arms with times in one bucket may differ by
/// this much.
double least_factor(std::span<const double> bounds) {
    double out = std::numeric_limits<double>::infinity();
    for (std::size_t i = 1; i < bounds.size(); ++i) {
        out = std::min(out, bounds[i] / bounds[i - 1]);
    }
    return out;
}

std::optional<Error> refusal(const GateSpec& gate);

/// Buckets only distinguish two arms whose buckets do not touch, so a p95 versus stable is left to
/// sources with single times.
bool measures(const GateSpec& gate) {
    if (gate.metric == Metric::spike || gate.metric == Metric::expression) {
        return !refusal(gate).has_value();
    }
    return gate.metric == Metric::bad_rate
               ? sources_count(gate.events)
               : gate.metric == Metric::quantile && gate.against == Against::limit &&
                     is_bound(bounds_of(gate.timing), gate.limit);
}

std::optional<Error> refusal(const GateSpec& gate) {
    if (gate.metric == Metric::expression) {
        return std::nullopt;
    }
    if (gate.metric == Metric::spike) {
        return !gate.promql.empty() || gate.signal == k_signal_words.front()
                   ? std::nullopt
                   : std::optional(wrong_source(
                         fmt::format("prometheus has no query for {}", gate.signal),
                         "signals: [ { signal: …, events: PROMQL } ] of the source"
                     ));
    }
    if (gate.metric != Metric::quantile) {
        return needs_events(gate);
    }
    const auto bounds = bounds_of(gate.timing);
    if (bounds.empty()) {
        return wrong_source(
            fmt::format("Prometheus does not measure {}", to_string(gate.timing)), "source: probe"
        );
    }
    if (gate.against == Against::stable) {
        const double factor = least_factor(bounds);
        return 1 + gate.limit >= factor
                   ? std::nullopt
                   : std::optional(wrong_source(
                         fmt::format(
                             "the histogram's bounds are a factor of {:g} or more apart, so a rise"
                             " of {:g}% is never decided for an equal canary: that takes bounds at"
                             " most a factor of {:g} apart",
                             factor,
                             100 * gate.limit,
                             1 + gate.limit
                         ),
                         "source: access_log or probe"
                     ));
    }
    if (is_bound(bounds, gate.limit)) {
        return std::nullopt;
    }
    return Error{
        Code::config,
        fmt::format("{:g}s is between two bounds of the histogram: never decided", gate.limit),
        "at_most",
        fmt::format("one of {}s", fmt::join(bounds, "s, "))
    };
}

} // namespace

extern constinit const SourceKind k_prometheus{
    .key = source_key<PrometheusSettings, k_section>("prometheus", "A Prometheus server."),
    .place = "url",
    .is_server = true,
    .measures = measures,
    .refusal = refusal,
    .blank = blank_source<PrometheusSettings>,
};

} // namespace oa_stream::measure

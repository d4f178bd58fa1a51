#include "oa_stream/base/lines.hpp"
#include "oa_stream/base/lists.hpp"
#include "oa_stream/base/seconds.hpp"
#include "oa_stream/measure/source_kind.hpp"

#include "access_log_source.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace oa_stream::measure {

extern const SourceKind k_access_log;

namespace {

using namespace config;

struct AccessLogSettings final : SourceSettings {
    std::vector<std::string> paths{};
    bool rotated = true; ///< also read rotated files
    Millis stale_after{0}; ///< 0: the source's default
    bool include_probes = false;

    [[nodiscard]] const SourceKind& kind() const noexcept override { return k_access_log; }
    [[nodiscard]] Json to_json() const override {
        return {
            {"paths", paths},
            {"rotated", rotated},
            {"stale_after_ms", stale_after.count()},
            {"include_probes", include_probes},
        };
    }
    [[nodiscard]] bool counts_probes() const noexcept override { return include_probes; }
    [[nodiscard]] std::vector<Error> problems() const override {
        if (paths.size() < 2 || !contains(paths, "-")) {
            return {};
        }
        return {{Code::config, "- (standard input) cannot be combined with files", "path", {}}};
    }
    [[nodiscard]] std::string place() const override {
        return fmt::format("{}", fmt::join(paths, ", "));
    }
    void change(const SourceFlags& flags) override {
        paths = flags.places.empty() ? paths : flags.places;
        stale_after = flags.stale_after.value_or(stale_after);
        include_probes = include_probes || flags.include_probes;
    }
    [[nodiscard]] Result<std::unique_ptr<Source>> open(SourceParts parts) const override {
        AccessLogOptions options;
        options.paths.assign(paths.begin(), paths.end());
        options.rotated = rotated;
        options.include_probes = include_probes;
        options.follow = false; // a run must not block until a pipe's writer closes it
        if (stale_after > Millis(0)) {
            options.stale_after_s = seconds(stale_after);
        }
        return access_log_source(parts.executor, std::move(options));
    }
};

/// "a.log,b.log": a list as one environment variable can hold it.
std::optional<std::vector<std::string>> read_paths(const Node& node) {
    const auto text = node.text();
    if (!text || node.yaml().unset) {
        return std::nullopt;
    }
    std::vector<std::string> out;
    for (std::string_view rest = *text; !rest.empty();) {
        const std::string_view path = cut_until(rest, ',');
        if (path.empty()) {
            node.refuse("an empty path", "one path, or several with a comma between");
            return std::nullopt;
        }
        out.emplace_back(path);
    }
    return out;
}

constexpr auto k_keys = keys<AccessLogSettings>(
    phrase<&AccessLogSettings::paths, read_paths>(
        "path",
        Need::optional,
        "The lane's access log, `-` for stdin, or the files of all lanes with a comma between. "
        "Needed; when its variable is empty, the source is left out."
    ),
    boolean<&AccessLogSettings::rotated>(
        "rotated", Need::optional, "Also read rotated files (`FILE.1`, `FILE.2.gz`)."
    )
        .or_else("true"),
    duration<&AccessLogSettings::stale_after>(
        "stale_after",
        Need::optional,
        "A log without a line for longer has no data about that time; 5m if absent."
    ),
    boolean<&AccessLogSettings::include_probes>(
        "include_probes", Need::optional, k_include_probes_help
    )
        .or_else("false")
);
constinit const Section<AccessLogSettings> k_section{
    {"access_log", "The lanes' access logs.", k_keys}
};

std::optional<Error> refusal(const GateSpec& gate) {
    if (gate.metric == Metric::expression || !gate.promql.empty()) {
        return wrong_source("only Prometheus answers PromQL", "source: prometheus");
    }
    if (gate.metric == Metric::spike) {
        return gate.signal == k_signal_words.front()
                   ? std::nullopt
                   : std::optional(wrong_source(
                         fmt::format("the log has no {}", gate.signal),
                         "source: prometheus, with signals"
                     ));
    }
    if (gate.metric == Metric::quantile && gate.timing == Timing::per_token) {
        return wrong_source("the log has no count of tokens", "source: probe");
    }
    if (gate.metric == Metric::quantile && gate.timing == Timing::chunk_gap) {
        return wrong_source("the log has no silences within an answer", "source: probe");
    }
    return needs_events(gate);
}

} // namespace

extern constinit const SourceKind k_access_log{
    .key = source_key<AccessLogSettings, k_section>("access_log", "The lanes' access logs."),
    .place = "path",
    .measures = [](const GateSpec& gate) { return !refusal(gate).has_value(); },
    .refusal = refusal,
    .blank = blank_source<AccessLogSettings>,
};

} // namespace oa_stream::measure

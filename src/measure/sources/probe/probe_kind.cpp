#include "oa_stream/measure/source_kind.hpp"

#include <fmt/format.h>

namespace oa_stream::measure {

extern const SourceKind k_probe;

namespace {

/// The run itself sends the requests and counts them, so there is nothing to open.
struct ProbeSettings final : SourceSettings {
    [[nodiscard]] const SourceKind& kind() const noexcept override { return k_probe; }
    [[nodiscard]] Json to_json() const override { return Json::object(); }
};

constinit const config::Section<ProbeSettings> k_section{
    {"probe_source", "This run's own requests. Takes no keys: `{}`.", {}}
};

std::optional<Error> refusal(const GateSpec& gate) {
    const bool seen = gate.metric == Metric::bad_rate ? probes_count(gate.events)
                      : gate.metric == Metric::spike  ? gate.signal == k_signal_words.front()
                                                      : gate.metric != Metric::expression;
    if (seen) {
        return std::nullopt;
    }
    return wrong_source(
        fmt::format(
            "probes cannot see {}", gate.metric == Metric::spike ? gate.signal : gate.events
        ),
        "source: prometheus"
    );
}

/// A spike only when the gate names the probes: one credential says little about those of all
/// users.
bool measures(const GateSpec& gate) {
    return !refusal(gate) && (gate.metric != Metric::spike || gate.from == "probe");
}

} // namespace

extern constinit const SourceKind k_probe{
    .key = source_key<ProbeSettings, k_section>("probe", "The run's own probes."),
    .counted = Counted::probes,
    .measures = measures,
    .refusal = refusal,
    .blank = blank_source<ProbeSettings>,
};

} // namespace oa_stream::measure

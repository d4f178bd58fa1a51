#include "oa_stream/measure/source_kind.hpp"

namespace oa_stream::measure {

extern const SourceKind k_probe;

namespace {

/// The run itself sends the requests and counts them: there is nothing to open.
struct ProbeSettings final : SourceSettings {
    [[nodiscard]] const SourceKind& kind() const noexcept override { return k_probe; }
    [[nodiscard]] Json to_json() const override { return Json::object(); }
};

constinit const config::Section<ProbeSettings> k_section{
    {"probe source", "This run's own requests. Takes no keys: `{}`.", {}}
};

} // namespace

extern constinit const SourceKind k_probe{
    .key = source_key<ProbeSettings, k_section>("probe", "The run's own probes."),
    .counted = Counted::probes,
    .measures = [](const GateSpec& gate) { return gate.metric != Metric::spike; },
    .blank = blank_source<ProbeSettings>,
};

} // namespace oa_stream::measure

#include "oa_stream/measure/source_kind.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace oa_stream::measure {

extern const SourceKind k_probe, k_asserted, k_prometheus, k_access_log;

namespace {

constexpr std::array k_kinds{&k_probe, &k_asserted, &k_prometheus, &k_access_log};

} // namespace

std::span<const SourceKind* const> source_kinds() noexcept {
    return k_kinds;
}

const SourceKind* source_kind(std::string_view name) noexcept {
    const auto* found = std::ranges::find(k_kinds, name, &SourceKind::name);
    return found == k_kinds.end() ? nullptr : *found;
}

SettingsPtr source_settings(std::string_view name, const SourceFlags& flags) {
    auto out = source_kind(name)->blank();
    out->change(flags);
    return out;
}

void SourceSettings::change(const SourceFlags& /*flags*/) {
}

Result<std::unique_ptr<Source>> SourceSettings::open(SourceParts /*parts*/) const {
    return fail(Code::usage, fmt::format("{} cannot be asked from outside a run", kind().name()));
}

std::optional<Error> needs_events(const GateSpec& gate) {
    if (gate.metric != Metric::bad_rate || sources_count(gate.events)) {
        return std::nullopt;
    }
    if (!gate.events.empty()) {
        return wrong_source(
            fmt::format("only probes can detect that an answer ended as {}", gate.events),
            "source: probe"
        );
    }
    return wrong_source(
        "only probes can count any bad ending",
        "bad: " + telemetry::bad_text(telemetry::default_bad())
    );
}

} // namespace oa_stream::measure

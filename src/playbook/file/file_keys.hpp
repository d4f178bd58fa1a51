// The tables of a playbook file's keys. They read the file, and the schema and the page are
// generated from them. Private to the room.
#pragma once

#include "oa_stream/config/node.hpp"
#include "oa_stream/config/section.hpp"
#include "oa_stream/config/values.hpp"
#include "oa_stream/playbook/file.hpp"
#include "oa_stream/telemetry/classes.hpp"

namespace oa_stream::playbook::file {

using config::Node;

/// One element of preflight, postflight or checks, before its values are combined.
struct CheckDraft {
    std::optional<Surface> smoke{};
    Through through = Through::users;
    std::string id{};
    std::string profile{};
    std::optional<BudgetSpec> budget{};
    std::optional<ShadowSpec> shadow{};
    std::optional<DrilledSpec> drilled{};
    std::optional<RehearseSpec> rehearse{};
};
enum class GateUse { decide, observe, none };
/// A limit in the form in which it was written.
enum class BoundUnit { share, relative, points, seconds, per_second, count };
struct Bound {
    double value = 0;
    BoundUnit unit = BoundUnit::share;
};
struct GateDraft {
    std::string id{};
    std::vector<std::string> bad{};
    std::string p50{};
    std::string p90{};
    std::string p95{};
    std::string p99{};
    std::string time{};
    double quantile = 0;
    Millis unnoticed{10};
    std::uint64_t clumps = 1;
    std::string spike{};
    std::uint64_t min_events = 10;
    std::string versus{};
    std::string promql{};
    std::string unit{};
    std::optional<Bound> at_most{};
    std::optional<Bound> at_least{};
    double confidence = 0.95;
    std::string source{};
    std::uint64_t min_samples = 0;
    GateUse mode = GateUse::decide;
};
extern const config::Section<Playbook> k_playbook;
extern const config::Section<Variable> k_variable;
extern const config::Section<Target> k_target;
extern const config::Section<Traffic> k_traffic;
extern const config::Section<GateDraft> k_gate;
extern const config::Section<StageSpec> k_stage;
extern const config::Section<CheckDraft> k_check;
extern const config::Section<SloSpec> k_slo;
extern const config::Section<measure::SettingsPtr> k_source;
extern const config::Section<DrillSpec> k_drill;
extern const config::Section<RoutesSpec> k_routes;
extern const config::Section<HookSpec> k_hook;

[[nodiscard]] std::vector<measure::GateSpec> read_gates(const Node& node);
/// A limit in any form; reports an invalid one.
[[nodiscard]] std::optional<Bound> read_bound(const Node& node);
/// Sets the limit, in the gate's own unit and direction.
void read_limit_into(const Node& node, const GateDraft& draft, measure::GateSpec& out);
/// Adds smokes to `smokes` with ids that begin with `prefix`; budget and shadow go to the playbook.
void read_checks(
    const Node& node, std::string_view prefix, std::vector<SmokeSpec>& smokes, Playbook& out
);
[[nodiscard]] std::vector<measure::SettingsPtr> read_sources(const Node& node);
/// Leaves out hooks whose address is an empty variable.
[[nodiscard]] std::vector<HookSpec> read_hooks(const Node& node);
/// The sources that may judge a gate.
[[nodiscard]] std::span<const std::string_view> judge_words();

/// The row of a nested mapping whose keys are members of the outer struct.
template <const auto& Table>
constexpr auto part(std::string_view name, config::Need need, std::string_view help) {
    config::KeyOf<typename std::remove_cvref_t<decltype(Table)>::Owner> out;
    out.name = name;
    out.type = config::Type::section;
    out.need = need;
    out.help = help;
    out.section = &Table;
    out.read = [](const Node& node, void* owner) { config::read_section(node, Table, owner); };
    return out;
}
/// The row of a list of mappings that `Read` converts to a vector.
template <auto Member, auto Read, const auto& Table>
constexpr auto listed(std::string_view name, config::Need need, std::string_view help) {
    constexpr auto get = [](const Node& node) { return std::optional(Read(node)); };
    auto out = config::detail::row<Member, get>(config::Type::sections, name, need, help);
    out.section = &Table;
    return out;
}

/// Whether the mapping has the key, whatever its value.
[[nodiscard]] bool has(const Node& node, std::string_view key);

/// Events that can count as bad: any, the bad events, the classes of turns, and the endings of
/// probes (`unauthorised` is both a class and an ending).
inline constexpr auto k_event_words = [] {
    std::array<
        std::string_view,
        telemetry::k_bad_words.size() + telemetry::k_class_words.size() +
            measure::k_ending_words.size()>
        out{"any"};
    std::size_t next = 1;
    for (const std::string_view word : telemetry::k_bad_words) {
        out[next++] = word;
    }
    for (const std::string_view word : telemetry::k_class_words) {
        if (word != k_unauthorised) {
            out[next++] = word;
        }
    }
    for (const std::string_view word : measure::k_ending_words) {
        out[next++] = word;
    }
    return out;
}();

} // namespace oa_stream::playbook::file

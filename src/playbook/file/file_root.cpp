// Top-level keys of the file, and keys of its variables.
#include "file_keys.hpp"
#include "words.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace oa_stream::playbook::file {
namespace {

using namespace config;

constexpr KindSet k_staged = bit(Kind::cutover) | bit(Kind::rollback_drill) | bit(Kind::rehearsal);
constexpr KindSet k_moving = k_staged | bit(Kind::rollback);
constexpr KindSet k_checking =
    bit(Kind::steady_state) | bit(Kind::smoke_stream) | bit(Kind::smoke_control);

/// Any scalar, even empty: it stays text until it is inserted.
std::optional<std::string> any_scalar(const Node& node) {
    if (node.yaml().kind != YamlKind::scalar) {
        node.refuse(fmt::format("expected a text, found {}", to_string(node.yaml().kind)));
        return std::nullopt;
    }
    return node.yaml().text;
}

void check_required(const Node& node, Variable& /*out*/) {
    static_cast<void>(node.boolean());
}

constexpr auto k_variable_keys = keys<Variable>(
    text<&Variable::name>("name", Need::required, "Written `${name}` where its value goes."),
    detail::row<&Variable::fallback, any_scalar>(
        Type::scalar, "default", Need::optional, "Its value when none is given."
    ),
    custom<Variable, check_required>(
        Type::boolean,
        "required",
        Need::optional,
        "`true`: must be given with `--set name=value`. Exactly one of `default` and this."
    ),
    text<&Variable::help>("help", Need::optional, "One sentence.")
);

// The limits of a run are one section in the file and separate members in the struct.
constexpr auto k_limits_keys = keys<Playbook>(
    count<&Playbook::fresh_row, 1, 1000>(
        "fresh_row",
        Need::optional,
        "Good answers in a row over fresh connections that verify a restored split."
    )
        .or_else("10"),
    duration<&Playbook::restore_limit>(
        "restore",
        Need::optional,
        "Time for the write until it is read back, and then the same for those."
    )
        .or_else("30s"),
    duration<&Playbook::driver_limit>("shift", Need::optional, "One shift until it is read back.")
        .or_else("15s")
);
constinit const Section<Playbook> k_limits{{"limits", "How long things may take.", k_limits_keys}};

constexpr auto k_rollback_keys = keys<Playbook>(
    duration<&Playbook::rollback_ramp>(
        "ramp",
        Need::optional,
        "Move the traffic back over this time; at once if absent, and after a signal or an abort."
    )
        .or_else("0s")
);
constinit const Section<Playbook> k_rollback{{"rollback", "How to roll back.", k_rollback_keys}};

/// The variables' values have been inserted by now.
void read_before(const Node& /*node*/, Playbook& /*out*/) {
}
void version_into(const Node& node, Playbook& out) {
    const auto version = node.count(0, 1000);
    if (version && *version != 1) {
        node.refuse(fmt::format("{} is unknown, this release reads 1", *version));
    }
    out.version = 1;
}
void checks_into(const Node& node, Playbook& out) {
    read_checks(node, "check", out.preflight, out);
}
void preflight_into(const Node& node, Playbook& out) {
    read_checks(node, "preflight", out.preflight, out);
}
void postflight_into(const Node& node, Playbook& out) {
    read_checks(node, "postflight", out.postflight, out);
}

constexpr auto k_kinds = [] {
    std::array<Variant, k_kind_words.size()> out{};
    std::ranges::transform(k_kind_words, out.begin(), [](std::string_view word) {
        return Variant{word};
    });
    return out;
}();
std::span<const Variant> kinds() {
    return k_kinds;
}

constexpr auto k_playbook_keys = keys<Playbook>(
    custom<Playbook, version_into>(Type::count, "version", Need::required, "Of this format: `1`.")
        .within(1, 1),
    word<&Playbook::kind, k_kind_words>("kind", Need::required, "What the playbook is for."),
    text<&Playbook::name>("name", Need::required, "Name in reports and run folders."),
    text<&Playbook::summary>("summary", Need::optional, "One sentence for lists."),
    custom<Playbook, read_before>(
        Type::sections, "variables", Need::optional, "What a user may set.", &k_variable
    ),
    section<&Playbook::target, k_target>("target", Need::optional, "The address that users use."),
    section<&Playbook::traffic, k_traffic>("traffic", Need::required, "What moves the traffic.")
        .in(k_moving),
    sections<&Playbook::slo, k_slo>("slo", Need::optional, "Objectives."),
    listed<&Playbook::sources, read_sources, k_source>(
        "sources",
        Need::optional,
        "Where numbers come from, the first that has one; probes if absent."
    ),
    custom<Playbook, checks_into>(
        Type::sections, "checks", Need::required, "What is checked, in this order.", &k_check
    )
        .in(k_checking),
    custom<Playbook, preflight_into>(
        Type::sections, "preflight", Need::optional, "Checks before anything is moved.", &k_check
    )
        .in(k_moving),
    percents<&Playbook::stages>(
        "stages", Need::required, "The canary's shares of the traffic, rising."
    )
        .in(k_staged),
    section<&Playbook::stage, k_stage>("stage", Need::required, "What happens at each of them.")
        .in(k_staged),
    listed<&Playbook::run_gates, read_gates, k_gate>(
        "run_gates",
        Need::optional,
        "Judged once at the end, on the canary's samples of all stages together."
    )
        .in(k_staged),
    custom<Playbook, postflight_into>(
        Type::sections, "postflight", Need::optional, "Checks after the last stage.", &k_check
    )
        .in(k_moving),
    section<&Playbook::routes, k_routes>(
        "routes",
        Need::optional,
        "The route split's overrides, changed when everything else went well."
    )
        .in(bit(Kind::cutover) | bit(Kind::rollback)),
    word<&Playbook::continuity, k_continuity_words>(
        "continuity",
        Need::optional,
        "`required`: conversations of one revision continue on the other, which the run checks "
        "before anything moves, at each stage and after a rollback. `new-threads-only`: they stay "
        "behind."
    )
        .or_else("required")
        .in(bit(Kind::cutover)),
    text<&Playbook::continuity_reason>(
        "continuity_reason", Need::optional, "Why `new-threads-only` is acceptable."
    )
        .in(bit(Kind::cutover)),
    word<&Playbook::on_failure, k_then_words>(
        "on_failure",
        Need::optional,
        "`rollback` restores the traffic; `hold` takes no further step and shows the next command."
    )
        .or_else("rollback")
        .in(k_staged),
    part<k_rollback>("rollback", Need::optional, "How the traffic goes back.").in(k_moving),
    section<&Playbook::drill, k_drill>("drill", Need::required, "How the rollback is tested.")
        .in(bit(Kind::rollback_drill)),
    part<k_limits>("limits", Need::optional, "How long things may take.").in(k_moving),
    listed<&Playbook::hooks, read_hooks, k_hook>(
        "hooks", Need::optional, "Programs and webhooks that are notified of a run's events."
    ),
    count<&Playbook::approvals, 1, 2>(
        "approvals",
        Need::optional,
        "`2`: a second operator approves the plan with `plan approve` before it is applied."
    )
        .or_else("1")
        .in(bit(Kind::cutover)),
    duration<&Playbook::validity>(
        "validity", Need::optional, "How long a plan made from this may be applied."
    )
        .or_else("2h")
        .in(k_moving)
);

} // namespace

constinit const Section<Variable> k_variable{
    {"variable", "One value that a user may set with `--set name=value`.", k_variable_keys}
};
constinit const Section<Playbook> k_playbook{
    {.name = "playbook",
     .help = "The file as a whole.",
     .keys = k_playbook_keys,
     .variants = {.chooser = "kind", .all = kinds}}
};

} // namespace oa_stream::playbook::file

// Keys of a stage.
#include "file_keys.hpp"
#include "words.hpp"

namespace oa_stream::playbook::file {
namespace {

using namespace config;

constexpr std::array<std::string_view, 1> k_per_words{"arm"};

void check_per(const Node& node, ProbeSpec& /*out*/) {
    static_cast<void>(node.one_of(k_per_words));
}
constexpr auto k_probe_keys = keys<ProbeSpec>(
    rate<&ProbeSpec::per_arm_per_s>(
        "rate", Need::required, "Probes a second to each arm, whatever its share of the traffic."
    ),
    custom<ProbeSpec, check_per>(
        Type::word, "per", Need::optional, "`arm`: both are probed at the same rate."
    )
        .among(k_per_words),
    rate<&ProbeSpec::unpinned_per_s>(
        "unpinned",
        Need::optional,
        "Probes a second at the users' address. They verify the split, and that the canary's "
        "answers there are good."
    )
        .or_else("2/s")
);
constinit const Section<ProbeSpec> k_probe{
    {"probe", "The requests a stage is judged by.", k_probe_keys}
};

constexpr auto k_inconclusive_keys = keys<StageSpec>(
    duration<&StageSpec::extend_at_most>(
        "extend_at_most", Need::optional, "How much longer the stage lasts then."
    )
        .or_else("0s"),
    word<&StageSpec::inconclusive_then, k_then_words>(
        "then", Need::optional, "When the extension does not decide either."
    )
        .or_else("rollback")
);
constinit const Section<StageSpec> k_inconclusive{
    {"on_inconclusive", "When a gate cannot decide by the end of the bake.", k_inconclusive_keys}
};

constexpr auto k_error_keys = keys<StageSpec>(
    duration<&StageSpec::error_hold_at_most>(
        "hold_at_most", Need::optional, "How long to wait for the source to recover."
    )
        .or_else("0s"),
    word<&StageSpec::error_then, k_then_words>("then", Need::optional, "When it does not recover.")
        .or_else("rollback")
);
constinit const Section<StageSpec> k_error{
    {"on_error", "When a source does not answer.", k_error_keys}
};

constexpr auto k_pause_keys = keys<StageSpec>(
    percents<&StageSpec::pause_after>(
        "after", Need::optional, "Stages after which the run waits, when they were good."
    ),
    duration<&StageSpec::pause_at_most>(
        "at_most",
        Need::optional,
        "How long any pause lasts, also one of `hold` or `cutover pause`. Without an order, a "
        "good stage is rolled back, and a `hold` ends the run with its split in place."
    )
        .or_else("4h")
);
constinit const Section<StageSpec> k_pause{
    {"pause", "When the run waits for `cutover continue`.", k_pause_keys}
};

constexpr auto k_stage_keys = keys<StageSpec>(
    duration<&StageSpec::bake>(
        "bake", Need::required, "How long each stage lasts and is measured."
    ),
    section<&StageSpec::probe, k_probe>("probe", Need::required, "Which requests are sent."),
    listed<&StageSpec::gates, read_gates, k_gate>(
        "gates",
        Need::required,
        "What must hold before the next stage. While none decides (`[]`, or all of them only "
        "observe) every stage continues, the plan warns, and the run is INCONCLUSIVE at best."
    ),
    part<k_inconclusive>(
        "on_inconclusive", Need::optional, "When a gate cannot decide; back at once if absent."
    ),
    word<&StageSpec::on_no_traffic, k_no_traffic_words>(
        "on_no_traffic", Need::optional, "Without users' traffic: let the probes fill in, or wait."
    )
        .or_else("probe"),
    part<k_error>("on_error", Need::optional, "When a source fails; back at once if absent."),
    part<k_pause>("pause", Need::optional, "When the run waits for a person.")
);

} // namespace

constinit const Section<StageSpec> k_stage{{"stage", "What happens at each stage.", k_stage_keys}};

} // namespace oa_stream::playbook::file

#include "oa_stream/base/lists.hpp"
#include "oa_stream/base/option_names.hpp"
#include "oa_stream/base/text.hpp"
#include "oa_stream/config/units.hpp"
#include "oa_stream/measure/tally.hpp"

#include "slo_replay_run.hpp"

#include <fmt/format.h>

#include <array>
#include <limits>
#include <utility>

namespace oa_stream::cli {
namespace {

using config::LimitUnit;
using measure::Against;
using measure::Metric;

constexpr std::uint64_t k_most = 1'000'000'000;
constexpr std::array<std::string_view, 4> k_keys{"limit", "confidence", "min_n", "min_events"};

std::unexpected<Error> wrong(std::string message, std::string hint) {
    return fail(Code::usage, std::move(message), std::string(names::set), std::move(hint));
}

Result<void> read_value(ReplaySetting& setting) {
    if (setting.key == "limit") {
        auto limit = config::read_limit(setting.value);
        if (!limit) {
            return std::unexpected(
                std::move(limit).error().prefixed(fmt::format("{} limit", names::set))
            );
        }
        setting.number = limit->value;
        setting.unit = static_cast<int>(limit->unit);
        return {};
    }
    if (setting.key == "confidence") {
        const auto share = config::read_percent(setting.value);
        if (!share || *share <= 0.5 || *share >= 1) {
            return wrong("a confidence is between 50% and 100%", "confidence=99%");
        }
        setting.number = *share;
        return {};
    }
    auto count = parse_count(setting.value, 0, k_most);
    if (!count) {
        return std::unexpected(
            std::move(count).error().prefixed(fmt::format("{} {}", names::set, setting.key))
        );
    }
    setting.number = static_cast<double>(*count);
    return {};
}

Result<ReplaySetting> parse_setting(const std::string& text) {
    const std::size_t equals = text.find('=');
    if (equals == std::string::npos) {
        return wrong(fmt::format("'{}' sets nothing", printable(text, 40)), "limit=2%");
    }
    ReplaySetting out;
    out.key = text.substr(0, equals);
    out.value = text.substr(equals + 1);
    if (const std::size_t dot = out.key.rfind('.'); dot != std::string::npos) {
        out.gate = out.key.substr(0, dot);
        out.key.erase(0, dot + 1);
    }
    out.key = out.key == "min_samples" ? "min_n" : out.key;
    if (!contains(k_keys, out.key)) {
        const auto close = nearest(out.key, k_keys);
        return wrong(
            fmt::format("'{}' cannot be set", printable(out.key, 40)),
            close ? fmt::format("did you mean '{}'?", *close)
                  : "limit, confidence, min_n, min_events"
        );
    }
    OA_CHECK(read_value(out));
    return out;
}

/// The unit of a gate's limit; nullopt where no setting's unit fits: expressions in their own
/// units, and tokens per second.
std::optional<LimitUnit> unit_of(const measure::GateSpec& spec) {
    const bool versus = spec.against != Against::limit;
    if (measure::is_token_rate(spec)) {
        return std::nullopt;
    }
    if (spec.metric == Metric::expression && !versus) {
        return spec.quantity == measure::Quantity::share     ? std::optional(LimitUnit::share)
               : spec.quantity == measure::Quantity::seconds ? std::optional(LimitUnit::seconds)
                                                             : std::nullopt;
    }
    if (spec.metric == Metric::bad_rate) {
        return versus ? LimitUnit::points : LimitUnit::share;
    }
    return versus ? LimitUnit::relative : LimitUnit::seconds;
}

/// The arm's samples of the gate's stage, without the first `earlier`, at most `most`: later ones
/// had not arrived.
std::vector<measure::Sample> pick(
    const RecordedRun& run,
    const RecordedGate& gate,
    std::string_view arm,
    std::uint64_t most,
    std::uint64_t earlier = 0
) {
    const bool all = gate.stage == "run" || (arm == "stable" && gate.earlier);
    std::vector<measure::Sample> out;
    for (const RecordedSample& one : run.samples) {
        if (out.size() == most) {
            break;
        }
        const bool wanted = one.sample.arm == arm && (all || one.stage == gate.stage);
        if (wanted && earlier > 0) {
            --earlier;
        } else if (wanted) {
            out.push_back(one.sample);
        }
    }
    return out;
}

/// Judged as it was then. An interim breach that does not breach other limits is judged as at the
/// window's end: the run would have continued.
Rejudged rejudge_basis(
    const RecordedRun& run,
    const RecordedGate& gate,
    const measure::GateBasis& basis,
    const measure::GateSpec& spec,
    bool same
) {
    const bool recorded =
        basis.asked.empty() || !basis.silent.empty() || !basis.skipped.empty() || basis.canary;
    if (!recorded) {
        return {
            .why = same ? gate.sentence : "the numbers of a look that decided nothing are not kept",
            .verdict = same ? gate.then : Verdict::inconclusive,
        };
    }
    const auto canary = pick(run, gate, "canary", basis.canary_samples, basis.canary_earlier);
    const auto stable = pick(run, gate, "stable", basis.stable_samples, basis.stable_earlier);
    if (canary.size() != basis.canary_samples || stable.size() != basis.stable_samples) {
        return {.why = "samples that it was judged by are missing in measure/samples.ndjson"};
    }
    measure::GateInput input{
        .canary = canary,
        .stable = stable,
        .window = gate.stage,
        .look = gate.look,
        .seed = basis.seed,
    };
    auto record = measure::evaluate_basis(spec, basis, input);
    if (gate.look.interim && !same && record.verdict != Verdict::fail) {
        input.look.interim = false;
        record = measure::evaluate_basis(spec, basis, input);
    }
    const Verdict verdict = record.verdict;
    return {.record = std::move(record), .verdict = verdict};
}

/// For runs of earlier versions: how often each sample is drawn does not depend on the seed, so any
/// seed judges equally well.
constexpr std::uint64_t k_seed = 1;
constexpr std::uint64_t k_all = std::numeric_limits<std::uint64_t>::max();

} // namespace

Result<std::vector<ReplaySetting>> parse_replay_settings(const std::vector<std::string>& texts) {
    std::vector<ReplaySetting> out;
    for (const std::string& text : texts) {
        OA_TRY(ReplaySetting setting, parse_setting(text));
        out.push_back(std::move(setting));
    }
    return out;
}

bool apply_setting(const ReplaySetting& setting, measure::GateSpec& spec) {
    if (!setting.gate.empty() && setting.gate != spec.id) {
        return false;
    }
    if (setting.key == "limit") {
        const auto unit = unit_of(spec);
        if (!unit || setting.unit != static_cast<int>(*unit)) {
            return false;
        }
        spec.limit = setting.number;
    } else if (setting.key == "min_events") {
        if (spec.metric != Metric::spike) {
            return false;
        }
        spec.min_events = static_cast<std::uint64_t>(setting.number);
    } else if (spec.metric != Metric::bad_rate && spec.metric != Metric::quantile) {
        return false; // it has no samples, and so no interval
    } else if (setting.key == "min_n") {
        spec.min_n = static_cast<std::uint64_t>(setting.number);
    } else {
        spec.confidence = setting.number;
    }
    return true;
}

Rejudged rejudge(
    const RecordedRun& run, const RecordedGate& gate, const measure::GateSpec& spec, bool same
) {
    if (gate.basis) {
        return rejudge_basis(run, gate, *gate.basis, spec, same);
    }
    const auto canary = pick(run, gate, "canary", k_all);
    const auto stable = pick(run, gate, "stable", k_all);
    measure::GateInput input{
        .canary = canary,
        .stable = stable,
        .window = gate.stage,
        .source = gate.source,
        .look = {.number = gate.look.number, .of = gate.look.of, .interim = false},
        .seed = k_seed,
    };
    const measure::Tally canary_tally{.requests = {.bad = gate.bad, .total = gate.n}};
    const measure::Tally stable_tally{
        .requests = {.bad = gate.reference_bad, .total = gate.reference_n}
    };
    if (gate.source != "probe" && spec.metric != Metric::spike) {
        if (spec.metric == Metric::quantile) {
            return {.why = fmt::format("the times that {} reported were not kept", gate.source)};
        }
        if (gate.blurred) {
            return {
                .why = fmt::format("how exact {} was is not kept with its counts", gate.source)
            };
        }
        input.canary_tally = &canary_tally;
        input.stable_tally = &stable_tally;
    }
    auto record = measure::evaluate(spec, input);
    const Verdict verdict = record.verdict;
    return {.record = std::move(record), .verdict = verdict};
}

} // namespace oa_stream::cli

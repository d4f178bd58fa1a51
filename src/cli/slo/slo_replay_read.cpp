#include "oa_stream/base/enum_words.hpp"
#include "oa_stream/base/json_members.hpp"
#include "oa_stream/run/kept_file.hpp"

#include "slo_replay_run.hpp"

#include <algorithm>
#include <map>
#include <memory>
#include <utility>

namespace oa_stream::cli {
namespace {

using measure::Against;
using measure::GateMode;
using measure::Metric;

/// Parses "duration_p99.5"; false if it is not a metric.
bool read_metric(std::string_view word, measure::GateSpec& into) {
    into.metric = word == "bad_rate"     ? Metric::bad_rate
                  : word == "spike"      ? Metric::spike
                  : word == "expression" ? Metric::expression
                                         : Metric::quantile;
    if (into.metric != Metric::quantile) {
        return true;
    }
    const std::size_t at = word.rfind("_p");
    const auto quantile =
        at == std::string_view::npos ? std::nullopt : measure::percentile(word.substr(at + 1));
    const auto timing = enum_value<measure::Timing>(measure::k_timing_words, word.substr(0, at));
    if (!quantile || !timing) {
        return false;
    }
    into.quantile = *quantile;
    into.timing = *timing;
    into.quantile = measure::shown_quantile(into);
    return true;
}

measure::EventCounts events_of(const Json& reading, std::string_view key) {
    const Json* counts = member(reading, key);
    return counts == nullptr ? measure::EventCounts{}
                             : measure::EventCounts{
                                   .events = count_in(*counts, "events").value_or(0),
                                   .requests = count_in(*counts, "requests").value_or(0)
                               };
}

std::optional<measure::EventReading> reading_of(const Json& line) {
    const Json* reading = member(line, "reading");
    if (reading == nullptr || !reading->is_object()) {
        return std::nullopt;
    }
    return measure::EventReading{
        .canary = events_of(*reading, "canary"),
        .stable = events_of(*reading, "stable"),
        .source = text_in(*reading, "source"),
        .asserted = bool_member(*reading, "asserted").value_or(false),
        .enough = bool_member(*reading, "enough").value_or(true),
    };
}

std::optional<measure::GateSpec> spec_of(const Json& line) {
    const auto limit = number_in(line, "limit");
    const auto confidence = number_in(line, "confidence");
    measure::GateSpec out;
    if (!read_metric(text_in(line, "metric"), out) || !limit || !confidence) {
        return std::nullopt;
    }
    out.id = text_in(line, "id");
    const std::string against = text_in(line, "against");
    out.against = against == "stable"   ? Against::stable
                  : against == "before" ? Against::before
                                        : Against::limit;
    out.promql = text_in(line, "promql");
    out.promql_of = text_in(line, "promql_of");
    out.at_least = bool_member(line, "at_least").value_or(false);
    out.quantity =
        enum_value<measure::Quantity>(measure::k_quantity_words, text_in(line, "quantity"))
            .value_or(measure::Quantity::count);
    out.alone = bool_member(line, "alone").value_or(false);
    out.from = text_in(line, "from");
    out.limit = *limit;
    out.confidence = *confidence;
    out.mode = text_in(line, "mode") == "observe" ? GateMode::observe : GateMode::decide;
    out.events = text_in(line, "events");
    out.min_n = count_in(line, "min_n").value_or(0);
    out.clump = std::max<std::uint64_t>(1, count_in(line, "clump").value_or(0));
    // Earlier versions did not record it.
    out.unnoticed_s = number_in(line, "unnoticed_s").value_or(0);
    out.signal = text_in(line, "signal");
    out.min_events = member(line, "min_events") == nullptr
                         ? out.min_events
                         : count_in(line, "min_events").value_or(0);
    out.reading = reading_of(line);
    return out;
}

using ReadingPtr = std::shared_ptr<const measure::DatedReading>;

/// The basis of the judgement. nullopt: it refers to a missing line of measure/readings.ndjson.
std::optional<measure::GateBasis> basis_of(const Json& json, const std::vector<ReadingPtr>& kept) {
    auto out = measure::basis_from_json(json);
    const Json* readings = member(json, "readings");
    if (readings == nullptr) {
        return out;
    }
    for (const auto& [arm, into] : {std::pair{"canary", &out.canary}, {"stable", &out.stable}}) {
        const std::uint64_t number = count_in(*readings, arm).value_or(0);
        if (number == 0 || number > kept.size() || !kept[number - 1]) {
            return std::nullopt;
        }
        *into = kept[number - 1];
    }
    return out;
}

std::optional<RecordedGate> gate_of(const Json& line, const std::vector<ReadingPtr>& readings) {
    auto spec = spec_of(line);
    const auto then = verdict_of(text_in(line, "verdict"));
    if (!spec || !then || spec->id.empty() || text_in(line, "stage").empty()) {
        return std::nullopt;
    }
    RecordedGate out;
    out.stage = text_in(line, "stage");
    out.spec = *std::move(spec);
    out.then = *then;
    if (const Json* look = member(line, "look")) {
        out.look.number =
            static_cast<int>(std::max<std::uint64_t>(1, count_in(*look, "number").value_or(0)));
        out.look.of =
            static_cast<int>(std::max<std::uint64_t>(1, count_in(*look, "of").value_or(0)));
        out.look.interim = bool_member(*look, "interim").value_or(false);
    }
    out.source = text_in(line, "source");
    out.earlier = text_in(line, "reference_window") == "this run's earlier stages";
    out.n = count_in(line, "n").value_or(0);
    out.reference_n = count_in(line, "reference_n").value_or(0);
    out.bad = count_in(line, "bad").value_or(0);
    out.reference_bad = count_in(line, "reference_bad").value_or(0);
    const Json* notes = member(line, "notes");
    out.blurred = notes != nullptr && !notes->empty();
    out.sentence = text_in(line, "sentence");
    if (const Json* basis = member(line, "basis")) {
        out.basis = basis_of(*basis, readings);
        return out.basis ? std::optional(std::move(out)) : std::nullopt;
    }
    return out;
}

/// Indexed by line number; an unreadable line is null.
std::vector<ReadingPtr> read_readings(const std::filesystem::path& folder) {
    std::vector<ReadingPtr> out;
    // A run without a source has no such file.
    (void)run::each_kept_line(folder / "measure" / "readings.ndjson", [&](const Json& line) {
        auto reading = measure::reading_from_json(line);
        out.push_back(
            reading ? std::make_shared<const measure::DatedReading>(*std::move(reading)) : nullptr
        );
        return true;
    });
    return out;
}

/// Gates by stage and id, in the order of their first look.
class LastLooks {
public:
    /// A gate is judged several times; the last record counts.
    void keep(RecordedGate gate) {
        const auto [at, fresh] = places_.try_emplace({gate.stage, gate.spec.id}, gates_.size());
        if (fresh) {
            gates_.push_back(std::move(gate));
        } else {
            gates_[at->second] = std::move(gate);
        }
    }
    [[nodiscard]] std::vector<RecordedGate> take() { return std::move(gates_); }

private:
    std::vector<RecordedGate> gates_{};
    std::map<std::pair<std::string, std::string>, std::size_t> places_{};
};

} // namespace

std::unexpected<Error> no_gates(const std::filesystem::path& folder) {
    return fail(
        Code::unreadable,
        "no gate was judged in this run",
        folder.string(),
        "runs of cutovers, rehearsals, drills, loads and slo gate hold gates"
    );
}

Result<RecordedRun> read_recorded_run(const std::filesystem::path& folder) {
    RecordedRun out;
    out.name = folder.filename().string();
    const auto readings = read_readings(folder);
    const auto none = no_gates(folder);
    std::error_code ignored;
    if (!std::filesystem::exists(folder / "measure" / "gates.ndjson", ignored)) {
        return none;
    }
    LastLooks looks;
    OA_TRY(
        out.unreadable,
        run::each_kept_line(
            folder / "measure" / "gates.ndjson",
            [&](const Json& line) {
                auto gate = gate_of(line, readings);
                if (!gate) {
                    return false;
                }
                looks.keep(*std::move(gate));
                return true;
            }
        )
    );
    out.gates = looks.take();
    if (out.gates.empty()) {
        return none;
    }
    // A run that only other sources judged may have none.
    const auto unreadable =
        run::each_kept_line(folder / "measure" / "samples.ndjson", [&](const Json& line) {
            if (!bool_member(line, "bad")) {
                return false;
            }
            out.samples.emplace_back(text_in(line, "stage"), measure::sample_from_json(line));
            return true;
        });
    out.unreadable += unreadable.value_or(0);
    return out;
}

} // namespace oa_stream::cli

#include "oa_stream/base/enum_words.hpp"
#include "oa_stream/base/json_members.hpp"
#include "oa_stream/measure/gate.hpp"

#include "gate_text.hpp"

#include <fmt/format.h>

#include <utility>

namespace oa_stream::measure {
namespace {

std::string word(const GateSpec& spec) {
    switch (spec.metric) {
    case Metric::bad_rate:
        return "bad_rate";
    case Metric::quantile:
        return fmt::format("{}_{}", to_string(spec.timing), quantile_text(shown_quantile(spec)));
    case Metric::expression:
        return "expression";
    case Metric::spike:
        break;
    }
    return "spike";
}

Json counts(const EventCounts& counts) {
    return {{"events", counts.events}, {"requests", counts.requests}};
}

Json reading_json(const std::optional<EventReading>& reading) {
    return reading ? Json{{"canary", counts(reading->canary)},
                          {"stable", counts(reading->stable)},
                          {"source", reading->source},
                          {"asserted", reading->asserted},
                          {"enough", reading->enough}}
                   : Json(nullptr);
}

} // namespace

Json to_json(const GateSpec& spec) {
    Json out = {
        {"id", spec.id},
        {"metric", word(spec)},
        {"against", to_string(spec.against)},
        {"limit", spec.limit},
        {"confidence", spec.confidence},
        {"mode", spec.mode == GateMode::decide ? "decide" : "observe"},
    };
    if (spec.metric == Metric::expression) {
        out["quantity"] = word_at(k_quantity_words, spec.quantity);
        out["at_least"] = spec.at_least;
    }
    for (const auto& [key, text] :
         {std::pair{"promql", &spec.promql}, {"promql_of", &spec.promql_of}}) {
        if (!text->empty()) {
            out[key] = *text;
        }
    }
    const bool timed = spec.metric == Metric::quantile || spec.metric == Metric::expression;
    if (timed && spec.against != Against::limit) {
        out["unnoticed_s"] = spec.unnoticed_s;
    }
    if (spec.metric == Metric::bad_rate && spec.clump > 1) {
        out["clump"] = spec.clump;
    }
    if (!spec.events.empty()) {
        out["events"] = spec.events;
    }
    if (spec.metric == Metric::spike) {
        out["signal"] = spec.signal;
        out["min_events"] = spec.min_events;
        out["reading"] = reading_json(spec.reading);
    }
    if (spec.alone) {
        out["alone"] = true;
    }
    if (spec.min_n != 0) {
        out["min_n"] = spec.min_n;
    }
    if (!spec.from.empty()) {
        out["from"] = spec.from;
    }
    return out;
}

Json to_json(const GateRecord& record) {
    Json out = to_json(record.spec);
    out["verdict"] = to_string(record.verdict);
    out["rule"] = record.rule;
    out["value"] = or_null(record.value);
    out["low"] = or_null(record.low);
    out["high"] = or_null(record.high);
    out["bound_confidence"] = record.confidence;
    out["n"] = record.n;
    out["reference_n"] = record.reference_n;
    if (record.spec.metric == Metric::bad_rate || record.spec.metric == Metric::spike) {
        out["bad"] = record.bad;
        out["reference_bad"] = record.reference_bad;
    }
    out["measured"] = or_null(record.measured);
    out["reference"] = or_null(record.reference);
    out["needs_n"] = or_null(record.needs_n);
    out["window"] = record.window;
    if (!record.reference_window.empty()) {
        out["reference_window"] = record.reference_window;
    }
    out["source"] = record.source;
    if (!record.query.empty()) {
        out["query"] = record.query;
    }
    if (!record.notes.empty()) {
        out["notes"] = record.notes;
    }
    out["look"] = {
        {"number", record.look.number}, {"of", record.look.of}, {"interim", record.look.interim}
    };
    out["sentence"] = record.sentence;
    return out;
}

std::string_view to_string(Against against) noexcept {
    return against == Against::limit ? "limit" : against == Against::stable ? "stable" : "before";
}

Check to_check(const GateRecord& record, std::string id) {
    Check check = make_check(std::move(id), record.verdict, record.sentence, to_json(record));
    if (record.asserted) {
        check.mode = CheckMode::asserted;
    }
    if (record.spec.mode == GateMode::observe) {
        check.detail = "observed only, would be " + std::string(to_string(record.verdict)) + ": " +
                       record.sentence;
        check.leave_out();
    }
    if (record.verdict == Verdict::skipped) {
        check.leave_out();
    }
    return check;
}

} // namespace oa_stream::measure

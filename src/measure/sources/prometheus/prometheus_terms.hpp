// The counters of a question. Private to the room.
#pragma once

#include "oa_stream/measure/source.hpp"
#include "oa_stream/telemetry/classes.hpp"

#include <vector>

namespace oa_stream::measure::prometheus {

/// Every series of the term's metric on its routes, if only it has the labels that tell them apart.
[[nodiscard]] inline telemetry::Term family_of(telemetry::Term term) {
    for (telemetry::LabelIs& label : term.labels) {
        if (label.label != "route" && label.label != "method") {
            label = {label.label, {".+"}, true};
        }
    }
    return term;
}

/// Of the lane's own: an expression's events are counted by nothing else.
[[nodiscard]] inline std::vector<telemetry::Term> counted_terms(const Question& question) {
    return !question.promql.empty()   ? std::vector<telemetry::Term>{}
           : question.classes.empty() ? telemetry::bad_terms(question.bad, question.routes)
                                      : telemetry::class_terms(question.classes, question.routes);
}

} // namespace oa_stream::measure::prometheus

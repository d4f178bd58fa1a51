// The counters that a question needs. Private to the room.
#pragma once

#include "oa_stream/measure/source.hpp"
#include "oa_stream/telemetry/classes.hpp"

#include <vector>

namespace oa_stream::measure::prometheus {

/// All series of the term's metric on its routes that have the labels that distinguish them.
[[nodiscard]] inline telemetry::Term family_of(telemetry::Term term) {
    for (telemetry::LabelIs& label : term.labels) {
        if (label.label != "route" && label.label != "method") {
            label = {label.label, {".+"}, true};
        }
    }
    return term;
}

/// The lane counters that count the question's bad events; none when the question has its own
/// expression.
[[nodiscard]] inline std::vector<telemetry::Term> counted_terms(const Question& question) {
    return !question.promql.empty()   ? std::vector<telemetry::Term>{}
           : question.classes.empty() ? telemetry::bad_terms(question.bad, question.routes)
                                      : telemetry::class_terms(question.classes, question.routes);
}

} // namespace oa_stream::measure::prometheus

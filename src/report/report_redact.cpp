// A report without secrets. Its texts are redacted before they are escaped for a page: afterwards
// nobody would recognise a secret in them.
#include "oa_stream/base/redact.hpp"
#include "oa_stream/report/report.hpp"

#include <type_traits>

namespace oa_stream::report {
namespace {

/// Structs are taken apart into all of their members, in their order, so that none that is added
/// can be forgotten; of gates, lines and marks of charts only what a page shows is text of others.
class TextRedaction {
public:
    explicit TextRedaction(const Redactor& redactor) : redactor_(redactor) {}

    template <class... Members> void each(Members&... members) const { (one(members), ...); }

private:
    void one(std::string& text) const { text = redactor_.apply(text); }
    void one(Advice& advice) const { advice = redactor_.clean(advice); }
    void one(Json& value) const {
        const std::string text = dump_json(value);
        if (std::string clean = redactor_.apply(text); clean != text) {
            value = parse_json(clean).value_or(nullptr);
        }
    }
    template <class Value>
        requires std::is_arithmetic_v<Value> || std::is_enum_v<Value>
    void one(Value& /*unused*/) const {}
    template <class Value> void one(std::optional<Value>& value) const {
        if (value) {
            one(*value);
        }
    }
    template <class A, class B> void one(std::pair<A, B>& both) const {
        each(both.first, both.second);
    }
    template <class Value> void one(std::vector<Value>& all) const {
        for (Value& value : all) {
            one(value);
        }
    }
    void one(std::vector<measure::Sample>& /*only counted*/) const {}
    void one(KeptEvidence& /*no text*/) const {}
    void one(measure::GateRecord& gate) const { each(gate.spec.id, gate.sentence); }
    void one(Check& check) const {
        auto& [id, verdict, mode, required, detail, evidence, data] = check;
        each(id, verdict, mode, required, detail, evidence, data);
    }
    void one(StageRow& row) const {
        auto& [name, split, observed, s, began, verdict, judged, canary, stable, gates] = row;
        each(name, split, observed, s, began, verdict, judged, canary, stable, gates);
    }
    void one(RollbackFacts& facts) const {
        auto& [why, plan, from, to, a, b, c, d, e, seen, confirmed, n, row, verified, streams] =
            facts;
        each(why, plan, from, to, a, b, c, d, e, seen, confirmed, n, row, verified, streams);
    }
    void one(DrillFacts& facts) const {
        auto& [stage, fault, rate, users, bad, canary, decided, hurt, well, limit] = facts;
        each(stage, fault, rate, users, bad, canary, decided, hurt, well, limit);
    }
    void one(Series& series) const {
        auto& [caption, unit, scale, x_unit, lines, limits, marks] = series;
        each(caption, unit, scale, x_unit, lines, limits, marks);
    }
    void one(SeriesLine& line) const { one(line.name); }
    void one(SeriesMark& mark) const { one(mark.label); }

    const Redactor& redactor_;
};

} // namespace

void redact(Report& report, const Redactor& redactor) {
    auto& [id, title, v, code, why, at, s, f, r, c, b, d, notes, next, kept, e, l, more, h, keeps] =
        report;
    const TextRedaction texts(redactor); // ids and time are the run's own
    texts.each(title, v, code, why, s, f, r, c, b, d, notes, next, kept, e, l, more, h, keeps);
}

} // namespace oa_stream::report

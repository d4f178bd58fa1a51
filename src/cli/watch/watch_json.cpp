// The document of one look.
#include "oa_stream/base/json_members.hpp"
#include "oa_stream/measure/quantile.hpp"

#include "watch_model.hpp"

#include <string>

namespace oa_stream::cli {

namespace {

Json percentile_json(const std::vector<measure::Bucket>& buckets, measure::Fraction q) {
    return or_null(measure::histogram_quantile(q.value(), buckets));
}

Json route_json(const std::string& name, const RouteNumbers& route, double window_s) {
    const auto rate = [&](const std::optional<double>& rose) {
        return rose && window_s > 0 ? Json(*rose / window_s) : Json(nullptr);
    };
    return Json{
        {"route", name},
        {"requests_per_s", rate(route.requests)},
        {"errors_5xx_per_s", rate(route.errors_5xx)},
        {"accepted_per_s", rate(route.accepted)},
        {"first_content_p50_s", percentile_json(route.first_content, measure::k_p50)},
        {"first_content_p95_s", percentile_json(route.first_content, measure::k_p95)},
        {"first_content_p99_s", percentile_json(route.first_content, measure::k_p99)},
    };
}

Json part_json(const WatchPart& part) {
    const bool whole = part.turns.missing.empty();
    return Json{
        {"name", part.name},
        {"revision", part.revision},
        {"state", part.state},
        {"requests", or_null(part.turns.total)},
        {"bad", whole ? or_null(part.turns.bad) : Json(nullptr)},
        {"first_content_p95_s", percentile_json(part.first_content, measure::k_p95)},
        {"window_s", part.window_s},
    };
}

Json source_json(const WatchSource& source) {
    return Json{
        {"name", source.name},
        {"state", source.state},
        {"reachable", source.reachable},
        {"ready", source.reachable ? Json(source.ready) : Json(nullptr)},
        {"age_s", or_null(source.age_s)},
        {"revision", source.revision},
        {"unsure", source.unsure.empty() ? Json(nullptr) : Json(source.unsure)},
        {"never_seen", source.never_seen},
    };
}

Json fault_json(const measure::ServiceFault& fault) {
    return Json{
        {"instance", fault.where},
        {"alert", fault.signal->alert},
        {"text", fault.text()},
        {"value", or_null(fault.value)},
    };
}

} // namespace

Json to_json(const WatchView& view) {
    const auto event_json = [&](const std::string& event) {
        return Json{{"at", view.at}, {"text", event}};
    };
    Json out = {
        {"schema", "oa-stream.watch.v1"},
        {"at", view.at},
        {"state", to_string(view.state)},
        {"breach", view.breach},
        {"why", view.why},
        {"window_s", view.numbers.window_s},
        {"sources", json_list(view.sources, source_json)},
        {"routes", Json::array()},
        {"terminals", view.numbers.terminals},
        {"compat_rejected", view.numbers.compat},
        {"empty_turns", Json(nullptr)},
        {"counts", Json::object()},
        {"active_streams", or_null(view.numbers.active)},
        {"requests", or_null(view.total)},
        {"bad", or_null(view.bad)},
        {"budget",
         {{"objective", view.objective.value()},
          {"left", or_null(view.budget_left)},
          {"left_error", view.budget_left ? Json(view.budget_off) : Json(nullptr)},
          {"window", view.numbers.budget_window},
          {"burn", or_null(view.burn)}}},
        {"guilty", view.guilty},
        {"faults", json_list(view.faults, fault_json)},
        {"next", nullptr},
        {"instances", json_list(view.parts, part_json)},
        {"revisions", json_list(by_revision(view.parts), part_json)},
        {"split", view.split.empty() ? Json(nullptr) : Json(view.split)},
        {"events", json_list(view.news, event_json)},
    };
    if (!view.next.empty()) {
        put_advice(out, "next", view.next);
    }
    for (const auto& [metric, rose] : view.numbers.watched) {
        out["counts"][std::string(metric->name)] = or_null(rose);
    }
    out["empty_turns"] = out["counts"].value(
        std::string(telemetry::metric("empty_turns_total").name), Json(nullptr)
    );
    for (const auto& [name, route] : view.numbers.routes) {
        out["routes"].push_back(route_json(name, route, view.numbers.window_s));
    }
    return out;
}

Json watch_document(const WatchView& view) {
    Json out = to_json(view);
    out["verdict"] = to_string(verdict_of(view));
    out["run"] = nullptr;
    out["evidence"] = nullptr;
    out["checks"] = Json::array();
    return out;
}

} // namespace oa_stream::cli

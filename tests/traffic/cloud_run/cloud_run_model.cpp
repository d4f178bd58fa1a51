#include "cloud_run_model.hpp"

#include "oa_stream/base/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>

namespace oa_stream::traffic::testing {
namespace {

constexpr std::string_view k_by_name = "TRAFFIC_TARGET_ALLOCATION_TYPE_REVISION";
constexpr std::string_view k_latest = "TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST";
constexpr std::array<std::string_view, 8> k_service_fields{
    "name", "etag", "traffic", "labels", "annotations", "template", "ingress", "description"
};
constexpr std::array<std::string_view, 4> k_target_fields{"type", "revision", "percent", "tag"};

ApiAnswer refusal(int status, std::string_view word, std::string message) {
    return {
        status,
        {{"error",
          {{"code", status},
           {"message", std::move(message)},
           {"status", word},
           {"details", Json::array()}}}}
    };
}

ApiAnswer invalid(std::string message) {
    return refusal(400, "INVALID_ARGUMENT", std::move(message));
}

template <class List> bool is_in(const List& list, std::string_view word) {
    return std::ranges::find(list, word) != list.end();
}

std::int64_t percent_of(const Json& target) {
    return int_member(target, "percent").value_or(0);
}

std::set<std::string> tags_of(const Json& traffic) {
    std::set<std::string> out;
    for (const Json& target : traffic) {
        if (const auto tag = string_member(target, "tag")) {
            out.emplace(*tag);
        }
    }
    return out;
}

Json target_of(std::string_view revision, int percent) {
    Json out = {{"type", k_by_name}, {"revision", revision}};
    if (percent != 0) {
        out["percent"] = percent;
    }
    return out;
}

/// As proto3 JSON shows it: defaults left out, in the order of the message.
Json shown(const Json& target) {
    Json out = Json::object();
    for (const std::string_view key : k_target_fields) {
        const Json* value = member(target, key);
        if (value != nullptr && *value != Json(0) && *value != Json("")) {
            out[std::string(key)] = *value;
        }
    }
    return out;
}

} // namespace

CloudRunModel::CloudRunModel(Place place)
    : revisions{{"canary", true}, {"stable", true}},
      tag_uris{{"blue", "http://127.0.0.1:9/stable"}, {"green", "http://127.0.0.1:9/canary"}},
      latest_ready("canary"), place_(std::move(place)) {
    // A tag with 0 % stands first: whoever takes the first entry for the baseline is wrong.
    Json green = target_of("canary", 0);
    green["tag"] = "green";
    Json blue = target_of("stable", 0);
    blue["tag"] = "blue";
    traffic_ = Json::array({green, target_of("stable", 100), blue});
    statuses_ = statuses_of(traffic_);
}

std::string CloudRunModel::below() const {
    return fmt::format("projects/{}/locations/{}", place_.project, place_.region);
}

std::string CloudRunModel::service_path() const {
    return fmt::format("{}/services/{}", below(), place_.service);
}

Json CloudRunModel::statuses_of(const Json& traffic) const {
    Json out = Json::array();
    for (const Json& target : traffic) {
        Json one = shown(target);
        const auto tag = string_member(target, "tag");
        if (tag && tag_uris.contains(std::string(*tag))) {
            one["uri"] = tag_uris.at(std::string(*tag));
        }
        out.push_back(std::move(one));
    }
    return out;
}

void CloudRunModel::bump() {
    ++version_;
}

// The course of things ------------------------------------------------------------------------

void CloudRunModel::finish(Operation& operation) {
    operation.done = true;
    pending_.clear();
    bump();
    Json error = nullptr;
    for (const Json& target : traffic_) {
        const std::string name(string_member(target, "revision").value_or(latest_ready));
        if (percent_of(target) > 0 && !revisions.at(name)) {
            error = {
                {"code", 9},
                {"message",
                 fmt::format("Revision '{}' is not ready and cannot serve traffic.", name)}
            };
        }
    }
    if (operation.fate == Fate::fails) {
        error = {{"code", failure_code}, {"message", failure}};
    }
    if (!error.is_null()) {
        operation.error = error;
        condition_ = "CONDITION_FAILED";
        trouble_ = error.at("message").get<std::string>();
        return; // the last serving state stays
    }
    observed_ = generation_; // what failed is never observed
    condition_ = "CONDITION_SUCCEEDED";
    trouble_.clear();
    statuses_ = statuses_of(traffic_);
    if (operation.fate == Fate::partial) {
        for (Json& status : statuses_) {
            status["percent"] = percent_of(status) / 2;
        }
    }
}

void CloudRunModel::advance() {
    if (pending_.empty() || held) {
        return;
    }
    Operation& operation = operations_.at(pending_);
    if (operation.fate != Fate::stuck && Clock::now() >= operation.due) {
        finish(operation);
    }
}

void CloudRunModel::operator_sets(Json traffic) {
    traffic_ = std::move(traffic);
    statuses_ = statuses_of(traffic_);
    observed_ = ++generation_;
    condition_ = "CONDITION_SUCCEEDED";
    trouble_.clear();
    if (!pending_.empty()) {
        operations_.at(pending_).done = true;
        pending_.clear();
    }
    bump();
}

void CloudRunModel::deployment_fails(std::string why) {
    ++generation_;
    condition_ = "CONDITION_FAILED";
    trouble_ = std::move(why);
    bump();
}

void CloudRunModel::operator_splits(int canary_percent) {
    Json list = traffic_;
    bool given[2] = {false, false};
    for (Json& target : list) {
        const bool canary = string_member(target, "revision") == "canary";
        const int share = canary ? canary_percent : 100 - canary_percent;
        target["percent"] = given[canary ? 1 : 0] ? 0 : share;
        given[canary ? 1 : 0] = true;
    }
    operator_sets(std::move(list));
}

// Reading -------------------------------------------------------------------------------------

Json CloudRunModel::service_json() const {
    const std::string path = service_path();
    const auto full = [&](std::string_view name) {
        return fmt::format("{}/revisions/{}", path, name);
    };
    Json list = Json::array();
    for (const Json& target : traffic_) {
        list.push_back(shown(target));
    }
    Json out = {
        {"name", path},
        {"uid", "7b2a0b5e-0000-4000-8000-000000000001"},
        {"generation", std::to_string(generation_)},
        {"createTime", "2026-01-10T10:00:00.000000Z"},
        {"ingress", "INGRESS_TRAFFIC_ALL"},
        {"template", {{"labels", {{"mark", template_mark_}}}}},
        {"traffic", std::move(list)},
        {"observedGeneration", std::to_string(observed_)},
        {"terminalCondition",
         {{"type", "Ready"}, {"state", pending_.empty() ? condition_ : "CONDITION_RECONCILING"}}},
        {"latestReadyRevision", full(latest_ready)},
        {"latestCreatedRevision", full(latest_ready)},
        {"trafficStatuses", statuses_},
        {"uri", "https://lane-abc.a.run.app"},
    };
    if (!trouble_.empty()) {
        out["terminalCondition"]["message"] = trouble_;
    }
    if (!pending_.empty()) {
        out["reconciling"] = true;
    }
    out["etag"] = fmt::format("\"CJq{}/{}=\"", place_.service, version_);
    return out;
}

ApiAnswer CloudRunModel::revision_json(const std::string& name) const {
    const std::string path = fmt::format("{}/revisions/{}", service_path(), name);
    if (!revisions.contains(name)) {
        return refusal(404, "NOT_FOUND", fmt::format("Resource '{}' was not found", name));
    }
    const bool good = revisions.at(name);
    return {
        200,
        {{"name", path},
         {"service", place_.service},
         {"generation", "1"},
         {"conditions",
          {{{"type", "Ready"}, {"state", good ? "CONDITION_SUCCEEDED" : "CONDITION_FAILED"}},
           {{"type", "ContainerHealthy"}, {"state", "CONDITION_SUCCEEDED"}}}}}
    };
}

Json CloudRunModel::operation_json(const std::string& id) const {
    const Operation& operation = operations_.at(id);
    Json out = {
        {"name", fmt::format("{}/operations/{}", below(), id)},
        {"metadata", {{"@type", "type.googleapis.com/google.cloud.run.v2.Service"}}},
    };
    if (operation.done) {
        out["done"] = true;
        if (operation.error.is_null()) {
            out["response"] = service_json();
        } else {
            out["error"] = operation.error;
        }
    }
    return out;
}

ApiAnswer CloudRunModel::get(std::string_view path) {
    advance();
    const std::string service = service_path();
    const std::string operations = below() + "/operations/";
    const std::string revision = service + "/revisions/";
    if (path == service) {
        return {200, service_json()};
    }
    if (path.starts_with(revision)) {
        return revision_json(std::string(path.substr(revision.size())));
    }
    if (path.starts_with(operations)) {
        const std::string id(path.substr(operations.size()));
        if (operations_.contains(id)) {
            return {200, operation_json(id)};
        }
    }
    return refusal(404, "NOT_FOUND", fmt::format("Resource '{}' was not found", path));
}

// Writing -------------------------------------------------------------------------------------

std::optional<ApiAnswer> CloudRunModel::refuse_query(std::string_view query, bool& masked) {
    for (std::size_t at = 0; at < query.size();) {
        const auto end = std::min(query.find('&', at), query.size());
        const std::string_view pair = query.substr(at, end - at);
        at = end + 1;
        if (pair == "updateMask=traffic") {
            masked = true;
        } else if (pair.starts_with("updateMask=")) {
            return invalid("The update mask names an unknown field.");
        } else if (!pair.starts_with("validateOnly=") && !pair.starts_with("allowMissing=")) {
            return invalid(fmt::format("Unknown name \"{}\": Cannot bind query parameter.", pair));
        }
    }
    return std::nullopt;
}

std::optional<ApiAnswer> CloudRunModel::refuse_traffic(const Json& traffic) const {
    std::int64_t sum = 0;
    std::set<std::string> tags;
    for (const Json& target : traffic) {
        for (const auto& [key, value] : target.items()) {
            if (!is_in(k_target_fields, key)) {
                return invalid(fmt::format("Unknown name \"{}\" at 'service.traffic'", key));
            }
        }
        const auto kind = string_member(target, "type").value_or("");
        const std::string name(string_member(target, "revision").value_or(""));
        const Json* percent = member(target, "percent");
        if (kind != k_by_name && kind != k_latest) {
            return invalid("Invalid value at 'service.traffic[].type' (enum)");
        }
        if (percent != nullptr && (!percent->is_number_integer() || percent_of(target) < 0)) {
            return invalid("Invalid value at 'service.traffic[].percent' (TYPE_INT32)");
        }
        if ((kind == k_latest) != name.empty() || name.find('/') != std::string::npos) {
            return invalid("traffic target names its revision by its short name");
        }
        if (!name.empty() && !revisions.contains(name)) {
            return invalid(fmt::format("Revision '{}' does not exist.", name));
        }
        const auto tag = string_member(target, "tag");
        if (tag && !tags.emplace(*tag).second) {
            return invalid(fmt::format("Tag '{}' is used twice.", *tag));
        }
        sum += percent_of(target);
    }
    if (!traffic.empty() && sum != 100) {
        return invalid(fmt::format("Traffic targets sum to {}, expected 100.", sum));
    }
    return std::nullopt;
}

std::optional<ApiAnswer> CloudRunModel::refuse_body(const Json& body) const {
    for (const auto& [key, value] : body.items()) {
        if (!is_in(k_service_fields, key)) {
            return invalid(fmt::format(
                "Invalid JSON payload received. Unknown name \"{}\" at 'service': Cannot find "
                "field.",
                key
            ));
        }
    }
    const Json* traffic = member(body, "traffic");
    if (traffic == nullptr || !traffic->is_array()) {
        return invalid("Invalid value at 'service.traffic'");
    }
    return refuse_traffic(*traffic);
}

/// A tag of a revision that was deleted is no loss.
bool CloudRunModel::points_to_living(const std::string& tag) const {
    return std::ranges::any_of(traffic_, [&](const Json& target) {
        const auto name = string_member(target, "revision");
        return string_member(target, "tag") == tag &&
               (!name || revisions.contains(std::string(*name)));
    });
}

void CloudRunModel::tell_on(const Json& body, bool masked) {
    if (!masked) {
        violate("no updateMask: what was left out is reset");
        template_mark_.clear();
    }
    if (!member(body, "etag")) {
        violate("no etag: the last writer wins");
    }
    if (!pending_.empty()) {
        violate("a write while the last one reconciles");
    }
    const auto kept = tags_of(body.at("traffic"));
    for (const std::string& tag : tags_of(traffic_)) {
        if (!kept.contains(tag) && points_to_living(tag)) {
            violate(fmt::format("tag {} is lost", tag));
        }
    }
    for (const Json& target : body.at("traffic")) {
        const std::string name(string_member(target, "revision").value_or(latest_ready));
        if (percent_of(target) > 0 && !revisions.at(name)) {
            violate(fmt::format("a share for {}, which is not ready", name));
        }
    }
}

ApiAnswer
CloudRunModel::patch(std::string_view path, std::string_view query, std::string_view text) {
    advance();
    if (path != service_path()) {
        return refusal(404, "NOT_FOUND", fmt::format("Resource '{}' was not found", path));
    }
    bool masked = false;
    if (auto refused = refuse_query(query, masked)) {
        return *std::move(refused);
    }
    const auto body = parse_json(text);
    if (!body || !body->is_object()) {
        return invalid("Invalid JSON payload received. Unexpected token.");
    }
    if (auto refused = refuse_body(*body)) {
        return *std::move(refused);
    }
    const auto etag = string_member(*body, "etag");
    if (etag && *etag != service_json().at("etag").get<std::string>()) {
        return refusal(
            409, "ABORTED", fmt::format("Conflict for resource '{}': version mismatch", path)
        );
    }
    if (query.find("validateOnly=true") != std::string_view::npos) {
        return {200, {{"name", below() + "/operations/none"}, {"done", true}}};
    }
    tell_on(*body, masked);
    if (!pending_.empty()) {
        operations_.at(pending_).done = true; // superseded
    }
    traffic_ = body->at("traffic");
    ++generation_;
    ++applied_;
    bump();
    pending_ = fmt::format("op-{}", applied_);
    Operation& made = operations_[pending_];
    made.due = Clock::now() + latency;
    if (!fates.empty()) {
        made.fate = fates.front();
        fates.pop_front();
    }
    return {200, operation_json(pending_)};
}

// Looking -------------------------------------------------------------------------------------

Json CloudRunModel::traffic() {
    advance();
    return service_json().at("traffic");
}

std::map<std::string, int> CloudRunModel::serving() {
    advance();
    std::map<std::string, int> out;
    for (const Json& status : statuses_) {
        const std::string name(string_member(status, "revision").value_or(latest_ready));
        out[name] += static_cast<int>(percent_of(status));
    }
    return out;
}

bool CloudRunModel::reconciling() {
    advance();
    return !pending_.empty();
}

} // namespace oa_stream::traffic::testing

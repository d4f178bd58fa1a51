// The control service's documents → structs, and structs → ours.
#include "oa_stream/base/json_members.hpp"
#include "oa_stream/routes/route_rules.hpp"

#include <fmt/format.h>

namespace oa_stream::routes {
namespace {

/// Reads members one after the other; the first that is missing or wrong is the error.
class RouteReader {
public:
    explicit RouteReader(const Json& json, std::string_view what) : json_(json), what_(what) {
        if (!json.is_object()) {
            refuse("this", "an object");
        }
    }
    [[nodiscard]] std::string text(std::string_view key) {
        return std::string(needed(string_member(json_, key), key, "a string"));
    }
    [[nodiscard]] std::optional<std::string> maybe_text(std::string_view key) {
        const Json* value = member(json_, key);
        return value == nullptr || value->is_null() ? std::nullopt : std::optional(text(key));
    }
    [[nodiscard]] bool flag(std::string_view key) {
        return needed(bool_member(json_, key), key, "true or false");
    }
    [[nodiscard]] int count(std::string_view key) {
        auto value = int_member(json_, key);
        if (value && (*value < 0 || *value > 100)) {
            value.reset();
        }
        return static_cast<int>(needed(value, key, "a number from 0 to 100"));
    }
    [[nodiscard]] std::vector<std::string> texts(std::string_view key) {
        std::vector<std::string> out;
        for (const Json& entry : array(key)) {
            if (!entry.is_string()) {
                refuse(key, "a list of strings");
                break;
            }
            out.push_back(entry.get<std::string>());
        }
        return out;
    }
    [[nodiscard]] const Json& array(std::string_view key) {
        static const Json none = Json::array();
        const Json* value = member(json_, key);
        if (value == nullptr || !value->is_array()) {
            refuse(key, "a list");
            return none;
        }
        return *value;
    }
    void refuse(std::string_view key, std::string_view wanted) {
        if (!error_) {
            error_ = Error{Code::protocol, fmt::format("{}: {} is not {}", what_, key, wanted)};
        }
    }
    template <class T> [[nodiscard]] Result<T> done(T value) const {
        if (error_) {
            return std::unexpected(*error_);
        }
        return value;
    }

private:
    template <class T>
    T needed(const std::optional<T>& value, std::string_view key, std::string_view wanted) {
        if (!value) {
            refuse(key, wanted);
        }
        return value.value_or(T{});
    }

    const Json& json_;
    std::string_view what_;
    std::optional<Error> error_{};
};

} // namespace

Result<RouteStatus> parse_route_status(const Json& data) {
    RouteReader in(data, "route split status");
    RouteStatus out;
    out.enabled = in.flag("enabled");
    out.mode = in.text("mode");
    out.cohort_percentage = in.count("cohort_percentage");
    out.rust_routes = in.texts("rust_routes");
    out.force_legacy = in.flag("force_legacy");
    out.legacy_base_url = in.maybe_text("legacy_base_url");
    out.override_target = in.maybe_text("override_target");
    for (const Json& entry : in.array("route_groups")) {
        RouteReader group(entry, "route group");
        RouteGroup one;
        one.domain = group.text("domain");
        one.prefixes = group.texts("route_prefixes");
        one.rollback_target = group.text("rollback_target");
        one.override_target = group.maybe_text("override_target");
        OA_TRY(RouteGroup whole, group.done(std::move(one)));
        out.groups.push_back(std::move(whole));
    }
    return in.done(std::move(out));
}

Json to_json(const RouteStatus& status) {
    const auto group_json = [](const RouteGroup& group) -> Json {
        return {
            {"domain", group.domain},
            {"route_prefixes", group.prefixes},
            {"rollback_target", group.rollback_target},
            {"override_target", or_null(group.override_target)},
        };
    };
    return {
        {"enabled", status.enabled},
        {"mode", status.mode},
        {"cohort_percentage", status.cohort_percentage},
        {"rust_routes", status.rust_routes},
        {"force_legacy", status.force_legacy},
        {"legacy_base_url", or_null(status.legacy_base_url)},
        {"override_target", or_null(status.override_target)},
        {"route_groups", json_list(status.groups, group_json)},
    };
}

Result<RouteDecision> parse_route_decision(const Json& data) {
    RouteReader in(data, "route decision");
    RouteDecision out;
    out.path = in.text("path");
    out.target = in.text("target");
    out.reason = in.text("reason");
    out.domain = in.maybe_text("route_domain");
    out.rollback_target = in.maybe_text("rollback_target");
    if (const Json* bucket = member(data, "cohort_bucket");
        bucket != nullptr && !bucket->is_null()) {
        out.cohort_bucket = in.count("cohort_bucket");
    }
    out.cohort_key = in.text("cohort_key");
    return in.done(std::move(out));
}

Json to_json(const RouteDecision& decision) {
    return {
        {"path", decision.path},
        {"target", decision.target},
        {"reason", decision.reason},
        {"route_domain", or_null(decision.domain)},
        {"rollback_target", or_null(decision.rollback_target)},
        {"cohort_bucket", or_null(decision.cohort_bucket)},
        {"cohort_key", decision.cohort_key},
    };
}

Json to_json(const Overrides& overrides) {
    return {{"global", or_null(overrides.global)}, {"domains", Json(overrides.domains)}};
}

Result<Overrides> parse_overrides(const Json& json) {
    RouteReader in(json, "overrides");
    Overrides out;
    out.global = in.maybe_text("global");
    const Json* domains = member(json, "domains");
    if (domains == nullptr || !domains->is_object()) {
        in.refuse("domains", "an object");
        return in.done(std::move(out));
    }
    for (const auto& [domain, target] : domains->items()) {
        if (!target.is_string()) {
            in.refuse(domain, "a string");
            break;
        }
        out.domains[domain] = target.get<std::string>();
    }
    return in.done(std::move(out));
}

} // namespace oa_stream::routes

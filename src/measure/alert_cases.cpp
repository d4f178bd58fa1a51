// A firing and a quiet case for every alert, on the series of a healthy lane with something
// changed.
#include "oa_stream/measure/slo.hpp"

#include "alert_table.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace oa_stream::measure::alerts {
namespace {

const std::string k_route{k_routes[0]}; // where things go wrong

std::string requests(std::string_view route, std::string_view status) {
    return fmt::format(
        R"(http_requests_total{{lane="compat",method="POST",route="{}",status="{}"}})",
        route,
        status
    );
}
std::string bucket(std::string_view metric, std::string_view route, std::string_view bound) {
    return fmt::format(R"({}_bucket{{le="{}",route="{}"}})", metric, bound, route);
}
std::string ended(std::string_view word, std::string_view route) {
    return fmt::format(R"(terminal_total{{class="{}",route="{}"}})", word, route);
}
std::string accepted(std::string_view route) {
    return fmt::format(R"(bridge_accepted_total{{route="{}"}})", route);
}
std::string rejected(std::string_view code) {
    return fmt::format(R"(compat_rejected_total{{code="{}"}})", code);
}

/// Builds cases that last half an hour.
class Short {
public:
    explicit Short(const AlertOptions& options)
        : options_(options), turns_(turns_per_minute(options)) {}

    std::vector<Case> all() {
        add("a healthy lane", {}, {});
        responses();
        slow("first_content_seconds", options_.first_content, "OaStreamFirstContentP95High");
        slow("http_request_duration_seconds", options_.duration, "OaStreamDurationP95High");
        handshakes();
        terminals();
        absences();
        return std::move(cases_);
    }

private:
    void add(std::string name, std::vector<Series> changes, std::vector<Expected> firing) {
        cases_.push_back(
            {.name = std::move(name), .changes = std::move(changes), .firing = std::move(firing)}
        );
    }
    [[nodiscard]] Series steady(std::string name, double per_minute) const {
        return {std::move(name), {{per_minute, 30}}};
    }

    void responses() {
        add("one in ten answers of a route is 5xx",
            {steady(requests(k_route, "200"), turns_ * 0.9),
             steady(requests(k_route, "500"), turns_ * 0.1)},
            {{"OaStream5xxHigh", {{"route", k_route}}}});
        add("one in two hundred is not enough",
            {steady(requests(k_route, "200"), turns_ * 0.995),
             steady(requests(k_route, "500"), turns_ * 0.005)},
            {});
        if (options_.least_bad > 1) {
            add("a single 5xx among few requests is below the floor",
                {steady(requests(k_route, "200"), 1),
                 {requests(k_route, "500"), {{0, 22}, {1, 1}, {0, 7}}}},
                {});
        }
    }

    void slow(const std::string& metric, const std::string& bound, const std::string& alert) {
        add(fmt::format("one in ten is above the bound of {}", metric),
            {steady(bucket(metric, k_route, bound), turns_ * 0.9)},
            {{alert, {{"route", k_route}}}});
        add(fmt::format("one in forty is above the bound of {}", metric),
            {steady(bucket(metric, k_route, bound), turns_ * 0.975)},
            {});
    }

    void handshakes() {
        for (const std::string_view code : k_codes) {
            const auto refused = [&](double per_minute) {
                return std::vector{
                    steady(rejected(code), per_minute),
                    steady(requests(k_route, "426"), per_minute),
                };
            };
            add(fmt::format("many handshakes are refused with {}", code),
                refused(turns_ * 0.2),
                {{alert_name(code), {{"code", std::string(code)}}}});
            add(fmt::format("few handshakes are refused with {}", code), refused(turns_ * 0.03), {}
            );
        }
    }

    void terminals() {
        for (const Class& row : k_classes) {
            const double limit = std::stod(std::string(row.share));
            const auto ending = [&](double share) { // of all turns, on one of two routes
                return std::vector{
                    steady(ended(row.word, k_route), turns_ * 2 * share),
                    steady(ended("completed", k_route), turns_ * (1 - 2 * share)),
                };
            };
            add(fmt::format("too many turns end as {}", row.word),
                ending(limit * 1.75),
                {{std::string(row.alert), {{"class", std::string(row.word)}}}});
            add(fmt::format("some turns end as {}", row.word), ending(limit * 0.5), {});
        }
    }

    void absences() {
        std::vector<Series> gone;
        std::vector<Series> unasked;
        for (const std::string_view route : k_routes) {
            gone.push_back({accepted(route), {}});
            unasked.push_back({requests(route, "200"), {}});
            unasked.push_back({requests(route, "500"), {}});
        }
        add("no lane reports accepted turns", gone, {{"OaStreamBridgeAbsent", {}}});
        add("no lane reports requests",
            unasked,
            {{"OaStreamRequestsAbsent", {{"lane", "compat"}, {"method", "POST"}}}});
    }

    const AlertOptions& options_;
    double turns_;
    std::vector<Case> cases_{};
};

// Seven and a half hours, of which the last quarter is what changes: a rate over 10 minutes has
// changed fully 5 minutes before the end, which is how long the alerts wait.
constexpr int k_bridge_minutes = 450;
constexpr int k_bridge_change = 15;

std::vector<Case> bridge_cases(const AlertOptions& options) {
    const double turns = turns_per_minute(options);
    const auto changed = [&](std::string name,
                             double times,
                             double asked,
                             std::vector<Expected> firing) {
        Case out{.name = std::move(name), .minutes = k_bridge_minutes, .firing = std::move(firing)};
        const int before = k_bridge_minutes - k_bridge_change;
        for (const std::string_view route : k_routes) {
            out.changes.push_back(
                {accepted(route), {{turns, before}, {turns * times, k_bridge_change}}}
            );
            out.changes.push_back(
                {requests(route, "200"), {{turns, before}, {turns * asked, k_bridge_change}}}
            );
        }
        return out;
    };
    return {
        changed("a fifth of the turns is accepted", 0.2, 0.2, {{"OaStreamBridgeDrop", {}}}),
        changed("seven tenths are no drop", 0.7, 0.7, {}),
        changed("five times as many turns are accepted", 5, 5, {{"OaStreamBridgeSpike", {}}}),
        changed("twice as many are no spike", 2, 2, {}),
        changed("requests come and none is accepted", 0, 1, {{"OaStreamBridgeStalled", {}}}),
        changed("nobody asks, nothing stalls", 0, 0, {}),
        {.name = "a young lane has no baseline", .minutes = 60},
    };
}

constexpr int k_burn_minutes = 3 * 1440 + 30;

/// `share` of all requests fail for the last `minutes`, until `quiet` minutes before the end.
Case burn_case(
    const AlertOptions& options,
    std::string name,
    double share,
    int minutes,
    int quiet,
    std::vector<Expected> firing
) {
    Case out{.name = std::move(name), .minutes = k_burn_minutes, .firing = std::move(firing)};
    const double turns = turns_per_minute(options);
    const int before = k_burn_minutes - minutes - quiet;
    for (const std::string_view route : k_routes) {
        out.changes.push_back(
            {requests(route, "200"),
             {{turns, before}, {turns * (1 - share), minutes}, {turns, quiet}}}
        );
        out.changes.push_back(
            {requests(route, "500"), {{0, before}, {turns * share, minutes}, {0, quiet}}}
        );
    }
    return out;
}

Expected burns(const BurnPair& pair) {
    return {fmt::format("OaStreamBudgetBurn{}", pair.long_word)};
}

/// One bad request in an hour of thirty: the ratios are far above every limit.
Case night(const AlertOptions& options) {
    Case out{.name = "one bad request at night is below the floor", .minutes = 120};
    const double each = 0.25 * static_cast<double>(options.least_bad) / 5;
    for (const std::string_view route : k_routes) {
        out.changes.push_back({requests(route, "200"), {{each, 120}}});
        out.changes.push_back({ended("completed", route), {{each, 120}}});
    }
    out.changes.push_back({ended("codex_error", k_route), {{0, 98}, {1, 1}, {0, 21}}});
    return out;
}

std::vector<Case> burn_cases(const AlertOptions& options) {
    const double budget = 1 - options.objective.value();
    const auto share = [&](const BurnPair& pair) {
        const double limit = pair.factor.value() * budget;
        return std::min(1.5 * limit, (1 + limit) / 2);
    };
    const auto& [hour, six_hours, day, three_days] = k_burn_pairs;
    // A little longer than the window: it has been full for a while when it is looked at.
    std::vector<Case> out{
        burn_case(options, "an hour of fast burning", share(hour), 75, 0, {burns(hour)}),
        burn_case(options, "fast burning that has ended", share(hour), 75, 150, {}),
        burn_case(options, "six hours of burning", share(six_hours), 375, 0, {burns(six_hours)}),
        burn_case(
            options, "a day of burning", share(day), 1455, 0, {burns(day), burns(three_days)}
        ),
        burn_case(
            options, "three days of slow burning", share(three_days), 4335, 0, {burns(three_days)}
        ),
    };
    if (options.least_bad > 1) {
        out.push_back(night(options));
    }
    return out;
}

} // namespace

double turns_per_minute(const AlertOptions& options) {
    return std::max(
        {60.0, 4 * static_cast<double>(options.least_bad), static_cast<double>(options.least_total)}
    );
}

std::vector<Series> healthy(const AlertOptions& options, int minutes) {
    std::vector<Series> out;
    const double turns = turns_per_minute(options);
    const auto steady = [&](std::string name, double per_minute) {
        out.push_back({std::move(name), {{per_minute, minutes}}});
    };
    for (const std::string_view route : k_routes) {
        steady(requests(route, "200"), turns);
        steady(requests(route, "500"), 0);
        steady(accepted(route), turns);
        steady(ended("completed", route), turns);
        for (const Class& row : k_classes) {
            steady(ended(row.word, route), 0);
        }
        const std::pair<std::string_view, std::string> histograms[]{
            {"first_content_seconds", options.first_content},
            {"http_request_duration_seconds", options.duration},
        };
        for (const auto& [metric, bound] : histograms) {
            steady(bucket(metric, route, bound), turns);
            steady(bucket(metric, route, "+Inf"), turns);
            steady(fmt::format(R"({}_count{{route="{}"}})", metric, route), turns);
        }
    }
    for (const std::string_view code : k_codes) {
        steady(rejected(code), 0);
    }
    return out;
}

std::vector<CaseFile> cases(const AlertOptions& options) {
    constexpr std::string_view k_not_burning = R"(alertname!~"OaStreamBudgetBurn.*")";
    return {
        {"oa-stream.test.yml", "1m", std::string(k_not_burning), Short(options).all()},
        {"oa-stream-bridge.test.yml", "5m", std::string(k_not_burning), bridge_cases(options)},
        {"oa-stream-burn.test.yml",
         "15m",
         R"(alertname=~"OaStreamBudgetBurn.*")",
         burn_cases(options)},
    };
}

} // namespace oa_stream::measure::alerts

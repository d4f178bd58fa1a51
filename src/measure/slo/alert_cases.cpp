// A firing and a quiet test case for every alert: the series of a healthy lane with one change.
#include "oa_stream/measure/matchers.hpp"

#include "alert_table.hpp"
#include "slo.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>

namespace oa_stream::measure::alerts {
namespace {

const telemetry::TurnRoute k_wrong = k_case_routes.back(); // the route with the faults
const std::string k_route{k_wrong.pattern};

/// A share of bad requests at which the pair's alert fires, with some margin.
double burn_share(const BurnPair& pair, const AlertOptions& options) {
    const double limit = pair.factor.value() * (1 - options.objective.value());
    return std::min(1.3 * limit, (1 + limit) / 2);
}
constexpr double k_code_count = std::size(telemetry::k_compat_codes);

std::string requests(const telemetry::TurnRoute& route, std::string_view status) {
    return fmt::format(
        R"(http_requests_total{{lane="{}",method="POST",route="{}",status="{}"}})",
        route.lane,
        route.pattern,
        status
    );
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

/// The classes that have an alert.
std::vector<telemetry::TerminalRow> watched() {
    std::vector<telemetry::TerminalRow> out(
        telemetry::k_terminals.begin(), telemetry::k_terminals.end()
    );
    std::erase_if(out, [](const auto& row) { return row.alert_share.empty(); });
    return out;
}

/// Builds cases that last half an hour.
class Short {
public:
    explicit Short(const AlertOptions& options)
        : options_(options), turns_(turns_per_minute(options)) {}

    std::vector<Case> all() {
        add("a healthy lane", {}, {});
        responses();
        refusals();
        handshakes();
        terminals();
        absences();
        std::ranges::move(latency_cases(options_), std::back_inserter(cases_));
        std::ranges::move(process_cases(options_), std::back_inserter(cases_));
        std::ranges::move(silence_cases(options_), std::back_inserter(cases_));
        std::ranges::move(service_cases(options_), std::back_inserter(cases_));
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
            {steady(requests(k_wrong, "200"), turns_ * 0.9),
             steady(requests(k_wrong, "500"), turns_ * 0.1)},
            {{"OaStream5xxHigh", {{"route", k_route}}}});
        add("one in two hundred is not enough",
            {steady(requests(k_wrong, "200"), turns_ * 0.995),
             steady(requests(k_wrong, "500"), turns_ * 0.005)},
            {});
        young();
        if (options_.least_bad > 1) {
            add("a single 5xx among few requests is below the floor",
                {steady(requests(k_wrong, "200"), 1),
                 {requests(k_wrong, "500"), {{0, 22}, {1, 1}, {0, 7}}}},
                {});
        }
    }

    /// A new lane failed before its first scrape and never again.
    void young() {
        constexpr int k_came = 21;
        constexpr double k_began = 1230; // seconds: half a minute before k_came
        const auto fresh = [](std::string name, double value) {
            name.insert(name.size() - 1, name.ends_with("{}") ? "" : ",");
            name.insert(name.size() - 1, "example=\"new\"");
            return Series{.name = std::move(name), .constant = value, .absent = k_came};
        };
        const double failed = std::max(static_cast<double>(options_.least_bad), turns_);
        add("a new lane's first answers are 5xx, before anybody looks",
            {fresh(requests(k_wrong, "500"), failed), fresh("process_start_time_seconds{}", k_began)
            },
            {{"OaStream5xxHigh", {{"route", k_route}}}});
    }

    void refusals() {
        std::string other = requests(k_wrong, "401");
        other.insert(other.size() - 1, ",example=\"b\"");
        add("one lane refuses the tokens of all its users",
            {steady(other, turns_)},
            {{"OaStreamRefused", case_labels(options_, "example", "b")}});
        add("some requests have no valid token", {steady(requests(k_wrong, "401"), turns_ / 2)}, {}
        );
        std::vector<Series> night{steady(requests(k_wrong, "401"), turns_)};
        for (const auto& route : k_case_routes) {
            for (const std::string& name :
                 {requests(route, "200"), accepted(route.pattern), ended("completed", route.pattern)
                 }) {
                night.push_back(steady(name, 0));
            }
        }
        add("only strangers come, and nothing stalls",
            night,
            {{"OaStreamRefused", selected_labels(options_)}});
    }

    void handshakes() {
        const auto refused = [&](double share) {
            std::vector<Series> out;
            out.reserve(telemetry::k_compat_codes.size() + 1);
            for (const std::string_view code : telemetry::k_compat_codes) {
                out.push_back(steady(rejected(code), turns_ * share));
            }
            out.push_back(
                steady(requests(k_case_routes.front(), "426"), turns_ * share * k_code_count)
            );
            return out;
        };
        std::vector<Expected> all;
        all.reserve(telemetry::k_compat_codes.size());
        for (const std::string_view code : telemetry::k_compat_codes) {
            all.push_back({alert_name(code), {{"code", std::string(code)}}});
        }
        add("many handshakes are refused, with every code", refused(0.2), all);
        add("few handshakes are refused", refused(0.03), {});
    }

    void terminals() {
        const auto ending = [&](double times) { // each class ends `times` times its limit
            std::vector<Series> out;
            double completed = 1;
            for (const telemetry::TerminalRow& row : watched()) {
                const double share = std::stod(std::string(row.alert_share)) * times;
                completed -= share;
                for (const auto& route : k_case_routes) {
                    out.push_back(steady(ended(row.word, route.pattern), turns_ * share));
                }
            }
            for (const auto& route : k_case_routes) {
                out.push_back(steady(ended("completed", route.pattern), turns_ * completed));
            }
            return out;
        };
        std::vector<Expected> all;
        for (const telemetry::TerminalRow& row : watched()) {
            all.push_back({alert_name(row.word), {{"class", std::string(row.word)}}});
        }
        add("too many turns end badly, in every class", ending(1.75), all);
        add("some turns end badly", ending(0.5), {});
    }

    void absences() {
        std::vector<Series> gone;
        for (const auto& route : k_case_routes) {
            gone.push_back({accepted(route.pattern), {}});
            gone.push_back({requests(route, "200"), {}});
            gone.push_back({requests(route, "500"), {}});
        }
        add("no lane reports anything about turns",
            gone,
            {{"OaStreamBridgeAbsent", selected({})},
             {"OaStreamRequestsAbsent", selected({{"method", "POST"}})}});
    }

    /// Adds the labels that the selector matches by equality, as absent() does.
    [[nodiscard]] Labels selected(Labels out) const {
        const Labels more = selected_labels(options_);
        out.insert(out.end(), more.begin(), more.end());
        return out;
    }

    const AlertOptions& options_;
    double turns_;
    std::vector<Case> cases_{};
};

// Seven and a half hours; the traffic changes in the last half hour. Promtool looks every quarter
// of an hour, so a rate over 10 minutes has changed fully at the last two looks.
constexpr int k_bridge_minutes = 450;
constexpr int k_bridge_change = 30;
constexpr int k_bridge_step = 2;

std::vector<Case> bridge_cases(const AlertOptions& options) {
    const double turns = turns_per_minute(options);
    const auto changed =
        [&](std::string name, double times, double asked, std::vector<Expected> firing) {
            Case out{
                .name = std::move(name),
                .minutes = k_bridge_minutes,
                .step = k_bridge_step,
                .firing = std::move(firing)
            };
            const int before = k_bridge_minutes - k_bridge_change;
            for (const auto& route : k_case_routes) {
                out.changes.push_back(
                    {accepted(route.pattern), {{turns, before}, {turns * times, k_bridge_change}}}
                );
                out.changes.push_back(
                    {requests(route, "200"), {{turns, before}, {turns * asked, k_bridge_change}}}
                );
                out.changes.push_back(
                    {ended("completed", route.pattern),
                     {{turns, before}, {turns * times, k_bridge_change}}}
                );
            }
            return out;
        };
    return {
        changed("a fifth of the turns is accepted", 0.2, 0.2, {{"OaStreamBridgeDrop", {}}}),
        changed("seven tenths are not a drop", 0.7, 0.7, {}),
        changed("five times as many turns are accepted", 5, 5, {{"OaStreamBridgeSpike", {}}}),
        changed("twice as many are not a spike", 2, 2, {}),
        changed("requests come and none is accepted", 0, 1, {{"OaStreamBridgeStalled", {}}}),
        changed("no requests arrive any more", 0, 0, {{"OaStreamBridgeDrop", {}}}),
        {.name = "a young lane has no baseline", .minutes = 60},
    };
}

// Three days plus one look. Looks are 50 minutes apart, so a burn of 110 minutes fills a window of
// an hour at the last two looks; every look costs promtool three days of samples.
constexpr int k_burn_minutes = 3 * 1440 + 30;
constexpr int k_burn_step = 2;

/// `share` of all requests fail for the last `minutes`, until `quiet` minutes before the end.
Case burn_case(
    const AlertOptions& options,
    std::string name,
    double share,
    int minutes,
    int quiet,
    std::vector<Expected> firing
) {
    Case out{
        .name = std::move(name),
        .minutes = k_burn_minutes,
        .step = k_burn_step,
        .firing = std::move(firing)
    };
    const double turns = turns_per_minute(options);
    const int before = k_burn_minutes - minutes - quiet;
    for (const auto& route : k_case_routes) {
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

/// One bad request in an hour with thirty requests: the ratios exceed every limit, including those
/// of the long windows at the last two looks.
Case night(const AlertOptions& options) {
    Case out{
        .name = "one bad request at night is below the floor", .minutes = 150, .step = k_burn_step
    };
    const double each = 0.25 * static_cast<double>(options.least_bad) / 5;
    for (const auto& route : k_case_routes) {
        out.changes.push_back({requests(route, "200"), {{each, 150}}});
        out.changes.push_back({ended("completed", route.pattern), {{each, 150}}});
    }
    out.changes.push_back({ended("codex_error", k_route), {{0, 98}, {0.5, 2}, {0, 50}}});
    return out;
}

std::vector<Case> burn_cases(const AlertOptions& options) {
    const auto share = [&](const BurnPair& pair) { return burn_share(pair, options); };
    const auto& [hour, six_hours, day, three_days] = k_burn_pairs;
    // Three looks, and as many as an alert keeps firing.
    const auto kept = (options.keep + std::chrono::minutes(49)) / std::chrono::minutes(50);
    const int quiet = 50 * (3 + static_cast<int>(kept));
    // Longer than the window by nearly a look or more, so that the window was also full at the
    // previous look.
    std::vector<Case> out{
        burn_case(options, "an hour of fast burning", share(hour), 110, 0, {burns(hour)}),
        burn_case(options, "fast burning that has ended", share(hour), 110, quiet, {}),
        burn_case(options, "six hours of burning", share(six_hours), 390, 0, {burns(six_hours)}),
        burn_case(
            options, "a day of burning", share(day), 1470, 0, {burns(day), burns(three_days)}
        ),
        burn_case(
            options, "three days of slow burning", share(three_days), 4350, 0, {burns(three_days)}
        ),
    };
    if (options.least_bad > 1) {
        out.push_back(night(options));
    }
    return out;
}

} // namespace

double turns_per_minute(const AlertOptions& options) {
    const auto least_bad = static_cast<double>(options.least_bad);
    // Sets the strictest floor: the bad requests of five minutes of the fastest burn, with a
    // margin.
    constexpr double k_short_minutes = 5;
    constexpr double k_room = 2;
    const double in_short =
        burn_share(k_burn_pairs[0], options) * k_short_minutes * k_case_routes.size();
    return std::max(
        {60.0,
         4 * least_bad,
         static_cast<double>(options.least_total),
         std::ceil(k_room * least_bad / in_short)}
    );
}

Labels selected_labels(const AlertOptions& options) {
    Labels out;
    const auto matchers = parse_matchers(options.matchers); // alert_rules() has validated them
    for (const Matcher& one : matchers ? *matchers : std::vector<Matcher>{}) {
        if (one.op == "=") {
            out.emplace_back(one.name, one.value);
        }
    }
    return out;
}

std::vector<Series> healthy(const AlertOptions& options, int minutes) {
    std::vector<Series> out;
    const double turns = turns_per_minute(options);
    const auto steady = [&](std::string name, double per_minute) {
        out.push_back({std::move(name), {{per_minute, minutes}}});
    };
    for (const auto& route : k_case_routes) {
        steady(requests(route, "200"), turns);
        steady(requests(route, "500"), 0);
        steady(accepted(route.pattern), turns);
        steady(ended("completed", route.pattern), turns);
        for (const telemetry::TerminalRow& row : watched()) {
            steady(ended(row.word, route.pattern), 0);
        }
    }
    for (const std::string_view code : telemetry::k_compat_codes) {
        steady(rejected(code), 0);
    }
    std::ranges::move(healthy_latency(options, turns, minutes), std::back_inserter(out));
    std::ranges::move(healthy_process(minutes), std::back_inserter(out));
    std::ranges::move(healthy_services(minutes), std::back_inserter(out));
    return out;
}

std::vector<CaseFile> cases(const AlertOptions& options) {
    constexpr std::string_view k_not_burning = R"(alertname!~"OaStreamBudgetBurn.*")";
    return {
        {"oa-stream.test.yml", "5m", std::string(k_not_burning), Short(options).all()},
        {"oa-stream-bridge.test.yml", "15m", std::string(k_not_burning), bridge_cases(options)},
        {"oa-stream-burn.test.yml",
         "50m",
         R"(alertname=~"OaStreamBudgetBurn.*")",
         burn_cases(options)},
    };
}

} // namespace oa_stream::measure::alerts

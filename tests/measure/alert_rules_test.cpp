// What the files say; that Prometheus agrees is tested with the real promtool (tests/e2e).
#include "oa_stream/measure/alert_rules.hpp"
#include "oa_stream/measure/service_signals.hpp"

#include <catch2/catch.hpp>

#include <array>
#include <chrono>
#include <regex>
#include <set>

using namespace oa_stream;
using namespace oa_stream::measure;

namespace {

std::string text_of(const std::vector<TextFile>& files, std::string_view name) {
    for (const TextFile& file : files) {
        if (file.name == name) {
            return file.text;
        }
    }
    return {};
}

std::set<std::string> found(const std::string& text, const char* pattern) {
    std::set<std::string> out;
    const std::regex regex(pattern);
    for (std::sregex_iterator at(text.begin(), text.end(), regex), end; at != end; ++at) {
        out.insert((*at)[1].str());
    }
    return out;
}

} // namespace

TEST_CASE("alert rules: every class of the runbook has its alert") {
    const auto files = alert_rules({});
    REQUIRE(files.has_value());
    const std::string rules = text_of(*files, "oa-stream.rules.yml");
    for (const char* word :
         {"code=\"invalid_client_build\"",
          "code=\"unsupported_protocol_version\"",
          "code=\"unsupported_schema_version\"",
          "code=\"upgrade_required\"",
          "code=\"unsupported_client_build\"",
          "class=\"turn_failed\"",
          "class=\"turn_aborted\"",
          "class=\"turn_interrupted\"",
          "class=\"codex_error\"",
          "class=\"adapter_preview_unavailable\"",
          "OaStream5xxHigh",
          "OaStreamFirstContentP95High",
          "OaStreamDurationP95High",
          "OaStreamBridgeDrop",
          "OaStreamBridgeSpike",
          "OaStreamBridgeStalled",
          "OaStreamBridgeAbsent"}) {
        CAPTURE(word);
        CHECK(rules.find(word) != std::string::npos);
    }
}

TEST_CASE("alert rules: those of ratios go on firing for a while, so that chance ends none") {
    const auto rules_for = [](std::chrono::milliseconds keep) {
        return text_of(*alert_rules({.keep = keep}), "oa-stream.rules.yml");
    };
    constexpr const char* k_kept =
        "alert: \"([A-Za-z0-9]+)\"\n(?: {8}.*\n){2,7}? {8}keep_firing_for: ";
    const auto kept = found(rules_for(std::chrono::minutes(15)), k_kept);
    CHECK(kept.contains("OaStreamBudgetBurn1h"));
    CHECK(kept.contains("OaStream5xxHigh"));
    // A cause that goes on firing would silence pages of other faults.
    CHECK_FALSE(kept.contains("OaStreamRequestsAbsent"));
    CHECK_FALSE(kept.contains("OaStreamCodexDown"));
    CHECK(rules_for(std::chrono::minutes(15)).contains("keep_firing_for: 15m\n"));
    CHECK(rules_for(std::chrono::seconds(90)).contains("keep_firing_for: 90s\n"));
    CHECK_FALSE(rules_for({}).contains("keep_firing_for")); // Prometheus before 2.42
}

TEST_CASE("alert rules: every alert fires in a case, and every recorded series is used") {
    const auto files = alert_rules({});
    REQUIRE(files.has_value());
    const std::string rules = text_of(*files, "oa-stream.rules.yml");
    std::string tests;
    for (const TextFile& file : *files) {
        tests += file.name.ends_with(".test.yml") ? file.text : "";
    }
    const auto alerts = found(rules, "alert: \"([A-Za-z0-9]+)\"");
    CHECK(alerts.size() == 44);
    CHECK(
        found(
            tests, "expr: \"ALERTS\\{alertstate=.{2}firing.{3}alertname=.{2}(OaStream[A-Za-z0-9]+)"
        ) == alerts
    );
    for (const std::string& name : found(rules, "record: \"([a-z0-9_:]+)\"")) {
        CAPTURE(name);
        const auto first = rules.find(name);
        CHECK(rules.find(name, first + name.size()) != std::string::npos);
    }
}

TEST_CASE("alert rules: durations are those of whole turns, and of an earlier lane's requests") {
    const auto files = alert_rules({});
    REQUIRE(files.has_value());
    const std::string rules = text_of(*files, "oa-stream.rules.yml");
    for (const std::string part : {"count", "bucket"}) {
        CAPTURE(part);
        const auto turns = rules.find("increase(oa_stream_turn_duration_seconds_" + part);
        const auto earlier = rules.find("increase(oa_stream_http_request_duration_seconds_" + part);
        REQUIRE(turns != std::string::npos);
        REQUIRE(earlier != std::string::npos);
        // The right side of `or` has the series that the left side has not.
        CHECK(turns < earlier);
        const std::string between = rules.substr(turns, earlier - turns);
        CHECK(between.contains(
            "[10m])) unless (oa_stream_http_request_duration_seconds_" + part + "{"
        ));
        CHECK_FALSE(between.contains('\n'));
    }
    // Quick resumes and refusals hide no slow turn: the cases have ten requests a turn.
    const std::string cases = text_of(*files, "oa-stream.test.yml");
    CHECK(cases.contains("one in ten is above the bounds of a route, beside many quick resumes"));
    CHECK(cases.contains("one request in ten of an earlier lane is above the bound"));
    CHECK(cases.contains("a lane went back to an earlier version"));
}

TEST_CASE("alert rules: a bound without a point is also read as Prometheus 3 stores it") {
    const auto files = alert_rules({});
    REQUIRE(files.has_value());
    const std::string rules = text_of(*files, "oa-stream.rules.yml");
    CHECK(
        found(rules, R"re((le=[^,}]*))re") ==
        std::set<std::string>{R"(le="2.5")", R"(le=~"30|30[.]0")"}
    );
    const std::string cases = text_of(*files, "oa-stream.test.yml");
    CHECK(cases.contains(R"(le=\"30.0\")"));
}

TEST_CASE("alert rules: a counter of a case goes on from where it was when its rate changes") {
    const auto files = alert_rules({});
    REQUIRE(files.has_value());
    std::set<std::string> counters;
    for (const TextFile& file : *files) {
        counters.merge(found(file.text, R"re(values: "(0 [^"]*x[^"]* [^"]*)")re"));
    }
    CHECK_FALSE(counters.empty());
    const std::regex piece(R"(([0-9.]+)\+([0-9.]+)x([0-9]+))");
    for (const std::string& values : counters) {
        CAPTURE(values);
        double at = 0;
        for (std::sregex_iterator next(values.begin(), values.end(), piece), end; next != end;
             ++next) {
            const double rise = std::stod((*next)[2]);
            REQUIRE(std::stod((*next)[1]) == Approx(at + rise));
            at += rise * (std::stod((*next)[3]) + 1);
        }
    }
}

TEST_CASE("alert rules: every alert says what is wrong and what to type, and only of its own") {
    const auto files = alert_rules({});
    REQUIRE(files.has_value());
    const std::string rules = text_of(*files, "oa-stream.rules.yml");
    constexpr std::string_view k_alert = "- alert: ";
    std::size_t alerts = 0;
    for (auto at = rules.find(k_alert); at != std::string::npos; at = rules.find(k_alert, at + 1)) {
        ++alerts;
        const std::string rule = rules.substr(at, rules.find("\n      - ", at) - at);
        CAPTURE(rule);
        CHECK(rule.contains(", tier: \""));
        CHECK(rule.contains("next: \"oa-stream "));
        CHECK_FALSE(rule.contains("description: \"\""));
        CHECK(rule.contains("refused with {{ $labels.code }}") == rule.contains("{code=\""));
    }
    CHECK(alerts == alert_names().size());
}

TEST_CASE("alert rules: who has most of what is bad is asked for the routes that the alert counts"
) {
    const auto files = alert_rules({});
    REQUIRE(files.has_value());
    const std::string rules = text_of(*files, "oa-stream.rules.yml");
    const auto query_of = [&](std::string_view alert) {
        const auto at = rules.find(alert, rules.find("alert: \"" + std::string(alert)));
        const auto from = rules.find("range query", at);
        return rules.substr(from, rules.find("Most of it:", from) - from);
    };
    const std::string refused = query_of("OaStream5xxHigh");
    CHECK(refused.contains(R"(status=~\\\"5..\\\",route=\\\"\" $labels.route \"\\\")"));
    CHECK_FALSE(refused.contains("/api/chat/stream"));
    for (const auto* alert : {"OaStreamBridgeStalled", "OaStreamCodexError"}) {
        CAPTURE(alert);
        CHECK(query_of(alert).contains(R"(route=~\\\"/api/chat/stream|)"));
    }
}

TEST_CASE("alert rules: the command to type judges as the rules do") {
    const auto next_of = [](const AlertOptions& options, const std::string& alert) {
        const std::string rules = text_of(*alert_rules(options), "oa-stream.rules.yml");
        const auto from = rules.find("next: \"", rules.find("alert: \"" + alert + "\"")) + 7;
        return rules.substr(from, rules.find("\", runbook_url", from) - from);
    };
    const std::string here = "--prometheus '{{ $externalURL }}'";
    CHECK(next_of({}, "OaStreamBudgetBurn1h") == "oa-stream slo status " + here);
    const AlertOptions strict{
        .objective = {9999, 10'000}, .least_bad = 2, .least_total = 5, .include_probes = true
    };
    const std::string probes = " --include-probes";
    CHECK(
        next_of(strict, "OaStreamBudgetBurn1h") ==
        "oa-stream slo status " + here + probes + " --objective 99.99% --min-bad 2 --min-total 5"
    );
    CHECK(next_of(strict, "OaStreamTargetDown") == "oa-stream watch " + here + probes + " --once");
    for (const char* alert : {"OaStreamCodexError", "OaStreamFirstContentP95High"}) {
        CHECK(next_of(strict, alert).contains(here + probes));
    }
}

TEST_CASE("alert rules: a burning budget names who has most of all that is bad, in its window") {
    const auto files = alert_rules({});
    REQUIRE(files.has_value());
    const std::string rules = text_of(*files, "oa-stream.rules.yml");
    for (const std::string window : {"1h", "6h", "1d", "3d"}) {
        CAPTURE(window);
        const auto alert = rules.find("alert: \"OaStreamBudgetBurn" + window + "\"");
        REQUIRE(alert != std::string::npos);
        const auto from = rules.find("Most of it:", alert);
        const auto query = rules.rfind("range query", from);
        REQUIRE(query > alert);
        const std::string text = rules.substr(query, from - query);
        CHECK(text.contains("oa_stream_terminal_total"));
        CHECK(text.contains("turn_failed"));
        CHECK(text.contains("oa_stream_http_requests_total"));
        CHECK(text.contains("[" + window + "]"));
        CHECK_FALSE(text.contains("[10m]"));
    }
}

TEST_CASE("alert rules: a budget that burns pages within minutes, and is a ticket after a while") {
    const auto files = alert_rules({});
    REQUIRE(files.has_value());
    const std::string rules = text_of(*files, "oa-stream.rules.yml");
    const std::regex burns(
        R"re(alert: "OaStreamBudgetBurn[^]*?\n *for: (\d+m)\n[^]*?severity: "(\w+)")re"
    );
    std::set<std::string> seen;
    for (std::sregex_iterator at(rules.begin(), rules.end(), burns), end; at != end; ++at) {
        CHECK((*at)[1] == ((*at)[2] == "page" ? "2m" : "15m"));
        seen.insert((*at)[2]);
    }
    CHECK(seen == std::set<std::string>{"page", "ticket"});
}

TEST_CASE("alert rules: a burn rate that no error rate can exceed is refused") {
    const auto refused = alert_rules({.objective = {90, 100}});
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().code == Code::config);
    CHECK(refused.error().hint == "a factor below 10");
    CHECK(alert_rules({.objective = {94, 100}}).has_value());
    CHECK_FALSE(alert_rules({.objective = {1, 1}}).has_value());
    CHECK_FALSE(alert_rules({.objective = {2, 1}}).has_value());
}

TEST_CASE("alert rules: an objective that single requests burn is refused") {
    CHECK(alert_rules({.objective = {99'999, 100'000}}).has_value());
    const auto refused = alert_rules({.objective = {999'991, 1'000'000}});
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().message.contains("burnt by single requests"));
}

TEST_CASE("alert rules: what Prometheus would read as a template is refused, and a second fragment"
) {
    for (const char* address :
         {"https://wiki.example/?d={{ d }}", "https://wiki.example/a#alerts"}) {
        CAPTURE(address);
        const auto rules = alert_rules({.runbook = address});
        REQUIRE_FALSE(rules.has_value());
        CHECK(rules.error().code == Code::usage);
    }
    const auto rules = alert_rules({.matchers = R"(cluster="{{ $x }}")"});
    REQUIRE_FALSE(rules.has_value());
    CHECK(rules.error().text().contains("as a template"));
    CHECK(alert_rules({.runbook = "https://wiki.example/?a=b&c={d}", .matchers = R"(a="}}`")"})
              .has_value());
}

TEST_CASE("alert rules: floors, bounds and matchers reach every selector") {
    const auto files = alert_rules(
        {.first_content = "5",
         .least_bad = 7,
         .least_total = 70,
         .matchers = R"(job="lane",env="a")"}
    );
    REQUIRE(files.has_value());
    // The queries of descriptions are texts in texts: their quotes are escaped.
    const std::string rules = std::regex_replace(
        text_of(*files, "oa-stream.rules.yml"), std::regex(R"(\n *annotations:.*)"), ""
    );
    CHECK(rules.find(">= 7\n") != std::string::npos);
    CHECK(rules.find(">= 70\n") != std::string::npos);
    CHECK(rules.find("le=~\"5|5[.]0\"") != std::string::npos);
    CHECK(found(rules, "(oa_stream_[a-z_0-9]+(?!\\{)[\\[)])").empty());
    const char* inside = R"re(oa_stream_[a-z_0-9]+\{((?:[^}"]|"[^"]*")*)\})re"; // "[}]" in values
    for (const std::string& selector : found(rules, inside)) {
        CHECK(selector.ends_with(R"(env="a")"));
    }
    // node_exporter, which collects what runs leave, is another job.
    const char* lane = R"re((oa_stream_[a-z_0-9]+)\{(?:[^}"]|"[^"]*")*job="lane")re";
    CHECK_FALSE(found(rules, lane).contains("oa_stream_run_exit_code"));
    CHECK(found(rules, "(oa_stream_run_[a-z_]+)\\{").size() == 3);
    const char* others = R"re((oa_stream_(?!run_)[a-z_0-9]+)\{(?:[^}"]|"[^"]*")*,env="a"\})re";
    CHECK(found(rules, others) == found(rules, lane));
}

TEST_CASE("alert rules: a run that nobody settled silences nothing else") {
    const auto files = alert_rules({});
    REQUIRE(files.has_value());
    const std::string routes = text_of(*files, "oa-stream.alertmanager.yml");
    CHECK(routes.contains("  # OaStreamCodexDown\n"));
    CHECK_FALSE(routes.contains("  # OaStreamRunUnverified\n"));
}

TEST_CASE("alert rules: counters take in what a new process had before its first scrape") {
    const auto files = alert_rules({.matchers = "job=\"lane\""});
    REQUIRE(files.has_value());
    const std::string rules = text_of(*files, "oa-stream.rules.yml");
    CHECK(rules.contains(
        "last_over_time(oa_stream_process_start_time_seconds{job=\"lane\"}[10m]) >= time() - 600"
    ));
    CHECK(rules.contains("[6h]) >= time() - 21600"));
    CHECK_FALSE(rules.contains("[3d]) >= time()")); // a hundred thousand scrapes for so little
}

TEST_CASE("service signals: what is down, rises or is too high, by a process' own numbers") {
    const SeriesMap healthy{
        {SeriesId{"oa_stream_store_up", {}}, 1},
        {SeriesId{"oa_stream_store_memory_ratio", {}}, 0.8},
        {SeriesId{"oa_stream_worker_lag_events", {}}, 250},
    };
    const auto fenced = [](std::string where, double rise) {
        return std::pair{SeriesId{"oa_stream_fenced_total", {{"where", std::move(where)}}}, rise};
    };
    CHECK(service_faults("a", healthy, {fenced("append", 0)}).empty());
    const SeriesMap ill{
        {SeriesId{"oa_stream_store_up", {}}, 0},
        {SeriesId{"oa_stream_store_memory_ratio", {}}, 0.87},
    };
    const auto faults = service_faults("a:1", ill, {fenced("append", 1), fenced("end", 2)});
    REQUIRE(faults.size() == 3);
    CHECK(faults[0].text() == "a:1: the store is not fully usable (oa_stream_store_up 0)");
    CHECK(faults[1].text() == "a:1: the store is nearly full (oa_stream_store_memory_ratio 0.87)");
    CHECK(faults[2].signal->alert == "OaStreamTurnsFenced");
    CHECK(faults[2].value == 3);
    CHECK_FALSE(faults[2].signal->pages);
    CHECK(service_faults("a", {}, {}).empty()); // a lane on another authority has none of them
}

TEST_CASE("service signals: each Codex server that is away is a fault of its own") {
    const auto server = [](std::string number, double up) {
        return std::pair{
            SeriesId{"oa_stream_codex_server_up", {{"server", std::move(number)}}}, up
        };
    };
    const SeriesMap healthy{
        {SeriesId{"oa_stream_codex_up", {}}, 2}, server("0", 1), server("7", 1)
    };
    CHECK(service_faults("a", healthy, {}).empty());
    const SeriesMap one_away{
        {SeriesId{"oa_stream_codex_up", {}}, 1}, server("0", 1), server("7", 0)
    };
    const auto faults = service_faults("a:1", one_away, {});
    REQUIRE(faults.size() == 1);
    CHECK(faults[0].signal->alert == "OaStreamCodexServerDown");
    CHECK(
        faults[0].text() ==
        "a:1: a Codex server is not ready (oa_stream_codex_server_up{server=\"7\"} 0)"
    );
    CHECK(service_faults("a:1", {server("0", 0), server("7", 0)}, {}).size() == 2);
}

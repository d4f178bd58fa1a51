// One history through every reader that does not query a Prometheus: the same two integers from
// all.
#include "oa_stream/incident/timeline.hpp"
#include "oa_stream/lane/access_log.hpp"
#include "oa_stream/lane/metrics.hpp"
#include "oa_stream/measure/lane_numbers.hpp"
#include "oa_stream/measure/processes.hpp"

#include "access_log/rig.hpp"

using namespace oa_stream;
using test::log_time;

namespace {

struct Asked {
    std::string_view route;
    std::string_view method;
    int status;
    std::optional<telemetry::TerminalClass> terminal;
    bool bad; ///< by the tables of docs/slo.md, written down by hand
    bool counts = true;
    bool probe = false;
};

std::vector<Asked> history() {
    using enum telemetry::TerminalClass;
    constexpr std::string_view k_chat = "/api/chat/stream";
    constexpr std::string_view k_default = "/api/chat";
    constexpr std::string_view k_named = "/api/chats/{conversationId}/stream";
    constexpr std::string_view k_completions = "/v1/chat/completions";
    return {
        {k_chat, "POST", 200, completed, false},
        {k_default, "POST", 200, turn_failed, true},
        {k_named, "POST", 200, turn_aborted, true},
        {k_named, "GET", 200, std::nullopt, false, false}, // a resume
        {k_named, "POST", 200, turn_interrupted, false},
        {k_chat, "POST", 200, codex_error, true},
        {k_chat, "POST", 200, adapter_preview_unavailable, true},
        {k_chat, "POST", 200, client_gone, false},
        {k_chat, "POST", 426, std::nullopt, false},
        {k_chat, "POST", 429, std::nullopt, false},
        {k_chat, "POST", 503, std::nullopt, true},
        {k_default, "POST", 400, std::nullopt, false},
        {k_completions, "POST", 200, completed, false},
        {k_completions, "POST", 200, turn_failed, true}, // streamed
        {k_completions, "POST", 502, turn_failed, true}, // not streamed: in two counters
        {k_completions, "POST", 400, turn_failed, true}, // accepted, and failed
        {k_completions, "POST", 499, client_gone, false},
        {k_completions, "POST", 504, std::nullopt, true},
        {"/healthz", "GET", 503, std::nullopt, false, false},
        {"/api/chats", "POST", 501, std::nullopt, false, false},
        {k_chat, "POST", 200, codex_error, false, false, true},
        {k_chat, "POST", 503, std::nullopt, false, false, true},
        {k_completions, "POST", 502, turn_failed, false, false, true},
    };
}

lane::RequestRecord record_of(const Asked& asked, int at) {
    lane::RequestRecord out;
    out.time = log_time(at);
    out.request_id = fmt::format("req_{}", at);
    out.route = asked.route;
    out.method = asked.method;
    out.status = asked.status;
    out.probe = asked.probe ? "smoke" : "";
    out.lane = asked.route.starts_with("/v1") ? "native" : "compat";
    out.terminal = asked.terminal;
    out.accepted_s = asked.terminal ? 0.01 : -1;
    out.end_s = 0.1;
    return out;
}

measure::Counts counts_of(const incident::Timeline& timeline) {
    measure::Counts out;
    for (const incident::TimelineEvent& event : timeline.events) {
        out.total += event.bad_turn ? 1 : 0;
        out.bad += event.bad_turn.value_or(false) ? 1 : 0;
    }
    return out;
}

/// What the metrics of a lane count when some of one metric, if any, are not reported.
auto without(std::string_view metric = {}, std::string_view label = {}, std::string value = {}) {
    auto series = measure::parse_exposition(lane::Metrics("rev-a", "1").text());
    REQUIRE(series.has_value());
    std::erase_if(*series, [&](const auto& one) {
        return one.first.name == metric && one.first.label(label) == value;
    });
    return measure::turn_counts(*series);
}

} // namespace

TEST_CASE("one number: metrics, access log and timeline count one history alike") {
    const auto asked = history();
    measure::Counts truth;
    lane::Metrics metrics("rev-a", "1");
    std::string json;
    std::string logfmt;
    int at = 0;
    for (const Asked& one : asked) {
        truth.total += one.counts ? 1 : 0;
        truth.bad += one.bad ? 1 : 0;
        const auto record = record_of(one, ++at);
        if (one.terminal) {
            lane::TurnOutcome outcome;
            outcome.route = one.route;
            outcome.terminal = *one.terminal;
            outcome.probe = one.probe;
            metrics.turn_ended(outcome);
        }
        metrics.request_done(record);
        const auto line = lane::access_line(record, "rev-a", lane::LogFormat::json);
        json += line + "\n";
        logfmt += lane::access_line(record, "rev-a", lane::LogFormat::logfmt) + "\n";
    }
    REQUIRE(truth == measure::Counts{9, 17});

    const auto series = measure::parse_exposition(metrics.text());
    REQUIRE(series.has_value());
    const auto probes = measure::turn_counts(measure::merged_series(*series, true));
    CHECK(probes.total == static_cast<double>(truth.total + 3));
    CHECK(probes.bad == static_cast<double>(truth.bad + 3));
    const auto scraped = measure::turn_counts(measure::merged_series(*series, false));
    CHECK(measure::turn_counts(*series).bad == scraped.bad);
    CHECK(scraped.missing.empty());
    CHECK(scraped.bad == static_cast<double>(truth.bad));
    CHECK(scraped.total == static_cast<double>(truth.total));

    for (const std::string& text : {json, logfmt}) {
        test::LogRig rig;
        rig.append(text + text); // as a shipper that delivers twice leaves it
        CHECK(rig.ask(0, 100).tally.requests == truth);
        const auto log = incident::log_timeline(rig.log(), "access.log", Redactor{});
        REQUIRE(log.has_value());
        CHECK(counts_of(incident::merge({*log})) == truth);
    }
}

TEST_CASE("one number: metrics and access log take the same requests for whole turns") {
    using enum telemetry::TerminalClass;
    std::vector<lane::RequestRecord> asked;
    for (const Asked& one : history()) {
        asked.push_back(record_of(one, static_cast<int>(asked.size())));
        asked.push_back(asked.back());
        asked.back().reader = lane::ReaderEnd::client_gone;
        asked.push_back(asked.back());
        asked.back().reader = lane::ReaderEnd::finished;
    }
    asked.push_back(record_of({"/api/chat", "POST", 500, completed, true}, 0));
    asked.push_back(record_of({"/api/chat", "POST", 200, completed, false}, 0));
    asked.back().left = true;
    asked.back().terminal.reset();
    lane::Metrics metrics("rev-a", "1");
    std::string log;
    for (std::size_t i = 0; i < asked.size(); ++i) {
        asked[i].request_id = fmt::format("req_{}", i);
        metrics.request_done(asked[i]);
        log += lane::access_line(asked[i], "rev-a", lane::LogFormat::json) + "\n";
    }
    const auto series = measure::parse_exposition(metrics.text());
    REQUIRE(series.has_value());
    double timed = 0;
    for (const auto& [id, value] : *series) {
        const bool whole = id.name == "oa_stream_turn_duration_seconds_count";
        timed += whole && id.label("probe").empty() ? value : 0;
    }
    test::LogRig rig;
    rig.append(log);
    const auto read = rig.ask(0, 100, {.timing = measure::Timing::duration});
    CHECK(read.tally.timed() == 4); // two that completed, each not streamed and read to its end
    CHECK(timed == 4);
}

TEST_CASE("one number: gate and timeline agree on what is repeated, lost or damaged") {
    const std::string good = test::LogLine{.began_s = 1}.text();
    const std::string lost = R"({"ts":"2026-11-20T10:00:03.000Z","event":"request","lost":500})"
                             "\n";
    const std::string flat = lane::access_line(
        record_of({"/api/chat", "POST", 503, {}, true}, 4), "r", lane::LogFormat::logfmt
    );
    const std::string large = R"({"user_agent":")" + std::string(64U << 10U, 'x') + R"(",)";
    struct Row {
        const char* name;
        std::string log;
        measure::Counts requests;
        std::uint64_t doubt;
        std::uint64_t repeated;
    };
    const std::array rows{
        Row{"a space before one", " " + test::LogLine{.began_s = 2}.text(), {0, 1}, 1, 0},
        Row{"lost lines twice", lost + lost, {0, 1}, 500, 1},
        Row{"longer than a line may be",
            large + test::LogLine{.began_s = 2}.text().substr(1),
            {0, 1},
            1,
            0},
        Row{"NUL bytes before one", std::string(3, '\0') + flat + "\r\n", {1, 2}, 0, 0},
        Row{"all of it", " " + good + lost + lost + good, {0, 1}, 501, 2},
    };
    for (const Row& row : rows) {
        CAPTURE(row.name);
        test::LogRig rig;
        rig.append(good + row.log);
        const auto gate = rig.ask(0, 100);
        CHECK(gate.tally.requests == row.requests);
        CHECK(gate.unread == static_cast<double>(row.doubt));
        const std::string repeats = fmt::format("{} line", row.repeated);
        CHECK(
            (!gate.notes.empty() && gate.notes.back().starts_with(repeats)) == (row.repeated > 0)
        );
        const auto log = incident::log_timeline(rig.log(), "access.log", Redactor{});
        REQUIRE(log.has_value());
        const auto timeline = incident::merge({*log});
        CHECK(counts_of(timeline) == row.requests);
        std::uint64_t doubt = timeline.damaged;
        for (const incident::TimelineEvent& event : timeline.events) {
            doubt += event.lost;
        }
        CHECK(doubt == row.doubt);
        CHECK(timeline.repeated == row.repeated);
    }
}

TEST_CASE("one number: a last line without its end may lack some, unless it is JSON") {
    for (const bool json : {true, false}) {
        CAPTURE(json);
        const auto format = json ? lane::LogFormat::json : lane::LogFormat::logfmt;
        const auto line = [&](int at) {
            return lane::access_line(
                record_of({"/api/chat", "POST", 503, {}, true}, at), "r", format
            );
        };
        test::LogRig rig;
        rig.append(line(1) + "\n" + line(2));
        const measure::Counts want = json ? measure::Counts{2, 2} : measure::Counts{1, 1};
        const auto gate = rig.ask(0, 100);
        CHECK(gate.tally.requests == want);
        CHECK(gate.unread == (json ? 0 : 1));
        const auto log = incident::log_timeline(rig.log(), "access.log", Redactor{});
        REQUIRE(log.has_value());
        CHECK(counts_of(*log) == want);
        CHECK(log->damaged == (json ? 0 : 1));
    }
}

TEST_CASE("one number: each status, class and route of a lane that is not reported is missing") {
    using Words = std::set<std::string>;
    CHECK(without().missing.empty());
    CHECK(without("oa_stream_http_requests_total", "status", "502").missing == Words{"status 502"});
    CHECK(
        without("oa_stream_http_requests_total", "route", "/api/chat").missing ==
        Words{"requests on /api/chat", "http_5xx on /api/chat"}
    );
    CHECK(
        without("oa_stream_terminal_total", "class", "codex_error").missing == Words{"codex_error"}
    );
    CHECK(
        without("oa_stream_terminal_total", "route", "/api/chat").missing ==
        Words{"terminal_error on /api/chat"}
    );
    CHECK(without("oa_stream_terminal_total", "class", "completed").missing.empty());
}

TEST_CASE("one number: failures that may count twice are missing, and proven once") {
    const auto counts = [](double failed_5xx, double failed, std::string_view dropped) {
        auto series = measure::parse_exposition(lane::Metrics("rev-a", "1").text());
        REQUIRE(series.has_value());
        for (auto& [id, value] : *series) {
            const bool completions = id.label("route") == "/v1/chat/completions";
            value = completions && id.label("status") == "502"          ? failed_5xx
                    : completions && id.label("class") == "codex_error" ? failed
                    : completions && id.name == "oa_stream_terminal_5xx_total"
                        ? std::min(failed_5xx, failed)
                        : value;
        }
        std::erase_if(*series, [&](const auto& one) {
            return one.first.name == "oa_stream_terminal_5xx_total" &&
                   (dropped == "all" || one.first.label("route") == dropped);
        });
        return measure::turn_counts(*series);
    };
    using Words = std::set<std::string>;
    const Words word{"failed turns answered 5xx"};
    CHECK(counts(20, 25, "").bad == 25);
    CHECK(counts(20, 25, "").missing.empty());
    for (const std::string_view dropped : {"all", "/v1/chat/completions"}) {
        CHECK(counts(20, 25, dropped).bad == 25); // 25 to 45
        CHECK(counts(20, 25, dropped).missing == word);
        // Lanes of an earlier build: what only one of both counts is known.
        CHECK(counts(20, 0, dropped).bad == 20);
        CHECK(counts(20, 0, dropped).missing.empty());
    }
    CHECK(counts(20, 25, "/api/chat").bad == 25); // all of the fewer were counted away
    CHECK(counts(20, 25, "/api/chat").missing.empty());
}

TEST_CASE("one number: a share proves nothing where requests answered 2xx are not reported") {
    CHECK_FALSE(without().good_missing);
    CHECK(without("oa_stream_http_requests_total", "status", "200").good_missing);
    CHECK(without("oa_stream_http_requests_total", "route", "/api/chat").good_missing);
    // Few are answered so; lanes of an earlier build have no 408 and 421.
    CHECK_FALSE(without("oa_stream_http_requests_total", "status", "408").good_missing);
    // Bad ones that are not reported make a share of the others no smaller.
    CHECK_FALSE(without("oa_stream_http_requests_total", "status", "503").good_missing);
    CHECK_FALSE(without("oa_stream_terminal_total", "class", "codex_error").good_missing);
}

TEST_CASE("one number: a counter whose value is no count is missing, and proves no share") {
    const std::string good =
        "oa_stream_http_requests_total{route=\"/api/chat\",method=\"POST\",status=\"200\","
        "lane=\"compat\"} ";
    const std::string first = lane::Metrics("rev-a", "1").text();
    const auto scrape = [&](std::string_view value) {
        std::string text = first;
        REQUIRE(text.contains(good + "0\n"));
        text.replace(text.find(good) + good.size(), 1, value);
        const auto series = measure::parse_exposition(text);
        REQUIRE(series.has_value());
        return *series;
    };
    const std::string value = GENERATE(as<std::string>{}, "NaN", "+Inf", "-Inf", "-1");
    CAPTURE(value);
    measure::CounterWindow window(60);
    (void)window.add(scrape("5"), 0);
    CHECK_FALSE(window.add(scrape(value), 10));
    for (const measure::SeriesMap& series : {window.rose(), window.last()}) {
        const auto counts = measure::turn_counts(series);
        CHECK(counts.good_missing);
        CHECK(counts.missing == std::set<std::string>{"status 200 on /api/chat"});
    }
    // By its next value it is known what it rose by meanwhile.
    CHECK_FALSE(window.add(scrape("7"), 20));
    CHECK(measure::turn_counts(window.rose()).total == 2);
    CHECK_FALSE(measure::turn_counts(window.rose()).good_missing);
}

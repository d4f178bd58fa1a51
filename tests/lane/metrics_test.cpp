#include "oa_stream/lane/metrics.hpp"

#include "exposition_reader.hpp"
#include "gates/routes.hpp"

#include <fmt/format.h>

using namespace oa_stream;
using namespace oa_stream::test;
using lane::Metrics;

namespace {

lane::RequestRecord request(std::string_view route, int status, double seconds) {
    lane::RequestRecord record;
    record.route = route;
    record.method = "POST";
    record.status = status;
    record.lane = "compat";
    record.end_s = seconds;
    return record;
}

} // namespace

TEST_CASE("metrics: a turn that another process began counts with its request, where it ended") {
    Metrics here("r", "v");
    auto left = request("/api/chat", 200, 1);
    left.accepted_s = left.first_content_s = 0.1;
    left.left = true;
    here.request_done(left);
    const std::string series =
        R"(oa_stream_http_requests_total{route="/api/chat",method="POST",status="200",lane="compat"})";
    const std::string times = R"(oa_stream_http_request_duration_seconds_count{route="/api/chat"})";
    CHECK(read_scrape(here.text()).at(series) == 0);
    CHECK(read_scrape(here.text()).at(times) == 0);

    lane::TurnOutcome outcome;
    outcome.route = "/api/chat";
    outcome.request_id = "req_1";
    outcome.terminal = turn::TerminalClass::turn_failed;
    outcome.outcome = turn::Outcome::failed;
    const auto record = lane::taken_over_record(outcome);
    CHECK(record.request_id == "req_1");
    CHECK(record.terminal == turn::TerminalClass::turn_failed);
    here.request_done(record);
    CHECK(read_scrape(here.text()).at(series) == 1);
    CHECK(read_scrape(here.text()).at(times) == 0); // nobody knows how long it took
}

TEST_CASE("metrics: every series an alert asks for is there at 0 before the first request") {
    const auto scrape = read_scrape(Metrics("r", "v").text());
    for (const auto code : telemetry::k_compat_codes) {
        const auto series = fmt::format(R"(oa_stream_compat_rejected_total{{code="{}"}})", code);
        CHECK(scrape.at(series) == 0);
    }
    for (const auto& [route, lane_label] : telemetry::k_turn_routes) {
        const auto of = [&](std::string_view name) {
            return scrape.at(fmt::format(R"(oa_stream_{}{{route="{}"}})", name, route));
        };
        CHECK(of("bridge_accepted_total") == 0);
        CHECK(of("empty_turns_total") == 0);
        CHECK(of("usage_unknown_total") == 0);
        CHECK(of("terminal_5xx_total") == 0);
        CHECK(of("http_request_duration_seconds_count") == 0);
        CHECK(of("turn_duration_seconds_count") == 0);
        CHECK(of("first_content_seconds_count") == 0);
        for (const auto& row : telemetry::k_terminals) {
            const auto series = fmt::format(
                R"(oa_stream_terminal_total{{class="{}",route="{}"}})", row.word, route
            );
            CHECK(scrape.at(series) == 0);
        }
        for (const int status : telemetry::k_turn_statuses) {
            const auto series = fmt::format(
                R"(oa_stream_http_requests_total{{route="{}",method="POST",status="{}",lane="{}"}})",
                route,
                status,
                lane_label
            );
            CHECK(scrape.at(series) == 0);
        }
    }
    for (std::size_t i = 0; i < encode::k_repair_kinds; ++i) {
        const auto kind = encode::to_string(static_cast<encode::Repair>(i));
        const auto series = fmt::format(R"(oa_stream_normaliser_repairs_total{{kind="{}"}})", kind);
        CHECK(scrape.at(series) == 0);
    }
    CHECK(scrape.at("oa_stream_active_streams") == 0);
}

TEST_CASE("metrics: turn requests are POSTs on the lanes compat and native, and no others") {
    for (const auto& route : lane::all_routes()) {
        CAPTURE(route.pattern, route.method);
        CHECK(
            (route.method == telemetry::k_turn_method && telemetry::is_turn_route(route.pattern)) ==
            (route.method == "POST" && route.lane != "control")
        );
    }
}

TEST_CASE("metrics: the page has the families of the table, in its order, with its types") {
    const auto scrape = read_scrape(Metrics("r", "v").text());
    std::vector<std::string> names;
    for (const auto& metric : telemetry::k_metrics) {
        names.emplace_back(metric.name);
        CHECK(scrape.types.at(names.back()) == to_string(metric.kind));
    }
    CHECK(scrape.families == names);
}

TEST_CASE("metrics: a failed turn that was answered 5xx counts in the overlap, no other does") {
    Metrics metrics("r", "v");
    const auto done = [&](int status, std::optional<turn::TerminalClass> terminal) {
        auto record = request("/v1/chat/completions", status, 1);
        record.terminal = terminal;
        metrics.request_done(record);
    };
    done(502, turn::TerminalClass::turn_failed);
    done(504, turn::TerminalClass::codex_error);
    done(200, turn::TerminalClass::turn_failed); // streamed
    done(503, std::nullopt);                     // never began
    done(499, turn::TerminalClass::client_gone);
    const auto series = R"(oa_stream_terminal_5xx_total{route="/v1/chat/completions"})";
    CHECK(read_scrape(metrics.text()).at(series) == 2);
}

TEST_CASE("metrics: label values are escaped, so that no revision can break the page") {
    const auto text = Metrics("a\\b\"c\nd", "1.2.3").text();
    CHECK(text.contains("# TYPE oa_stream_build_info gauge\n"
                        "oa_stream_build_info{revision=\"a\\\\b\\\"c\\nd\",version=\"1.2.3\"} 1\n")
    );
}

TEST_CASE("metrics: histograms are cumulative, end with +Inf, and a bound belongs to its bucket") {
    Metrics metrics("r", "v");
    for (const double seconds : {0.005, 0.0050001, 0.0051, 2.5, 30.0, 30.1, 301.0, -1.0}) {
        metrics.request_done(request("/api/chat", 200, seconds));
    }
    const auto scrape = read_scrape(metrics.text());
    const auto below = [&](std::string_view bound) {
        return scrape.at(fmt::format(
            R"(oa_stream_http_request_duration_seconds_bucket{{route="/api/chat",le="{}"}})", bound
        ));
    };
    CHECK(below("0.005") == 3); // -1 is 0; the last digit of 0.0050001 is below a microsecond
    CHECK(below("0.01") == 4);
    CHECK(below("1") == 4);
    CHECK(below("2.5") == 5);
    CHECK(below("30") == 6);
    CHECK(below("60") == 7);
    CHECK(below("300") == 7);
    CHECK(below("+Inf") == 8);
    const std::string family = "oa_stream_http_request_duration_seconds";
    CHECK(scrape.at(family + R"(_count{route="/api/chat"})") == 8);
    CHECK(
        scrape.at(family + R"(_sum{route="/api/chat"})") == Approx(363.6151 + 0.0000).margin(1e-6)
    );
}

TEST_CASE("metrics: first content counts where a turn was started; a replay of it does not") {
    Metrics metrics("r", "v");
    auto record = request("/api/chat", 200, 3);
    record.first_content_s = 0.2;
    metrics.request_done(record);
    const std::string count = R"(oa_stream_first_content_seconds_count{route="/api/chat"})";
    CHECK(read_scrape(metrics.text()).at(count) == 0);
    record.accepted_s = 0.1;
    metrics.request_done(record);
    CHECK(read_scrape(metrics.text()).at(count) == 1);
    record.first_content_s = -1;
    metrics.request_done(record);
    CHECK(read_scrape(metrics.text()).at(count) == 1);
}

TEST_CASE("metrics: a whole turn's time counts where it began, ended well and was read") {
    using turn::TerminalClass;
    Metrics metrics("r", "v");
    const auto whole = [](std::string_view route) {
        auto record = request(route, 200, 40);
        record.accepted_s = 0.1;
        record.terminal = TerminalClass::completed;
        return record;
    };
    const auto streamed = [&](lane::ReaderEnd end) {
        auto record = whole("/api/chat");
        record.reader = end;
        return record;
    };
    std::vector<lane::RequestRecord> others{
        request("/api/chats/{conversationId}/stop", 200, 40),
        request("/api/chats", 200, 40),                      // a list
        request("/api/chat", 503, 40),
        request("/api/chat", 200, 40), // a resume
        streamed(lane::ReaderEnd::client_gone),
        streamed(lane::ReaderEnd::client_too_slow),
        streamed(lane::ReaderEnd::cut),
    };
    for (const auto& row : telemetry::k_terminals) {
        if (row.terminal != TerminalClass::completed) {
            others.push_back(whole("/api/chat"));
            others.back().terminal = row.terminal;
        }
    }
    others.push_back(whole("/api/chat"));
    others.back().left = true; // its turn went on elsewhere
    lane::TurnOutcome outcome;
    outcome.route = "/api/chat";
    others.push_back(lane::taken_over_record(outcome));
    for (const auto& record : others) {
        metrics.request_done(record);
    }
    const std::string family = "oa_stream_turn_duration_seconds";
    CHECK(read_scrape(metrics.text()).sum(family + "_count") == 0);

    metrics.request_done(streamed(lane::ReaderEnd::finished));
    metrics.request_done(whole("/v1/responses")); // not streamed
    auto probe = whole("/v1/responses");
    probe.probe = "smoke";
    metrics.request_done(probe);
    const auto scrape = read_scrape(metrics.text());
    for (const auto& [route, of_probe] :
         {std::pair{"/api/chat", ""}, {"/v1/responses", ""}, {"/v1/responses", R"(,probe="true")"}
         }) {
        CAPTURE(route, of_probe);
        const auto below = [&](std::string_view bound) {
            return scrape.at(
                fmt::format(R"({}_bucket{{route="{}",le="{}"{}}})", family, route, bound, of_probe)
            );
        };
        const auto all = [&](std::string_view part) {
            return scrape.at(fmt::format(R"({}_{}{{route="{}"{}}})", family, part, route, of_probe)
            );
        };
        CHECK(below("30") == 0);
        CHECK(below("60") == 1);
        CHECK(all("count") == 1);
        CHECK(all("sum") == 40);
    }
    CHECK(scrape.sum(family + "_count") == 3);
}

TEST_CASE("metrics: the longest silence of a turn that ended counts once, without chunks never") {
    Metrics metrics("r", "v");
    lane::TurnOutcome outcome;
    outcome.route = "/api/chat";
    metrics.turn_ended(outcome);
    const auto count = [&](std::string_view labels) {
        return read_scrape(metrics.text())
            .at(fmt::format("oa_stream_chunk_gap_seconds_count{{{}}}", labels));
    };
    CHECK(count(R"(route="/api/chat")") == 0);
    outcome.longest_gap_s = 0.4;
    metrics.turn_ended(outcome);
    CHECK(count(R"(route="/api/chat")") == 1);
    outcome.probe = true;
    metrics.turn_ended(outcome);
    CHECK(count(R"(route="/api/chat")") == 1);
    CHECK(count(R"(route="/api/chat",probe="true")") == 1);
}

TEST_CASE("metrics: made-up methods share one label") {
    Metrics metrics("r", "v");
    for (const auto* method : {"BREW", "post", "-", "PROPFIND"}) {
        auto record = request("other", 400, 0);
        record.method = method;
        record.lane = "control";
        metrics.request_done(record);
    }
    const auto scrape = read_scrape(metrics.text());
    const std::string series =
        R"(oa_stream_http_requests_total{route="other",method="OTHER",status="400",lane="control"})";
    CHECK(scrape.at(series) == 4);
}

TEST_CASE("metrics: readings of the authority stand under the prefix, and never take our names") {
    const std::vector<authority::Reading> readings{
        {"codex_restarts_total", "Times it was\nstarted \\ again", 3},
        {"codex_up", "1 while ready", 1},
        {"active_streams", "a name that is taken", 99},
        {"codex_up", "the same again", 7},
        {"bad name", "no metric name", 1},
    };
    const auto text = Metrics("r", "v").text(readings);
    const auto scrape = read_scrape(text);
    CHECK(text.contains("# HELP oa_stream_codex_restarts_total Times it was\\nstarted \\\\ again\n")
    );
    CHECK(scrape.types.at("oa_stream_codex_restarts_total") == "counter");
    CHECK(scrape.types.at("oa_stream_codex_up") == "gauge");
    CHECK(scrape.at("oa_stream_codex_restarts_total") == 3);
    CHECK(scrape.at("oa_stream_codex_up") == 1);
    CHECK(scrape.at("oa_stream_active_streams") == 0);
    CHECK_FALSE(text.contains("bad name"));
}

TEST_CASE("metrics: readings with labels are one family, those of a histogram too") {
    const std::vector<authority::Reading> readings{
        {"lost_total{where=end}", "lost", 1},
        {"lost_total{where=append}", "lost", 2},
        {"trip_seconds_bucket{le=0.5}", "trips", 3},
        {"trip_seconds_bucket{le=+Inf}", "trips", 4},
        {"trip_seconds_sum", "trips", 2.5},
        {"trip_seconds_count", "trips", 4},
        {"relay_count", "no histogram's", 5},
    };
    const auto text = Metrics("r", "v").text(readings);
    CHECK(text.ends_with("# HELP oa_stream_lost_total lost\n"
                         "# TYPE oa_stream_lost_total counter\n"
                         "oa_stream_lost_total{where=\"end\"} 1\n"
                         "oa_stream_lost_total{where=\"append\"} 2\n"
                         "# HELP oa_stream_trip_seconds trips\n"
                         "# TYPE oa_stream_trip_seconds histogram\n"
                         "oa_stream_trip_seconds_bucket{le=\"0.5\"} 3\n"
                         "oa_stream_trip_seconds_bucket{le=\"+Inf\"} 4\n"
                         "oa_stream_trip_seconds_sum 2.5\n"
                         "oa_stream_trip_seconds_count 4\n"
                         "# HELP oa_stream_relay_count no histogram's\n"
                         "# TYPE oa_stream_relay_count gauge\n"
                         "oa_stream_relay_count 5\n"));
}

TEST_CASE("metrics: reading them changes nothing") {
    Metrics metrics("r", "v");
    metrics.compat_rejected(lane::CompatCode::upgrade_required, false);
    const auto once = metrics.text();
    CHECK(metrics.text() == once);
}

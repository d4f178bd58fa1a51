// Everything that a dashboard of the runbook shows is made to happen once, and found in the numbers
// and in the access log.
#include "oa_stream/encode/turn_encoder.hpp"

#include "exposition_reader.hpp"
#include "lane_rig.hpp"
#include "turns/live_turn.hpp"

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/write.hpp>

#include <array>

using namespace oa_stream;
using namespace oa_stream::test;
using turn::TerminalClass;

namespace {

constexpr std::string_view k_route = "/api/chats/{conversationId}/stream";

Scrape scrape(LaneRig& rig) {
    const auto response = rig.send(rig.get("/metrics"));
    REQUIRE(response.status == 200);
    return read_scrape(response.body);
}

/// The line of the request that came before the last one (which read the metrics).
Json line_before_scrape(const LaneRig& rig) {
    REQUIRE(rig.access.size() >= 2);
    return parse_json(rig.access[rig.access.size() - 2]).value();
}

double of_route(const Scrape& seen, std::string_view name) {
    return seen.at(fmt::format(R"(oa_stream_{}{{route="{}"}})", name, k_route));
}

turn::TurnEnded ended(turn::Outcome outcome, turn::FailureCode code) {
    return {outcome, turn::Finish::error, turn::Failure{code, false, "cause"}, {}};
}

/// An encoder of which no frame can be had.
class Refusing final : public encode::TurnEncoder {
public:
    void begin(std::string& /*out*/) override {}
    Result<void> encode(const turn::Event& /*event*/, std::string& /*out*/) override {
        return fail(Code::internal, "the contract refuses it");
    }
    void fail_open(const turn::Failure& /*failure*/, std::string& out) override {
        out += "data: [DONE]\n\n";
        ended_ = true;
    }
    [[nodiscard]] bool ended() const noexcept override { return ended_; }
    [[nodiscard]] const encode::TurnSummary& summary() const noexcept override { return summary_; }

private:
    encode::TurnSummary summary_{};
    bool ended_ = false;
};

} // namespace

TEST_CASE("provoked: every terminal class has its series and its word in the access log") {
    struct Row {
        TerminalClass terminal;
        std::string_view failure; ///< in the log; empty: none
        std::string_view reason;
        std::function<void(LaneRig&, PlayedTurn&, Stream&)> act;
    };
    const std::vector<Row> rows{
        {TerminalClass::completed,
         "",
         "",
         [](LaneRig&, PlayedTurn& turn, Stream&) {
             turn.say("x");
             turn.complete();
         }},
        {TerminalClass::turn_failed,
         "turn_failed",
         "",
         [](LaneRig&, PlayedTurn& turn, Stream&) {
             turn.push(ended(turn::Outcome::failed, turn::FailureCode::turn_failed));
         }},
        {TerminalClass::turn_aborted,
         "turn_aborted",
         "",
         [](LaneRig&, PlayedTurn& turn, Stream&) {
             turn.push(ended(turn::Outcome::aborted, turn::FailureCode::turn_aborted));
         }},
        {TerminalClass::turn_interrupted,
         "",
         "stopped",
         [](LaneRig& rig, PlayedTurn&, Stream&) {
             (void)rig.run(rig.client->fetch(rig.post("/api/chats/c1/stop", "")));
         }},
        {TerminalClass::codex_error,
         "authority_lost",
         "",
         [](LaneRig&, PlayedTurn& turn, Stream&) { turn.fail(Code::unavailable, "gone"); }},
        {TerminalClass::client_gone,
         "",
         "client_gone",
         [](LaneRig&, PlayedTurn&, Stream& stream) { stream.leave(); }},
    };
    for (const auto& row : rows) {
        const std::string word(turn::to_string(row.terminal));
        DYNAMIC_SECTION(word) {
            auto config = LaneRig::quick();
            config.timings.detach_grace = Millis(20);
            LaneRig rig(config);
            const auto stream = rig.chat("c1", "hello");
            row.act(rig, rig.authority.last(), *stream);
            rig.until("the stream's record", [&] {
                return std::ranges::any_of(rig.watcher.requests, [](const auto& record) {
                    return record.route == k_route;
                });
            });
            const auto seen = scrape(rig);
            for (const auto& known : telemetry::k_terminals) {
                const auto series = fmt::format(
                    R"(oa_stream_terminal_total{{class="{}",route="{}"}})", known.word, k_route
                );
                CHECK(seen.at(series) == (known.terminal == row.terminal ? 1 : 0));
            }
            CHECK(of_route(seen, "bridge_accepted_total") == 1);
            CHECK(seen.sum("oa_stream_terminal_total") == 1);
            CHECK(seen.at("oa_stream_active_streams") == 0);
            const auto found = std::ranges::find_if(rig.access, [](const std::string& line) {
                return line.contains("\"terminal\"");
            });
            REQUIRE(found != rig.access.end());
            const auto line = parse_json(*found).value();
            CHECK(line.at("terminal") == word);
            CHECK(line.at("accepted") == true);
            CHECK(line.value("failure", "") == row.failure);
            CHECK(line.value("reason", "") == row.reason);
            CHECK(line.at("model") == "fake-model");
        }
    }
}

TEST_CASE("provoked: a turn of which no frame can be made counts as adapter_preview_unavailable") {
    LaneRig rig;
    auto host = std::make_shared<lane::TurnHost>();
    std::optional<lane::TurnOutcome> outcome;
    host->observer = &rig.watcher;
    host->on_ended = [&](const lane::TurnOutcome& told) {
        outcome = told;
        rig.watcher.turn_ended(told);
    };
    authority::TurnRequest request;
    auto turn = rig.run(rig.authority.start(std::move(request)));
    const auto live = lane::LiveTurn::begin(
        {rig.context.get_executor(),
         host,
         {k_route, "req", "", "c1", Clock::now()},
         *std::move(turn),
         {.encoder = std::make_unique<Refusing>(), .resumable = true}}
    );
    rig.authority.last().say("x");
    rig.until("the end", [&] { return outcome.has_value(); });
    CHECK(outcome->terminal == TerminalClass::adapter_preview_unavailable);
    const auto series = fmt::format(
        R"(oa_stream_terminal_total{{class="adapter_preview_unavailable",route="{}"}})", k_route
    );
    CHECK(scrape(rig).at(series) == 1);
}

TEST_CASE("provoked: every compat code has its series and its word in the access log") {
    struct Row {
        lane::CompatCode code;
        std::string_view build, protocol, schema;
    };
    const std::vector<Row> rows{
        {lane::CompatCode::invalid_client_build, " ", "openagents.control.v1", "1"},
        {lane::CompatCode::unsupported_protocol_version, "20260101T000000Z", "v0", "1"},
        {lane::CompatCode::unsupported_schema_version,
         "20260101T000000Z",
         "openagents.control.v1",
         "7"},
        {lane::CompatCode::upgrade_required, "20200101T000000Z", "openagents.control.v1", "1"},
        {lane::CompatCode::unsupported_client_build,
         "20300101T000000Z",
         "openagents.control.v1",
         "1"},
    };
    REQUIRE(rows.size() == telemetry::k_compat_codes.size());
    for (const auto& row : rows) {
        const std::string word(to_string(row.code));
        DYNAMIC_SECTION(word) {
            auto config = LaneRig::quick();
            config.compat = lane::CompatMode::required;
            config.window.min_client_build_id = "20250101T000000Z";
            config.window.max_client_build_id = "20270101T000000Z";
            LaneRig rig(config);
            auto request = rig.post("/api/chats/c1/stream", user_message("hello"));
            request.headers.set("x-oa-client-build-id", std::string(row.build));
            request.headers.set("x-oa-protocol-version", std::string(row.protocol));
            request.headers.set("x-oa-schema-version", std::string(row.schema));
            CHECK(rig.send(std::move(request)).status == 426);
            const auto seen = scrape(rig);
            for (const auto code : telemetry::k_compat_codes) {
                const auto series =
                    fmt::format(R"(oa_stream_compat_rejected_total{{code="{}"}})", code);
                CHECK(seen.at(series) == (code == word ? 1 : 0));
            }
            CHECK(of_route(seen, "bridge_accepted_total") == 0);
            CHECK(seen.sum("oa_stream_terminal_total") == 0);
            const auto line = line_before_scrape(rig);
            CHECK(line.at("status") == 426);
            CHECK(line.at("error") == word);
            CHECK(line.at("lane") == "compat");
            CHECK_FALSE(line.contains("accepted"));
        }
    }
}

TEST_CASE("provoked: an authority that refuses is a 5xx of its route, and no terminal") {
    LaneRig rig;
    rig.authority.refuse = [](const auto&) {
        return Error{.code = Code::unavailable, .message = "down"};
    };
    CHECK(rig.send(rig.post("/api/chats/c1/stream", user_message("hello"))).status == 503);
    const auto seen = scrape(rig);
    const auto series = fmt::format(
        R"(oa_stream_http_requests_total{{route="{}",method="POST",status="503",lane="compat"}})",
        k_route
    );
    CHECK(seen.at(series) == 1);
    CHECK(of_route(seen, "bridge_accepted_total") == 0);
    CHECK(seen.sum("oa_stream_terminal_total") == 0);
    const auto line = line_before_scrape(rig);
    CHECK(line.at("status") == 503);
    CHECK(line.at("error") == "authority_unavailable");
}

TEST_CASE("provoked: a client that leaves before a status line is a 499, of whatever it asked") {
    LaneRig rig;
    rig.authority.hold = true;
    const auto stream = rig.open(rig.post("/api/chats/c1/stream", user_message("hello")));
    rig.until("the start", [&] { return rig.authority.starts == 1; });
    stream->leave();
    rig.context.run_for(Millis(200)); // the server sees the closed socket
    rig.authority.release();
    rig.until("the turn", [&] { return !rig.authority.turns_started.empty(); });
    rig.authority.last().complete();
    rig.until("the record", [&] { return !rig.watcher.requests.empty(); });
    const auto seen = scrape(rig);
    const auto series = fmt::format(
        R"(oa_stream_http_requests_total{{route="{}",method="POST",status="499",lane="compat"}})",
        k_route
    );
    CHECK(seen.at(series) == 1);
    CHECK(of_route(seen, "turn_duration_seconds_count") == 0);
    const auto line = line_before_scrape(rig);
    CHECK(line.at("status") == 499);
    CHECK(line.at("reader") == "client_gone");
    CHECK_FALSE(line.contains("headers_ms"));
}

TEST_CASE("provoked: a whole answer that its client cuts has its status and the bytes that left") {
    constexpr std::size_t k_large = 6U << 20U; // more than the sockets hold
    LaneRig rig;
    asio::ip::tcp::socket socket(rig.context);
    socket.open(asio::ip::tcp::v4());
    socket.set_option(asio::socket_base::receive_buffer_size(4096));
    socket.connect({asio::ip::make_address_v4("127.0.0.1"), rig.server->endpoint().port});
    const std::string_view body =
        R"({"model":"oa-stream","messages":[{"role":"user","content":"hi"}]})";
    const auto request = fmt::format(
        "POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1\r\n"
        "Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{}",
        body.size(),
        body
    );
    asio::write(socket, asio::buffer(request));
    rig.until("the turn", [&] { return !rig.authority.turns_started.empty(); });
    rig.authority.last().say(std::string(k_large, 'x'));
    rig.authority.last().complete();
    rig.until("the answer", [&] { return socket.available() > 0; });
    std::array<char, 512> head{};
    const auto size = socket.read_some(asio::buffer(head));
    REQUIRE(std::string_view(head.data(), size).starts_with("HTTP/1.1 200 "));
    socket.set_option(asio::socket_base::linger(true, 0));
    socket.close(); // a reset
    rig.until("the record", [&] { return !rig.watcher.requests.empty(); });
    const auto seen = scrape(rig);
    CHECK(
        seen.at(
            R"(oa_stream_http_requests_total{route="/v1/chat/completions",method="POST",status="200",lane="native"})"
        ) == 1
    );
    CHECK(seen.sum("oa_stream_turn_duration_seconds_count") == 0);
    const auto line = line_before_scrape(rig);
    CHECK(line.at("status") == 200);
    CHECK(line.at("reader") == "client_gone");
    CHECK(line.contains("headers_ms"));
    CHECK(line.at("bytes") > 0);
    CHECK(line.at("bytes") < k_large);
}

TEST_CASE("provoked: an empty answer, unknown usage and a repair each have a number and a field") {
    LaneRig rig;
    const auto stream = rig.chat("c1", "hello");
    rig.authority.last().push(
        {turn::PartDelta{"never-opened", ""},
         turn::TurnEnded{turn::Outcome::completed, turn::Finish::stop, {}, {}}}
    );
    rig.await_end(stream);
    rig.until("the record", [&] { return !rig.watcher.requests.empty(); });
    const auto seen = scrape(rig);
    CHECK(of_route(seen, "empty_turns_total") == 1);
    CHECK(of_route(seen, "usage_unknown_total") == 1);
    CHECK(seen.sum("oa_stream_normaliser_repairs_total") >= 1);
    const auto line = line_before_scrape(rig);
    CHECK(line.at("empty") == true);
    CHECK(line.at("usage").is_null());
    REQUIRE(line.contains("repairs"));
    double repairs = 0;
    for (const auto& [kind, count] : line.at("repairs").items()) {
        const auto series = fmt::format(R"(oa_stream_normaliser_repairs_total{{kind="{}"}})", kind);
        CHECK(seen.at(series) == count.get<double>());
        repairs += count.get<double>();
    }
    CHECK(repairs == seen.sum("oa_stream_normaliser_repairs_total"));
}

TEST_CASE("provoked: what the server refuses by itself counts as a request of the route other") {
    LaneRig rig;
    const auto endpoint = rig.server->endpoint();
    asio::ip::tcp::socket socket(rig.context);
    socket.connect({asio::ip::make_address_v4("127.0.0.1"), endpoint.port});
    asio::write(socket, asio::buffer(std::string_view("(bad) / HTTP/1.1\r\n\r\n")));
    rig.until("the record", [&] { return !rig.watcher.requests.empty(); });
    const auto seen = scrape(rig);
    INFO(rig.access.front());
    CHECK(
        seen.at(
            R"(oa_stream_http_requests_total{route="other",method="OTHER",status="400",lane="control"})"
        ) == 1
    );
    CHECK(seen.at(R"(oa_stream_http_request_duration_seconds_count{route="other"})") == 1);
    CHECK(line_before_scrape(rig).at("route") == "other");
}

TEST_CASE("provoked: a refused head has its client, its first byte's time and what was sent") {
    LaneRig rig;
    asio::ip::tcp::socket socket(rig.context);
    socket.connect({asio::ip::make_address_v4("127.0.0.1"), rig.server->endpoint().port});
    const auto before = std::chrono::system_clock::now();
    asio::write(socket, asio::buffer(std::string_view("GET ")));
    rig.until("the first bytes", [&] { return rig.server->answering() == 1; });
    const auto begun = std::chrono::system_clock::now();
    rig.context.run_for(Millis(30));
    asio::write(socket, asio::buffer(std::string_view("once more\r\n\r\n")));
    rig.until("the record", [&] { return !rig.watcher.requests.empty(); });
    const auto& record = rig.watcher.requests.front();
    CHECK(record.status == 400);
    CHECK(record.client == "127.0.0.1");
    CHECK(record.time >= before - std::chrono::milliseconds(1));
    CHECK(record.time <= begun + std::chrono::milliseconds(1));
    CHECK(record.end_s >= 0.03);
    rig.until("the answer", [&] { return socket.available() > 0; });
    std::string answer(4096, ' ');
    answer.resize(socket.read_some(asio::buffer(answer)));
    CHECK(record.bytes == answer.size() - answer.find("\r\n\r\n") - 4);
}

TEST_CASE("at rest: requests equal durations by route, terminals equal accepted turns, once each") {
    LaneRig rig;
    for (int i = 0; i < 3; ++i) {
        const auto stream = rig.chat(fmt::format("c{}", i), "hello");
        const auto again = rig.open(rig.get(fmt::format("/api/chats/c{}/stream", i)));
        rig.until("the second reader", [&] { return again->has("start-step"); });
        CHECK(rig.watcher.readers == 2);
        rig.authority.last().say("x");
        rig.complete(stream);
        rig.await_end(again);
    }
    (void)rig.send(rig.get("/nowhere"));
    (void)rig.send(rig.post("/api/chat", "{"));
    rig.until("all records", [&] { return rig.watcher.requests.size() == 8; });
    const auto seen = scrape(rig);
    CHECK(seen.sum("oa_stream_terminal_total") == 3);
    CHECK(of_route(seen, "bridge_accepted_total") == 3);
    CHECK(seen.sum("oa_stream_http_requests_total") == 8);
    const std::string duration = "oa_stream_http_request_duration_seconds_count";
    for (const auto& [series, value] : seen.samples) {
        if (series.starts_with(duration)) {
            const auto label = series.substr(duration.size() + 1); // route="…"}
            const auto route = label.substr(0, label.size() - 1);
            CAPTURE(route);
            CHECK(seen.sum("oa_stream_http_requests_total", route + ',') == value);
        }
    }
    // A resume tells neither how the turn ended nor its tokens again.
    const auto told = [&](std::string_view name) {
        return std::ranges::count_if(rig.access, [&](const std::string& line) {
            return line.contains(name);
        });
    };
    CHECK(told("\"terminal\"") == 3);
    CHECK(told("\"usage\"") == 3);
    CHECK(told("\"accepted\"") == 3);
    CHECK(told("\"reader\"") == 6);
}

TEST_CASE("/metrics: needs a token like reads, unless only this machine can ask") {
    const auto with_tokens = [](bool open) {
        auto config = LaneRig::quick();
        config.open_metrics = open;
        auto rig = std::make_unique<LaneRig>(config);
        rig->give_tokens({{"tok-secret", "alice"}});
        return rig;
    };
    auto open = with_tokens(true);
    CHECK(open->send(open->get("/metrics")).status == 200);
    auto closed = with_tokens(false);
    CHECK(closed->send(closed->get("/metrics")).status == 401);
    auto request = closed->get("/metrics");
    request.headers.set("authorization", "Bearer tok-secret");
    const auto response = closed->send(std::move(request));
    CHECK(response.status == 200);
    CHECK(response.headers.get("content-type") == lane::k_metrics_type);
}

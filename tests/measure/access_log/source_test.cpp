// What an access log answers: which lines count where, and what says nothing.
#include "oa_stream/measure/gate_reading.hpp"

#include "rig.hpp"
#include "slo/slo.hpp"

using namespace oa_stream;
using namespace oa_stream::test;
using measure::BadEvent;
using State = measure::SourceReading::State;

namespace {

measure::Counts counts(const measure::SourceReading& reading) {
    return reading.tally.requests;
}

std::string lines(int n, double from_s, double step_s, const LogLine& like = {}) {
    std::string out;
    for (int i = 0; i < n; ++i) {
        LogLine line = like;
        line.began_s = from_s + i * step_s;
        out += line.text();
    }
    return out;
}

} // namespace

TEST_CASE("access log: requests, bad ones and times of one window") {
    LogRig rig;
    rig.append(lines(10, 0, 1, {.first_content_ms = 40}));
    rig.append(LogLine{.began_s = 10, .status = 503}.text());
    rig.append(LogLine{.began_s = 11, .terminal = "codex_error"}.text());
    rig.append(LogLine{.began_s = 12, .terminal = "turn_interrupted"}.text());
    rig.append(LogLine{.began_s = 13, .empty = true}.text());
    rig.append(LogLine{.began_s = 14, .status = 426}.text());
    const auto all = rig.ask(0, 20);
    CHECK(all.state == State::measured);
    CHECK(counts(all) == measure::Counts{.bad = 2, .total = 15});
    CHECK(all.tally.first_content_s == std::vector<double>(10, 0.04));
    CHECK(all.count_error == 0);
    CHECK(all.notes.empty());
    CHECK(all.newest_s == Approx(k_log_epoch + 14.1));
    CHECK(all.covered_s == Approx(19.9)); // from its first line on
    CHECK(all.source == "access log " + rig.log().string());
    CHECK(
        all.query ==
        "POST lines of /api/chat/stream, /api/chat, /api/chats/{conversationId}/stream, "
        "/v1/responses, /v1/chat/completions, written in [2026-11-20T10:00:00.000Z, "
        "2026-11-20T10:00:20.000Z), "
        "bad: http_5xx | terminal_error"
    );
    CHECK(counts(rig.ask(0, 20, {.bad = {BadEvent::empty}})).bad == 1);
    CHECK(counts(rig.ask(0, 20, {.bad = {BadEvent::compat_rejected}})).bad == 1);
    CHECK(counts(rig.ask(0, 20, {.bad = {BadEvent::http_5xx}})).bad == 1);
}

TEST_CASE("access log: rejected are the answers with 4xx that have no word of their own") {
    LogRig rig;
    for (const int status : {400, 401, 403, 404, 413, 422, 426, 429, 499, 503}) {
        rig.append(LogLine{.began_s = 10, .status = status}.text());
    }
    CHECK(
        counts(rig.ask(0, 20, {.bad = {BadEvent::rejected}})) ==
        measure::Counts{.bad = 5, .total = 10}
    );
    CHECK(counts(rig.ask(0, 20)).bad == 1);
}

TEST_CASE("access log: a request counts when it ended, in a half-open window") {
    LogRig rig;
    rig.append(LogLine{.began_s = 0, .end_ms = 30'000}.text());
    rig.append(LogLine{.began_s = 30.5, .end_ms = 500}.text());
    CHECK(counts(rig.ask(29, 30.9)).total == 1);
    CHECK(counts(rig.ask(30, 31)).total == 1);
    CHECK(counts(rig.ask(30, 31.1)).total == 2);
    CHECK(counts(rig.ask(31, 32)).total == 1);
}

TEST_CASE("access log: a line held back by its turn counts when it was written") {
    LogRig rig;
    rig.append(LogLine{.began_s = 50}.text());
    // Its reader had left at second 20; the turn went on.
    rig.append(LogLine{.began_s = 10, .end_ms = 10'000, .terminal = "client_gone"}.text());
    rig.append(LogLine{.began_s = 55}.text());
    CHECK(rig.ask(0, 30).state == State::missing);
    CHECK(counts(rig.ask(50, 60)).total == 3);
}

TEST_CASE("access log: a turn's end counts when it came, however long ago its first reader left") {
    LogLine failed{.began_s = 10, .end_ms = 5000, .terminal = "turn_failed"};
    failed.reader = "client_gone";
    SECTION("as the lane says it") {
        failed.turn_ms = 990'500;
        SECTION("at a reader's end that the turn outlived") {
            failed.reader = "finished";
        }
        SECTION("of a reader that left") {
        }
    }
    SECTION("of a lane that does not say it: no earlier than the line above") {
    }
    LogRig rig;
    rig.now_s = 1100;
    rig.append(LogLine{.began_s = 1000}.text() + failed.text() + LogLine{.began_s = 1001}.text());
    CHECK(counts(rig.ask(990, 1010)) == measure::Counts{.bad = 1, .total = 3});
}

TEST_CASE("access log: a line far before the one above it is of a clock that was set") {
    LogRig rig;
    rig.now_s = 1100;
    rig.append(LogLine{.began_s = 1000}.text() + LogLine{.began_s = 10}.text());
    CHECK(counts(rig.ask(0, 20)).total == 1);
}

TEST_CASE("access log: by revision and by route, POST alone") {
    LogRig rig;
    rig.append(lines(4, 0, 1, {.revision = "rev-a"}));
    rig.append(lines(3, 0, 1, {.revision = "rev-b", .status = 500}));
    rig.append(lines(2, 0, 1, {.revision = "rev-b", .route = "/v1/chat/completions"}));
    rig.append(lines(5, 0, 1, {.terminal = "", .method = "GET"}));
    CHECK(counts(rig.ask(0, 10)) == measure::Counts{.bad = 3, .total = 9});
    CHECK(counts(rig.ask(0, 10, {.revision = "rev-a"})) == measure::Counts{.bad = 0, .total = 4});
    CHECK(counts(rig.ask(0, 10, {.revision = "rev-b"})) == measure::Counts{.bad = 3, .total = 5});
    CHECK(counts(rig.ask(0, 10, {.routes = {"/v1/chat/completions"}})).total == 2);
}

TEST_CASE("access log: what says nothing is missing and not zero") {
    LogRig rig;
    SECTION("a log that is not there") {
        const auto got = rig.try_ask({.window = {.from_s = 0, .to_s = 1}});
        REQUIRE_FALSE(got.has_value());
        CHECK(got.error().code == Code::unreadable);
        CHECK(got.error().where == rig.log().string());
    }
    SECTION("an empty one") {
        rig.append("");
        CHECK(rig.ask(0, 10).state == State::missing);
        CHECK(rig.ask(0, 10).why == "no line was written yet");
    }
    SECTION("one without access lines") {
        rig.append("127.0.0.1 GET / 200\n127.0.0.1 GET / 500\n");
        CHECK(rig.ask(0, 10).why == "none of its 2 lines is a lane's access line");
    }
    SECTION("one with one other line") {
        rig.append("127.0.0.1 GET / 200\n");
        CHECK(rig.ask(0, 10).why == "its only line is not an access line of a lane");
    }
    SECTION("one that another program wrapped") {
        for (int i = 0; i < 20; ++i) {
            rig.append("Nov 20 10:00:00 host lane[1]: " + LogLine{.status = 503}.text());
        }
        const auto got = rig.ask(0, 10);
        CHECK(got.state == State::missing);
        CHECK(
            got.why == "none of its 20 lines is a lane's access line; 20 have parts of one: give "
                       "the file that the lane wrote, without what another program puts before "
                       "or around its lines"
        );
    }
    SECTION("one without lines in the window") {
        rig.append(lines(5, 0, 1));
        const auto got = rig.ask(100, 110);
        CHECK(got.state == State::missing);
        CHECK(
            got.why == "no line was written between 2026-11-20T10:01:40.000Z and "
                       "2026-11-20T10:01:50.000Z; the newest is of 2026-11-20T10:00:04.100Z"
        );
    }
    SECTION("one that stopped within the window") {
        rig.append(lines(5, 0, 1));
        const auto got = rig.ask(0, 400);
        CHECK(got.state == State::missing);
        CHECK(
            got.why == "the log has stopped: its newest line before 2026-11-20T10:06:40.000Z is "
                       "more than 300 s older"
        );
        CHECK(got.newest_s == Approx(k_log_epoch + 4.1));
    }
    SECTION("a revision that nobody has seen") {
        rig.append(lines(5, 0, 1));
        const auto got = rig.ask(0, 10, {.revision = "rev-c"});
        CHECK(got.state == State::missing);
        CHECK(
            got.why == "no line by revision 'rev-c' was written between "
                       "2026-11-20T10:00:00.000Z and 2026-11-20T10:00:10.000Z; there are lines "
                       "by rev-a"
        );
    }
    SECTION("a revision that stopped while the other went on") {
        rig.append(lines(2, 0, 1, {.revision = "rev-b"}) + lines(400, 0, 1));
        CHECK(rig.ask(0, 400, {.revision = "rev-b"}).state == State::missing);
        CHECK(rig.ask(0, 400, {.revision = "rev-a"}).state == State::measured);
    }
}

TEST_CASE("access log: a lane that lives without requests has measured zero") {
    LogRig rig;
    rig.append(lines(5, 0, 2, {.terminal = "", .route = "/healthz", .method = "GET"}));
    const auto got = rig.ask(0, 10);
    CHECK(got.state == State::measured);
    CHECK(counts(got) == measure::Counts{.bad = 0, .total = 0});
}

TEST_CASE("access log: silence longer than the limit is not covered") {
    LogRig rig;
    rig.now_s = 5000;
    rig.append(lines(101, 0, 1, {.end_ms = 0}) + lines(101, 1000, 1, {.end_ms = 0}));
    CHECK(rig.ask(0, 1100).covered_s == Approx(200));
    CHECK(rig.ask(0, 1120).covered_s == Approx(220)); // since its last line
    CHECK(rig.ask(0, 1100 + 300).covered_s == Approx(500));
    CHECK(rig.ask(0, 500).state == State::missing);
    CHECK(rig.ask(50, 1050).covered_s == Approx(100));
}

TEST_CASE("access log: a short window within a long log is covered whole") {
    LogRig rig;
    rig.now_s = 3601;
    rig.append(lines(3600, 0, 1, {.end_ms = 0}));
    const auto got = rig.ask(1800.4, 3600.4);
    CHECK(got.covered_s == 1800);
    CHECK(measure::coverage(got.covered_s, 1800).enough);
}

TEST_CASE("access log: slower than a limit is bad among those with a time") {
    LogRig rig;
    rig.append(lines(3, 0, 1, {.first_content_ms = 2500}));
    rig.append(lines(2, 3, 1, {.first_content_ms = 2500.001}));
    rig.append(lines(4, 5, 1, {.terminal = "codex_error"}));
    const auto got = rig.ask(0, 20, {.slower_than_s = 2.5});
    CHECK(counts(got) == measure::Counts{.bad = 2, .total = 5});
}

TEST_CASE("access log: a time limit before any content is slower than every limit, added up too") {
    measure::AccessLogOptions options;
    options.requests_kept = 100;
    LogRig rig(std::move(options));
    const LogLine late{.terminal = "codex_error", .failure = "authority_timeout"};
    const measure::GateSpec gate{.id = "p95", .metric = measure::Metric::quantile, .limit = 2.5};
    rig.append(lines(60, 0, 0.1, {.first_content_ms = 40}) + lines(20, 6, 0.1, late));
    const auto raw = rig.ask(0, 20);
    CHECK(raw.tally.timed() == 80);
    CHECK(std::isinf(raw.tally.first_content_s.back()));
    CHECK(evaluate_readings(gate, raw, {}, {}).verdict == Verdict::fail);
    CHECK(
        counts(rig.ask(0, 20, {.slower_than_s = 2.5})) == measure::Counts{.bad = 20, .total = 80}
    );

    rig.append(lines(60, 8, 0.1, {.first_content_ms = 40}) + lines(20, 14, 0.1, late));
    const auto added_up = rig.ask(0, 20);
    CHECK(added_up.tally.first_content_s.empty());
    CHECK(added_up.tally.timed() == 160);
    CHECK(evaluate_readings(gate, added_up, {}, {}).verdict == Verdict::fail);
    CHECK(
        counts(rig.ask(0, 20, {.slower_than_s = 2.5})) == measure::Counts{.bad = 40, .total = 160}
    );
}

TEST_CASE("access log: lines that are none are told and never counted") {
    LogRig rig;
    rig.append(lines(3, 0, 1));
    rig.append("nonsense\n" + std::string(70'000, 'x') + "\n" + R"({"ts":"2026-11-20T1)" + "\n");
    rig.append(lines(3, 3, 1));
    rig.append(LogLine{.began_s = 9000}.text());
    const auto got = rig.ask(0, 10);
    CHECK(counts(got).total == 6);
    CHECK(got.unread == 3);
    CHECK(got.count_error == 0);
    REQUIRE(got.notes.size() == 4);
    CHECK(got.notes[3].contains("ahead of this machine's clock"));
    CHECK(got.notes[0] == "3 lost or damaged lines, each of which may have been a request");
    CHECK(got.notes[1] == "1 line is not of a lane and left out");
    CHECK(got.notes[2] == "1 line is of a time to come and left out");
    CHECK(got.newest_s == Approx(k_log_epoch + 5.1));
}

TEST_CASE("access log: a gate does not decide what damaged lines could change") {
    using measure::Metric;
    const LogLine good{.first_content_ms = 40};
    const measure::GateSpec rate{.id = "rate", .limit = 0.05};
    const measure::GateSpec time{.id = "time", .metric = Metric::quantile, .limit = 0.15};
    const measure::GateSpec classes{
        .id = "turns",
        .metric = Metric::spike,
        .against = measure::Against::stable,
        .limit = 1,
        .events = "turn_failed",
        .min_events = 5,
    };
    const auto verdict = [](const measure::GateSpec& gate, LogRig& rig) {
        const auto canary = rig.ask(0, 60);
        const measure::GateRecord record = evaluate_readings(gate, canary, canary, {});
        UNSCOPED_INFO(record.sentence);
        return record.verdict;
    };
    for (const int torn : {0, 2, 44}) {
        LogRig rig;
        CAPTURE(torn);
        rig.append(lines(357, 0, 0.16, good));
        for (int i = 0; i < torn; ++i) {
            rig.append(LogLine{.began_s = 36, .status = 503}.text().substr(0, 90) + "\n");
        }
        const auto want = torn == 44 ? Verdict::inconclusive : Verdict::pass;
        CHECK(verdict(rate, rig) == want);
        CHECK(verdict(time, rig) == want);
        CHECK(verdict(classes, rig) == want);
    }
    LogRig bad;
    for (int i = 0; i < 30; ++i) {
        bad.append(lines(1, 2 * i, 1, {.status = 503}) + lines(9, 2 * i + 0.1, 0.2, good));
    }
    CHECK(verdict(rate, bad) == Verdict::fail);
    for (int i = 0; i < 400; ++i) {
        bad.append(LogLine{.began_s = 36}.text().substr(0, 90) + "\n");
    }
    CHECK(verdict(rate, bad) == Verdict::inconclusive);
}

TEST_CASE("access log: failures whose lines lost their beginning do not pass a gate") {
    const std::string bad = LogLine{.terminal = "codex_error"}.text();
    for (const std::string& line :
         {bad.substr(10),
          bad.substr(bad.size() / 2),
          " " + bad,
          "\xEF\xBB\xBF" + bad,
          "Nov 20 10:00:00 host lane[1]: " + bad,
          dump_json({{"log", bad}, {"stream", "stdout"}}) + "\n"}) {
        CAPTURE(line);
        LogRig rig;
        for (int i = 0; i < 400; ++i) {
            rig.append(i % 10 == 5 ? line : LogLine{.began_s = i * 0.1}.text());
        }
        const auto got = rig.ask(0, 60);
        CHECK(counts(got) == measure::Counts{.bad = 0, .total = 360});
        CHECK(got.unread == 40);
        const measure::GateSpec rate{.id = "rate", .limit = 0.05};
        CHECK(evaluate_readings(rate, got, {}, {}).verdict == Verdict::inconclusive);
    }
}

TEST_CASE("access log: what the lane could not write may have been bad, by the time it says so") {
    const auto lost = [](double at_s, int lines) {
        return fmt::format(
            "{{\"ts\":\"{}\",\"event\":\"request\",\"lost\":{}}}\n",
            rfc3339_millis(log_time(at_s)),
            lines
        );
    };
    LogRig rig;
    rig.append(lines(357, 0, 0.16) + lost(130, 80) + lines(100, 131, 0.16));
    rig.now_s = 200;
    const auto got = rig.ask(0, 200);
    CHECK(counts(got).total == 457);
    CHECK(got.unread == 80);
    CHECK(got.notes[0] == "80 lost or damaged lines, each of which may have been a request");
    const measure::GateSpec rate{.id = "rate", .limit = 0.05};
    CHECK(evaluate_readings(rate, got, {}, {}).verdict == Verdict::inconclusive);
    CHECK(rig.ask(0, 60).unread == 0);
    // Of a clock that is wrong, they are of now.
    rig.append(lost(9000, 7));
    CHECK(rig.ask(0, 200).unread == 87);
}

TEST_CASE("access log: damaged lines above the first whole one are of its time, or of now") {
    const auto damaged = [](int count) {
        std::string out;
        for (int i = 0; i < count; ++i) {
            out += LogLine{.began_s = 36, .status = 503}.text().substr(0, 90) + "\n";
        }
        return out;
    };
    LogRig rig;
    rig.append(damaged(44) + std::string(70'000, 'x') + "\n" + lines(357, 0, 0.16));
    const auto got = rig.ask(0, 60);
    CHECK(counts(got).total == 357);
    CHECK(got.unread == 45);
    CHECK(rig.ask(120, 180).unread == 0);
    const measure::GateSpec rate{.id = "rate", .limit = 0.05};
    CHECK(evaluate_readings(rate, got, {}, {}).verdict == Verdict::inconclusive);

    LogRig two(measure::AccessLogOptions{.paths = {"a.log", "access.log"}});
    two.write(two.folder / "a.log", lines(357, 0, 0.16));
    two.now_s = 50;
    two.append(damaged(7));
    CHECK(two.ask(0, 60).unread == 7);
    two.append(lines(3, 51, 1));
    two.now_s = 60;
    CHECK(two.ask(0, 60).unread == 7);
}

TEST_CASE("access log: a damaged line is of any time between the lines around it") {
    const std::string cut = LogLine{.began_s = 36, .status = 503}.text().substr(0, 90);
    LogRig rig;
    rig.append(lines(3, 0, 1) + cut + "\n" + lines(3, 240, 1));
    CHECK(rig.ask(180, 300).unread == 1);
    CHECK(rig.ask(-60, 30).unread == 1);
    CHECK(rig.ask(0, 300).unread == 1);
    CHECK(rig.ask(400, 460).unread == 0);
}

TEST_CASE("access log: lines that were joined may have been as many requests as begin in them") {
    const std::string line = LogLine{.began_s = 3}.text();
    const std::string logfmt = "ts=2026-11-20T10:00:04.000Z event=request request_id=a";
    LogRig rig;
    rig.append(lines(3, 0, 1) + line.substr(0, 90) + line + logfmt + line.substr(0, 90) + "\n");
    rig.append(line.substr(0, line.size() - 1) + std::string(70'000, ' ') + line);
    rig.append(lines(3, 5, 1));
    CHECK(rig.ask(0, 60).unread == 2 + 2 + 2);
}

TEST_CASE("access log: many requests cost little memory, and the error that costs is stated") {
    measure::AccessLogOptions options;
    options.requests_kept = 1000;
    LogRig rig(std::move(options));
    rig.now_s = 20'000;
    std::string text;
    for (int i = 0; i < 10'000; ++i) {
        text +=
            LogLine{
                .began_s = i * 1.08,
                .end_ms = 0,
                .status = i % 100 == 0 ? 500 : 200,
                .first_content_ms = i % 100 == 0 ? std::nullopt : std::optional(10.0 + i % 500),
            }
                .text();
    }
    rig.append(text);
    const auto all = rig.ask(0, 10'800);
    CHECK(counts(all) == measure::Counts{.bad = 100, .total = 10'000});
    CHECK(all.count_error == 0);
    CHECK(all.tally.timed() == 9900);
    CHECK(all.tally.first_content_s.empty());
    REQUIRE(all.notes.size() == 1);
    CHECK(all.notes[0] == "times are kept in buckets: each is known to within 0.78%");
    const auto p95 = measure::histogram_quantile(0.95, all.tally.buckets);
    REQUIRE(p95.has_value());
    CHECK(*p95 == Approx(0.485).epsilon(0.01));
    CHECK(rig.turns > 10);

    const auto cut = rig.ask(0, 2000);
    CHECK(counts(cut).total == 1834); // 1852, of which the last minute's are left out
    CHECK(cut.edge_error == 55);
    CHECK(cut.edge.requests == measure::Counts{.bad = 0, .total = 55});
    CHECK(cut.count_error == 0);

    const auto slow = rig.ask(0, 10'800, {.slower_than_s = 0.3});
    CHECK(std::abs(static_cast<double>(counts(slow).bad) - 4140) <= slow.count_error);
    CHECK(slow.count_error > 0);
    CHECK(slow.count_error < 100);

    const auto newest = rig.ask(10'780, 10'800);
    CHECK(newest.tally.first_content_s.size() == counts(newest).total);
    CHECK(newest.edge_error == 0);
}

TEST_CASE("access log: options that make no sense are refused") {
    asio::io_context io(1);
    const auto refused = [&](measure::AccessLogOptions options) {
        const auto got = measure::access_log_source(io.get_executor(), std::move(options));
        return !got && got.error().code == Code::usage;
    };
    CHECK(refused({}));
    CHECK(refused({.paths = {"a", "a"}}));
    CHECK(refused({.paths = {"a", "-"}}));
    CHECK(refused({.paths = {"a"}, .stale_after_s = 0}));
    CHECK(refused({.paths = {"a"}, .line_bytes = 10}));
    CHECK(refused({.paths = {"a"}, .requests_kept = 1}));
}

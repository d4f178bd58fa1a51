// Every log that is named must tell of the whole window, and each request of it once.
#include "oa_stream/measure/budget.hpp"
#include "oa_stream/measure/gate_reading.hpp"

#include "rig.hpp"
#include "sources/access_log/access_log_index.hpp"

using namespace oa_stream;
using namespace oa_stream::test;
using measure::Counts;
using measure::Question;

namespace {

/// A good request each second of [from, to).
std::string lines(double from_s, double to_s, const std::string& revision = "rev-a") {
    std::string out;
    for (double at = from_s; at < to_s; ++at) {
        out += LogLine{.began_s = at, .revision = revision}.text();
    }
    return out;
}

measure::GateRecord gate_on(const measure::SourceReading& reading) {
    measure::GateSpec spec;
    spec.id = "error-rate";
    spec.events = "http_5xx | terminal_error";
    return evaluate_readings(spec, reading, {}, {});
}

/// a.log is a whole replica of the revision; b.log is what a test makes of it.
struct Pair {
    LogRig rig{measure::AccessLogOptions{.paths = {"a.log", "b.log"}}};
    Question question{.revision = "rev-a"};

    Pair() { rig.write(rig.folder / "a.log", lines(0, 1000)); }
    [[nodiscard]] measure::SourceReading ask() { return rig.ask(10, 1000, question); }
    void b(const std::string& text, const std::string& name = "b.log") const {
        rig.write(rig.folder / name, text);
    }
};

void check_open(const measure::SourceReading& reading, std::string_view why) {
    REQUIRE(reading.state == measure::SourceReading::State::measured);
    CAPTURE(reading.uncovered);
    CHECK(reading.uncovered.contains(why));
    const auto record = gate_on(reading);
    CHECK(record.verdict == Verdict::inconclusive);
    CHECK(record.sentence.contains(why));
}

} // namespace

TEST_CASE("access log coverage: whole logs of all replicas pass, another revision's need not go on"
) {
    Pair pair;
    pair.b(lines(0, 1000));
    const auto both = pair.ask();
    CHECK(both.uncovered.empty());
    CHECK(gate_on(both).verdict == Verdict::pass);
    Pair other;
    other.b(lines(0, 400, "rev-b"));
    CHECK(gate_on(other.ask()).verdict == Verdict::pass);
}

TEST_CASE("access log coverage: a replica's log that is empty, stopped, silent or cut is no PASS") {
    struct Row {
        std::string name;
        std::string text;
        std::string_view why;
    };
    for (const Row& row : {
             Row{"empty", "", "b.log has no line"},
             Row{"stopped", lines(0, 500), "b.log stopped at"},
             Row{"six minutes of silence",
                 lines(0, 300) + lines(660, 1000),
                 "b.log has no line for 361 s of the window"},
             Row{"begins within the window", lines(600, 1000), "within the window"},
         }) {
        DYNAMIC_SECTION(row.name) {
            Pair pair;
            pair.b(row.text);
            const auto got = pair.ask();
            check_open(got, row.why);
            CHECK(got.at_fault == (pair.rig.folder / "b.log").string());
        }
    }
}

TEST_CASE("access log coverage: a busy log that begins within the window may have had more") {
    struct Row {
        std::string name;
        std::string a;
        std::string b;
        double may_be;
        double from_s = 10;
    };
    std::string alive;
    for (double at = 200; at < 1000; at += 60) {
        alive +=
            LogLine{.began_s = at, .terminal = "", .route = "/healthz", .method = "GET"}.text();
    }
    const std::string whole = lines(0, 1000);
    for (const Row& row : {
             Row{"busy", whole, lines(200, 1000), 191},
             Row{"idle", whole, alive, 0},
             Row{"no later than by chance", whole, lines(12, 1000), 0},
             Row{"quiet after its first lines", whole, lines(800, 802), 0, 600},
             Row{"nobody served the revision before",
                 lines(0, 50, "rev-b") + lines(50, 1000),
                 lines(200, 1000),
                 0},
         }) {
        DYNAMIC_SECTION(row.name) {
            Pair pair;
            pair.rig.write(pair.rig.folder / "a.log", row.a);
            pair.b(row.b);
            const auto got = pair.rig.ask(row.from_s, 1000, pair.question);
            CHECK(got.uncovered.empty());
            CHECK(got.unread == Approx(row.may_be).margin(1));
            CHECK(got.at_fault == (row.may_be > 0 ? (pair.rig.folder / "b.log").string() : ""));
            CHECK(gate_on(got).verdict == (row.may_be > 0 ? Verdict::inconclusive : Verdict::pass));
        }
    }
}

TEST_CASE("access log coverage: a log that begins with a revision that nobody served has no gap") {
    Pair pair; // a was given the revision within the window, b is a new replica of it
    pair.rig.write(pair.rig.folder / "a.log", lines(0, 50, "rev-b") + lines(50, 1000));
    pair.b(lines(600, 1000));
    CHECK(pair.ask().uncovered.empty());
}

TEST_CASE("access log coverage: the log with damaged lines is at fault, of whole ones none is") {
    Pair whole;
    whole.b(lines(0, 1000));
    CHECK(whole.ask().at_fault.empty());
    const auto* const damage =
        GENERATE(as<const char*>{}, "{\"ts\":\"2026-1\n", "{\"ts\":\"2026-1");
    Pair pair;
    pair.b(lines(0, 1000) + damage); // a whole line, or one without its end
    const auto got = pair.ask();
    CHECK(got.unread == 1);
    CHECK(got.at_fault == (pair.rig.folder / "b.log").string());
}

TEST_CASE("access log coverage: a log that cannot be read is at fault") {
    Pair pair;
    pair.b("");
    pair.b("\x1f\x8b nonsense", "b.log.1.gz");
    const auto got = pair.ask();
    REQUIRE(got.state == measure::SourceReading::State::missing);
    CAPTURE(got.why);
    CHECK(got.at_fault == (pair.rig.folder / "b.log.1.gz").string());
}

TEST_CASE("access log coverage: what a replica's log may have held is in budgets and burn rates") {
    struct Row {
        std::string name;
        std::string text;
        double may_be;
        Verdict want;
    };
    const measure::BudgetQuestion objective{
        .name = "good", .objective = {99, 100}, .window_s = 7200, .least_total = 20
    };
    for (const Row& row : {
             Row{"whole", lines(0, 7200), 0, Verdict::pass},
             Row{"empty", "", 7200, Verdict::inconclusive},
             Row{"stopped an hour ago", lines(0, 3600), 3600, Verdict::inconclusive},
             Row{"six minutes of silence, a twentieth",
                 lines(0, 360) + lines(721, 7200),
                 370,
                 Verdict::inconclusive},
             Row{"of another revision alone", lines(0, 3600, "rev-b"), 0, Verdict::pass},
         }) {
        DYNAMIC_SECTION(row.name) {
            Pair pair;
            pair.rig.now_s = 7200;
            pair.rig.write(pair.rig.folder / "a.log", lines(0, 7200));
            pair.b(row.text);
            std::vector<measure::WindowReading> readings;
            for (const double window_s : measure::budget_windows(objective.window_s)) {
                readings.push_back({window_s, pair.rig.ask(7200 - window_s, 7200, pair.question)});
            }
            const auto status = measure::budget_status(objective, readings);
            const Check check = budget_check(status, {1, 1}, "budget");
            CAPTURE(check.detail);
            CHECK(static_cast<double>(status.unread) == Approx(row.may_be).epsilon(0.1));
            CHECK(check.verdict == row.want);
            CHECK(check.detail.contains("b.log") == (row.want != Verdict::pass));
        }
    }
}

TEST_CASE("access log coverage: silence of all logs together is a share of a budget that is told") {
    LogRig rig;
    rig.now_s = 7200;
    rig.append(lines(0, 3000) + lines(3700, 7200));
    const measure::BudgetQuestion objective{.objective = {99, 100}, .window_s = 7200};
    const std::array readings{measure::WindowReading{7200, rig.ask(0, 7200)}};
    CHECK_FALSE(readings.front().reading.uncovered.empty());
    const auto status = measure::budget_status(objective, readings);
    CHECK(status.covered_s < 6600);
    CHECK(budget_check(status, {1, 1}, "budget").verdict == Verdict::pass);
}

TEST_CASE("access log coverage: hours that were too many to keep are no covered ones") {
    constexpr double k_hour_s = 3600;
    measure::AccessLogIndex index({.silence_s = 2 * k_hour_s, .requests_kept = 100, .slices = 10});
    for (std::uint64_t i = 0; i < 300; ++i) {
        measure::AccessLine line{.revision = "rev-a", .route = "/api/chat/stream", .post = true};
        line.id = i;
        index.add(0, k_log_epoch + static_cast<double>(i) * k_hour_s / 3, line);
    }
    const auto ask = [&](double from_h) {
        Question question;
        question.window = {k_log_epoch + from_h * k_hour_s, k_log_epoch + 100 * k_hour_s};
        return index.answer(question);
    };
    const auto whole = ask(0);
    REQUIRE(whole.state == measure::SourceReading::State::measured);
    CHECK(whole.covered_s < 60 * k_hour_s);
    CHECK(whole.uncovered.contains("too many to keep"));
    CHECK(whole.uncovered_requests > 100);
    CHECK(gate_on(whole).verdict == Verdict::inconclusive);
    const auto newest = ask(90);
    CHECK(newest.covered_s == Approx(10 * k_hour_s));
    CHECK(newest.uncovered.empty());
}

TEST_CASE("access log coverage: a failure is found in spite of a gap") {
    Pair pair;
    std::string bad;
    for (int i = 0; i < 200; ++i) {
        bad += LogLine{.began_s = 20.0 + i, .status = 503, .terminal = ""}.text();
    }
    pair.b(bad);
    CHECK(gate_on(pair.ask()).verdict == Verdict::fail);
}

TEST_CASE("access log coverage: a rotated file that is missing or cannot be unpacked") {
    Pair pair;
    pair.b(lines(500, 1000));
    pair.b(lines(0, 200), "b.log.2");
    CHECK(pair.ask().uncovered.contains("b.log"));
    Pair packed;
    packed.b(lines(0, 1000));
    packed.b(
        std::string(
            "\xFD"
            "7zXZ\0 packed",
            13
        ),
        "b.log.1.xz"
    );
    const auto unread = packed.ask();
    CHECK(unread.state == measure::SourceReading::State::missing);
    CHECK(unread.why.contains("is compressed with xz, which is not read here"));
    Pair old;
    old.b(lines(500, 1000));
    old.b(lines(0, 500), "b.log-old");
    const auto read = old.ask();
    CHECK(read.uncovered.empty());
    CHECK(read.tally.requests == Counts{0, 2 * 990});
}

TEST_CASE("access log coverage: a lane's clock that is ahead makes the window unknown") {
    const double ahead_s = GENERATE(120.0, 420.0);
    Pair pair;
    pair.b(lines(ahead_s, 1000 + ahead_s));
    check_open(pair.ask(), "ahead of this machine's clock");
}

TEST_CASE("access log coverage: a line that was written twice counts once") {
    Pair pair;
    const std::string text = lines(0, 1000);
    pair.b(text + text.substr(0, text.size() / 2));
    const auto reading = pair.ask();
    CHECK(reading.tally.requests == Counts{0, 2 * 990});
    CHECK(std::ranges::any_of(reading.notes, [](const std::string& note) {
        return note.contains("500 lines repeated an earlier one");
    }));
}

TEST_CASE("access log: whole turns are timed where they ended well") {
    LogRig rig;
    std::string text;
    for (int i = 0; i < 100; ++i) {
        text += LogLine{.began_s = 10.0 + i, .end_ms = i < 10 ? 7100.0 : 2000.0}.text();
    }
    text += LogLine{.began_s = 120, .end_ms = 1, .status = 503, .terminal = ""}.text();
    rig.append(text);
    const auto reading = rig.ask(0, 200, {.timing = measure::Timing::duration});
    CHECK(reading.tally.first_content_s.size() == 100);
    CHECK(reading.tally.first_content_s.back() == Approx(7.1));
    CHECK(reading.tally.blocks.size() == measure::k_blocks);
}

TEST_CASE("access log coverage: requests of one id, ended microseconds apart, are two") {
    // A client, or a proxy, may give many requests one id.
    LogRig rig;
    std::string text;
    for (const double end_ms : {0.101, 0.202, 0.303}) {
        text += LogLine{.began_s = 10, .end_ms = end_ms, .status = 503, .terminal = "", .id = "one"}
                    .text();
    }
    rig.append(text + text);
    CHECK(rig.ask(0, 60).tally.requests == Counts{3, 3});
}

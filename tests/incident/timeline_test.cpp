#include "oa_stream/incident/timeline.hpp"
#include "oa_stream/run/run_notes.hpp"

#include "scratch.hpp"

#include <fmt/format.h>

#include <sys/stat.h>

#include <array>
#include <vector>

using namespace oa_stream;
using namespace oa_stream::incident;
using namespace oa_stream::run;

TEST_CASE("time stamps: any offset and seconds since the epoch become UTC milliseconds") {
    struct Row {
        const char* text;
        std::optional<std::string> want;
    };
    static const std::array k_rows{
        Row{"2026-02-22T04:36:00.123Z", "2026-02-22T04:36:00.123Z"},
        Row{"2026-02-22T04:36:00Z", "2026-02-22T04:36:00.000Z"},
        Row{"2026-02-22 05:36:00.5+01:00", "2026-02-22T04:36:00.500Z"},
        Row{"2026-02-21T23:36:00,123456-0500", "2026-02-22T04:36:00.123Z"},
        Row{"1771734960.123", "2026-02-22T04:36:00.123Z"},
        Row{"2026-02-22T04:36:00", std::nullopt}, // whose clock?
        Row{"2026-02-31T04:36:00Z", std::nullopt},
        Row{"2026-02-22T04:36:00Zx", std::nullopt},
        Row{"200", std::nullopt},
        Row{"7000000000", "2191-10-27T12:26:40.000Z"},
        Row{"1771734960123", std::nullopt}, // milliseconds
        Row{"nan", std::nullopt},
        Row{"", std::nullopt},
    };
    const auto row = GENERATE(from_range(k_rows));
    CAPTURE(row.text);
    CHECK(utc_millis(row.text) == row.want);
}

TEST_CASE("events: what a person reads of an event, and what may go first") {
    struct Row {
        const char* json;
        const char* text;
        Weight weight;
    };
    static const std::array k_rows{
        Row{R"({"at":"x","t":1,"event":"check","check":{"id":"a","verdict":"FAIL","detail":"d"}})",
            "FAIL a: d",
            Weight::key},
        Row{R"({"event":"check","id":"a","verdict":"PASS","detail":"d"})",
            "PASS a: d",
            Weight::passed},
        Row{R"({"event":"note","by":"ann","text":"pager\nwent off"})",
            "note by ann: pager went off",
            Weight::key},
        Row{R"({"event":"stage begins","stage":"5%","split":{"canary":5,"stable":95}})",
            "stage begins stage=5% split=canary 5, stable 95",
            Weight::turning},
        Row{R"({"seq":4,"phase":"intent","step":"shift@5%","from":{"v1":100},"to":{"v1":95,"v2":5}})",
            "journal: intent shift@5%: v1 100 → v1 95, v2 5",
            Weight::turning},
        Row{R"({"ts":"x","event":"request","route":"/r","status":503})", // of no lane
            "request route=/r status=503",
            Weight::routine},
    };
    const auto row = GENERATE(from_range(k_rows));
    CAPTURE(row.json);
    const auto json = parse_json(row.json);
    REQUIRE(json.has_value());
    CHECK(event_text(*json) == row.text);
    CHECK(event_weight(*json) == row.weight);
}

TEST_CASE("timeline: runs, logs in every form and notes in the order of time") {
    const Scratch state;
    const auto log = state.path / "lane.log";
    REQUIRE(write_file_atomic(
                log,
                "{\"ts\":\"2026-02-22T04:36:01.000Z\",\"event\":\"json line\"}\n"
                "ts=2026-02-22T04:36:02.000Z event=\"logfmt line\" status=200\n"
                "2026-02-22T05:36:03+01:00 plain line, Bearer abcdefghijkl\n"
                "nobody knows when\n"
    )
                .has_value());
    auto from_log = log_timeline(log, "lane.log", Redactor{});
    REQUIRE(from_log.has_value());
    CHECK(from_log->undated == 1);
    Timeline run;
    run.events.push_back({"2026-02-22T04:36:00.500Z", 0, "run 1", "first"});
    run.events.push_back({"2026-02-22T04:36:02.500Z", 0, "run 1", "between"});
    const Timeline timeline = merge({run, *from_log});
    REQUIRE(timeline.events.size() == 5);
    CHECK(timeline.events[0].text == "first");
    CHECK(timeline.events[0].t == 0);
    CHECK(timeline.events[1].text == "json line");
    CHECK(timeline.events[1].t == 0.5);
    CHECK(timeline.events[2].text == "logfmt line status=200");
    CHECK(timeline.events[3].text == "between");
    CHECK(timeline.events[4].text == "plain line, Bearer ************");
    CHECK(timeline.events[4].source == "lane.log");
    CHECK(timeline.undated == 1);
    CHECK(log_timeline(state.path / "absent", "x", {}).error().code == Code::unreadable);
}

namespace {

/// A line as a lane writes it. `more` stands behind the members that every one has.
std::string access_line(int second, std::string_view more) {
    return fmt::format(
        R"({{"ts":"2026-02-22T04:36:{:02}.000Z","event":"request","request_id":"req_{}",)"
        R"("route":"/api/chat","method":"POST","status":200,"revision":"r1","end_ms":5{}}})"
        "\n",
        second,
        second,
        more
    );
}
constexpr std::string_view k_good = R"(,"accepted":true,"terminal":"completed")";
constexpr std::string_view k_bad = R"(,"accepted":true,"terminal":"codex_error")";
constexpr std::string_view k_lost =
    R"({"ts":"2026-02-22T04:37:00.000Z","event":"request","lost":500})"
    "\n";

Timeline timeline_of(const Scratch& state, const std::vector<std::string>& logs) {
    std::vector<Timeline> out;
    for (const std::string& text : logs) {
        const auto file = state.path / fmt::format("{}.log", out.size());
        REQUIRE(write_file_atomic(file, text).has_value());
        auto log = log_timeline(file, file.filename().string(), Redactor{});
        REQUIRE(log.has_value());
        out.push_back(*std::move(log));
    }
    return merge(std::move(out));
}

std::vector<std::optional<bool>> bad_turns(const Timeline& timeline) {
    std::vector<std::optional<bool>> out;
    for (const TimelineEvent& event : timeline.events) {
        out.push_back(event.bad_turn);
    }
    return out;
}

} // namespace

TEST_CASE("timeline: a log's own meaning of one word for the time hides no other") {
    const Scratch state;
    const Timeline timeline = timeline_of(
        state,
        {R"({"at":"info","ts":"2026-11-30T10:00:00Z","msg":"json"})"
         "\n"
         "ts=2026-11-30T10:00:01Z at=info method=GET path=/x\n"
         R"({"at":true,"ts":null,"time":0.25,"timestamp":1796032802,"msg":"late"})"
         "\n"
         R"({"at":"info","msg":"never"})"
         "\n"}
    );
    REQUIRE(timeline.events.size() == 3);
    CHECK(timeline.events[0].at == "2026-11-30T10:00:00.000Z");
    CHECK(timeline.events[1].at == "2026-11-30T10:00:01.000Z");
    CHECK(timeline.events[2].at == "2026-11-30T10:00:02.000Z");
    CHECK(timeline.undated == 1);
}

TEST_CASE("timeline: a line of an access log that stands in it twice, or in a copy, is one") {
    const Scratch state;
    const std::string log = access_line(1, k_good) + access_line(2, k_bad) + access_line(2, k_bad) +
                            std::string(k_lost);
    const Timeline once = timeline_of(state, {log});
    CHECK(bad_turns(once) == std::vector<std::optional<bool>>{false, true, std::nullopt});
    CHECK(once.repeated == 1);
    CHECK(once.events[0].weight == Weight::access);
    CHECK(once.events[1].weight == Weight::turning);
    CHECK(once.events[2].weight == Weight::turning);
    CHECK(once.events[2].lost == 500);
    const Timeline twice = timeline_of(state, {log, log});
    CHECK(bad_turns(twice) == bad_turns(once));
    CHECK(twice.repeated == 5);
    // Other lines may repeat: what they say happened twice.
    const std::string event = "{\"ts\":\"2026-02-22T04:36:00.000Z\",\"event\":\"ready\"}\n";
    CHECK(timeline_of(state, {event + event}).events.size() == 2);
}

TEST_CASE("timeline: a turn that was taken over counts where it ended, and a probe never") {
    const Scratch state;
    const Timeline timeline = timeline_of(
        state,
        {access_line(1, R"(,"accepted":true,"left":true)") +
         access_line(2, R"(,"taken_over":true,"terminal":"turn_failed")") +
         access_line(3, R"(,"probe":"smoke","accepted":true,"terminal":"codex_error")")}
    );
    CHECK(
        bad_turns(timeline) == std::vector<std::optional<bool>>{std::nullopt, true, std::nullopt}
    );
    CHECK(timeline.damaged == 0);
}

TEST_CASE("timeline: damaged lines of an access log are counted, others' lines are none") {
    const Scratch state;
    const std::string whole = access_line(1, k_good);
    const std::string cut = access_line(2, k_bad).substr(0, 60) + "\n";
    const std::string joined = access_line(3, k_bad).substr(0, 60) + access_line(4, k_good);
    const std::string unknown = access_line(5, R"(,"accepted":true,"terminal":"exploded")");
    const std::string foreign = "ts=2026-02-22T04:36:02.000Z level=info msg=hello\n";
    const Timeline timeline = timeline_of(state, {whole + cut + joined + unknown, foreign});
    CHECK(timeline.damaged == 4);
    CHECK(timeline.undated == 2);
    CHECK(
        bad_turns(timeline) == std::vector<std::optional<bool>>{false, std::nullopt, std::nullopt}
    );
}

TEST_CASE("timeline: a line that a crash cut is left out, the rest is told") {
    const Scratch state;
    const auto folder = state.ended();
    REQUIRE(write_file_atomic(
                folder / "timeline.ndjson",
                "{\"at\":\"2026-02-22T04:36:01.000Z\",\"event\":\"whole\"}\n"
                "{\"at\":\"2026-02-22T04:36:02.000Z\",\"eve"
    )
                .has_value());
    REQUIRE(add_note(folder, "afterwards", "ann").has_value());
    const Timeline timeline = merge({run_timeline(folder, "run 1", Redactor{})});
    CHECK(timeline.undated == 0);
    REQUIRE(timeline.events.size() == 2);
    CHECK(timeline.events[0].text == "whole");
    CHECK(timeline.events[1].text == "note by ann: afterwards");
}

TEST_CASE("timeline: lines without a time in a run's own logs are counted, too") {
    const Scratch state;
    const auto folder = state.ended();
    std::filesystem::create_directory(folder / "logs");
    const std::string log = "{\"ts\":\"2026-02-22T04:36:01.000Z\",\"event\":\"draining\"}\n"
                            "double free or corruption\n" +
                            access_line(1, k_good) + "{\"ts\":\"2026-02-22T04:36:02.0";
    REQUIRE(write_file_atomic(folder / "logs/canary.log", log).has_value());
    const Timeline timeline = merge({run_timeline(folder, "run 1", Redactor{})});
    CHECK(timeline.undated == 1);
    CHECK(timeline.damaged == 1); // the end of what it wrote
}

TEST_CASE("timeline: secrets are hidden before a long line of the run is cut") {
    const Scratch state;
    const auto folder = state.ended();
    const std::string secret = "p\u00e4ss-wort-of-many-letters";
    const std::string key = "ghp_" + std::string(36, 'A');
    const auto note = [](std::size_t before, std::string_view text) {
        return fmt::format(
            R"({{"at":"2026-02-22T04:36:01.000Z","event":"note","by":"ann","text":"{} {}"}})"
            "\n",
            std::string(before, 'x'),
            text
        );
    };
    REQUIRE(
        write_file_atomic(folder / "notes.ndjson", note(375, key) + note(380, secret)).has_value()
    );
    std::filesystem::create_directory(folder / "logs");
    const auto plain = "2026-02-22T04:36:02.000Z " + std::string(390, 'x') + " " + key + "\n" +
                       "2026-02-22T04:36:03.000Z " + secret + "\n";
    REQUIRE(write_file_atomic(folder / "logs/canary.log", plain).has_value());
    Redactor redactor;
    redactor.add_known(Secret(secret), "KEY");
    const Timeline timeline = merge({run_timeline(folder, "run 1", redactor)});
    REQUIRE(timeline.events.size() >= 4);
    for (const TimelineEvent& event : timeline.events) {
        CAPTURE(event.text);
        CHECK_FALSE(event.text.contains("ghp_"));
        CHECK_FALSE(event.text.contains("wort-of"));
    }
}

TEST_CASE("timeline: a log that is too large is refused with what to do") {
    const Scratch state;
    const auto log = state.path / "large.log";
    REQUIRE(write_file_atomic(log, "").has_value());
    constexpr std::uintmax_t k_most = std::uintmax_t{256} << 20U;
    std::filesystem::resize_file(log, k_most + 1); // it takes no blocks
    const auto refused = log_timeline(log, "large.log", Redactor{});
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().code == Code::unreadable);
    CHECK(refused.error().message == "larger than 256 MiB");
    CHECK(refused.error().where == log.string());
    CHECK(
        refused.error().hint ==
        R"(cut it to the time of the incident, like grep '"ts":"2026-11-29T11:' FILE > cut.log)"
    );
}

TEST_CASE("timeline: a pipe is refused as a log: a bundle reads it once more") {
    const Scratch state;
    const auto pipe = state.path / "access.log";
    REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
    const auto refused = log_timeline(pipe, "access.log", Redactor{});
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().code == Code::unreadable);
    CHECK(refused.error().message == "it is a pipe");
    CHECK(refused.error().hint == "write it to a file first");
    const auto device = log_timeline("/dev/null", "null", Redactor{});
    REQUIRE_FALSE(device.has_value());
    CHECK(device.error().message == "it is not a regular file");
    CHECK(device.error().hint == "write it to a file first"); // and not: remove it
}

TEST_CASE("timeline: a log that is compressed is refused: it shows neither events nor secrets") {
    const Scratch state;
    const auto log = state.path / "lane.log.1";
    const auto packed =
        GENERATE(as<std::string>(), "\x1F\x8B\x08", "\x28\xB5\x2F\xFD", "\xFD\x37zXZ", "BZh91AY");
    REQUIRE(write_file_atomic(log, packed + "the rest").has_value());
    const auto refused = log_timeline(log, "lane.log.1", Redactor{});
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().code == Code::usage);
    CHECK(refused.error().text().contains("is compressed with"));
}

#include "oa_stream/base/json.hpp"
#include "oa_stream/measure/access_log_line.hpp"

#include <catch2/catch.hpp>
#include <fmt/format.h>

#include <array>
#include <cmath>
#include <limits>

using namespace oa_stream;
using measure::AccessLine;
using measure::LineKind;

namespace {

/// As a lane wrote them.
constexpr std::string_view k_stream =
    R"({"ts":"2026-11-20T10:05:00.123Z","event":"request","request_id":"req_1",)"
    R"("route":"/api/chats/{conversationId}/stream","method":"POST","status":200,"lane":"compat",)"
    R"("revision":"rev-a","owner":"2bd806c97f0e","thread":"c1","turn":"turn-1","accepted":true,)"
    R"("accepted_ms":1.2,"headers_ms":1.3,"first_byte_ms":1.4,"first_event_ms":9.0,)"
    R"("first_content_ms":250.5,"end_ms":1877.0,"frames":8,"bytes":921,"reader":"finished",)"
    R"("terminal":"completed","model":"m","usage":{"input":10,"event":"x"},"repairs":{"empty":1}})";
constexpr std::string_view k_logfmt =
    R"(ts=2026-11-20T10:05:00.123Z event=request request_id=req_1 )"
    R"(route="/api/chats/{conversationId}/stream" method=POST status=200 lane=compat )"
    R"(revision=rev-a owner=2bd806c97f0e accepted=true accepted_ms=1.5 first_content_ms=250.5 )"
    R"(end_ms=1877.0 frames=8 bytes=921 terminal=completed model="a=\"b\" c" usage=null)";
constexpr double k_began = 1795169100.123; // date -d 2026-11-20T10:05:00.123Z +%s.%3N

LineKind kind(std::string_view text) {
    AccessLine line;
    return measure::read_access_line(text, line);
}

AccessLine request(std::string_view text) {
    AccessLine line;
    CAPTURE(text);
    REQUIRE(measure::read_access_line(text, line) == LineKind::request);
    return line;
}

std::string with(std::string_view text, std::string_view from, std::string_view to) {
    std::string out(text);
    const auto at = out.find(from);
    REQUIRE(at != std::string::npos);
    return out.replace(at, from.size(), to);
}

} // namespace

TEST_CASE("access line: JSON and logfmt tell the same request") {
    const AccessLine json = request(k_stream);
    CHECK(json.ended_s == Approx(k_began + 1.877).margin(1e-6));
    CHECK(json.revision == "rev-a");
    CHECK(json.route == "/api/chats/{conversationId}/stream");
    CHECK(json.status == 200);
    CHECK(json.post);
    CHECK(json.accepted);
    CHECK(json.bad == 0);
    CHECK(json.first_content_s == 0.2505);
    CHECK(request(k_logfmt) == json);
    CHECK(request(std::string(k_stream) + "\r") == json);
    CHECK(request(std::string(5, '\0') + std::string(k_stream)) == json);
}

TEST_CASE("access line: a terminal of the runbook's four classes is an error, the others are none"
) {
    for (const auto* word :
         {"turn_failed", "turn_aborted", "codex_error", "adapter_preview_unavailable"}) {
        CHECK(
            request(with(k_stream, "\"completed\"", fmt::format("\"{}\"", word))).bad ==
            telemetry::bit_of(telemetry::BadEvent::terminal_error)
        );
    }
    for (const auto* word : {"turn_interrupted", "client_gone"}) {
        CHECK(request(with(k_stream, "\"completed\"", fmt::format("\"{}\"", word))).bad == 0);
    }
    CHECK(kind(with(k_stream, "\"completed\"", "\"exploded\"")) == LineKind::damaged);
}

TEST_CASE("access line: a resume's first content is not a measurement, an empty turn is told") {
    const auto resume =
        request(with(with(k_stream, R"("accepted":true,)", ""), R"("terminal":"completed",)", ""));
    CHECK_FALSE(resume.accepted);
    CHECK_FALSE(resume.first_content_s.has_value());
    CHECK(
        request(with(k_stream, R"("model")", R"("empty":true,"model")")).bad ==
        telemetry::bit_of(telemetry::BadEvent::empty)
    );
}

TEST_CASE("access line: a turn that went on in another process counts by the line of its end") {
    const auto left = with(
        with(k_stream, R"("accepted":true)", R"("accepted":true,"left":true)"),
        R"("terminal":"completed",)",
        ""
    );
    CHECK_FALSE(request(left).post);
    CHECK(request(left).bad == 0);
    const auto ended = with(
        with(k_stream, R"("accepted":true)", R"("taken_over":true)"),
        R"("terminal":"completed")",
        R"("terminal":"turn_failed","empty":true)"
    );
    CHECK(request(ended).post);
    CHECK_FALSE(request(ended).accepted);
    CHECK(
        request(ended).bad == (telemetry::bit_of(telemetry::BadEvent::terminal_error) |
                               telemetry::bit_of(telemetry::BadEvent::empty))
    );
    CHECK_FALSE(request(ended).first_content_s.has_value());
    CHECK_FALSE(request(ended).duration_s.has_value());
    AccessLine open;
    const auto unknown = with(left, R"("left":true)", R"("end_unknown":true)");
    CHECK(measure::read_access_line(unknown, open) == LineKind::lost);
    CHECK(open.lost == 1); // it may have been bad
    CHECK(open.ended_s == Approx(k_began + 1.877).margin(1e-6));
    CHECK(kind(with(unknown, R"("end_unknown":true)", R"("end_unknown":1)")) == LineKind::damaged);
    // Its reader had left long before the process ended.
    const auto later = with(unknown, R"("end_ms":1877.0)", R"("end_ms":1877.0,"turn_ms":700000.0)");
    CHECK(measure::read_access_line(later, open) == LineKind::lost);
    CHECK(open.ended_s == Approx(k_began + 700).margin(1e-6));
    // What says both, or too little, was not written by a lane.
    CHECK(kind(with(left, R"("accepted":true,)", "")) == LineKind::damaged);
    CHECK(kind(with(left, R"("model")", R"("terminal":"completed","model")")) == LineKind::damaged);
    CHECK(
        kind(with(ended, R"("taken_over":true)", R"("taken_over":true,"accepted":true)")) ==
        LineKind::damaged
    );
    CHECK(kind(with(ended, R"("taken_over":true)", R"("taken_over":"1")")) == LineKind::damaged);
    CHECK(kind(with(ended, R"("terminal":"turn_failed","empty":true,)", "")) == LineKind::damaged);
}

TEST_CASE("access line: a turn that ran into a time limit before any content is endless") {
    const std::string waited = with(
        with(k_stream, R"("first_content_ms":250.5,)", ""), "\"completed\"", "\"codex_error\""
    );
    const auto says = [&](std::string_view more) {
        return with(waited, R"("model")", fmt::format(R"({},"model")", more));
    };
    const auto endless = [](std::string_view text) {
        const auto content = request(text).first_content_s;
        return content && std::isinf(*content);
    };
    CHECK(endless(says(R"("failure":"authority_timeout","reason":"first_event")")));
    CHECK(endless(says(R"("failure":"authority_timeout")")));
    CHECK(endless(says(R"("failure":"stalled","reason":"stalled")")));
    CHECK(endless(says(R"("failure":"turn_aborted","reason":"wall_time")")));
    CHECK(endless(with(
        with(k_logfmt, "first_content_ms=250.5 ", ""),
        "terminal=completed",
        "terminal=codex_error failure=stalled reason=stalled reader=finished"
    )));
    // Failed otherwise, not begun by this request, or not waited for.
    CHECK_FALSE(request(waited).first_content_s.has_value());
    CHECK_FALSE(request(says(R"("failure":"authority_lost")")).first_content_s.has_value());
    CHECK_FALSE(request(says(R"("failure":"turn_aborted","reason":"drain")")).first_content_s);
    for (const auto* reader : {"client_gone", "client_too_slow", "cut"}) {
        const std::string left =
            with(says(R"("failure":"stalled")"), "\"finished\"", fmt::format("\"{}\"", reader));
        CHECK_FALSE(request(left).first_content_s.has_value());
    }
    // Not streamed: none of them has a first content. The whole took for ever all the same.
    const std::string whole =
        with(says(R"("failure":"stalled","reason":"stalled")"), R"("reader":"finished",)", "");
    CHECK_FALSE(request(whole).first_content_s.has_value());
    CHECK(request(whole).duration_s == std::numeric_limits<double>::infinity());
    // Content came before the limit: its time is known.
    CHECK(
        request(with(
                    with(k_stream, "\"completed\"", "\"codex_error\""),
                    R"("model")",
                    R"("failure":"stalled","model")"
                ))
            .first_content_s == 0.2505
    );
    // Completed while it was being stopped: its answer was whole.
    const std::string late = with(k_stream, R"("model")", R"("reason":"wall_time","model")");
    CHECK(request(late).duration_s == 1.877);
}

TEST_CASE("access line: what the lane could not write is told in both formats") {
    for (const std::string_view line :
         {R"({"ts":"2026-11-20T10:05:00.123Z","event":"request","lost":80})",
          "ts=2026-11-20T10:05:00.123Z event=request lost=80"}) {
        AccessLine read;
        CHECK(read_access_line(line, read) == LineKind::lost);
        CHECK(read.lost == 80);
        CHECK(read.ended_s == measure::parse_log_time("2026-11-20T10:05:00.123Z"));
    }
    for (const std::string_view count : {"0", "-1", "1.5", "\"80\"", "null", "1e10"}) {
        AccessLine read;
        const std::string line = fmt::format(
            R"({{"ts":"2026-11-20T10:05:00.123Z","event":"request","lost":{}}})", count
        );
        CHECK(read_access_line(line, read) == LineKind::damaged);
    }
}

TEST_CASE("access line: what is not whole is damaged and never guessed at") {
    const std::string whole(k_stream);
    const std::string flat(k_logfmt);
    const std::array rows{
        whole.substr(0, whole.size() - 1),
        whole.substr(0, 60),
        whole + whole,
        whole + std::string(1, '\0') + whole,
        flat + std::string(1, '\0'),
        flat + flat,
        flat.substr(0, 40),
        flat + " ",
        flat + "\"",
        flat.substr(0, flat.size() - 12),
        with(whole, R"("status":200)", R"("status":"200")"),
        with(whole, R"("status":200)", R"("status":200.5)"),
        with(whole, R"("status":200)", R"("status":99)"),
        with(whole, R"("status":200,)", ""),
        with(whole, R"("revision":"rev-a",)", ""),
        with(whole, R"("terminal":"completed",)", ""),
        with(whole, R"("accepted":true)", R"("accepted":1)"),
        with(whole, "1877.0", "-1"),
        with(whole, "1877.0", "1e400"),
        with(whole, "1877.0", "\"1877\""),
        with(whole, "250.5", "null"),
        with(whole, "2026-11-20T10:05:00.123Z", "2026-13-20T10:05:00.123Z"),
        with(whole, "10:05:00.123Z", "10:05:00.123+01:00"),
        with(whole, R"("frames":8)", R"("status":500)"),
        with(whole, "turn-1", "turn\xff"),
    };
    for (const auto& row : rows) {
        CAPTURE(row);
        CHECK(kind(row) == LineKind::damaged);
    }
}

TEST_CASE("access line: other lines are told apart: events of the lane, blanks, foreign ones") {
    CHECK(
        kind(R"({"ts":"2026-11-20T10:05:00.123Z","level":"info","event":"listening"})") ==
        LineKind::event
    );
    for (const std::string_view text : {"", "  ", "\t", "\r"}) {
        CHECK(kind(text) == LineKind::blank);
    }
    for (const std::string_view text :
         {R"(127.0.0.1 - - [20/Nov/2026:10:05:00 +0000] "GET / HTTP/1.1" 200 12)",
          R"({"time":"2026-11-20T10:05:00Z","status":500})",
          "[1,2]",
          "{",
          "null"}) {
        CAPTURE(text);
        CHECK(kind(text) == LineKind::foreign);
    }
}

TEST_CASE("access line: parts of a request are damaged, whatever lost or wrapped the rest") {
    const std::string whole(k_stream);
    const std::string flat(k_logfmt);
    const auto quoted = [](std::string_view text) {
        return with(R"({"log":TEXT,"stream":"stdout"})", "TEXT", dump_json(Json(text)));
    };
    for (const std::string& text :
         {whole.substr(1),
          whole.substr(10),
          whole.substr(whole.size() / 2),
          flat.substr(1),
          flat.substr(flat.size() / 2),
          " " + whole,
          " " + flat,
          "\xEF\xBB\xBF" + whole,
          "Nov 20 10:05:00 host lane[1]: " + whole,
          "Nov 20 10:05:00 host lane[1]: " + flat,
          quoted(whole),
          quoted(whole + "\n"),
          quoted(flat),
          quoted(quoted(whole)),
          with(whole.substr(10), R"("event":"request")", R"("event": "request")"),
          std::string(R"({"event":"request"})")}) {
        CAPTURE(text);
        CHECK(kind(text) == LineKind::damaged);
    }
    // An event that quotes one stays an event, and words that are alike are somebody else's.
    CHECK(
        kind(with(
            R"({"ts":"2026-11-20T10:05:00.123Z","level":"warn","event":"unread","line":TEXT})",
            "TEXT",
            dump_json(Json(whole))
        )) == LineKind::event
    );
    for (const std::string_view text :
         {R"({"time":"x","event":"request_started"})",
          R"({"time":"x","event":"requests"})",
          R"({"time":"x","event":["request"]})",
          "time=x event=request_started",
          "time=x the_event=request",
          "time=x weekend_ms=5",
          "the event: request",
          "event",
          R"("event")"}) {
        CAPTURE(text);
        CHECK(kind(text) == LineKind::foreign);
    }
}

TEST_CASE("access line: names that look like numbers or truth are names, in logfmt too") {
    CHECK(request(with(k_logfmt, "revision=rev-a", "revision=20261120")).revision == "20261120");
    CHECK(request(with(k_logfmt, "revision=rev-a", "revision=1e3")).revision == "1e3");
    CHECK(request(with(k_logfmt, "revision=rev-a", "revision=true")).revision == "true");
    CHECK(request(with(k_logfmt, "revision=rev-a", "revision=\"rev 1\"")).revision == "rev 1");
    CHECK(request(with(k_logfmt, "request_id=req_1", "request_id=7")).revision == "rev-a");
    CHECK(kind(with(k_stream, R"("rev-a")", "7")) == LineKind::damaged);
}

TEST_CASE("log time: whole UTC milliseconds and nothing else") {
    CHECK(measure::parse_log_time("1970-01-01T00:00:00.000Z") == 0.0);
    CHECK(measure::parse_log_time("2024-02-29T23:59:59.999Z") == Approx(1709251199.999));
    for (const std::string_view text :
         {"",
          "2026-02-29T00:00:00.000Z",
          "2026-11-20T24:00:00.000Z",
          "2026-11-20T10:60:00.000Z",
          "2026-11-20T10:05:00Z",
          "2026-11-20T10:05:00.123",
          "2026-11-20T10:05:00.123Zx",
          "2026-11-20 10:05:00.123Z",
          "-026-11-20T10:05:00.123Z",
          "2026-11-20T10:05:00.+12Z"}) {
        CAPTURE(text);
        CHECK_FALSE(measure::parse_log_time(text).has_value());
    }
}

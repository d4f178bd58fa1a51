// Every ending over the wire: a server that misbehaves in one way, and the word for it.
#include "oa_stream/probe/stream_probe.hpp"

#include "support/frames.hpp"
#include "support/raw_server.hpp"

#include <catch2/catch.hpp>

#include <array>
#include <thread>
#include <vector>

using namespace oa_stream;
using namespace oa_stream::probe;
using namespace oa_stream::probe::test;

namespace {

ProbeLimits short_limits() {
    return {Millis(5000), Millis(1000), Millis(1000), Millis(10'000)};
}

struct Probed {
    ProbeSample sample;
    std::vector<RawRequest> requests;
};

Probed probed(
    RawServer::Handler handler,
    ProbeRequest request = {},
    ProbeLimits limits = short_limits(),
    const std::string& revision_header = {}
) {
    LoopRig loop;
    RawServer server(loop.executor(), std::move(handler));
    const auto client = net::HttpClient::make(loop.executor());
    Target target;
    target.base_url = server.url();
    target.bearer = Secret("the-token-of-the-test");
    if (!revision_header.empty()) {
        target.revision_header = revision_header;
    }
    if (request.body.empty()) {
        request.body = R"({"id":"t","messages":[]})";
    }
    ProbeSample sample = loop.run(probe_stream(*client, target, std::move(request), limits));
    return {std::move(sample), server.requests()};
}

Script whole(std::string body, std::string head = stream_head()) {
    return {Send{head + chunk(body) + last_chunk()}};
}

struct Row {
    const char* name;
    Script (*script)();
    Outcome want;
    const char* detail; ///< must occur in the sentence
};

const std::array k_rows{
    Row{"a good answer", [] { return whole(good_body()); }, Outcome::ok, "status completed"},
    Row{"CR LF line ends are legal",
        [] {
            std::string body = good_body(), crlf;
            for (const char c : body) {
                crlf += c == '\n' ? std::string("\r\n") : std::string(1, c);
            }
            return whole(crlf);
        },
        Outcome::ok,
        ""},
    Row{"comments count as life",
        [] {
            return Script{
                Send{stream_head() + chunk(k_opening + delta("pong"))},
                Wait{Millis(600)},
                Send{chunk(": ping\n\n")},
                Wait{Millis(600)},
                Send{chunk(k_ending) + last_chunk()}
            };
        },
        Outcome::ok,
        ""},
    Row{"no head in time", [] { return Script{Hang{}}; }, Outcome::ttfb_timeout, "no response head"
    },
    Row{"a reset instead of a head", [] { return Script{Reset{}}; }, Outcome::truncated, ""},
    Row{"bytes that are no HTTP",
        [] { return Script{Send{"hello, who is there?\r\n\r\n"}}; },
        Outcome::not_sse,
        "not HTTP"},
    Row{"426",
        [] {
            return Script{Send{json_answer(
                426, R"({"message":"m","error":{"code":"upgrade_required","message":"m"}})"
            )}};
        },
        Outcome::compat_rejected,
        "HTTP 426 upgrade_required"},
    Row{"401",
        [] {
            return Script{Send{
                json_answer(401, R"({"message":"m","error":{"code":"unauthorized","message":"m"}})")
            }};
        },
        Outcome::unauthorised,
        "HTTP 401 unauthorized"},
    Row{"503 with Retry-After",
        [] { return Script{Send{json_answer(503, "{}", "retry-after: 7\r\n")}}; },
        Outcome::http_status,
        "retry-after 7"},
    Row{"a redirect is not followed",
        [] { return Script{Send{json_answer(302, "", "location: /login\r\n")}}; },
        Outcome::http_status,
        "HTTP 302"},
    Row{"200 with JSON",
        [] { return Script{Send{json_answer(200, "{}")}}; },
        Outcome::wrong_content_type,
        "application/json"},
    Row{"a media type that only contains the right one",
        [] {
            return whole(good_body(), stream_head({"content-type: text/plain; text/event-stream"}));
        },
        Outcome::wrong_content_type,
        "text/plain"},
    Row{"the media type in another spelling is fine",
        [] { return whole(good_body(), stream_head({"content-type: Text/Event-Stream"})); },
        Outcome::ok,
        ""},
    Row{"a required header is missing",
        [] { return whole(good_body(), stream_head({"x-accel-buffering:"})); },
        Outcome::headers_missing,
        "H5 in the head"},
    Row{"a page under the right content type",
        [] { return whole("<html><body>Sign in</body></html>"); },
        Outcome::not_sse,
        "without a single event"},
    Row{"a frame that is no JSON",
        [] { return whole(k_opening + "data: {\"type\":\n\n" + delta("pong") + k_ending); },
        Outcome::malformed_frame,
        "J1"},
    Row{"invalid UTF-8",
        [] { return whole(k_opening + delta("\xff") + k_ending); },
        Outcome::malformed_frame,
        "S1"},
    Row{"two starts", [] { return whole(k_start + good_body()); }, Outcome::contract_violation, "O2"
    },
    Row{"two finishes",
        [] {
            return whole(
                k_opening + delta("pong") + k_text_end + k_step_end + k_finish + k_finish + k_done
            );
        },
        Outcome::contract_violation,
        "O5"},
    Row{"two [DONE]", [] { return whole(good_body() + k_done); }, Outcome::late_data, "O"},
    Row{"finish without [DONE]",
        [] { return whole(k_opening + delta("pong") + k_text_end + k_step_end + k_finish); },
        Outcome::contract_violation,
        "O6"},
    Row{"a delta without its part",
        [] { return whole(k_start + k_step + delta("pong") + k_step_end + k_finish + k_done); },
        Outcome::contract_violation,
        "P1"},
    Row{"a chunk after [DONE]",
        [] { return whole(good_body() + frame(R"({"type":"data-late","data":1})")); },
        Outcome::late_data,
        "O7"},
    Row{"a turn that failed in the stream",
        [] { return whole(failed_body()); },
        Outcome::in_stream_error,
        "code turn_failed"},
    Row{"two errors",
        [] {
            return whole(
                k_start + k_step + frame(R"({"type":"error","errorText":"a"})") +
                frame(R"({"type":"error","errorText":"b"})") + k_step_end + k_finish + k_done
            );
        },
        Outcome::contract_violation,
        "E1"},
    Row{"a final status that is not completed",
        [] {
            return whole(
                k_opening + delta("pong") + k_text_end + k_step_end +
                frame(R"({"type":"finish","messageMetadata":{"status":"accepted"}})") + k_done
            );
        },
        Outcome::in_stream_error,
        "accepted"},
    Row{"completed without content",
        [] { return whole(k_start + k_step + k_step_end + k_finish + k_done); },
        Outcome::empty,
        "without text"},
    Row{"completed with no more than the lane's sentence for it",
        [] {
            return whole(
                k_opening + delta("nothing") + k_text_end + k_step_end +
                frame(
                    R"({"type":"finish","messageMetadata":{"status":"completed","notice":"model_empty_response"}})"
                ) +
                k_done
            );
        },
        Outcome::empty,
        "without text"},
    Row{"a quiet end in the middle",
        [] { return whole(k_opening + delta("pong")); },
        Outcome::truncated,
        "without [DONE]"},
    Row{"a quiet end before anything", [] { return whole(""); }, Outcome::truncated, "after 0 bytes"
    },
    Row{"a reset in the middle",
        [] {
            return Script{
                Send{stream_head() + chunk(k_opening + delta("pong"))}, Wait{Millis(50)}, Reset{}
            };
        },
        Outcome::truncated,
        ""},
    Row{"the last chunk is missing",
        [] { return Script{Send{stream_head() + chunk(good_body())}}; },
        Outcome::truncated,
        "after [DONE]"},
    Row{"silence in the middle",
        [] { return Script{Send{stream_head() + chunk(k_opening + delta("pong"))}, Hang{}}; },
        Outcome::stalled,
        "silence"},
    Row{"a body that does not end after [DONE]",
        [] { return Script{Send{stream_head() + chunk(good_body())}, Hang{}}; },
        Outcome::stalled,
        "[DONE] among them"},
};

} // namespace

TEST_CASE("stream probe: each way to misbehave has its own word") {
    const auto row = GENERATE(from_range(k_rows));
    DYNAMIC_SECTION(row.name) {
        const auto [sample, requests] = probed([&](const RawRequest&) { return row.script(); });
        CAPTURE(sample.detail);
        CHECK(to_string(sample.outcome) == to_string(row.want));
        CHECK(sample.detail.find(row.detail) != std::string::npos);
        CHECK(sample.bad() == (row.want != Outcome::ok));
    }
}

TEST_CASE("stream probe: a body that ends long after [DONE] is late_data") {
    struct End {
        const char* name;
        Step before; ///< the body's end
        Outcome want;
    };
    const auto stand_still = [] {
        std::this_thread::sleep_for(Millis(1300)); // the probe runs on this thread, too
        return std::string();
    };
    const std::vector<End> ends{
        {"late", Wait{Millis(1800)}, Outcome::late_data},
        {"soon enough", Wait{Millis(300)}, Outcome::ok},
        {"late for want of our own time", Later{stand_still}, Outcome::ok},
    };
    for (const End& end : ends) {
        DYNAMIC_SECTION(end.name) {
            const auto [sample, requests] = probed(
                [&](const RawRequest&) {
                    return Script{
                        Send{stream_head() + chunk(good_body())},
                        Wait{Millis(50)},
                        end.before,
                        Send{last_chunk()}
                    };
                },
                {},
                {Millis(2000), Millis(2000), Millis(4000), Millis(8000)}
            );
            CAPTURE(sample.detail, sample.tail_s);
            CHECK(to_string(sample.outcome) == to_string(end.want));
            const bool late = end.want == Outcome::late_data;
            CHECK(sample.detail.contains("s after the last frame, and clients wait") == late);
            CHECK((sample.tail_s > 1) == late);
        }
    }
}

TEST_CASE("stream probe: nobody on the port is refused, a name without an address is dns") {
    LoopRig loop;
    const auto client = net::HttpClient::make(loop.executor());
    Target target;
    {
        const RawServer server(loop.executor(), [](const RawRequest&) { return Script{}; });
        target.base_url = server.url();
    }
    CHECK(
        to_string(loop.run(probe_stream(*client, target, {}, short_limits())).outcome) == "refused"
    );
    target.base_url = "http://no-such-host.invalid";
    CHECK(to_string(loop.run(probe_stream(*client, target, {}, short_limits())).outcome) == "dns");
}

TEST_CASE("stream probe: a stream that outlives the whole time is too_slow, however lively") {
    Script script{Send{stream_head() + chunk(k_opening)}};
    for (int i = 0; i < 40; ++i) {
        script.emplace_back(Send{chunk(delta("x"))});
        script.emplace_back(Wait{Millis(30)});
    }
    ProbeLimits limits = short_limits();
    limits.total = Millis(300);
    const auto [sample, requests] = probed([&](const RawRequest&) { return script; }, {}, limits);
    CHECK(to_string(sample.outcome) == "too_slow");
    CHECK(sample.detail.starts_with("not over within the whole time allowed"));
    CHECK(sample.content_frames > 3);
}

TEST_CASE("stream probe: a request carries token, pin and handshake, and the text the answer's") {
    ProbeRequest request;
    request.path = "/api/chats/abc/stream";
    const auto [sample, requests] =
        probed([](const RawRequest&) { return whole(good_body()); }, request);
    REQUIRE(requests.size() == 1);
    CHECK(requests[0].method == "POST");
    CHECK(requests[0].path == "/api/chats/abc/stream");
    CHECK(requests[0].header("authorization") == "Bearer the-token-of-the-test");
    CHECK(requests[0].header("x-oa-protocol-version") == "openagents.control.v1");
    CHECK(requests[0].header("x-oa-schema-version") == "1");
    CHECK(requests[0].header("x-oa-client-build-id") == "20260221T130000Z");
    CHECK(requests[0].header("content-type") == "application/json");
    CHECK(sample.text == "pong");
    CHECK(sample.message_id == "turn-1");
    CHECK(sample.terminal == "completed");
    CHECK(sample.revision == "rev-a");
    CHECK(sample.thread == "thread-1");
    CHECK(sample.turn == "turn-1");
    CHECK(sample.request_id == "req-1");
}

TEST_CASE("stream probe: another header may name who answered") {
    const auto handler = [](const RawRequest&) {
        const std::string head = stream_head();
        const auto end = head.find("\r\n") + 2;
        return whole(
            good_body(), head.substr(0, end) + "x-served-by: rev-b\r\n" + head.substr(end)
        );
    };
    CHECK(probed(handler).sample.revision == "rev-a");
    CHECK(probed(handler, {}, short_limits(), "x-served-by").sample.revision == "rev-b");
    CHECK(probed(handler, {}, short_limits(), "x-nobody").sample.revision.empty());
}

TEST_CASE("stream probe: the five clocks stand in order and the gap is the longest silence") {
    const auto [sample, requests] = probed([](const RawRequest&) {
        return Script{
            Wait{Millis(200)},
            Send{stream_head()},
            Wait{Millis(200)},
            Send{chunk(": hello\n\n")},
            Wait{Millis(200)},
            Send{chunk(k_opening)},
            Wait{Millis(200)},
            Send{chunk(delta("a"))},
            Wait{Millis(600)},
            Send{chunk(delta("b"))},
            Wait{Millis(200)},
            Send{chunk(k_ending) + last_chunk()},
        };
    });
    CHECK(to_string(sample.outcome) == "ok");
    const Clocks& c = sample.clocks;
    REQUIRE((c.connect && c.headers && c.first_byte && c.first_event && c.first_content && c.end));
    CHECK(*c.connect < *c.headers);
    CHECK(*c.headers >= 0.055);
    CHECK(*c.first_byte >= *c.headers + 0.05);
    CHECK(*c.first_event >= *c.first_byte + 0.05);
    CHECK(*c.first_content >= *c.first_event + 0.05);
    CHECK(*c.end >= *c.first_content + 0.25);
    CHECK(sample.max_gap_s >= 0.19);
    CHECK(sample.max_gap_s < *c.end - *c.first_content);
    CHECK(sample.content_frames == 2);
    CHECK(sample.content_reads == 2);
}

TEST_CASE("stream probe: content held back to the end is buffered, when pacing is to be judged") {
    std::string body = k_opening;
    for (int i = 0; i < 20; ++i) {
        body += delta("word ");
    }
    body += k_ending;
    const auto held = [&](const RawRequest&) {
        return Script{Wait{Millis(350)}, Send{whole_stream(body, {})}};
    };
    CHECK(to_string(probed(held).sample.outcome) == "buffered");

    ProbeRequest observe;
    observe.pacing = PacingMode::observe;
    const ProbeSample seen = probed(held, observe).sample;
    CHECK(to_string(seen.outcome) == "ok");
    CHECK(to_string(seen.pacing) == "buffered");

    const auto at_once = [&](const RawRequest&) { return whole(body); };
    const ProbeSample instant = probed(at_once).sample;
    CHECK(to_string(instant.outcome) == "ok");
    CHECK(to_string(instant.pacing) == "undecided");
}

TEST_CASE("stream probe: paced content that flows is streamed") {
    const auto [sample, requests] = probed([](const RawRequest&) {
        Script script{Send{stream_head() + chunk(k_opening)}};
        for (int i = 0; i < 20; ++i) {
            script.emplace_back(Wait{Millis(30)});
            script.emplace_back(Send{chunk(delta("word "))});
        }
        script.emplace_back(Send{chunk(k_ending) + last_chunk()});
        return script;
    });
    CAPTURE(sample.pacing_why);
    CHECK(to_string(sample.outcome) == "ok");
    CHECK(to_string(sample.pacing) == "streamed");
    CHECK(sample.content_frames == 20);
    CHECK(sample.content_reads >= 10);
}

TEST_CASE("stream probe: leaving after some content closes the connection and counts as nothing") {
    ProbeRequest request;
    request.stop_after_content = 2;
    const auto [sample, requests] = probed(
        [](const RawRequest&) {
            return Script{
                Send{stream_head() + chunk(k_opening + delta("a"))},
                Wait{Millis(20)},
                Send{chunk(delta("b"))},
                Hang{}
            };
        },
        request
    );
    CHECK(to_string(sample.outcome) == "cancelled");
    CHECK_FALSE(sample.bad());
    CHECK(sample.content_frames == 2);
    CHECK(sample.text == "ab");
}

TEST_CASE("stream probe: memory stays bounded, the text is capped at 64 KiB") {
    std::string body = k_opening;
    const std::string piece(1000, 'x');
    for (int i = 0; i < 300; ++i) {
        body += delta(piece);
    }
    const ProbeSample sample =
        probed([&](const RawRequest&) { return whole(body + k_ending); }).sample;
    CHECK(to_string(sample.outcome) == "ok");
    CHECK(sample.text.size() == 64U << 10U);
    CHECK(sample.content_frames == 300);
    CHECK(sample.raw_body.empty());
}

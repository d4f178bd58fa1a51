// Faults 14-25 of the retired smoke script: what it let pass must fail here, what it failed without
// reason must pass.
#include "support/smoked.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <array>
#include <set>

using namespace oa_stream;
using namespace oa_stream::probe;
using namespace oa_stream::probe::test;

namespace {

using Change = std::function<std::string(std::string)>;

Change swap_text(std::string from, std::string to) {
    return [=](std::string body) { return replaced_once(std::move(body), from, to); };
}

/// An instant lane of another make: only the contract itself is at stake.
Smoked smoke_frames(Change frames) {
    return smoke([&](FakeLane& lane) {
        lane.authority = "";
        lane.frames = frames;
    });
}

Smoked smoke_head(std::vector<std::string> lines) {
    return smoke([&](FakeLane& lane) {
        lane.authority = "";
        lane.head = [=](const std::string&) { return stream_head(lines); };
    });
}

void check_fails(const Smoked& smoked, std::string_view name, std::string_view detail) {
    const Check& check = smoked.check(name);
    CAPTURE(check.detail);
    CHECK(to_string(check.verdict) == "FAIL");
    CHECK(check.detail.find(detail) != std::string::npos);
    CHECK(to_string(run_verdict(smoked.checks)) == "FAIL");
}

void check_passes(const Smoked& smoked) {
    CHECK(smoked.failed() == std::vector<std::string>{});
    CHECK(to_string(run_verdict(smoked.checks)) == "PASS");
}

} // namespace

TEST_CASE("smoke: a thread that never says interrupted fails what stops and leaves turns") {
    const Smoked smoked = smoke(
        [](FakeLane& lane) {
            lane.pace = Millis(20);
            lane.run_status = "running";
        },
        [](SmokeOptions& options) { options.detach_grace = Millis(100); }
    );
    for (const char* name : {"stop.state", "abort.state", "abort.disconnect"}) {
        CAPTURE(name, smoked.check(name).detail);
        CHECK(to_string(smoked.check(name).verdict) == "FAIL");
    }
}

TEST_CASE("smoke: a turn that was over before it could be interrupted proves nothing") {
    const Smoked smoked = smoke([](FakeLane& lane) {
        lane.pace = Millis(20);
        lane.run_status = "completed";
    });
    CHECK(to_string(smoked.check("stop.state").verdict) == "SKIPPED");
    CHECK(to_string(smoked.check("abort.disconnect").verdict) == "SKIPPED");
}

TEST_CASE("smoke: a resume whose bytes are not those read before fails") {
    const Smoked smoked = smoke([](FakeLane& lane) {
        lane.pace = Millis(20);
        lane.reply = [](const RawRequest& request, Script script) {
            if (request.method == "GET" && request.path.ends_with("/stream")) {
                for (Step& step : script) {
                    if (auto* send = std::get_if<Send>(&step)) {
                        const std::string plain = R"({"type":"text-start","id":"t1"})";
                        if (const auto at = send->bytes.find(plain); at != std::string::npos) {
                            // The same chunk, other bytes.
                            send->bytes.replace(
                                at, plain.size(), R"({"id":"t1","type":"text-start"})"
                            );
                        }
                    }
                }
            }
            return script;
        };
    });
    CAPTURE(smoked.check("resume.live").detail);
    CHECK(to_string(smoked.check("resume.live").verdict) == "FAIL");
}

TEST_CASE("fault 14: with nobody there nothing passes, and the verdict is ERROR") {
    const Smoked smoked = smoke(
        [](FakeLane& lane) { lane.token = "0123456789"; },
        [](SmokeOptions& options) { options.target.base_url = "http://127.0.0.1:1"; }
    );
    for (const Check& check : smoked.checks) {
        CHECK(check.verdict != Verdict::pass);
    }
    CHECK(smoked.checks.front().data["outcome"] == "refused");
    CHECK(to_string(run_verdict(smoked.checks)) == "ERROR");
}

TEST_CASE("fault 14: without probes only GETs are sent, and reads alone are INCONCLUSIVE") {
    const Smoked smoked =
        smoke([](FakeLane&) {}, [](SmokeOptions& options) { options.probes = false; });
    for (const RawRequest& request : smoked.requests) {
        CHECK(request.method == "GET");
    }
    CHECK(to_string(smoked.check("reach.healthz").verdict) == "PASS");
    CHECK(to_string(smoked.check("happy.chat").verdict) == "SKIPPED");
    CHECK(to_string(run_verdict(smoked.checks)) == "INCONCLUSIVE");
}

TEST_CASE("fault 15: order and number count, not presence") {
    struct Row {
        const char* name;
        Change change;
        const char* rule;
    };
    const Row row = GENERATE(values<Row>({
        {"finish before finish-step", swap_text(k_step_end + k_finish, k_finish + k_step_end), "O"},
        {"two starts", swap_text(k_step, k_start + k_step), "O2"},
        {"a frame that is no JSON", swap_text(k_step, k_step + "data: {oops\n\n"), "J1"},
        {"finish with status error", swap_text("completed", "error"), "error"},
        {"a chunk after [DONE]",
         swap_text(k_done, k_done + frame(R"({"type":"data-x","data":1})")),
         "O7"},
        {"no [DONE]", swap_text(k_done, ""), "O6"},
        {"a delta of no part", swap_text(k_text_start, ""), "P1"},
    }));
    DYNAMIC_SECTION(row.name) {
        check_fails(smoke_frames(row.change), "happy.chat-stream", row.rule);
    }
}

TEST_CASE("fault 16: a delta that quotes the finish frame is no finish") {
    const std::string quote = delta(R"(\"type\":\"finish\" data: [DONE])");
    const Smoked smoked =
        smoke_frames(swap_text(k_text_end + k_step_end + k_finish, quote + k_text_end + k_step_end)
        );
    check_fails(smoked, "happy.chat-stream", "O5");
}

TEST_CASE("fault 16: JSON with spaces is the same JSON") {
    check_passes(smoke_frames(swap_text(k_step, "data: { \"type\" : \"start-step\" }\n\n")));
}

TEST_CASE("fault 17: CR LF line ends pass") {
    check_passes(smoke_frames([](const std::string& body) {
        std::string out;
        for (const char c : body) {
            out += c == '\n' ? std::string("\r\n") : std::string(1, c);
        }
        return out;
    }));
}

TEST_CASE("fault 18: the media type is parsed, its parameters are optional") {
    const std::string good = GENERATE(
        "text/event-stream", "Text/Event-Stream; charset=\"UTF-8\"", "text/event-stream;foo=bar"
    );
    CAPTURE(good);
    check_passes(smoke_head({"content-type: " + good}));
    const std::string bad =
        GENERATE("application/json", "text/plain; text/event-stream", "text/event-streams");
    CAPTURE(bad);
    const Smoked smoked = smoke_head({"content-type: " + bad});
    check_fails(smoked, "headers.content-type", "expected text/event-stream");
    check_fails(smoked, "happy.chat-stream", "wrong_content_type");
}

TEST_CASE("fault 19: the canned preview without text fails") {
    const Smoked smoked = smoke_frames([](const std::string&) {
        return k_start + k_step + k_step_end +
               frame(R"({"type":"finish","messageMetadata":{"status":"accepted"}})") + k_done;
    });
    check_fails(smoked, "happy.chat-stream", "accepted");
}

TEST_CASE("fault 19: a completed turn without text fails") {
    check_fails(
        smoke_frames([](const std::string&) {
            return k_start + k_step + k_step_end + k_finish + k_done;
        }),
        "happy.chat-stream",
        "empty"
    );
}

TEST_CASE("fault 19: the final status must be there") {
    check_fails(
        smoke_frames(swap_text(k_finish, frame(R"({"type":"finish"})"))),
        "happy.chat-stream",
        "expected the final status completed, saw none"
    );
}

TEST_CASE("fault 19: the expected text must be in the answer") {
    const Smoked smoked = smoke(
        [](FakeLane&) {},
        [](SmokeOptions& options) {
            options.prompt = "Say pong";
            options.expect = "pong";
        }
    );
    check_fails(smoked, "happy.chat", "expected the text \"pong\"");
}

TEST_CASE("fault 19: the turn must stand in /messages as it was streamed") {
    const auto [listed, detail] = GENERATE(table<std::string, const char*>(
        {{R"({"data":[]})", "user's message"},
         {std::string(2U << 20U, ' '), "did not come whole: too_large: the body is longer"}}
    ));
    const Smoked smoked = smoke([&body = listed](FakeLane& lane) {
        lane.reply = [&body](const RawRequest& request, Script script) {
            return request.path.ends_with("/messages") ? Script{Send{json_answer(200, body)}}
                                                       : script;
        };
    });
    check_fails(smoked, "content.messages", detail);
}

TEST_CASE("fault 19: the turn of each route must stand in /messages once, whichever form is read") {
    struct Row {
        const char* name;
        std::size_t turn; ///< of the three
        const char* from;
        const char* to;
        const char* detail;
    };
    const Row row = GENERATE(values<Row>({
        {"twice", 0, "]}", R"(,{"role":"user","content":"replay:02-text-paced"}]})", "2 times"},
        {"the last route's", 2, "sierra tango", "sierra", "as it was streamed (happy.chat, oas"},
        {"other parts", 0, R"("role":"assistant")", R"("role":"assistant","parts":[])", "streamed"},
    }));
    DYNAMIC_SECTION(row.name) {
        std::size_t asked = 0;
        const Smoked smoked = smoke([&](FakeLane& lane) {
            lane.reply = [&](const RawRequest& request, Script script) {
                if (request.path.ends_with("/messages") && asked++ == row.turn) {
                    const std::string said = std::get<Send>(script.front()).bytes;
                    const std::string body = said.substr(said.find("\r\n\r\n") + 4);
                    return Script{Send{json_answer(200, replaced_once(body, row.from, row.to))}};
                }
                return script;
            };
        });
        check_fails(smoked, "content.messages", row.detail);
    }
}

TEST_CASE("smoke: a list of runs that fails is no list that the target does not have") {
    struct Row {
        int status;
        const char* verdict;
    };
    const Row row = GENERATE(values<Row>({{500, "FAIL"}, {401, "FAIL"}, {404, "SKIPPED"}}));
    CAPTURE(row.status);
    const Smoked smoked = smoke([&](FakeLane& lane) {
        lane.pace = Millis(20);
        lane.reply = [&](const RawRequest& request, Script script) {
            return request.path.contains("/runs")
                       ? Script{Send{json_answer(row.status, envelope("unavailable"))}}
                       : script;
        };
    });
    for (const char* name : {"stop.state", "abort.state"}) {
        CAPTURE(name, smoked.check(name).detail);
        CHECK(to_string(smoked.check(name).verdict) == row.verdict);
    }
}

TEST_CASE("smoke: an answer that fails does not show that the target demands no token") {
    const Smoked smoked = smoke(
        [](FakeLane& lane) {
            lane.token = "";
            lane.reply = [](const RawRequest& request, Script script) {
                return request.header("authorization").starts_with("Bearer oasmoke-")
                           ? Script{Send{json_answer(503, envelope("unavailable"))}}
                           : script;
            };
        },
        [](SmokeOptions& options) { options.target.bearer = Secret(); }
    );
    check_fails(smoked, "auth.bad-token", "saw HTTP 503");
    CHECK(to_string(smoked.check("auth.missing-token").verdict) == "SKIPPED");
}

TEST_CASE("smoke: a token that is taken elsewhere must be taken for a resume") {
    const Smoked smoked = smoke([](FakeLane& lane) {
        lane.reply = [](const RawRequest& request, Script script) {
            const bool resume = request.method == "GET" && request.path.ends_with("/stream");
            return resume ? Script{Send{json_answer(401, envelope("unauthorized"))}} : script;
        };
    });
    check_fails(smoked, "resume.unknown", "expected HTTP 404 or 204, saw HTTP 401");
}

TEST_CASE(
    "smoke: a turn that fails before it can be left is a fault, one that is over proves nothing"
) {
    const bool fails = GENERATE(true, false);
    CAPTURE(fails);
    int turns = 0; // the sixth: three happy paths, two replays, then the one to be left
    const Smoked smoked = smoke([&](FakeLane& lane) {
        lane.pace = Millis(20);
        lane.script = [&](Script script) {
            const std::string body = k_opening + delta("a") + k_ending;
            return ++turns != 6 ? script
                   : fails      ? Script{Send{stream_head({"x-oa-thread-id:"}) + chunk(k_opening)}}
                                : Script{Send{whole_stream(body)}};
        };
    });
    CAPTURE(smoked.check("resume.live").detail);
    CHECK(to_string(smoked.check("resume.live").verdict) == (fails ? "FAIL" : "ERROR"));
    CHECK(smoked.check("resume.live").detail.contains("could not leave in the middle"));
}

TEST_CASE("fault 20: each required header is a check of its own") {
    struct Row {
        const char* line;
        const char* check;
    };
    const Row row = GENERATE(values<Row>({
        {"cache-control: no-store", "headers.cache-control"},
        {"cache-control: no-cache", "headers.cache-control"},
        {"x-vercel-ai-ui-message-stream: v2", "headers.ui-message-stream"},
        {"x-vercel-ai-ui-message-stream: V1", "headers.ui-message-stream"},
        {"x-accel-buffering:", "headers.accel-buffering"},
        {"content-encoding: gzip", "headers.not-encoded"},
        {"x-oa-compatibility-min-schema-version:", "headers.compat-window"},
        {"x-oa-legacy-chat-retired: true", "headers.not-retired"},
    }));
    DYNAMIC_SECTION(row.line) {
        const Smoked smoked = smoke_head({row.line});
        check_fails(smoked, row.check, "expected");
        CHECK(smoked.failed() == std::vector<std::string>{"stream." + std::string(row.check)});
    }
}

TEST_CASE("fault 20: an edge that compresses for whoever allows it is noticed by that answer alone"
) {
    const FakeLane* made = nullptr;
    const Smoked smoked = smoke([&](FakeLane& lane) {
        made = &lane;
        lane.head = [&](const std::string& head) {
            const auto allowed = made->server().requests().back().header("accept-encoding");
            return allowed.contains("gzip") ? stream_head({"content-encoding: gzip"}) : head;
        };
    });
    check_fails(smoked, "headers.not-encoded", "saw \"gzip\"");
    CHECK(smoked.failed() == std::vector<std::string>{"stream.headers.not-encoded"});
}

TEST_CASE("fault 20: a lane of our make must name request, revision, thread and turn") {
    const std::string header = GENERATE("request-id", "revision", "thread-id", "turn-id");
    const Smoked smoked = smoke([&](FakeLane& lane) {
        lane.head = [&](const std::string&) {
            return stream_head({(header == "request-id" ? "x-" : "x-oa-") + header + ":"});
        };
    });
    check_fails(smoked, "headers." + header, "expected a value");
}

TEST_CASE("fault 21: what must be refused before the stream is tried") {
    struct Row {
        int forgotten;
        std::vector<const char*> checks;
    };
    const Row row = GENERATE(values<Row>({
        {426, {"compat.protocol", "compat.schema", "compat.build"}},
        {422, {"reject.assistant-only"}},
        {400, {"reject.bad-json"}},
        {415, {"reject.content-type"}},
    }));
    DYNAMIC_SECTION(row.forgotten) {
        const Smoked smoked = smoke([&](FakeLane& lane) { lane.forgets = {row.forgotten}; });
        for (const char* name : row.checks) {
            check_fails(smoked, name, "expected HTTP");
        }
    }
}

TEST_CASE("fault 21: a lane that demands a token for reads alone fails both auth checks") {
    const Smoked smoked = smoke([](FakeLane& lane) { lane.forgets = {401}; });
    check_fails(smoked, "auth.missing-token", "expected HTTP 401");
    check_fails(smoked, "auth.bad-token", "expected HTTP 401");
}

TEST_CASE("fault 21: no refusal starts a turn, whatever is forgotten") {
    const Smoked smoked = smoke([](FakeLane&) {});
    std::size_t asked = 0;
    for (const RawRequest& request : smoked.requests) {
        const bool user = request.body.find("\"role\":\"user\"") != std::string::npos;
        asked += request.method == "POST" && user ? 1U : 0U;
    }
    CHECK(asked == smoked.turns);
}

TEST_CASE("fault 21: a refusal must be the JSON envelope with the right code and window") {
    struct Row {
        const char* name;
        int status;
        std::string answer;
        const char* check;
        const char* detail;
    };
    const Row row = GENERATE(values<Row>({
        {"plain text",
         422,
         replaced_once(json_answer(422, "no"), "application/json", "text/plain"),
         "reject.assistant-only",
         "is not JSON"},
        {"an event stream",
         422,
         replaced_once(json_answer(422, "no"), "application/json", "text/event-stream"),
         "reject.assistant-only",
         "event stream"},
        {"no envelope",
         422,
         json_answer(422, R"({"detail":"no"})"),
         "reject.assistant-only",
         "lacks the envelope"},
        {"broken JSON", 400, json_answer(400, "{"), "reject.bad-json", "not JSON"},
        {"another code",
         426,
         json_answer(426, envelope("upgrade_required")),
         "compat.protocol",
         "expected code unsupported_protocol_version"},
        {"no window in the body",
         426,
         json_answer(426, envelope("unsupported_protocol_version")),
         "compat.protocol",
         "no compatibility member"},
    }));
    DYNAMIC_SECTION(row.name) {
        const Smoked smoked = smoke([&](FakeLane& lane) {
            lane.reply = [&](const RawRequest& request, Script script) {
                const auto* send = std::get_if<Send>(&script.front());
                const bool hit = request.method == "POST" &&
                                 send->bytes.starts_with(fmt::format("HTTP/1.1 {} ", row.status));
                return hit ? Script{Send{row.answer}} : script;
            };
        });
        check_fails(smoked, row.check, row.detail);
    }
}

TEST_CASE("fault 22: an answer held back to its end fails, one that flows passes") {
    const Smoked held = smoke([](FakeLane& lane) {
        lane.script = [](Script script) {
            script.insert(script.begin(), Wait{Millis(400)});
            return script;
        };
    });
    check_fails(held, "streaming.incremental", "buffered");
    const Smoked flowing = smoke([](FakeLane& lane) {
        lane.authority = "codex";
        lane.pace = Millis(10);
    });
    CHECK(to_string(flowing.check("streaming.incremental").verdict) == "PASS");
    const Smoked instant = smoke([](FakeLane& lane) { lane.authority = "codex"; });
    CHECK(to_string(instant.check("streaming.incremental").verdict) == "SKIPPED");
    CHECK(instant.check("streaming.incremental").detail.find("not decidable") != std::string::npos);
}

TEST_CASE("fault 23: every thread is new, recognisable and listed") {
    const Smoked first = smoke([](FakeLane&) {});
    const Smoked second = smoke([](FakeLane&) {});
    CHECK(std::min(first.threads.size(), second.threads.size()) > 2);
    std::set<std::string> all(first.threads.begin(), first.threads.end());
    all.insert(second.threads.begin(), second.threads.end());
    CHECK(all.size() == first.threads.size() + second.threads.size());
    const Check& footprint = first.check("footprint");
    CHECK(footprint.data["turns"] == first.turns);
    for (const std::string& thread : first.threads) {
        CHECK(thread.starts_with("oasmoke_"));
        CHECK(footprint.detail.find(thread) != std::string::npos);
    }
}

TEST_CASE("fault 23: its conversations are deleted, and those that stay are named") {
    LoopRig loop;
    FakeLane lane(loop.executor());
    const Smoked whole = smoke_with(loop, lane);
    CHECK(lane.kept() == 0);
    const std::set<std::string> threads(whole.threads.begin(), whole.threads.end());
    CHECK(whole.check("footprint").detail.ends_with(fmt::format("; {} removed", threads.size())));

    FakeLane keeper(loop.executor());
    keeper.reply = [](const RawRequest& request, Script said) {
        return request.method == "DELETE" ? Script{Send{json_answer(405, "{}")}} : said;
    };
    const Smoked kept = smoke_with(loop, keeper);
    const std::set<std::string> stay(kept.threads.begin(), kept.threads.end());
    const std::string& detail = kept.check("footprint").detail;
    CHECK(detail.contains(fmt::format("; 0 removed; the target keeps {} conv", stay.size())));
    CHECK(detail.ends_with("it does not delete conversations"));
    CHECK(kept.failed().empty());
}

TEST_CASE("fault 24: a long healthy turn passes, its limit is on silence") {
    const Smoked lively = smoke(
        [](FakeLane& lane) {
            lane.authority = "codex";
            lane.pace = Millis(60);
        },
        [](SmokeOptions& options) {
            options.limits.stall = options.limits.first_byte = Millis(500);
        }
    );
    check_passes(lively);
    const Smoked silent = smoke(
        [](FakeLane& lane) {
            lane.authority = "codex";
            lane.script = [](const Script&) {
                return Script{
                    Send{stream_head({"x-oa-thread-id:"}) + chunk(k_opening + delta("a"))}, Hang{}
                };
            };
        },
        [](SmokeOptions& options) { options.limits.stall = Millis(200); }
    );
    check_fails(silent, "happy.chat-stream", "stalled");
}

TEST_CASE("a target that takes requests and answers none is asked twice, not for minutes") {
    const auto silent = [](bool all) {
        return smoke(
            [all](FakeLane& lane) {
                lane.reply = [all](const RawRequest& request, Script script) {
                    return all || request.path == "/healthz" ? Script{Hang{}} : script;
                };
            },
            [](SmokeOptions& options) { options.limits.first_byte = Millis(100); }
        );
    };
    const Smoked dead = silent(true);
    CHECK(dead.failed().size() == 2);
    CHECK(dead.requests.size() == 2);
    CHECK(dead.check("happy.chat").detail.contains("no response head in 100ms"));
    CHECK(to_string(run_verdict(dead.checks)) == "FAIL");
    // One path that is silent proves nothing about the others.
    const Smoked other = silent(false);
    CHECK(other.failed().size() == 1);
    CHECK(to_string(other.check("happy.chat").verdict) == "PASS");
}

TEST_CASE("fault 25: parallel turns are tried when asked for, and one bad one fails") {
    const Smoked good =
        smoke([](FakeLane&) {}, [](SmokeOptions& options) { options.concurrency = 8; });
    CHECK(to_string(good.check("concurrency").verdict) == "PASS");
    CHECK(good.turns >= 11);
    int left =
        8; // the ninth turn on is broken: three happy paths, two replays, then the parallel ones
    const Smoked bad = smoke(
        [&](FakeLane& lane) {
            lane.frames = [&](std::string body) {
                return --left < 0 ? replaced_once(body, k_done, "") : body;
            };
        },
        [](SmokeOptions& options) { options.concurrency = 8; }
    );
    check_fails(bad, "concurrency", "of 8 parallel turns ended well");
}

TEST_CASE("smoke: an answer that never ends is waited for once, and its turn told") {
    const Smoked smoked = smoke(
        [](FakeLane& lane) {
            lane.pace = Millis(20);
            lane.script = [](Script script) {
                for (int i = 0; i < 40; ++i) {
                    script.insert(script.begin() + 1, {Wait{Millis(30)}, Send{chunk(": on\n\n")}});
                }
                return script;
            };
        },
        [](SmokeOptions& options) { options.limits.total = Millis(300); }
    );
    check_fails(smoked, "happy.chat-stream", "too_slow");
    for (const char* name : {"happy.chat", "tool.call", "reject.bad-json"}) {
        CAPTURE(name, smoked.check(name).detail);
        CHECK(to_string(smoked.check(name).verdict) == "SKIPPED");
    }
    CHECK(to_string(smoked.check("footprint").verdict) == "PASS");
    CHECK(smoked.turns == 1);
}

// What a good lane gets, and what the smoke learns of a target before it judges.
#include "support/smoked.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <set>

using namespace oa_stream;
using namespace oa_stream::probe;
using namespace oa_stream::probe::test;

TEST_CASE("smoke: a good replay lane passes every check, live") {
    const Smoked smoked = smoke(
        [](FakeLane& lane) { lane.pace = Millis(20); },
        [](SmokeOptions& options) {
            options.concurrency = 4;
            options.detach_grace = Millis(100);
        }
    );
    for (const SmokeRule& rule : smoke_rules()) {
        CAPTURE(rule.name);
        const Check& check = smoked.check(rule.name);
        CAPTURE(check.detail);
        if (rule.name != "streaming.origin") { // no origin was named
            CHECK(to_string(check.verdict) == "PASS");
            CHECK(check.mode == CheckMode::live);
        }
    }
    CHECK(to_string(run_verdict(smoked.checks)) == "PASS");
}

TEST_CASE("smoke: every check is reported exactly once, in the table's order, with its prefix") {
    std::vector<std::string> told;
    const Smoked smoked = smoke(
        [](FakeLane&) {},
        [&](SmokeOptions& options) {
            options.id_prefix = "preflight.stream";
            options.on_check = [&](const Check& check) { told.push_back(check.id); };
        }
    );
    std::vector<std::string> want;
    for (const SmokeRule& rule : smoke_rules()) {
        want.push_back("preflight.stream." + std::string(rule.name));
    }
    std::vector<std::string> got;
    for (const Check& check : smoked.checks) {
        got.push_back(check.id);
        CHECK_FALSE(check.detail.empty());
    }
    CHECK(got == want);
    CHECK(std::set(told.begin(), told.end()) == std::set(want.begin(), want.end()));
    CHECK(told.size() == want.size());
}

TEST_CASE("smoke: on a target that is no replay, nothing is broken, stopped or left") {
    const Smoked smoked = smoke([](FakeLane& lane) { lane.authority = "codex"; });
    for (const char* name :
         {"tool.call",
          "failure.in-stream",
          "resume.live",
          "stop.live",
          "stop.state",
          "abort.recovers",
          "abort.state",
          "abort.disconnect"}) {
        CAPTURE(name);
        CHECK(to_string(smoked.check(name).verdict) == "SKIPPED");
        CHECK_FALSE(smoked.check(name).required);
    }
    CHECK(smoked.turns == 3);
    CHECK(to_string(run_verdict(smoked.checks)) == "PASS");
}

TEST_CASE("smoke: asked for, lost connections and stops are tried on any target") {
    const Smoked smoked = smoke(
        [](FakeLane& lane) {
            lane.authority = "codex";
            lane.pace = Millis(10);
        },
        [](SmokeOptions& options) { options.abort = true; }
    );
    for (const char* name : {"resume.live", "stop.live", "abort.recovers"}) {
        CAPTURE(name, smoked.check(name).detail);
        CHECK(to_string(smoked.check(name).verdict) == "PASS");
    }
}

TEST_CASE("smoke: a call that the lane ran without saying so fails, as a page runs it again") {
    const bool input = GENERATE(true, false); // an output alone does not mislead a client
    const bool last = GENERATE(true, false); // in an earlier step it does not: AI SDK's own server
    const Smoked smoked = smoke([=](FakeLane& lane) {
        lane.frames = [=](std::string body) {
            const auto at = body.find(input ? "tool-input-available" : "tool-output-available");
            if (at == std::string::npos) {
                return body;
            }
            const std::string step = frame(R"({"type":"finish-step"})") + k_step + k_text_start;
            return body.substr(0, at) +
                   replaced_once(
                       replaced_once(body.substr(at), R"(,"providerExecuted":true)", ""),
                       k_text_start,
                       last ? k_text_start : step
                   );
        };
    });
    const Check& check = smoked.check("tool.call");
    CAPTURE(input, last, check.detail);
    CHECK(to_string(check.verdict) == (input && last ? "FAIL" : "PASS"));
    CHECK(check.detail.contains("a call without providerExecuted") == (input && last));
}

TEST_CASE("smoke: a lane of another make is not failed for what only ours must have") {
    const Smoked smoked = smoke([](FakeLane& lane) {
        lane.authority = "";
        lane.head = [](const std::string&) {
            return stream_head(
                {"x-oa-revision:", "x-oa-thread-id:", "x-oa-turn-id:", "x-request-id:"}
            );
        };
        lane.reply = [](const RawRequest& request, Script script) {
            const bool ours = request.path.starts_with("/api/chats?") ||
                              request.path.ends_with("/messages") ||
                              (request.method == "GET" && request.path.ends_with("/stream"));
            return ours ? Script{Send{json_answer(404, "{}")}} : script;
        };
    });
    for (const char* name :
         {"reach.version",
          "headers.revision",
          "headers.thread-id",
          "headers.turn-id",
          "headers.request-id",
          "content.messages",
          "resume.ended"}) {
        CAPTURE(name);
        CHECK(to_string(smoked.check(name).verdict) == "SKIPPED");
    }
    CHECK(to_string(run_verdict(smoked.checks)) == "PASS");
}

TEST_CASE(
    "smoke: refused credentials are ERROR with the outcome unauthorised, and nothing more is tried"
) {
    const Smoked smoked = smoke(
        [](FakeLane&) {},
        [](SmokeOptions& options) { options.target.bearer = Secret("another-token-altogether"); }
    );
    const Check& happy = smoked.check("happy.chat-stream");
    CHECK(to_string(happy.verdict) == "ERROR");
    CHECK(happy.data["outcome"] == "unauthorised");
    CHECK(to_string(smoked.check("reject.bad-json").verdict) == "SKIPPED");
    CHECK(to_string(run_verdict(smoked.checks)) == "ERROR");
    CHECK(smoked.turns == 0);
}

TEST_CASE("smoke: a target that demands no token has its auth checks skipped, with the reason") {
    const Smoked smoked = smoke(
        [](FakeLane& lane) { lane.token = ""; },
        [](SmokeOptions& options) { options.target.bearer = Secret(); }
    );
    CHECK(to_string(smoked.check("auth.missing-token").verdict) == "SKIPPED");
    CHECK(smoked.check("auth.bad-token").detail.find("demands no token") != std::string::npos);
    CHECK(to_string(run_verdict(smoked.checks)) == "PASS");
}

TEST_CASE("smoke: optional compat headers may be missing, switched-off compat is not judged") {
    const Smoked optional = smoke([](FakeLane& lane) { lane.compat_required = false; });
    CHECK(to_string(optional.check("compat.missing").verdict) == "SKIPPED");
    CHECK(to_string(optional.check("compat.protocol").verdict) == "PASS");
    CHECK(to_string(optional.check("compat.build").verdict) == "PASS");

    const Smoked off = smoke(
        [](FakeLane& lane) {
            lane.forgets = {426};
            lane.head = [](const std::string&) {
                return stream_head({"x-oa-compatibility-min-client-build-id:"});
            };
        },
        [](SmokeOptions& options) { options.target.compat.reset(); }
    );
    for (const char* name :
         {"compat.missing",
          "compat.protocol",
          "compat.schema",
          "compat.build",
          "headers.compat-window"}) {
        CAPTURE(name);
        CHECK(to_string(off.check(name).verdict) == "SKIPPED");
    }
    CHECK(to_string(run_verdict(off.checks)) == "PASS");
}

TEST_CASE("smoke: a named origin tells where bytes were held back") {
    LoopRig loop;
    FakeLane origin(loop.executor());
    FakeLane edge(loop.executor());
    for (FakeLane* lane : {&origin, &edge}) {
        lane->pace = Millis(20);
    }
    edge.script = [](Script) -> Script {
        return {Wait{Millis(450)}, Send{whole_stream(good_paced_body())}};
    };
    const Smoked smoked = smoke_with(loop, edge, [&](SmokeOptions& options) {
        options.direct = options.target;
        options.direct->base_url = origin.url();
    });
    CHECK(to_string(smoked.check("streaming.incremental").verdict) == "FAIL");
    CHECK(
        smoked.check("streaming.origin").detail.find("between origin and target") !=
        std::string::npos
    );
}

TEST_CASE("smoke: a replay that says it does not pace is not called buffered") {
    const Smoked smoked = smoke([](FakeLane& lane) {
        lane.authority = R"({"name":"replay","pace":"immediate"})";
        lane.script = [](Script script) {
            script.insert(script.begin(), Wait{Millis(400)});
            return script;
        };
    });
    CHECK(to_string(smoked.check("streaming.incremental").verdict) == "SKIPPED");
    CHECK(to_string(smoked.check("happy.chat").verdict) == "PASS");
}

TEST_CASE("smoke: an answer that is no stream starts no turn in the footprint") {
    const auto no_streams = [](FakeLane& lane) {
        lane.head = [](const std::string&) {
            return stream_head({"content-type: application/json"});
        };
    };
    // The target deletes what it is asked for: there was something behind these answers.
    CHECK(smoke(no_streams).check("footprint").detail == "no answer showed a turn; 5 removed");
    const Smoked empty = smoke([&](FakeLane& lane) {
        no_streams(lane);
        lane.reply = [](const RawRequest& request, Script said) {
            return request.method == "DELETE" ? Script{Send{json_answer(404, "{}")}} : said;
        };
    });
    CHECK(empty.check("footprint").detail == "no turn was started");
}

TEST_CASE("smoke: kept streams are listed with the check they belong to") {
    std::vector<std::string> stems;
    const Smoked smoked = smoke(
        [](FakeLane&) {},
        [&](SmokeOptions& options) {
            options.keep = [&](const std::string& stem, const ProbeSample& sample) {
                CHECK_FALSE(sample.raw_head.empty());
                stems.push_back(stem);
                return std::vector<std::string>{"streams/" + stem + ".sse"};
            };
        }
    );
    CHECK(
        smoked.check("happy.chat").evidence == std::vector<std::string>{"streams/happy.chat.sse"}
    );
    CHECK(std::ranges::find(stems, "failure.in-stream") != stems.end());
}

TEST_CASE(
    "smoke: a turn that failed in the stream must be one error that tells nothing of the upstream"
) {
    struct Row {
        const char* name;
        std::string body;
        const char* detail;
    };
    const Row row = GENERATE(values<Row>({
        {"upstream text passed on",
         k_start + k_step +
             frame(
                 R"({"type":"data-error","data":{"code":"turn_failed","message":"Codex ran out of room"}})"
             ) +
             frame(R"({"type":"error","errorText":"x"})") + k_step_end + k_finish + k_done,
         "upstream"},
        {"no code",
         k_start + k_step + frame(R"({"type":"error","errorText":"x"})") + k_step_end + k_finish +
             k_done,
         "code"},
        {"a failure told as success", good_body(), "expected in_stream_error"},
    }));
    DYNAMIC_SECTION(row.name) {
        const Smoked smoked = smoke([&](FakeLane& lane) {
            lane.frames = [&](std::string body) { return body == failed_body() ? row.body : body; };
        });
        const Check& check = smoked.check("failure.in-stream");
        CHECK(to_string(check.verdict) == "FAIL");
        CHECK(check.detail.find(row.detail) != std::string::npos);
    }
}

TEST_CASE("smoke: a thread missing from /messages fails where /api/chats is served") {
    const bool served = GENERATE(true, false);
    CAPTURE(served);
    const Smoked smoked = smoke([&](FakeLane& lane) {
        lane.reply = [&](const RawRequest& request, Script script) {
            const bool list = request.path.starts_with("/api/chats?") && !served;
            const bool hit = list || request.path.ends_with("/messages");
            return hit ? Script{Send{json_answer(404, envelope("not_found"))}} : script;
        };
    });
    CHECK(to_string(smoked.check("content.messages").verdict) == (served ? "FAIL" : "SKIPPED"));
}

TEST_CASE("smoke: a resume that is no replay of the turn fails") {
    std::string other = good_paced_body();
    other.replace(other.find("turn-1"), 6, "turn-x");
    const auto other_id = [&](const RawRequest& request, Script script) {
        const bool resume = request.method == "GET" && request.path.ends_with("/stream");
        const bool stream =
            resume && std::get<Send>(script.front()).bytes.starts_with("HTTP/1.1 200");
        return stream ? Script{Send{whole_stream(other)}} : script;
    };
    const Smoked smoked = smoke([&](FakeLane& lane) { lane.reply = other_id; });
    CHECK(to_string(smoked.check("resume.ended").verdict) == "FAIL");
    CHECK(smoked.check("resume.ended").detail.find("messageId") != std::string::npos);
}

TEST_CASE("smoke: a stop that is answered but not obeyed fails") {
    const Smoked smoked = smoke([](FakeLane& lane) {
        lane.pace = Millis(20);
        lane.script = [](Script script) {
            for (Step& step : script) { // the stop is never looked at
                if (auto* later = std::get_if<Later>(&step)) {
                    step = Send{later->bytes()};
                }
            }
            return script;
        };
    });
    CHECK(to_string(smoked.check("stop.live").verdict) == "FAIL");
    CHECK(to_string(smoked.check("resume.live").verdict) == "PASS");
}

TEST_CASE("smoke: a thread that stays busy after a disconnect fails") {
    const Smoked smoked = smoke([&](FakeLane& lane) {
        lane.pace = Millis(20);
        lane.busy_again = true;
    });
    CHECK(to_string(smoked.check("abort.recovers").verdict) == "FAIL");
    CHECK(smoked.check("abort.recovers").detail.find("409") != std::string::npos);
}

TEST_CASE("smoke: a text that a resume or a parallel turn changed is not the one that is listed") {
    const auto changed = [](std::string bytes) {
        const auto at = bytes.find("tango");
        return at == std::string::npos ? bytes : bytes.replace(at, 5, "other");
    };
    const Smoked resumed = smoke([&](FakeLane& lane) {
        lane.pace = Millis(20);
        lane.reply = [&](const RawRequest& request, Script script) {
            const bool resume = request.method == "GET" && request.path.ends_with("/stream");
            auto& first = std::get<Send>(script.front()).bytes;
            first = resume ? changed(first) : first;
            return script;
        };
    });
    CHECK(to_string(resumed.check("resume.live").verdict) == "FAIL");
    CHECK(resumed.check("resume.live").detail.contains("not listed as it was streamed"));

    int turns = 0; // three happy paths, two replays, then the parallel ones
    const Smoked parallel = smoke(
        [&](FakeLane& lane) {
            lane.frames = [&](const std::string& body) {
                return ++turns == 7 ? changed(body) : body;
            };
        },
        [](SmokeOptions& options) { options.concurrency = 4; }
    );
    const Check& check = parallel.check("concurrency");
    CHECK(to_string(check.verdict) == "FAIL");
    CHECK(check.detail.starts_with("3 of 4 parallel turns ended well: the assistant's message"));
    CHECK(check.data["not_as_listed"] == 1);
}

TEST_CASE("smoke: an answer of another conversation is none, though every byte of it is legal") {
    struct Row {
        const char* name;
        std::string head;
        std::string start;
    };
    const Row row = GENERATE(values<Row>({
        {"said by the head", "x-oa-thread-id: other", k_start},
        {"said by the body",
         "x-oa-thread-id: thread-1",
         frame(R"({"type":"start","messageId":"turn-1","messageMetadata":{"threadId":"other"}})")},
    }));
    DYNAMIC_SECTION(row.name) {
        int turns = 0;
        const Smoked smoked = smoke([&](FakeLane& lane) {
            lane.head = [&](const std::string& head) {
                return turns == 3 ? stream_head({row.head}) : head;
            };
            lane.frames = [&](std::string body) {
                const std::string third =
                    k_start.substr(0, k_start.find("turn-1")) + "turn-3\"}\n\n";
                return ++turns == 3 ? body.replace(0, third.size(), row.start) : body;
            };
        });
        const Check& check = smoked.check("happy.chat");
        CAPTURE(check.detail);
        CHECK(to_string(check.verdict) == "FAIL");
        CHECK(check.detail.contains("contract_violation: the answer names the conversation other"));
        CHECK(to_string(smoked.check("happy.chat-stream").verdict) == "PASS");
    }
}

TEST_CASE("smoke: a text longer than a sample keeps is compared as far as it is kept") {
    const bool same = GENERATE(true, false);
    CAPTURE(same);
    const std::string lots(k_kept_text, 'x');
    const Smoked smoked = smoke([&](FakeLane& lane) {
        lane.frames = [&](std::string body) {
            return replaced_once(std::move(body), "sierra", lots);
        };
        lane.reply = [&](const RawRequest& request, Script script) {
            if (!request.path.ends_with("/messages")) {
                return script;
            }
            const std::string said = std::get<Send>(script.front()).bytes;
            const std::string body = said.substr(said.find("\r\n\r\n") + 4);
            return Script{
                Send{json_answer(200, replaced_once(body, "sierra", same ? lots : "y" + lots))}
            };
        };
    });
    CAPTURE(smoked.check("content.messages").detail);
    CHECK(to_string(smoked.check("content.messages").verdict) == (same ? "PASS" : "FAIL"));
}

namespace {

/// /messages answers what `change` makes of the lane's own answer.
void list_as(FakeLane& lane, std::function<Script(Script)> change) {
    lane.reply = [change = std::move(change)](const RawRequest& request, Script script) {
        return request.path.ends_with("/messages") ? change(std::move(script)) : script;
    };
}

/// Each message as `change` makes it of what the lane lists.
void list_each_as(FakeLane& lane, std::function<void(Json&)> change) {
    list_as(lane, [change = std::move(change)](Script script) {
        const std::string said = std::get<Send>(script.front()).bytes;
        Json document = parse_json(said.substr(said.find("\r\n\r\n") + 4)).value();
        for (Json& message : document["data"]) {
            change(message);
        }
        return Script{Send{json_answer(200, dump_json(document))}};
    });
}

} // namespace

TEST_CASE("smoke: an answer may be listed a moment after its end, and a limit may ask to wait") {
    struct Row {
        const char* name;
        std::string first;
        int looks; ///< that get it
        const char* verdict;
    };
    const Row row = GENERATE(values<Row>({
        {"late", json_answer(200, R"({"data":[]})"), 1, "PASS"},
        {"never", json_answer(200, R"({"data":[]})"), 1000, "FAIL"},
        {"429", json_answer(429, envelope("rate_limited"), "retry-after: 1\r\n"), 1, "PASS"},
        {"503", json_answer(503, envelope("unavailable"), "retry-after: 1\r\n"), 1, "PASS"},
        {"503 for an hour", json_answer(503, envelope("x"), "retry-after: 3600\r\n"), 1, "ERROR"},
        {"503 for ever", json_answer(503, envelope("unavailable")), 1, "FAIL"},
    }));
    DYNAMIC_SECTION(row.name) {
        int looks = 0;
        const Smoked smoked = smoke([&](FakeLane& lane) {
            list_as(lane, [&](Script script) {
                return ++looks <= row.looks ? Script{Send{row.first}} : script;
            });
        });
        CAPTURE(smoked.check("content.messages").detail);
        CHECK(to_string(smoked.check("content.messages").verdict) == row.verdict);
    }
}

TEST_CASE("smoke: only lists that content.messages found right are held against other turns") {
    const Smoked smoked = smoke(
        [](FakeLane& lane) {
            lane.pace = Millis(20);
            list_as(lane, [](const Script&) {
                return Script{Send{json_answer(200, R"({"items":[]})")}};
            });
        },
        [](SmokeOptions& options) { options.concurrency = 2; }
    );
    CHECK(smoked.failed() == std::vector<std::string>{"stream.content.messages"});
    CHECK(to_string(smoked.check("resume.live").verdict) == "PASS");
    CHECK(to_string(smoked.check("concurrency").verdict) == "PASS");
}

TEST_CASE("smoke: content in a form of another make says nothing, parts must have the text") {
    struct Row {
        const char* name;
        const char* content; ///< $ is the text, "" leaves it as it is
        const char* parts;
        const char* verdict;
    };
    constexpr const char* k_parts = R"([{"type":"step-start"},{"type":"text","text":"$"}])";
    const Row row = GENERATE_COPY(values<Row>({
        {"own parts", R"([{"type":"markdown","text":"$"}])", k_parts, "PASS"},
        {"an object", R"({"type":"text","text":"$"})", k_parts, "PASS"},
        {"known parts", R"([{"type":"text","text":"$"}])", k_parts, "PASS"},
        {"null", "null", k_parts, "PASS"},
        {"another text", R"([{"type":"text","text":"$ more"}])", k_parts, "FAIL"},
        {"nothing", "[]", k_parts, "FAIL"},
        {"own parts alone", R"([{"type":"markdown","text":"$"}])", "null", "FAIL"},
        {"parts without text", "", R"([{"type":"reasoning","text":"$"}])", "FAIL"},
    }));
    DYNAMIC_SECTION(row.name) {
        const Smoked smoked = smoke([&](FakeLane& lane) {
            list_each_as(lane, [&](Json& message) {
                const auto text = message["content"].get<std::string>();
                const auto filled = [&](const char* form) {
                    return parse_json(replaced_once(form, "$", text)).value();
                };
                message["parts"] = filled(row.parts);
                message["content"] = *row.content == 0 ? Json(text) : filled(row.content);
            });
        });
        CAPTURE(smoked.check("content.messages").detail);
        CHECK(to_string(smoked.check("content.messages").verdict) == row.verdict);
    }
}

TEST_CASE("smoke: a lane of another make may name conversations in its own way") {
    const Smoked smoked = smoke([](FakeLane& lane) {
        lane.head = [](const std::string&) {
            return stream_head({"x-oa-thread-id: its-own", "x-oa-revision:"});
        };
        lane.frames = [](std::string body) {
            return replaced_once(
                std::move(body), R"("})", R"(","messageMetadata":{"threadId":"another"}})"
            );
        };
    });
    CAPTURE(smoked.check("happy.chat").detail);
    CHECK(to_string(smoked.check("happy.chat").verdict) == "PASS");
}

TEST_CASE("smoke: a list of runs that a limit withholds is not measured") {
    const Smoked smoked = smoke([&](FakeLane& lane) {
        lane.pace = Millis(20);
        lane.reply = [](const RawRequest& request, Script script) {
            return request.path.contains("/runs")
                       ? Script{Send{json_answer(
                             503, envelope("service_unavailable"), "retry-after: 40\r\n"
                         )}}
                       : script;
        };
    });
    CHECK(to_string(smoked.check("stop.state").verdict) == "ERROR");
    CHECK(smoked.check("stop.state").detail.contains("saw HTTP 503"));
}

TEST_CASE("smoke: a resume that needs a token proves nothing without a good one") {
    struct Row {
        const char* name;
        const char* token;
        bool probes;
        const char* verdict;
        const char* detail;
    };
    const Row row = GENERATE(values<Row>({
        {"a wrong one, GETs alone", "other", false, "ERROR", "refused the credentials: HTTP 401"},
        {"a wrong one", "other", true, "SKIPPED", "the target refused the credentials"},
        {"none, GETs alone", "", false, "SKIPPED", "the target demands a token: HTTP 401"},
        {"none", "", true, "SKIPPED", "the target refused the credentials"},
    }));
    DYNAMIC_SECTION(row.name) {
        const Smoked smoked = smoke(
            [](FakeLane& lane) { lane.token = "good"; },
            [&](SmokeOptions& options) {
                options.target.bearer = Secret(row.token);
                options.probes = row.probes;
            }
        );
        CAPTURE(smoked.check("resume.unknown").detail);
        CHECK(to_string(smoked.check("resume.unknown").verdict) == row.verdict);
        CHECK(smoked.check("resume.unknown").detail.contains(row.detail));
        const std::string_view outcome = // what makes it exit 5
            row.verdict == std::string_view("ERROR") ? "unauthorised" : "";
        CHECK(
            string_member(smoked.check("resume.unknown").data, "outcome").value_or("") == outcome
        );
    }
}

TEST_CASE("smoke: a prompt that is not UTF-8 is listed as it was sent") {
    const Smoked smoked =
        smoke([](FakeLane&) {}, [](SmokeOptions& options) { options.prompt = "caf\xe9 x"; });
    CAPTURE(smoked.check("content.messages").detail);
    CHECK(to_string(smoked.check("content.messages").verdict) == "PASS");
}

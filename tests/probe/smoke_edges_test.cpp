// What an edge does between a smoke and a good lane.
#include "support/smoked.hpp"

#include <catch2/catch.hpp>

#include <string>
#include <utility>
#include <variant>

using namespace oa_stream;
using namespace oa_stream::probe;
using namespace oa_stream::probe::test;

namespace {

/// The stop is answered when the turn has come to its own end; `at_once`: it says all in one piece.
Smoked stopped_late(std::string answer, bool at_once = false) {
    return smoke([answer = std::move(answer), at_once](FakeLane& lane) {
        lane.pace = Millis(20);
        lane.reply = [answer](const RawRequest& request, Script script) {
            if (request.path.ends_with("/stop")) {
                script = {Wait{Millis(1500)}, Send{json_answer(200, answer)}};
            } else if (request.path.contains("/runs")) {
                script = {Send{json_answer(404, envelope("not_found"))}};
            }
            return script;
        };
        lane.script = [at_once, turns = 0](Script script) mutable {
            for (Step& step : script) { // the stop is not looked at
                if (auto* later = std::get_if<Later>(&step)) {
                    step = Send{later->bytes()};
                }
            }
            if (++turns == 7 && at_once) { // behind happy paths, replays and what is resumed
                std::erase_if(script, [](const Step& step) {
                    return std::holds_alternative<Wait>(step);
                });
                script.insert(script.begin() + 1, Wait{Millis(400)});
            }
            return script;
        };
    });
}

/// The body of an answer without the words behind its second one.
std::string two_words(const std::string& body) {
    std::string out;
    int words = 0;
    for (std::size_t at = 0; at < body.size();) {
        const std::size_t end = body.find("\n\n", at) + 2;
        const std::string frame = body.substr(at, end - at);
        words += frame.contains("text-delta") ? 1 : 0;
        out += words > 2 && frame.contains("text-delta") ? "" : frame;
        at = end;
    }
    return out;
}

} // namespace

TEST_CASE("smoke: a stop that comes when the turn is over proves nothing") {
    const auto [answer, at_once] = GENERATE(table<const char*, bool>(
        {{R"({"data":{"status":"idle"}})", false}, {R"({"stopped":false})", true}}
    ));
    const Smoked smoked = stopped_late(answer, at_once);
    const Check& check = smoked.check("stop.live");
    CAPTURE(answer, check.detail);
    CHECK(to_string(check.verdict) == "SKIPPED");
    CHECK(check.detail.starts_with("the turn was over before it could be interrupted"));
}

TEST_CASE("smoke: a stop that found the turn, and waited for its own end, is not obeyed") {
    const Smoked smoked = stopped_late(R"({"data":{"status":"stopped"}})");
    CHECK(to_string(smoked.check("stop.live").verdict) == "FAIL");
}

TEST_CASE("smoke: an edge that holds a stream back after its first event is found by the origin") {
    struct Row {
        bool holds, is_short; ///< two words come together, whatever stands between
        std::string_view verdict;
    };
    const auto row =
        GENERATE(Row{true, false, "FAIL"}, Row{false, false, "PASS"}, Row{true, true, "PASS"});
    CAPTURE(row.holds, row.is_short);
    LoopRig loop;
    FakeLane origin(loop.executor());
    FakeLane edge(loop.executor());
    for (FakeLane* lane : {&origin, &edge}) {
        lane->pace = Millis(20);
    }
    if (row.holds) {
        edge.script = [](Script script) {
            Millis pause{500}; // less than what one answer alone must be late
            for (Step& step : script) {
                if (auto* wait = std::get_if<Wait>(&step)) {
                    wait->time = std::exchange(pause, Millis(0));
                }
            }
            return script;
        };
    }
    if (row.is_short) {
        edge.frames = two_words;
    }
    const Smoked smoked = smoke_with(loop, edge, [&](SmokeOptions& options) {
        options.prompt = "of a pace that nobody knows";
        options.direct = options.target;
        options.direct->base_url = origin.url();
    });
    const Check& check = smoked.check("streaming.origin");
    CHECK(to_string(check.verdict) == row.verdict);
    CHECK(
        check.detail.starts_with("buffered between origin and target") == (row.verdict == "FAIL")
    );
}

TEST_CASE("smoke: an origin is compared by its pace, whatever its head lacks") {
    const bool holds = GENERATE(false, true);
    CAPTURE(holds);
    LoopRig loop;
    FakeLane origin(loop.executor());
    FakeLane edge(loop.executor());
    for (FakeLane* lane : {&origin, &edge}) {
        lane->pace = Millis(holds ? 0 : 20);
        lane->script = [holds](Script script) {
            script.insert(script.begin(), Wait{Millis(holds ? 450 : 0)});
            return script;
        };
    }
    origin.head = [](const std::string&) { return stream_head({"x-accel-buffering:"}); };
    const Smoked smoked = smoke_with(loop, edge, [&](SmokeOptions& options) {
        options.direct = options.target;
        options.direct->base_url = origin.url();
    });
    const Check& check = smoked.check("streaming.origin");
    CAPTURE(check.detail);
    CHECK(to_string(check.verdict) == (holds ? "FAIL" : "PASS"));
    CHECK(
        check.detail.starts_with(holds ? "the origin itself is buffered" : "the origin is streamed")
    );
}

TEST_CASE("smoke: a header on two lines has both values") {
    const Smoked smoked = smoke([](FakeLane& lane) {
        lane.head = [](const std::string& head) {
            return replaced_once(head, "no-cache, ", "no-cache\r\ncache-control: ");
        };
    });
    CHECK(smoked.failed().empty());
    CHECK(smoked.check("headers.cache-control").detail.contains("no-cache, no-transform"));
}

TEST_CASE("smoke: an edge that takes a header from one route alone is found, from resumes, too") {
    const bool resumes = GENERATE(false, true);
    CAPTURE(resumes);
    const FakeLane* made = nullptr;
    const Smoked smoked = smoke([&](FakeLane& lane) {
        made = &lane;
        lane.pace = Millis(20);
        lane.head = [&](const std::string& head) {
            const auto asked = made->server().requests().back();
            const bool loses = resumes ? asked.method == "GET" : asked.path == "/api/chat";
            return loses ? replaced_once(head, "no-cache, no-transform", "public") : head;
        };
    });
    if (resumes) {
        CHECK(
            smoked.failed() == std::vector<std::string>{"stream.resume.ended", "stream.resume.live"}
        );
        CHECK(smoked.check("resume.live").detail.starts_with("headers_missing: H3"));
    } else {
        CHECK(smoked.failed() == std::vector<std::string>{"stream.headers.cache-control"});
        CHECK(smoked.check("headers.cache-control").detail.ends_with("saw \"public\" (happy.chat)")
        );
    }
}

TEST_CASE("smoke: a token that was taken before and is refused later is a fault, not a wrong token"
) {
    // Of three happy paths the last, and behind two replays the turn that is to be left.
    const auto [refused, name] =
        GENERATE(table<int, const char*>({{3, "happy.chat"}, {6, "resume.live"}}));
    int turns = 0;
    const Smoked smoked = smoke([&, at = refused](FakeLane& lane) {
        lane.pace = Millis(20);
        lane.script = [&turns, at](Script script) {
            return ++turns != at ? script
                                 : Script{Send{json_answer(401, envelope("unauthorized"))}};
        };
    });
    const Check& check = smoked.check(name);
    CAPTURE(name, check.detail);
    CHECK(to_string(check.verdict) == "FAIL");
    CHECK(check.detail.contains("HTTP 401 unauthorized"));
    CHECK(check.detail.ends_with(", though happy.chat-stream was let in") == (refused == 3));
    CHECK(to_string(run_verdict(smoked.checks)) == "FAIL");
}

TEST_CASE("smoke: a request that is refused with a time to come back proves no fault") {
    const int status = GENERATE(429, 503);
    const auto limited = [&] {
        return Script{Send{json_answer(status, envelope("limited"), "retry-after: 17\r\n")}};
    };
    const Smoked smoked = smoke([&](FakeLane& lane) {
        lane.script = [&](const Script&) { return limited(); };
        lane.reply = [&](const RawRequest& request, Script script) {
            return request.method == "POST" ? limited() : script;
        };
    });
    CHECK(smoked.failed().empty());
    for (const char* name : {"happy.chat-stream", "happy.chat", "auth.bad-token"}) {
        const Check& check = smoked.check(name);
        CAPTURE(name, check.detail);
        CHECK(to_string(check.verdict) == "ERROR");
        CHECK(check.detail.starts_with("the target asks to wait 17s: "));
        CHECK(check.detail.contains("limited"));
    }
}

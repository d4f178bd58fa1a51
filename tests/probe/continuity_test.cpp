#include "oa_stream/base/json.hpp"
#include "oa_stream/base/json_members.hpp"
#include "oa_stream/probe/continuity.hpp"

#include "support/frames.hpp"
#include "support/raw_server.hpp"

#include <catch2/catch.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <set>

using namespace oa_stream;
using namespace oa_stream::probe;
using namespace oa_stream::probe::test;

namespace {

/// Two sides on the same conversations: all turns are answered, and listed.
struct TwoSides {
    Script answer(const RawRequest& request) {
        if (request.method == "POST") {
            const auto body = parse_json(request.body);
            const std::string id(string_member(*body, "id").value_or(""));
            sent.push_back(id);
            ++turns[id];
            return {Send{whole_stream(good_body())}};
        }
        return {Send{page_of(request)}};
    }
    static Json message(std::string_view role, int turn, std::string_view text) {
        return Json::object(
            {{"id", fmt::format("{}-{}", role, turn)},
             {"role", role},
             {"content", text},
             {"parts", Json::array({Json::object({{"type", "text"}, {"text", text}})})}}
        );
    }
    std::string page_of(const RawRequest& request, const std::function<void(Json&)>& change = {}) {
        Json data = Json::array();
        const std::string rest = request.path.substr(std::string_view("/api/chats/").size());
        const std::string id = rest.substr(0, rest.find('/'));
        for (int i = 0; i < turns[id]; ++i) {
            data.push_back(message("user", i, "ping"));
            data.push_back(message("assistant", i, "pong"));
        }
        if (change) {
            change(data);
        }
        return json_answer(200, Json{{"data", std::move(data)}}.dump());
    }
    /// It keeps and lists them, too, and refuses to go on with those of `refused`.
    Script answer_stable(const RawRequest& request) {
        const auto body = parse_json(request.body);
        const auto id = body ? string_member(*body, "id") : std::nullopt;
        if (request.method == "POST" && !turn_fails.empty()) {
            const std::string next = turn_fails.front();
            turn_fails.erase(turn_fails.begin());
            return next.empty() ? Script{Hang{}} : Script{Send{next}};
        }
        if (request.method == "GET" && stable_lists) {
            return {Send{page_of(request, stable_lists)}};
        }
        return request.method == "POST" && id && refused.contains(std::string(*id))
                   ? Script{Send{json_answer(409, R"({"error":{"code":"conflict"}})")}}
                   : answer(request);
    }
    [[nodiscard]] Side side(std::string name) const {
        Side out{.name = std::move(name)};
        out.canary = out.name == "canary";
        out.target.base_url = (out.canary ? canary : stable).url();
        return out;
    }

    LoopRig loop{};
    std::map<std::string, int> turns{};
    std::vector<std::string> sent{}; ///< the conversation of each turn
    std::set<std::string> refused{};
    std::vector<std::string> turn_fails{}; ///< answers of stable's next turns
    std::function<void(Json&)> stable_lists{}; ///< changes its lists of messages
    RawServer stable{loop.executor(), [this](const RawRequest& r) { return answer_stable(r); }};
    std::function<std::string(const RawRequest&)> canary_answers{};
    std::function<void(Json&)> canary_lists{}; ///< changes its lists of messages
    std::string canary_hangs{}; ///< in paths with it
    RawServer canary{loop.executor(), [this](const RawRequest& r) {
                         return !canary_hangs.empty() && r.path.contains(canary_hangs)
                                    ? Script{Hang{}}
                                : canary_answers ? Script{Send{canary_answers(r)}}
                                : canary_lists && r.method == "GET"
                                    ? Script{Send{page_of(r, canary_lists)}}
                                    : answer(r);
                     }};
    std::unique_ptr<net::HttpClient> client = net::HttpClient::make(loop.executor());
    Continuity continuity{*client, {}, ""};
};

const ReadPace k_brief{.pause = Millis(5)};

void list_twice(Json& data) {
    const Json once = data;
    data.insert(data.end(), once.begin(), once.end());
}

void list_without_parts(Json& data) {
    for (Json& message : data) {
        message["parts"] = Json::array();
    }
}

} // namespace

TEST_CASE("continuity: after a rollback the newest conversation that the canary wrote is answered"
) {
    TwoSides sides;
    const auto across = [&](const std::string& from, const std::string& to) {
        const Check check =
            sides.loop.run(sides.continuity.across(sides.side(from), sides.side(to), "c"));
        CAPTURE(check.detail);
        REQUIRE(check.verdict == Verdict::pass);
    };
    across("stable", "canary");
    across("stable", "canary");
    const std::string newest = sides.sent.back();
    across("canary", "stable");
    sides.sent.clear();
    SECTION("it goes on") {
        const Check check =
            sides.loop.run(sides.continuity.all_on(sides.side("stable"), "c", "canary", {}));
        CHECK(check.verdict == Verdict::pass);
        CHECK(
            check.detail ==
            "3 conversations of this run whole at stable; canary → stable: read with all 4 "
            "messages, answered, and whole afterwards"
        );
        CHECK(sides.sent == std::vector{newest});
    }
    const auto whole = [&](ReadPace pace) {
        return sides.loop.run(
            sides.continuity.all_on(sides.side("stable"), "c", "canary", std::move(pace))
        );
    };
    const std::string later = json_answer(429, "{}");
    const std::string gone = json_answer(404, R"({"error":{"code":"not_found"}})");
    const std::string broken = json_answer(502, "{}");
    const std::string busy = json_answer(409, R"({"error":{"code":"conflict"}})");
    SECTION("one bad answer is no loss") {
        for (const std::string& once : {later, gone}) {
            sides.turn_fails = {once};
            CHECK(whole(k_brief).verdict == Verdict::pass);
            CHECK(sides.turn_fails.empty());
        }
    }
    SECTION("two bad answers are none when they do not refuse it") {
        sides.turn_fails = {later, later};
        CHECK(whole(k_brief).verdict == Verdict::error);
        sides.turn_fails = {broken, busy}; // the first may still run
        CHECK(whole(k_brief).verdict == Verdict::error);
        sides.turn_fails = {gone, gone};
        CHECK(whole(k_brief).verdict == Verdict::fail);
    }
    SECTION("no time for the answer") {
        sides.turn_fails = {""};
        const auto began = Clock::now();
        CHECK(whole({.most = Millis(500)}).verdict == Verdict::error);
        CHECK(Clock::now() - began < std::chrono::seconds(10));
    }
    SECTION("it is only shown") {
        sides.refused = {newest};
        const Check check = whole(k_brief);
        CHECK(check.verdict == Verdict::fail);
        CHECK_THAT(
            check.detail,
            Catch::Contains("canary → stable: the next message is not answered there") &&
                Catch::Contains("409")
        );
    }
}

TEST_CASE("continuity: a side that lists too much or draws nothing is the one that is named") {
    TwoSides sides;
    const auto across = [&](const std::string& from, const std::string& to) {
        return sides.loop.run(sides.continuity.across(sides.side(from), sides.side(to), "c"));
    };
    REQUIRE(across("stable", "canary").verdict == Verdict::pass);
    std::string there;
    std::string itself;
    SECTION("each message twice") {
        sides.canary_lists = list_twice;
        there = "it has 1 more message of a user than were sent";
        itself = "message 3 is message 1 again";
    }
    SECTION("each message twice, with ids of their own") {
        sides.canary_lists = [](Json& data) {
            Json twice = data;
            for (Json& message : data) {
                message["id"] = "other-" + text_in(message, "id");
                twice.push_back(message);
            }
            data = std::move(twice);
        };
        there = "it has 1 more message of a user than were sent";
        itself = "message 3 is message 1 again";
    }
    SECTION("without parts to draw") {
        sides.canary_lists = list_without_parts;
        there = "message 1 of 2 shows another text in its parts";
        itself = "message 1 shows nothing of its content in its parts";
    }
    const Check to = across("stable", "canary");
    CHECK(to.verdict == Verdict::fail);
    CHECK(to.detail == "stable → canary: read there, " + there);
    const Check back = across("canary", "stable");
    CHECK(back.verdict == Verdict::fail);
    CHECK(
        back.detail ==
        "canary → stable: canary itself lists a conversation just made there wrongly: " + itself
    );
    CHECK(
        sides.loop.run(sides.continuity.kept({{sides.side("canary")}}, "c", k_brief)).verdict ==
        Verdict::fail
    );
    const Check whole =
        sides.loop.run(sides.continuity.kept({{sides.side("stable")}}, "c", k_brief));
    CHECK(whole.detail == "2 conversations of this run whole at stable");
}

TEST_CASE("continuity: what stable lists wrongly does not keep it in service") {
    TwoSides sides;
    const auto across = [&](const std::string& from, const std::string& to) {
        return sides.loop.run(sides.continuity.across(sides.side(from), sides.side(to), "c"));
    };
    const std::string not_known = json_answer(404, R"({"error":{"code":"not_found"}})");
    SECTION("without parts to draw: what else is listed is compared") {
        sides.stable_lists = list_without_parts;
        const std::string whole = ": read with all 2 messages, answered, and whole afterwards";
        CHECK(across("stable", "canary").detail == "stable → canary" + whole);
        CHECK(across("canary", "stable").detail == "canary → stable" + whole);
        const Check kept = sides.loop.run(
            sides.continuity.kept({{sides.side("canary")}, {sides.side("stable")}}, "c", k_brief)
        );
        CHECK(kept.detail == "2 conversations of this run whole at canary and stable");
        sides.canary_lists = [](Json& data) { data[1]["content"] = "other"; };
        CHECK(
            across("stable", "canary").detail ==
            "stable → canary: read there, message 2 of 2 is another one"
        );
    }
    SECTION("each message twice: nothing can be compared, but the other side has to know it") {
        sides.stable_lists = list_twice;
        const Check check = across("stable", "canary");
        CHECK(check.verdict == Verdict::skipped);
        CHECK_FALSE(check.required);
        CHECK(
            check.detail ==
            "stable → canary: known there, but stable itself lists a conversation just made there "
            "wrongly: message 3 is message 1 again"
        );
        sides.canary_answers = [&](const RawRequest&) { return not_known; };
        const Check lost = across("stable", "canary");
        CHECK(lost.verdict == Verdict::fail);
        CHECK_THAT(lost.detail, Catch::Contains("of 4 messages is not known there"));
        sides.canary_answers = [](const RawRequest&) { return json_answer(200, R"({"data":[]})"); };
        CHECK(across("stable", "canary").verdict == Verdict::fail);
    }
    SECTION("each message twice only after a look that passed is a loss") {
        REQUIRE(across("stable", "canary").verdict == Verdict::pass);
        sides.stable_lists = list_twice;
        const Check check = across("stable", "canary");
        CHECK(check.verdict == Verdict::fail);
        CHECK_THAT(check.detail, Catch::Contains("stable itself lists"));
    }
    SECTION("parts that only the canary's conversations lack there are a loss") {
        REQUIRE(across("stable", "canary").verdict == Verdict::pass);
        const std::size_t canary_from = sides.sent.size();
        sides.stable_lists = [&, canary_from](Json& data) {
            if (sides.sent.size() > canary_from) {
                list_without_parts(data);
            }
        };
        CHECK(across("canary", "stable").verdict == Verdict::fail);
    }
}

TEST_CASE("continuity: a conversation that is read late on the other side is read again") {
    TwoSides sides;
    int late = 1;
    sides.canary_answers = [&](const RawRequest& request) {
        if (request.method == "POST") {
            (void)sides.answer(request);
            return whole_stream(good_body());
        }
        return late-- > 0 ? json_answer(404, R"({"error":{"code":"not_found"}})")
                          : sides.page_of(request);
    };
    const Check check =
        sides.loop.run(sides.continuity.across(sides.side("stable"), sides.side("canary"), "c"));
    CAPTURE(check.detail);
    CHECK(check.verdict == Verdict::pass);
    CHECK(late < 0);
}

TEST_CASE("continuity: a turn whose answer failed may stand in the conversation, others may not") {
    TwoSides sides;
    sides.canary_answers = [&](const RawRequest& request) {
        if (request.method == "POST") { // it is kept all the same
            (void)sides.answer(request);
            return json_answer(502, "{}");
        }
        return sides.page_of(request);
    };
    const Check failed =
        sides.loop.run(sides.continuity.across(sides.side("stable"), sides.side("canary"), "c"));
    REQUIRE(failed.verdict == Verdict::fail);
    const auto whole = [&] {
        return sides.loop.run(sides.continuity.all_on(sides.side("stable"), "c", "canary", k_brief)
        );
    };
    CHECK(whole().detail == "1 conversation of this run whole at stable");
    ++sides.turns[sides.sent.back()];
    const Check more = whole();
    CHECK(more.verdict == Verdict::fail);
    CHECK_THAT(more.detail, Catch::EndsWith("it has 1 more message of a user than were sent"));
}

TEST_CASE("continuity: what one side forgot since is found") {
    TwoSides sides;
    const auto made =
        sides.loop.run(sides.continuity.across(sides.side("stable"), sides.side("canary"), "c"));
    REQUIRE(made.verdict == Verdict::pass);
    const std::string id = sides.sent.back();
    const auto kept = [&](ReadPace pace = k_brief) {
        return sides.loop.run(sides.continuity.kept(
            {{sides.side("canary")}, {sides.side("stable")}}, "c", std::move(pace)
        ));
    };
    const Check whole = kept();
    CHECK(whole.verdict == Verdict::pass);
    CHECK(whole.detail == "1 conversation of this run whole at canary and stable");
    CHECK(kept({.stop = [] { return true; }}).verdict == Verdict::inconclusive);
    CHECK(kept({.longest = Millis(0), .each = Millis(0)}).verdict == Verdict::error);
    CHECK(kept({.longest = Millis(0)}).verdict == Verdict::pass); // so much each

    sides.canary_answers = [](const RawRequest&) { return json_answer(503, "{}"); };
    CHECK(kept().verdict == Verdict::error);
    sides.canary_answers = [](const RawRequest&) { return json_answer(404, "{}"); };
    const Check lost = kept();
    CHECK(lost.verdict == Verdict::fail);
    CHECK(lost.detail == "not whole: " + id + " at canary: HTTP 404");
    int looks = 0; // a failure that passes is no loss
    sides.canary_answers = [&](const RawRequest& request) {
        return ++looks == 1 ? json_answer(503, "{}") : sides.page_of(request);
    };
    CHECK(kept().verdict == Verdict::pass);
    looks = 0; // nor is one answer that knows nothing
    sides.canary_answers = [&](const RawRequest& request) {
        return ++looks == 1 ? json_answer(404, "{}") : sides.page_of(request);
    };
    CHECK(kept().verdict == Verdict::pass);
    CHECK(looks == 2);
    looks = 0; // a blip is over before the second try
    const auto until = Clock::now() + Millis(150);
    sides.canary_answers = [&](const RawRequest& request) {
        return Clock::now() < until ? json_answer(503, "{}") : sides.page_of(request);
    };
    CHECK(kept({.pause = Millis(300)}).verdict == Verdict::pass);
}

TEST_CASE("continuity: a look at a side that hangs ends by a stop, and with its time") {
    TwoSides sides;
    const auto made =
        sides.loop.run(sides.continuity.across(sides.side("stable"), sides.side("canary"), "c"));
    REQUIRE(made.verdict == Verdict::pass);
    const auto kept = [&](ReadPace pace) {
        return sides.loop.run(sides.continuity.kept({{sides.side("canary")}}, "c", std::move(pace))
        );
    };
    sides.canary_hangs = "/";
    const auto began = Clock::now();
    const Check stopped = kept({.stop = [began] { return Clock::now() - began > Millis(100); }});
    CHECK(stopped.verdict == Verdict::inconclusive);
    CHECK(stopped.detail == "stopped before all was read");
    const Check late = kept({.longest = Millis(100), .each = Millis(0)});
    CHECK(late.verdict == Verdict::error);
    CHECK(late.detail == "not read: " + sides.sent.back() + " at canary: no time was left");
    CHECK(Clock::now() - began < std::chrono::seconds(10));
}

TEST_CASE("continuity: the first loss ends the look, what could not be read does not") {
    TwoSides sides;
    std::vector<std::string> made;
    for (int i = 0; i < 3; ++i) {
        const Check check =
            sides.loop.run(sides.continuity.across(sides.side("stable"), sides.side("canary"), "c")
            );
        REQUIRE(check.verdict == Verdict::pass);
        made.push_back(sides.sent.back());
    }
    int looks = 0;
    std::set<std::string> lost{made[1], made[2]};
    sides.canary_answers = [&](const RawRequest& request) {
        ++looks;
        const auto is_asked = [&](const std::string& id) { return request.path.contains(id); };
        return is_asked(made[0])                     ? json_answer(503, "{}")
               : std::ranges::any_of(lost, is_asked) ? json_answer(404, "{}")
                                                     : sides.page_of(request);
    };
    const auto kept = [&] {
        return sides.loop.run(
            sides.continuity.kept({{sides.side("canary")}, {sides.side("stable")}}, "c", k_brief)
        );
    };
    const Check first = kept();
    CHECK(first.verdict == Verdict::fail);
    CHECK(first.detail == "not whole: " + made[1] + " at canary: HTTP 404");
    CHECK(looks == 4); // twice at the one that was not read, and at the one that is lost
    lost.clear();
    const Check unread = kept();
    CHECK(unread.verdict == Verdict::error);
    CHECK(unread.detail == "not read: " + made[0] + " at canary: HTTP 503");
}

TEST_CASE("continuity: after a rollback one failure is no loss, and what is not read no loss") {
    TwoSides sides;
    const auto made =
        sides.loop.run(sides.continuity.across(sides.side("stable"), sides.side("canary"), "c"));
    REQUIRE(made.verdict == Verdict::pass);
    int bad = 1;
    sides.canary_answers = [&](const RawRequest& request) {
        return bad-- > 0 ? json_answer(503, "{}") : sides.page_of(request);
    };
    const auto look = [&] {
        return sides.loop.run(sides.continuity.all_on(sides.side("canary"), "c", "stable", k_brief)
        );
    };
    const Check once = look();
    CHECK(once.verdict == Verdict::pass);
    CHECK(once.detail == "1 conversation of this run whole at canary");
    bad = 100;
    const Check unread = look();
    CHECK(unread.verdict == Verdict::error);
    CHECK_THAT(unread.detail, Catch::StartsWith("not read: "));
}

TEST_CASE("continuity: of what was opened elsewhere, one that is not known is a loss") {
    TwoSides sides;
    const auto made =
        sides.loop.run(sides.continuity.across(sides.side("stable"), sides.side("canary"), "c"));
    REQUIRE(made.verdict == Verdict::pass);
    std::vector<std::string> opened;
    for (int i = 0; i < 74; ++i) {
        opened.push_back(fmt::format("oaprobe_{}", i));
        sides.turns[opened.back()] = 1;
    }
    const auto kept = [&](ReadPace pace) {
        std::vector<OtherSide> all{{sides.side("canary"), opened}, {sides.side("stable"), {}}};
        return sides.loop.run(sides.continuity.kept(std::move(all), "c", std::move(pace)));
    };
    const auto id_of = [](const RawRequest& request) {
        return request.path.substr(0, request.path.rfind('/')).substr(sizeof("/api/chats/") - 1);
    };
    const ReadPace fast{.per_s = 10'000, .pause = Millis(5)};
    CHECK(
        kept(fast).detail ==
        "1 conversation of this run whole at canary and stable; canary knows all 74 of probes"
    );
    SECTION("unknown") {
        sides.canary_answers = [&](const RawRequest& request) {
            const std::string id = id_of(request);
            return id == "oaprobe_7"    ? json_answer(404, "{}")
                   : id == "oaprobe_70" ? json_answer(200, R"({"data":[]})")
                                        : sides.page_of(request);
        };
        const Check lost = kept(fast);
        CHECK(lost.verdict == Verdict::fail);
        CHECK_THAT(
            lost.detail,
            Catch::EndsWith(
                "2 of 74 conversations of probes are not known at canary (oaprobe_7, oaprobe_70)"
            )
        );
    }
    SECTION("not answered") {
        sides.canary_answers = [&](const RawRequest& request) {
            return id_of(request) == "oaprobe_7" ? json_answer(503, "{}") : sides.page_of(request);
        };
        const Check check = kept(fast);
        CHECK(check.verdict == Verdict::pass);
        CHECK_THAT(
            check.detail,
            Catch::EndsWith("canary knows all 73 of probes, 1 could not be read (HTTP 503)")
        );
        sides.canary_answers = [&](const RawRequest& request) {
            return id_of(request).size() < 12 ? json_answer(503, "{}") : sides.page_of(request);
        };
        CHECK(kept(fast).verdict == Verdict::error); // none of them
    }
    SECTION("unknown once") {
        int left = 1;
        sides.canary_answers = [&](const RawRequest& request) {
            return id_of(request) == "oaprobe_7" && left-- > 0 ? json_answer(404, "{}")
                                                               : sides.page_of(request);
        };
        CHECK(kept(fast).verdict == Verdict::pass);
        std::set<std::string> once{"oaprobe_7", "oaprobe_20"}; // of replicas, one is without
        sides.canary_answers = [&](const RawRequest& request) {
            return once.erase(id_of(request)) > 0 ? json_answer(404, "{}") : sides.page_of(request);
        };
        const Check check = kept(fast);
        CHECK(check.verdict == Verdict::fail);
        CHECK_THAT(check.detail, Catch::Contains("1 of 74") && Catch::Contains("(oaprobe_20)"));
    }
    SECTION("a side that hangs on them") {
        sides.canary_hangs = "oaprobe_0/";
        const ReadPace brief{.per_s = 10'000, .longest = Millis(1500), .each = Millis(0)};
        const Check none = kept(brief);
        CHECK(none.verdict == Verdict::error);
        CHECK_THAT(
            none.detail,
            Catch::EndsWith("canary shows none of probes, no answer in time, 0 of 74 read")
        );
        sides.canary_hangs = "oaprobe_1/";
        const Check one = kept(brief);
        CHECK(one.verdict == Verdict::pass);
        CHECK_THAT(one.detail, Catch::EndsWith("canary knows all 1 of probes, 1 of 74 read"));
    }
    SECTION("no time for all") {
        const Check check = kept({.per_s = 20, .longest = Millis(500), .each = Millis(0)});
        CHECK(check.verdict == Verdict::pass);
        CHECK_THAT(check.detail, !Catch::Contains("all 74"));
    }
}

TEST_CASE("continuity: skipped where nothing is listed, and an error where it cannot be read") {
    struct Row {
        int status;
        std::string_view body;
        Verdict want;
    };
    static constexpr std::array k_rows{
        Row{200, R"({"data":[]})", Verdict::skipped},
        Row{404, R"({"message":"not here"})", Verdict::skipped},
        Row{404, R"({"error":{"code":"not_found","message":"unknown thread"}})", Verdict::error},
        // A lane without the route.
        Row{404,
            R"({"error":{"code":"not_found","message":"there is no such route",
                "type":"invalid_request_error","param":null}})",
            Verdict::skipped},
        Row{405, "", Verdict::skipped},
        Row{501, "", Verdict::skipped},
        Row{200, "<html>", Verdict::error},
        Row{401, R"({"message":"who are you"})", Verdict::error},
        Row{403, "", Verdict::error},
        Row{429, "", Verdict::error},
        Row{500, "", Verdict::error},
        Row{503, R"({"message":"later"})", Verdict::error},
    };
    for (const Row& row : k_rows) {
        CAPTURE(row.status, row.body);
        LoopRig loop;
        RawServer stable(loop.executor(), [&](const RawRequest& request) {
            return request.method == "POST" ? Script{Send{whole_stream(good_body())}}
                                            : Script{Send{json_answer(row.status, row.body)}};
        });
        const auto client = net::HttpClient::make(loop.executor());
        Continuity continuity(*client, {}, "");
        Target target;
        target.base_url = stable.url();
        const Check check = loop.run(continuity.across({"one", target}, {"other", target}, "c"));
        CAPTURE(check.detail);
        CHECK(check.verdict == row.want);
        CHECK(check.required == (row.want != Verdict::skipped));
    }
}

TEST_CASE(
    "continuity: a target that listed messages before and lists none now is no target without them"
) {
    bool lists = true;
    LoopRig loop;
    RawServer lane(loop.executor(), [&](const RawRequest& request) {
        if (request.method == "POST") {
            return Script{Send{whole_stream(good_body())}};
        }
        const auto* body = R"({"data":[{"role":"user","content":"a"},{"content":"b"}]})";
        return Script{Send{json_answer(200, lists ? body : R"({"data":[]})")}};
    });
    const auto client = net::HttpClient::make(loop.executor());
    Continuity continuity(*client, {}, "");
    Target target;
    target.base_url = lane.url();
    (void)loop.run(continuity.across({"one", target}, {"other", target}, "c"));
    lists = false;
    const Check check = loop.run(continuity.across({"one", target}, {"other", target}, "c"));
    CHECK(check.verdict == Verdict::error);
    CHECK(check.detail == "one → other: a conversation just made there has no messages: HTTP 200");
}

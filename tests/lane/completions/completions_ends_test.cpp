// How answers of /v1/chat/completions end where the turn's end alone does not say it.
#include "../lane_rig.hpp"

#include <array>

using namespace oa_stream;
using namespace oa_stream::test;
using turn::TerminalClass;

namespace {

net::ClientRequest say_hi(LaneRig& rig, std::string_view more = "") {
    return rig.post(
        "/v1/chat/completions",
        fmt::format(
            R"({{"model":"oa-stream","messages":[{{"role":"user","content":"hi"}}]{}}})", more
        )
    );
}

/// The words with the stop sequence come in one batch with that end.
void end_at_once(LaneRig& rig, turn::TurnEnded ended) {
    rig.authority.last().push(
        {turn::PartOpened{"m1", turn::PartKind::text},
         turn::PartDelta{"m1", "alpha beta gamma"},
         std::move(ended)}
    );
}

} // namespace

TEST_CASE("completions: behind a stop sequence an answer is whole, however its turn ends") {
    using turn::Outcome;
    const turn::Failure failure{turn::FailureCode::turn_failed, false, "secret"};
    struct Row {
        std::string_view name;
        std::function<void(LaneRig&)> end;
    };
    const std::array rows{
        Row{"failed",
            [&](LaneRig& rig) {
                end_at_once(rig, {Outcome::failed, turn::Finish::error, failure, {}});
            }},
        Row{"cut",
            [](LaneRig& rig) {
                end_at_once(rig, {Outcome::completed, turn::Finish::length, {}, {}});
            }},
        Row{"filtered",
            [](LaneRig& rig) {
                end_at_once(rig, {Outcome::completed, turn::Finish::content_filter, {}, {}});
            }},
        Row{"asked for again",
            [](LaneRig& rig) {
                rig.authority.last().push(
                    {turn::PartOpened{"m1", turn::PartKind::text},
                     turn::PartDelta{"m1", "alpha beta gamma"},
                     turn::PartClosed{"m1", true},
                     turn::Note{"notice", std::nullopt, true, Json::object()},
                     turn::TurnEnded{Outcome::interrupted, turn::Finish::other, {}, {}}}
                );
            }},
        Row{"lost",
            [](LaneRig& rig) {
                rig.authority.last().say("alpha beta gamma");
                rig.authority.last().fail(Code::unavailable, "gone");
            }},
        Row{"drained",
            [](LaneRig& rig) {
                rig.authority.last().answers_interrupt = false;
                rig.authority.last().say("alpha beta gamma");
                rig.until("the interrupt", [&] { return rig.authority.last().interrupts == 1; });
                CHECK(rig.run(rig.lane->drain(Millis(1))) == 1);
            }},
    };
    for (const auto& row : rows) {
        for (const bool streamed : {false, true}) {
            CAPTURE(row.name, streamed);
            LaneRig rig;
            rig.authority.able.client_tools = true;
            const auto answer = rig.open(
                say_hi(rig, streamed ? R"(,"stop":"beta","stream":true)" : R"(,"stop":"beta")")
            );
            rig.until("a turn", [&] { return rig.authority.turns_started.size() == 1; });
            row.end(rig);
            rig.await_end(answer);
            CHECK(answer->head.status == 200);
            CHECK(answer->has(R"("content":"alpha ")"));
            CHECK(answer->has(R"("finish_reason":"stop")"));
            CHECK_FALSE(answer->has("error"));
            CHECK(only_turn(rig).terminal == TerminalClass::completed);
            CHECK(only_turn(rig).reason == lane::StopReason::stop_text);
        }
    }
}

TEST_CASE("completions: an authority that knows when it takes turns again is quoted") {
    LaneRig rig;
    for (const auto& [where, seconds] :
         {std::pair("retry_after:1", "1"), std::pair("retry_after:40", "40"), std::pair("", "5")}) {
        CAPTURE(where);
        rig.authority.refuse = [where](const auto&) {
            return std::optional(Error{Code::unavailable, "busy", where});
        };
        const auto refused = rig.send(say_hi(rig));
        CHECK(refused.status == 503);
        CHECK(refused.headers.get("retry-after") == seconds);
    }
}

TEST_CASE("completions: a turn is empty when it did nothing, whatever its client is shown of it") {
    struct Row {
        std::vector<turn::Event> events;
        bool content;
    };
    const std::array rows{
        Row{{}, false},
        Row{{turn::PartOpened{"m1"}, turn::PartClosed{"m1"}}, false},
        Row{{turn::ToolOpened{"c1", "shell"},
             turn::ToolInputReady{"c1", Json::object()},
             turn::ToolOutput{"c1", "done"}},
            true},
        Row{{turn::PartOpened{"r1", turn::PartKind::reasoning},
             turn::PartDelta{"r1", "hm"},
             turn::PartClosed{"r1"}},
            true},
    };
    for (const auto& row : rows) {
        for (const std::string_view api : {"completions", "responses", "chats"}) {
            CAPTURE(api, row.events.size());
            LaneRig rig;
            const auto answer =
                api == "completions" ? rig.open(say_hi(rig, R"(,"stream":true)"))
                : api == "responses"
                    ? rig.open(rig.post(
                          "/v1/responses", R"({"model":"oa-stream","input":"hi","stream":true})"
                      ))
                    : rig.chat("c1", "hi");
            rig.until("a turn", [&] { return rig.authority.turns_started.size() == 1; });
            auto events = row.events;
            events.emplace_back(turn::TurnEnded{});
            rig.authority.last().push(std::move(events));
            rig.await_end(answer);
            CHECK(only_turn(rig).content == row.content);
        }
    }
}

// Somebody else goes on with an answer: from wherever it was cut, the whole is as if nothing had
// happened, or it ends as failed.
#include "oa_stream/encode/continuation.hpp"

#include "stream_support.hpp"

#include <catch2/catch.hpp>

using namespace oa_stream;
using namespace oa_stream::turn;
using namespace oa_stream::encode::test;
using encode::Continuation;
using encode::UiEncoder;

namespace {

/// Text in pieces, a thought, a call with output, a note, a second text.
std::vector<Event> turn_in_pieces() {
    return {
        TurnStarted{},
        PartOpened{"r1", PartKind::reasoning},
        PartDelta{"r1", "think"},
        PartDelta{"r1", "ing"},
        PartClosed{"r1"},
        PartOpened{"m1", PartKind::text},
        PartDelta{"m1", "Hel"},
        PartDelta{"m1", "lo \xC3\xA9t\xC3\xA9"},
        PartClosed{"m1"},
        ToolOpened{"c1", "shell"},
        ToolInputReady{"c1", Json{{"command", "ls"}}},
        ToolOutput{"c1", Json{{"output", "a"}}},
        Note{"plan", std::nullopt, false, Json{{"step", 1}}},
        PartOpened{"m2", PartKind::text},
        PartDelta{"m2", "bye"},
        PartClosed{"m2"},
        TurnEnded{Outcome::completed, Finish::stop, {}, Usage{1, 0, 2, 0}},
    };
}

/// The same turn as an authority tells it later: whole parts.
std::vector<Event> turn_in_whole_parts() {
    auto events = turn_in_pieces();
    std::vector<Event> out;
    for (auto& event : events) {
        auto* const delta = std::get_if<PartDelta>(&event);
        auto* const before = delta != nullptr ? std::get_if<PartDelta>(&out.back()) : nullptr;
        if (before != nullptr) {
            before->text += delta->text;
        } else {
            out.push_back(event);
        }
    }
    return out;
}

/// The same turn under other names, as histories have them.
std::vector<Event> renamed(std::vector<Event> events) {
    for (auto& event : events) {
        std::visit(
            [](auto& one) {
                if constexpr (requires { one.call; }) {
                    one.call += "-again";
                } else if constexpr (requires { std::string(one.id); }) {
                    one.id += "-again";
                }
            },
            event
        );
    }
    return events;
}

/// What follows `said`; nullopt when it does not go on from there.
std::optional<std::string> rest(
    std::string_view said, std::vector<Event> events, const encode::UiEncoderOptions& as = options()
) {
    UiEncoder encoder(as);
    REQUIRE(encoder.restore(said));
    Continuation goes_on(said);
    std::string out;
    for (auto& event : events) {
        if (encoder.ended()) {
            break;
        }
        const auto fresh = goes_on.admit(event);
        if (!fresh) {
            return std::nullopt;
        }
        if (*fresh) {
            const auto done = encoder.encode(event, out);
            INFO((done ? std::string() : done.error().text()));
            REQUIRE(done);
        }
    }
    return out;
}

/// Chunks of calls that Codex runs: without it on each of them pages ask again.
std::size_t executed(std::string_view stream) {
    constexpr std::string_view k_executed = R"("providerExecuted":true)";
    std::size_t count = 0;
    for (auto at = stream.find(k_executed); at != std::string_view::npos;
         at = stream.find(k_executed, at + 1)) {
        ++count;
    }
    return count;
}

/// Behind each frame where a log may end: start and start-step are written at once, and so is what
/// ends an answer.
std::vector<std::size_t> cuts_of(std::string_view stream) {
    std::vector<std::size_t> out;
    for (auto at = stream.find("\n\n"); at != std::string_view::npos;
         at = stream.find("\n\n", at + 2)) {
        out.push_back(at + 2);
    }
    out.erase(out.begin());
    out.resize(out.size() - 3); // finish-step, finish, [DONE]
    return out;
}

} // namespace

TEST_CASE("an answer is gone on with from every frame, whether it is told in pieces or whole") {
    const auto stream = encoded(turn_in_pieces());
    for (const auto cut : cuts_of(stream)) {
        const auto said = std::string_view(stream).substr(0, cut);
        for (const auto& events :
             {turn_in_pieces(), turn_in_whole_parts(), renamed(turn_in_whole_parts())}) {
            const auto more = rest(said, events);
            REQUIRE(more);
            const auto whole = std::string(said) + *more;
            INFO(whole);
            CHECK(judged(whole) == "");
            for (const auto* type : {"text-delta", "reasoning-delta"}) {
                CHECK(joined_deltas(whole, type) == joined_deltas(stream, type));
            }
            CHECK(types_of(whole).back() == "[DONE]");
            CHECK(std::ranges::count(types_of(whole), "tool-output-available") == 1);
            CHECK(std::ranges::count(types_of(whole), "data-plan") == 1);
            CHECK(executed(whole) == executed(stream));
        }
    }
}

TEST_CASE("an answer that cannot be gone on with ends as failed, from every frame") {
    const auto stream = encoded(turn_in_pieces());
    for (const auto cut : cuts_of(stream)) {
        const auto said = std::string_view(stream).substr(0, cut);
        UiEncoder encoder(options());
        REQUIRE(encoder.restore(said));
        CHECK_FALSE(encoder.ended());
        std::string more;
        encoder.fail_open({FailureCode::turn_aborted, true, "gone"}, more);
        CHECK(judged(std::string(said) + more) == "");
    }
    UiEncoder encoder(options());
    REQUIRE(encoder.restore(stream));
    CHECK(encoder.ended());
    std::string more;
    encoder.fail_open({FailureCode::turn_aborted, true, "gone"}, more);
    CHECK(more.empty());
}

TEST_CASE("what is told again must begin with what was said") {
    const auto stream = encoded(turn_in_pieces());
    const auto at = stream.find("lo \xC3\xA9");
    const auto said = stream.substr(0, stream.find("\n\n", at) + 2);
    auto other = turn_in_whole_parts();
    std::get<PartDelta>(other[5]).text = "Hallo";
    CHECK_FALSE(rest(said, other));
    // Shorter than what was said, and over.
    other = turn_in_whole_parts();
    std::get<PartDelta>(other[5]).text = "Hel";
    CHECK_FALSE(rest(said, other));
    // A closed part that has grown.
    const auto closed = stream.substr(0, stream.find("\n\n", stream.find("text-end")) + 2);
    other = turn_in_whole_parts();
    std::get<PartDelta>(other[5]).text += "!";
    CHECK_FALSE(rest(closed, other));
}

TEST_CASE("bytes that are no answer of ours are not gone on with") {
    for (const auto* bytes :
         {"data: {\"type\":\"text-delta\",\"id\":\"x\",\"delta\":\"a\"}\n\n", "data: nonsense\n\n"
         }) {
        UiEncoder encoder(options());
        const auto restored = encoder.restore(bytes);
        REQUIRE_FALSE(restored);
        CHECK(restored.error().code == Code::protocol);
    }
}

TEST_CASE("continuation: whoever only ends a stream names what its start named") {
    UiEncoder begun({.thread = "c1", .message_id = "turn-1", .turn = "turn-1", .model = "m"});
    std::string said;
    REQUIRE(begun.encode(TurnStarted{"t", "turn-1"}, said));
    REQUIRE(begun.encode(PartOpened{"a"}, said));
    UiEncoder encoder({});
    REQUIRE(encoder.restore(said));
    std::string rest;
    encoder.fail_open(Failure{FailureCode::turn_aborted}, rest);
    CHECK(rest.contains(R"("threadId":"c1","turnId":"turn-1","status":"aborted")"));
}

TEST_CASE("continuation: calls told again under other names, in another order, keep their outputs"
) {
    const std::vector<Event> begun{
        TurnStarted{},
        ToolOpened{"c1", "shell"},
        ToolInputReady{"c1", Json{{"command", "ls"}}},
        ToolOpened{"c2", "patch"},
        ToolInputReady{"c2", Json{{"files", 1}}},
    };
    const std::vector<Event> again{
        TurnStarted{},
        ToolOpened{"x2", "patch"},
        ToolInputReady{"x2", Json{{"files", 1}}},
        ToolOutput{"x2", Json{{"output", "patched"}}},
        ToolOpened{"x1", "shell"},
        ToolInputReady{"x1", Json{{"command", "ls"}}},
        ToolOutput{"x1", Json{{"output", "listed"}}},
        TurnEnded{},
    };
    const auto said = encoded(begun);
    const auto more = rest(said, again);
    REQUIRE(more);
    CHECK(judged(said + *more) == "");
    CHECK(more->contains(R"("toolCallId":"c2","output":{"output":"patched"})"));
    CHECK(more->contains(R"("toolCallId":"c1","output":{"output":"listed"})"));
}

TEST_CASE("continuation: a question is asked once, and the message waits for its answer") {
    auto asking = options();
    asking.approvals = true;
    const std::vector<Event> question{
        TurnStarted{},
        ToolOpened{"c1", "shell"},
        ToolInputReady{"c1", Json{{"command", "x"}}},
        ApprovalAsked{"a1", "c1"},
    };
    const auto said = encoded(question, asking);
    const auto more = rest(said, question, asking);
    REQUIRE(more);
    CHECK(*more == "");

    UiEncoder first(asking);
    std::string as_first;
    for (const auto& event : question) {
        REQUIRE(first.encode(event, as_first));
    }
    UiEncoder next(asking);
    REQUIRE(next.restore(said));
    std::string paused_first;
    std::string paused_next;
    REQUIRE(first.pause(paused_first));
    REQUIRE(next.pause(paused_next));
    CHECK(paused_next == paused_first);
}

TEST_CASE("continuation: a question that was decided is not what the answer waits for") {
    auto asking = options();
    asking.approvals = true;
    UiEncoder first(asking);
    std::string said;
    const std::vector<Event> decided{
        TurnStarted{},
        ToolOpened{"c1", "shell"},
        ToolInputReady{"c1", Json{{"command", "x"}}},
        ApprovalAsked{"a1", "c1"},
        ApprovalSettled{"a1", true},
        ToolOutput{"c1", Json{{"output", "a"}}},
        ToolOpened{.call = "c2", .name = "show", .client = true},
        ToolInputReady{"c2", Json::object()},
        ClientCall{"c2", "show", "{}"},
    };
    for (const auto& event : decided) {
        REQUIRE(first.encode(event, said));
    }
    UiEncoder next(asking);
    REQUIRE(next.restore(said));
    std::string paused;
    REQUIRE(next.pause(paused));
    CHECK(paused.contains(R"("status":"waiting-for-tool-results")"));
}

TEST_CASE("continuation: a note that stays is something said, one that passes is not") {
    const TurnEnded end{Outcome::completed, Finish::stop, {}, Usage{1, 0, 2, 0}};
    for (const bool transient : {false, true}) {
        const auto said =
            encoded({TurnStarted{}, Note{"plan", std::nullopt, transient, Json{{"step", 1}}}});
        const auto more = rest(said, {end});
        REQUIRE(more);
        CHECK(std::ranges::count(types_of(*more), "text-start") == (transient ? 1 : 0));
    }
}

TEST_CASE("continuation: a text before a call is no answer after it") {
    const std::vector<Event> text{
        PartOpened{"m1", PartKind::text}, PartDelta{"m1", "I look"}, PartClosed{"m1"}
    };
    const std::vector<Event> call{
        ToolOpened{"c1", "shell"},
        ToolInputReady{"c1", Json{{"command", "ls"}}},
        ToolOutput{"c1", Json{{"output", "a"}}},
    };
    for (const bool called : {false, true}) {
        std::vector<Event> events{TurnStarted{}};
        events.insert(events.end(), text.begin(), text.end());
        if (called) {
            events.insert(events.end(), call.begin(), call.end());
        }
        const auto more = rest(encoded(events), {TurnEnded{Outcome::completed, Finish::length}});
        REQUIRE(more);
        CHECK(std::ranges::count(types_of(*more), "text-start") == (called ? 1 : 0));
    }
}

// The recordings the goldens are made from: how a capture is read.
#include "oa_stream/authority/capture.hpp"

#include <catch2/catch.hpp>

#include <filesystem>

namespace fs = std::filesystem;
using namespace oa_stream;
using namespace oa_stream::turn;

namespace {

Result<authority::Capture> recorded(std::string_view name) {
    return authority::read_capture(
        fs::path(OA_SOURCE_DIR) / "fixtures/captures" / (std::string(name) + ".jsonl")
    );
}

/// All deltas of a capture, joined.
std::string said(const authority::Capture& capture) {
    std::string text;
    for (const auto& timed : capture.events) {
        if (const auto* delta = std::get_if<PartDelta>(&timed.event)) {
            text += delta->text;
        }
    }
    return text;
}

} // namespace

TEST_CASE("capture: thread, turn, model, prompt and pace of the first turn") {
    const auto capture = recorded("02-text-paced");
    REQUIRE(capture.has_value());
    CHECK(capture->name == "02-text-paced");
    CHECK(capture->model == "mock-model");
    CHECK(capture->prompt.starts_with("scenario:"));
    CHECK_FALSE(capture->eof_before_end);
    const auto& started = std::get<TurnStarted>(capture->events.front().event);
    CHECK(started.thread == capture->thread);
    CHECK(started.turn == capture->turn);
    CHECK(started.model == "mock-model");
    CHECK(std::holds_alternative<TurnEnded>(capture->events.back().event));
    double last = 0;
    for (const auto& timed : capture->events) {
        CHECK(timed.t_s >= last);
        last = timed.t_s;
    }
    CHECK(last > 0.1);
    CHECK(last < 10);
}

TEST_CASE("capture: a recording that stops in its turn is an EOF, by a signal or not") {
    const auto killed = recorded("56-kill-mid-turn");
    REQUIRE(killed.has_value());
    CHECK(killed->eof_before_end);
    CHECK(killed->killed);
    CHECK(killed->eof_t_s > killed->events.back().t_s);
    CHECK_FALSE(std::holds_alternative<TurnEnded>(killed->events.back().event));
    const char* open =
        "{\"t\":1000,\"dir\":\"s2c\",\"msg\":{\"id\":1,\"result\":{\"turn\":{\"id\":\"u\"}}}}\n"
        "{\"t\":1500,\"dir\":\"s2c\",\"msg\":{\"method\":\"turn/"
        "started\",\"params\":{\"threadId\":\"t\","
        "\"turn\":{\"id\":\"u\"}}}}\n";
    const auto cut = authority::parse_capture(open, "cut");
    REQUIRE(cut.has_value());
    CHECK(cut->eof_before_end);
    CHECK_FALSE(cut->killed);
    CHECK(cut->events.front().t_s == Approx(0.5));
    CHECK(cut->eof_t_s == Approx(0.5));
}

TEST_CASE("capture: of two connections only the one that saw the turn first is followed") {
    const auto capture = recorded("58-ws-two-clients");
    REQUIRE(capture.has_value());
    CHECK(said(*capture) == "from A");
}

TEST_CASE("capture: a message opens with the phase that codex reports") {
    const auto capture = recorded("05-phases");
    REQUIRE(capture.has_value());
    std::vector<TextPhase> phases;
    for (const auto& timed : capture->events) {
        if (const auto* opened = std::get_if<PartOpened>(&timed.event)) {
            phases.push_back(opened->phase);
        }
    }
    CHECK(phases == std::vector{TextPhase::commentary, TextPhase::final_answer});
}

TEST_CASE("capture: other threads in between are left out") {
    const auto capture = recorded("47-two-threads-concurrent");
    REQUIRE(capture.has_value());
    CHECK(said(*capture) == "alpha bravo charlie delta echo foxtrot golf hotel");
}

TEST_CASE("capture: what is no capture says why") {
    const auto no_turn = recorded("61-broken-config-falls-back");
    REQUIRE_FALSE(no_turn.has_value());
    CHECK(no_turn.error().code == Code::not_found);
    const auto no_file = recorded("no-such-file");
    REQUIRE_FALSE(no_file.has_value());
    CHECK(no_file.error().code == Code::unreadable);
    const auto garbage =
        authority::parse_capture("{\"t\":1,\"dir\":\"note\",\"msg\":\"x\"}\nnot json\n", "g");
    REQUIRE_FALSE(garbage.has_value());
    CHECK(garbage.error().code == Code::unreadable);
    CHECK(garbage.error().where == "line 2");
    const auto shape = authority::parse_capture("{\"t\":1}\n", "g");
    REQUIRE_FALSE(shape.has_value());
    CHECK(shape.error().code == Code::unreadable);
}

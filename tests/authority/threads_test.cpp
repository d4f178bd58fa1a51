// Threads as an authority lists, makes and names them.
#include "oa_stream/authority/replay.hpp"

#include "codex/codex_history.hpp"
#include "fake_stage.hpp"
#include "real_stage.hpp"

using namespace oa_test;

namespace {

std::unique_ptr<ReplayAuthority> immediate_replay(asio::io_context& io) {
    ReplayOptions options;
    options.pace.immediate = true;
    return must(make_replay_authority(io.get_executor(), options));
}

std::vector<ThreadInfo>
threads_of(asio::io_context& io, Authority& from, std::vector<std::string> ids) {
    return must(run(io, from.threads(std::move(ids))));
}

} // namespace

TEST_CASE("replay: threads are told in the order asked, unknown ones left out") {
    asio::io_context io;
    const auto replay = immediate_replay(io);
    const std::string empty = must(run(io, replay->make_thread({})));
    TurnRequest request = ask("Hello there");
    request.input.emplace_back(InputImage{"data:image/png;base64,AAAA"});
    const auto turn = must(run(io, replay->start(std::move(request))));
    run(io, drain(turn.get()));

    auto infos = threads_of(io, *replay, {turn->thread_id(), "nobody", empty});
    REQUIRE(infos.size() == 2);
    CHECK(infos[0].id == turn->thread_id());
    CHECK(infos[0].title == "Hello there");
    CHECK(infos[0].model == turn->model());
    CHECK(infos[0].updated_at >= infos[0].created_at);
    CHECK(infos[1].id == empty);
    CHECK(infos[1].title.empty());
    CHECK(infos[1].created_at > 1'700'000'000);
    CHECK(must(run(io, replay->turns(empty))).empty());

    must(run(io, replay->name_thread(empty, "Named")));
    CHECK(threads_of(io, *replay, {empty})[0].title == "Named");
    CHECK(run(io, replay->name_thread("nobody", "x")).error().code == Code::not_found);

    const auto turns = must(run(io, replay->turns(turn->thread_id())));
    REQUIRE(turns[0].user_parts.size() == 2);
    CHECK(std::get<InputText>(turns[0].user_parts[0]).text == "Hello there");
    CHECK(std::holds_alternative<InputImage>(turns[0].user_parts[1]));
}

TEST_CASE("replay: a copy ends with the turn that was named, also in a copy of a copy") {
    asio::io_context io;
    const auto replay = immediate_replay(io);
    std::optional<std::string> thread;
    std::vector<std::string> ids;
    for (const char* text : {"one", "two", "three"}) {
        const auto turn = must(run(io, replay->start(ask(text, thread))));
        run(io, drain(turn.get()));
        thread = turn->thread_id();
        ids.push_back(turn->turn_id());
    }
    const auto size_of = [&](const std::string& of) {
        return must(run(io, replay->turns(of))).size();
    };
    const auto copy = must(run(io, replay->fork_thread(*thread, ids[1])));
    CHECK(size_of(copy) == 2);
    CHECK(size_of(must(run(io, replay->fork_thread(copy, ids[0])))) == 1);
    CHECK(size_of(must(run(io, replay->fork_thread(*thread, "")))) == 3);
    CHECK(run(io, replay->fork_thread(*thread, "nothing")).error().code == Code::precondition);
    CHECK(run(io, replay->fork_thread(copy, ids[2])).error().code == Code::precondition);
}

TEST_CASE("replay: an empty thread takes its first turn") {
    asio::io_context io;
    const auto replay = immediate_replay(io);
    const std::string empty = must(run(io, replay->make_thread({})));
    const auto turn = must(run(io, replay->start(ask("first", empty))));
    CHECK(turn->thread_id() == empty);
    run(io, drain(turn.get()));
    CHECK(must(run(io, replay->turns(empty))).size() == 1);
}

TEST_CASE("codex: an empty thread is one with a name, or it would be forgotten") {
    FakeStage stage;
    stage.opened();
    const std::string made = must(run(stage.io, stage.authority->make_thread({})));
    CHECK(stage.received("thread/name/set", made) == 1);
    CHECK(threads_of(stage.io, *stage.authority, {made})[0].title.empty());
    must(run(stage.io, stage.authority->name_thread(made, "Plans")));
    CHECK(threads_of(stage.io, *stage.authority, {"gone", made}).at(0).title == "Plans");
    CHECK(stage.play(ask("first", made)).outcome() == "completed");
    CHECK(stage.last->thread_id() == made);
}

TEST_CASE("codex: a thread's title is its name, else its first user text") {
    struct Row {
        const char *name, *preview, *title;
    };
    for (const Row& row :
         {Row{"Plans", "hello", "Plans"},
          Row{"", "hello", "hello"},
          Row{"New conversation", "hello", "hello"},
          Row{"New conversation", "", ""}}) {
        const auto info = thread_info(Json::object(
            {{"id", "t"},
             {"name", row.name},
             {"preview", row.preview},
             {"createdAt", 5},
             {"updatedAt", 7},
             {"model", nullptr}}
        ));
        CHECK(info.title == row.title);
        CHECK(info.created_at == 5);
        CHECK(info.updated_at == 7);
        CHECK(info.model.empty());
    }
}

TEST_CASE("codex: history tells the user's parts as they were sent, and when items began and ended"
) {
    const Json turn = must(parse_json(R"({"id":"t","status":"completed","items":[
        {"type":"userMessage","id":"u","content":[{"type":"text","text":"a"},
         {"type":"image","url":"data:image/png;base64,AA"},{"type":"text","text":"b"}]},
        {"type":"commandExecution","id":"call_1","command":"ls","cwd":"/w","status":"completed",
         "commandActions":[],"aggregatedOutput":"x","exitCode":0,
         "startedAtMs":1100,"completedAtMs":1200},
        {"type":"agentMessage","id":"m","text":"hi","startedAtMs":1300,"completedAtMs":1400}]})"));
    const PastTurn past = past_turn(turn, "/w");
    CHECK(past.user_text == "a\nb");
    REQUIRE(past.user_parts.size() == 3);
    CHECK(std::get<InputImage>(past.user_parts[1]).url == "data:image/png;base64,AA");
    CHECK(past.times_ms == std::vector<std::int64_t>{1100, 1100, 1200, 1300, 1400, 1400});
}

TEST_CASE("real codex: an empty thread outlives its process, and so does its name", "[.codex]") {
    RealStage stage;
    stage.opened();
    const std::string empty = must(run(stage.io, stage.authority->make_thread({})));
    const std::string named = must(run(stage.io, stage.authority->make_thread({})));
    must(run(stage.io, stage.authority->name_thread(named, "Plans")));
    stage.close();
    stage.opened();
    auto infos = threads_of(stage.io, *stage.authority, {empty, named, "nobody"});
    REQUIRE(infos.size() == 2);
    CHECK(infos[0].title.empty());
    CHECK(infos[0].created_at > 1'700'000'000);
    CHECK(infos[1].title == "Plans");
    CHECK(stage.turns(empty).empty());

    CHECK(stage.play(ask("the first words", empty)).outcome() == "completed");
    CHECK(stage.last->thread_id() == empty);
    stage.play(ask("other words", named));
    infos = threads_of(stage.io, *stage.authority, {empty, named});
    CHECK(infos[0].title == "the first words");
    CHECK(infos[0].model == "mock-model");
    CHECK(infos[1].title == "Plans");
    const auto turns = stage.turns(empty);
    REQUIRE(turns.size() == 1);
    CHECK(turns[0].times_ms.size() == turns[0].events.size());
    CHECK(turns[0].times_ms.at(0) / 1000 >= turns[0].started_at - 1);
}

TEST_CASE("codex: a thread is loaded before its turns are listed, where that is asked for") {
    FakeStage stage;
    stage.opened();
    TurnsQuery query{.thread = "stored", .loaded = true};
    for (int i = 0; i < 2; ++i) {
        must(run(stage.io, stage.authority->turns_page(query)));
        CHECK(stage.received("thread/resume") == 1);
    }
    query.thread = "missing";
    CHECK(run(stage.io, stage.authority->turns_page(query)).error().code == Code::not_found);
}

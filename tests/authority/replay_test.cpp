#include "oa_stream/authority/capture.hpp"
#include "oa_stream/authority/replay.hpp"
#include "oa_stream/base/file.hpp"
#include "oa_stream/base/ids.hpp"

#include "harness.hpp"

#include <algorithm>
#include <set>

using namespace oa_test;

namespace {

ReplayOptions immediate(std::filesystem::path directory = {}) {
    ReplayOptions options;
    options.directory = std::move(directory);
    options.pace.immediate = true;
    return options;
}

struct Stage {
    explicit Stage(ReplayOptions options = immediate())
        : replay(must(make_replay_authority(io.get_executor(), std::move(options)))) {}

    std::unique_ptr<Turn> start(TurnRequest request) {
        return must(run(io, replay->start(std::move(request))));
    }
    Transcript play(TurnRequest request) {
        last = start(std::move(request));
        return run(io, drain(last.get()));
    }
    std::vector<PastTurn> turns(const std::string& thread) {
        return must(run(io, replay->turns(thread)));
    }

    asio::io_context io{};
    std::unique_ptr<ReplayAuthority> replay;
    std::unique_ptr<Turn> last{};
};

std::filesystem::path captures() {
    return std::filesystem::path(OA_SOURCE_DIR) / "fixtures" / "captures";
}

} // namespace

TEST_CASE("replay: every shipped capture loads and plays to its end") {
    Stage stage(immediate(captures()));
    int played = 0;
    for (const auto& entry : std::filesystem::directory_iterator(captures())) {
        if (entry.path().extension() != ".jsonl" || !read_capture(entry.path())) {
            continue; // two have no turn
        }
        const auto name = entry.path().stem().string();
        CAPTURE(name);
        ++played;
        const Transcript transcript = stage.play(ask("replay:" + name));
        REQUIRE_FALSE(transcript.events.empty());
        const auto* started = std::get_if<turn::TurnStarted>(&transcript.events.front());
        REQUIRE(started != nullptr);
        CHECK(started->turn == stage.last->turn_id());
        CHECK(started->thread == stage.last->thread_id());
        CHECK((transcript.ended() != nullptr || transcript.error->code == Code::unavailable));
    }
    CHECK(played >= 60);
}

TEST_CASE("replay: the built-in set needs no folder and rotates over completed turns in order") {
    Stage stage;
    std::vector<std::string> texts;
    for (int i = 0; i < 10; ++i) {
        const Transcript transcript = stage.play(ask("anything"));
        CHECK(transcript.outcome() == "completed");
        CHECK_FALSE(transcript.text().empty());
        texts.push_back(transcript.text());
    }
    CHECK(std::set(texts.begin(), texts.begin() + 5).size() == 5);
    CHECK(std::equal(texts.begin(), texts.begin() + 5, texts.begin() + 5));
}

TEST_CASE("replay: a prompt names its recording by whole name, number or title") {
    struct Row {
        const char* prompt;
        const char* want;
    };
    const auto row = GENERATE(
        Row{"replay:01-echo", "01-echo"},
        Row{"please replay:01 now", "01-echo"},
        Row{"replay:echo", "01-echo"},
        Row{"line\nreplay:echo\nline", "01-echo"}
    );
    Stage stage(immediate(captures()));
    const std::string want = stage.play(ask(fmt::format("replay:{}", row.want))).text();
    CAPTURE(row.prompt);
    CHECK(stage.play(ask(row.prompt)).text() == want);
}

TEST_CASE("replay: a recording with exactly that name goes before those of a like name") {
    const Folder folder;
    const auto copy = [&](std::string_view from, std::string_view to) {
        std::filesystem::copy_file(captures() / from, folder.path / to);
    };
    copy("02-text-paced.jsonl", "canary-login.jsonl");
    copy("01-echo.jsonl", "login.jsonl");
    copy("05-phases.jsonl", "login-2.jsonl");
    const std::string want = Stage(immediate(captures())).play(ask("replay:01-echo")).text();
    CHECK(Stage(immediate(folder.path)).play(ask("replay:login")).text() == want);
}

TEST_CASE("replay: an unknown recording is a precondition, not a silent other one") {
    Stage stage;
    const auto turn = run(stage.io, stage.replay->start(ask("replay:nothing-like-it")));
    REQUIRE_FALSE(turn.has_value());
    CHECK(turn.error().code == Code::precondition);
    CHECK(turn.error().message == "no recording is named 'nothing-like-it'");
    CHECK(run(stage.io, stage.replay->start(ask("noreplay:hello"))).has_value());
}

TEST_CASE("replay: an empty folder and a broken capture are refused at load") {
    asio::io_context io;
    Folder folder;
    const auto empty = make_replay_authority(io.get_executor(), immediate(folder.path));
    REQUIRE_FALSE(empty.has_value());
    CHECK(empty.error().code == Code::not_found);
    must(write_file_atomic(folder.path / "x.jsonl", "not json\n"));
    const auto broken = make_replay_authority(io.get_executor(), immediate(folder.path));
    REQUIRE_FALSE(broken.has_value());
    CHECK(broken.error().code == Code::unreadable);
    const auto absent = make_replay_authority(io.get_executor(), immediate(folder.path / "no"));
    REQUIRE_FALSE(absent.has_value());
    CHECK(absent.error().code == Code::unreadable);
}

TEST_CASE("replay: turn ids are never used twice, thread ids only for their thread") {
    Stage stage;
    std::set<std::string> turns;
    std::set<std::string> threads;
    for (int i = 0; i < 200; ++i) {
        const auto turn = stage.start(ask("replay:hello"));
        turns.insert(turn->turn_id());
        threads.insert(turn->thread_id());
        CHECK(is_wire_id(turn->turn_id()));
        CHECK(is_wire_id(turn->thread_id()));
    }
    CHECK(turns.size() == 200);
    CHECK(threads.size() == 200);
}

TEST_CASE("replay: pace text") {
    CHECK(must(Pace::parse("recorded")).factor == 1.0);
    CHECK(must(Pace::parse("immediate")).immediate);
    CHECK(must(Pace::parse("x2.5")).factor == 2.5);
    for (const char* text : {"", "x", "x0", "x-1", "2x", "xnan", "x99999", "fast"}) {
        CAPTURE(text);
        const auto pace = Pace::parse(text);
        REQUIRE_FALSE(pace.has_value());
        CHECK(pace.error().code == Code::usage);
    }
}

TEST_CASE("replay: immediate tells a turn in one batch, recorded keeps the recorded gaps") {
    Stage at_once;
    CHECK(at_once.play(ask("replay:hello")).batches == 1);

    Stage paced(ReplayOptions{}); // faster ones become fewer batches on a busy machine
    const auto began = Clock::now();
    const Transcript transcript = paced.play(ask("replay:hello"));
    const auto took = Clock::now() - began;
    CHECK(transcript.batches > 5);
    CHECK(took >= Millis(300)); // 0.4 s recorded
    CHECK(took < Millis(2'000));
}

TEST_CASE("replay: the same faults give the same turns the same fate") {
    const auto fates = [](std::uint64_t seed) {
        ReplayOptions options = immediate();
        options.faults.error_rate = 0.3;
        options.faults.drop = 0.2;
        options.faults.seed = seed;
        Stage stage(std::move(options));
        std::string out;
        for (int i = 0; i < 200; ++i) {
            out += stage.play(ask("replay:hello")).outcome()[0];
        }
        return out;
    };
    const std::string first = fates(1);
    CHECK(first == fates(1));
    CHECK(first != fates(2));
    const auto share = [&](char what) {
        return static_cast<double>(std::ranges::count(first, what)) / 200;
    };
    CHECK(share('f') == Approx(0.24).margin(0.1)); // 0.3 of what was not dropped
    CHECK(share('u') == Approx(0.2).margin(0.1));
}

TEST_CASE("replay: each fault breaks the turn half way in its own manner") {
    struct Row {
        const char* fault;
        const char* outcome;
    };
    const auto row = GENERATE(
        Row{"error-rate=1", "failed"},
        Row{"drop=1", "unavailable"},
        Row{"latency=30ms", "completed"},
        Row{"gap=30ms", "completed"}
    );
    CAPTURE(row.fault);
    ReplayOptions options = immediate();
    must(add_fault(options.faults, row.fault));
    Stage stage(std::move(options));
    const auto began = Clock::now();
    const Transcript transcript = stage.play(ask("replay:hello"));
    CHECK(transcript.outcome() == row.outcome);
    CHECK_FALSE(transcript.text().empty());
    const std::string whole = "Hello! This answer was recorded; no model was asked.";
    CHECK((transcript.text() == whole) == (std::string_view(row.outcome) == "completed"));
    if (std::string_view(row.fault).starts_with("latency")) {
        CHECK(Clock::now() - began >= Millis(29));
        CHECK(transcript.batches == 2); // TurnStarted is not delayed
    }
    if (std::string_view(row.fault).starts_with("gap")) {
        CHECK(Clock::now() - began >= Millis(29));
        CHECK(
            transcript.batches == 2
        ); // the first piece of content is not delayed, nor what precedes it
    }
    if (transcript.ended() != nullptr && transcript.ended()->outcome == turn::Outcome::failed) {
        CHECK(transcript.ended()->failure->code == turn::FailureCode::turn_failed);
    }
}

TEST_CASE("replay: a stalled turn goes silent and still obeys its interrupt") {
    ReplayOptions options = immediate();
    options.faults.stall = 1;
    Stage stage(std::move(options));
    const auto turn = stage.start(ask("replay:hello"));
    const Transcript before = run(stage.io, drain_until<turn::PartDelta>(turn.get()));
    CHECK(before.ended() == nullptr);
    asio::steady_timer later(stage.io, Millis(30));
    later.async_wait([&](const boost::system::error_code&) { turn->interrupt(); });
    const Transcript after = run(stage.io, drain(turn.get()));
    REQUIRE(after.events.size() == 1);
    CHECK(after.outcome() == "interrupted");
}

TEST_CASE("replay: kill happens once, half way through the chosen turn") {
    int kills = 0;
    ReplayOptions options = immediate();
    options.kill = [&] { ++kills; };
    must(add_fault(options.faults, "kill=2"));
    Stage stage(std::move(options));
    CHECK(stage.play(ask("replay:hello")).outcome() == "completed");
    CHECK(kills == 0);
    const Transcript killed = stage.play(ask("replay:hello"));
    CHECK(killed.outcome() == "unavailable");
    CHECK_FALSE(killed.text().empty());
    CHECK(kills == 1);
    CHECK(stage.play(ask("replay:hello")).outcome() == "completed");
    stage.replay->set_faults({.kill_at = 1});
    CHECK(stage.play(ask("replay:hello")).outcome() == "unavailable");
    CHECK(kills == 2);
}

TEST_CASE("replay: a malformed turn asks for exactly one broken frame") {
    ReplayOptions options = immediate();
    options.faults.malformed = 1;
    Stage stage(std::move(options));
    const auto turn = stage.start(ask("replay:hello"));
    REQUIRE(turn->wire_faults() != nullptr);
    int broken = 0;
    for (int i = 0; i < 50; ++i) {
        broken += turn->wire_faults()->corrupt_next() ? 1 : 0;
    }
    CHECK(broken == 1);
    Stage healthy;
    CHECK(healthy.start(ask("replay:hello"))->wire_faults() == nullptr);
}

TEST_CASE("replay: fault names and values are checked") {
    for (const char* text :
         {"",
          "nonsense",
          "error-rate",
          "error-rate=1.5",
          "error-rate=-1",
          "error-rate=nan",
          "latency=5",
          "gap=5",
          "slow=0.5",
          "kill=0",
          "kill=x",
          "stall=",
          "seed=-1"}) {
        CAPTURE(text);
        ReplayFaults faults;
        const auto added = add_fault(faults, text);
        REQUIRE_FALSE(added.has_value());
        CHECK(added.error().code == Code::usage);
        CHECK(faults == ReplayFaults{});
    }
}

TEST_CASE("replay: a faults file reaches turns started after it changed") {
    Folder folder;
    ReplayOptions options = immediate();
    options.faults_file = folder.path / "faults";
    Stage stage(options);
    CHECK(stage.play(ask("replay:hello")).outcome() == "completed");
    must(write_file_atomic(options.faults_file, "# drill\nerror-rate=1\n"));
    CHECK(stage.play(ask("replay:hello")).outcome() == "failed");
    must(write_file_atomic(options.faults_file, "error-rate=oops\n"));
    CHECK(stage.play(ask("replay:hello")).outcome() == "failed"); // the former stay in force
    CHECK(stage.replay->health().reason.find("line 1") != std::string::npos);
    must(write_file_atomic(options.faults_file, ""));
    CHECK(stage.play(ask("replay:hello")).outcome() == "completed");
    CHECK(stage.replay->health().reason.empty());
}

TEST_CASE("replay: a faults file that is removed takes its faults with it") {
    Folder folder;
    ReplayOptions options = immediate();
    options.faults_file = folder.path / "faults";
    must(write_file_atomic(options.faults_file, "error-rate=1\n"));
    Stage stage(options);
    CHECK(stage.play(ask("replay:hello")).outcome() == "failed");
    std::filesystem::remove(options.faults_file);
    CHECK(stage.play(ask("replay:hello")).outcome() == "completed");
    must(write_file_atomic(options.faults_file, "error-rate=1\n")); // the same once more is news
    CHECK(stage.play(ask("replay:hello")).outcome() == "failed");
}

TEST_CASE("replay: an interrupt ends the turn as interrupted and history keeps only whole parts") {
    ReplayOptions options;
    options.pace.factor = 2;
    Stage stage(std::move(options));
    const auto turn = stage.start(ask("replay:tool"));
    run(stage.io, drain_until<turn::ToolOutput>(turn.get()));
    turn->interrupt();
    turn->interrupt();
    CHECK(run(stage.io, drain(turn.get())).outcome() == "interrupted");
    const auto turns = stage.turns(turn->thread_id());
    REQUIRE(turns.size() == 1);
    CHECK(turns[0].outcome == turn::Outcome::interrupted);
    CHECK(turns[0].events.size() == 6); // the first message and the tool, not the second message
}

TEST_CASE("replay: history says of what a turn was interrupted, but not where it ended by itself") {
    Stage stage;
    const auto failed = stage.start(ask("replay:tool"));
    failed->interrupt_as_failed(turn::FailureCode::stalled);
    CHECK(run(stage.io, drain(failed.get())).outcome() == "interrupted");
    CHECK(stage.turns(failed->thread_id()).at(0).failure == turn::FailureCode::stalled);
    const auto stopped = stage.start(ask("replay:tool"));
    stopped->interrupt();
    CHECK(run(stage.io, drain(stopped.get())).outcome() == "interrupted");
    CHECK_FALSE(stage.turns(stopped->thread_id()).at(0).failure.has_value());
    const auto whole = stage.start(ask("replay:tool"));
    CHECK(run(stage.io, drain(whole.get())).outcome() == "completed");
    whole->interrupt_as_failed(turn::FailureCode::stalled);
    CHECK_FALSE(stage.turns(whole->thread_id()).at(0).failure.has_value());
}

TEST_CASE("replay: history agrees with what was streamed in ids, text and tools") {
    Stage stage(immediate(captures()));
    for (const char* name : {"01-echo", "10-exec", "22-mixed-reasoning-tool-text", "09-huge"}) {
        CAPTURE(name);
        TurnRequest request = ask(fmt::format("replay:{}", name));
        request.client_message_id = "client-1";
        const Transcript transcript = stage.play(std::move(request));
        const auto turns = stage.turns(stage.last->thread_id());
        REQUIRE(turns.size() == 1);
        CHECK(turns[0].id == stage.last->turn_id());
        CHECK(turns[0].user_text == fmt::format("replay:{}", name));
        CHECK(turns[0].client_message_id == "client-1");
        CHECK_FALSE(turns[0].running);
        CHECK(Transcript{.events = turns[0].events}.text() == transcript.text());
        const auto* streamed = transcript.first<turn::ToolOutput>();
        const Transcript history{.events = turns[0].events};
        const auto* kept = history.first<turn::ToolOutput>();
        REQUIRE((streamed == nullptr) == (kept == nullptr));
        CHECK((kept == nullptr || kept->call == streamed->call));
    }
}

TEST_CASE("replay: a thread takes one turn at a time") {
    ReplayOptions options;
    Stage stage(std::move(options));
    const auto turn = stage.start(ask("replay:story"));
    const auto second = run(stage.io, stage.replay->start(ask("replay:hello", turn->thread_id())));
    REQUIRE_FALSE(second.has_value());
    CHECK(second.error().code == Code::conflict);
    const auto now = stage.turns(turn->thread_id());
    REQUIRE(now.size() == 1);
    CHECK(now[0].running);
    CHECK(now[0].user_text == "replay:story");
    turn->interrupt();
    CHECK(run(stage.io, stage.replay->start(ask("replay:hello", turn->thread_id()))).has_value());
}

TEST_CASE("replay: revert drops the named turn and all later ones, of seed and of play") {
    Stage stage;
    TurnRequest request = ask("replay:hello");
    request.seed = {
        {SeedMessage::Role::user, "earlier question"},
        {SeedMessage::Role::assistant, "earlier answer"},
        {SeedMessage::Role::user, "", {InputText{"of two"}, InputText{"parts"}}}
    };
    stage.play(std::move(request));
    const std::string thread = stage.last->thread_id();
    const std::string first = stage.last->turn_id();
    stage.play(ask("replay:story", thread));
    REQUIRE(stage.turns(thread).size() == 4);
    CHECK(stage.turns(thread)[0].user_text == "earlier question");
    CHECK(stage.turns(thread)[1].user_text == "of two\nparts");
    CHECK(stage.turns(thread)[1].user_parts.size() == 2);

    TurnRequest again = ask("replay:tool", thread);
    again.revert_from_turn = first;
    stage.play(std::move(again));
    const auto turns = stage.turns(thread);
    REQUIRE(turns.size() == 3);
    CHECK(turns[2].user_text == "replay:tool");

    TurnRequest unknown = ask("replay:tool", thread);
    unknown.revert_from_turn = first;
    const auto refused = run(stage.io, stage.replay->start(std::move(unknown)));
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().code == Code::precondition);
    CHECK(stage.turns(thread).size() == 3);
}

TEST_CASE("replay: threads are bounded, and an unknown one reads as not found") {
    ReplayOptions options = immediate();
    options.max_threads = 3;
    Stage stage(std::move(options));
    std::vector<std::string> threads;
    for (int i = 0; i < 4; ++i) {
        stage.play(ask("replay:hello"));
        threads.push_back(stage.last->thread_id());
    }
    const auto oldest = run(stage.io, stage.replay->turns(threads[0]));
    REQUIRE_FALSE(oldest.has_value());
    CHECK(oldest.error().code == Code::not_found);
    CHECK(stage.turns(threads[3]).size() == 1);
}

TEST_CASE("replay: the bytes of the messages that are kept are bounded") {
    ReplayOptions options = immediate();
    options.max_bytes = 1U << 20U;
    Stage stage(std::move(options));
    const auto with_image = [](std::optional<std::string> thread = {}) {
        TurnRequest request = ask("replay:hello", std::move(thread));
        request.input.emplace_back(InputImage{"data:image/png;base64," + std::string(300'000, 'A')}
        );
        return request;
    };
    SECTION("the threads that were used least recently go") {
        std::vector<std::string> threads;
        for (int i = 0; i < 4; ++i) {
            stage.play(with_image());
            threads.push_back(stage.last->thread_id());
        }
        CHECK_FALSE(run(stage.io, stage.replay->turns(threads[0])).has_value());
        for (int i = 1; i < 4; ++i) {
            CHECK(stage.turns(threads[static_cast<std::size_t>(i)]).size() == 1);
        }
        REQUIRE(run(stage.io, stage.replay->delete_thread(threads[1])));
        stage.play(with_image()); // there is room for it
        CHECK(stage.turns(threads[2]).size() == 1);
    }
    SECTION("of one thread its oldest turns go") {
        for (int i = 0; i < 5; ++i) {
            stage.play(with_image("t"));
        }
        CHECK(stage.turns("t").size() == 3);
        CHECK(stage.turns("t").back().user_parts.size() == 2);
    }
    SECTION("a message that exceeds them alone is kept, and an answer made up counts") {
        stage.play(ask("scenario:words;n=20000;delay=0", "t"));
        stage.play(ask("replay:hello", "t"));
        REQUIRE(stage.turns("t").size() == 1);
        CHECK(stage.turns("t").front().user_text == "replay:hello");
    }
}

TEST_CASE("replay: an unknown thread is begun anew, a turn without input is refused") {
    Stage stage;
    CHECK(stage.play(ask("replay:hello", "thread-of-before")).outcome() == "completed");
    CHECK(stage.turns("thread-of-before").size() == 1);
    const auto refused = run(stage.io, stage.replay->start(TurnRequest{}));
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().code == Code::usage);
}

TEST_CASE("replay: an ephemeral turn leaves no thread") {
    Stage stage;
    TurnRequest request = ask("replay:hello");
    request.ephemeral = true;
    CHECK(stage.play(std::move(request)).outcome() == "completed");
    CHECK_FALSE(run(stage.io, stage.replay->turns(stage.last->thread_id())).has_value());
}

TEST_CASE("replay: a recording that just stops is an end of file, not an end of turn") {
    Stage stage;
    const Transcript transcript = stage.play(ask("replay:eof"));
    REQUIRE(transcript.error.has_value());
    CHECK(transcript.error->code == Code::unavailable);
    CHECK(transcript.error->where == "eof");
    CHECK(failure_code_of(*transcript.error) == turn::FailureCode::authority_lost);
}

TEST_CASE("replay: dropping a running turn frees its thread") {
    Stage stage(ReplayOptions{});
    auto turn = stage.start(ask("replay:story"));
    const std::string thread = turn->thread_id();
    turn.reset();
    CHECK(stage.turns(thread)[0].outcome == turn::Outcome::interrupted);
    CHECK(run(stage.io, stage.replay->start(ask("replay:hello", thread))).has_value());
}

TEST_CASE("replay: thousands at once keep the recorded pace", "[.bench]") {
    asio::io_context io;
    auto replay = must(make_replay_authority(io.get_executor(), ReplayOptions{}));
    std::vector<std::unique_ptr<Turn>> turns;
    std::size_t events = 0;
    int ended = 0;
    const auto count = [](Turn* turn, std::size_t* sum, int* done) -> Task<void> {
        const Transcript transcript = co_await drain(turn);
        *sum += transcript.events.size();
        ++*done;
    };
    const auto began = Clock::now();
    for (int i = 0; i < 5'000; ++i) {
        turns.push_back(must(run(io, replay->start(ask("replay:story")))));
    }
    for (const auto& turn : turns) {
        asio::co_spawn(io, count(turn.get(), &events, &ended), asio::detached);
    }
    io.restart();
    const auto cpu = std::clock();
    io.run();
    const double wall = std::chrono::duration<double>(Clock::now() - began).count();
    const double busy = static_cast<double>(std::clock() - cpu) / CLOCKS_PER_SEC;
    fmt::print(
        "{} events of {} turns in {:.2f} s, {:.2f} s of one core\n", events, ended, wall, busy
    );
    CHECK(ended == 5'000);
}

#include "oa_stream/base/file.hpp"
#include "oa_stream/run/run_session.hpp"
#include "oa_stream/run/runs.hpp"

#include "full_disk.hpp"
#include "scratch.hpp"

#include <catch2/catch.hpp>
#include <fmt/format.h>

using namespace oa_stream;
using namespace oa_stream::run;
namespace fs = std::filesystem;

namespace {

struct Lines final : RunObserver {
    void say(const Advice& line) override { said.push_back(line.text()); }
    void progress(std::string_view line) override { shown.emplace_back(line); }
    std::vector<std::string> said{};
    std::vector<std::string> shown{};
};

RunSession begin(const Scratch& state, RunObserver* observer = nullptr) {
    Redactor redactor;
    redactor.add_known(Secret("hunter2hunter2"));
    auto session = RunSession::begin(
        state.path, {.kind = RunKind::load, .name = "load"}, std::move(redactor), observer
    );
    REQUIRE(session.has_value());
    return *std::move(session);
}

Check check(std::string id, Verdict verdict, std::string detail = "as expected") {
    return {.id = std::move(id), .verdict = verdict, .detail = std::move(detail)};
}

Task<int> seven() {
    co_return 7;
}
Task<int> raise_and_wait(int signal) {
    ::raise(signal);
    (void)co_await sleep_for(std::chrono::minutes(1));
    co_return 7;
}

Task<int> raise_and_go_on(const int* seen) {
    ::raise(SIGINT);
    while (*seen == 0) {
        (void)co_await sleep_for(Millis(1));
    }
    co_return 7;
}

} // namespace

TEST_CASE("session: a run is typed from its first moment, and sealed at its end") {
    const Scratch state;
    auto session = begin(state);
    const fs::path folder = session.folder().path();
    const Json first = document_in(folder / "run.json");
    CHECK(first["kind"] == "load");
    CHECK(first["mutates"] == false);
    CHECK(first["state"] == "running");
    CHECK(first["ended"].is_null());

    session.add(check("load.reach", Verdict::pass));
    const Conclusion end = session.conclude({.completed = true});
    CHECK(end.exit == ExitCode::ok);
    const RunResult result = session.finish(end, {.title = "load", .more = {{"extra", 1}}});
    const Json last = document_in(folder / "run.json");
    CHECK(last["state"] == "finished");
    CHECK(last["ended"] == "completed");
    CHECK(last["verdict"] == "PASS");
    CHECK(last["extra"] == 1);
    CHECK(result.document["extra"] == 1);
    CHECK(result.document["run"] == session.id());
    CHECK(fs::exists(folder / "report.md"));
    CHECK(fs::exists(folder / "report.html"));
    CHECK(check_sums(folder).value().whole());
}

TEST_CASE("session: each check stands once in the timeline, in one shape") {
    const Scratch state;
    auto session = begin(state);
    session.add(check("a", Verdict::pass));
    session.replace_checks({check("a", Verdict::pass), check("b", Verdict::fail)});
    const auto text = read_file(session.folder().path() / "timeline.ndjson").value();
    std::vector<std::string> ids;
    for (std::string_view rest = text; rest.contains('\n');) {
        const auto line = parse_json(rest.substr(0, rest.find('\n'))).value();
        rest.remove_prefix(rest.find('\n') + 1);
        if (line["event"] == "check") {
            ids.push_back(line["check"]["id"].get<std::string>());
        }
    }
    CHECK(ids == std::vector<std::string>{"a", "b"});
    CHECK(session.conclude({.completed = true}).exit == ExitCode::breach);
}

TEST_CASE("session: what is said and told passes the redactor") {
    const Scratch state;
    Lines lines;
    auto session = begin(state, &lines);
    session.say("token hunter2hunter2");
    session.add(check("a", Verdict::fail, "answered hunter2hunter2"));
    const RunResult result = session.finish(session.conclude({.completed = true}), {.title = "x"});
    REQUIRE(lines.said.size() == 1);
    CHECK_FALSE(lines.said[0].contains("hunter2"));
    CHECK_FALSE(result.headline.contains("hunter2"));
    CHECK_FALSE(dump_json(result.document).contains("hunter2"));
    REQUIRE(lines.shown.size() == 3);
    CHECK(lines.shown[0] == "  no check so far");
    CHECK(lines.shown[1].contains("1 check so far"));
    CHECK(lines.shown[2].empty());
}

TEST_CASE("session: the count of checks on the screen never falls") {
    const Scratch state;
    Lines lines;
    auto session = begin(state, &lines);
    session.add(check("a", Verdict::pass));
    session.show(check("b", Verdict::pass));
    session.show(check("c", Verdict::pass));
    session.add(check("b", Verdict::pass));
    session.add(check("c", Verdict::pass));
    session.add(check("d", Verdict::pass));
    CHECK(
        lines.shown ==
        std::vector<std::string>{
            "  no check so far",
            "  1 check so far  PASS  a",
            "  2 checks so far  PASS  b",
            "  3 checks so far  PASS  c",
            "  4 checks so far  PASS  d",
        }
    );
}

TEST_CASE("session: evidence that could not be written takes a PASS away") {
    const Scratch state;
    auto session = begin(state);
    session.add(check("a", Verdict::pass));
    session.folder().write("no/such/folder", "x");
    const RunResult result = session.finish(session.conclude({.completed = true}), {.title = "x"});
    CHECK(result.end.verdict == Verdict::error);
    CHECK(result.end.exit == ExitCode::not_executed);
    REQUIRE(result.notes.size() == 1);
    CHECK(result.notes[0].starts_with("Evidence is incomplete: "));
}

TEST_CASE("session: a report that could not be written is not what to read next") {
    const Scratch state;
    const bool written = GENERATE(true, false);
    auto session = begin(state);
    session.add(check("a", Verdict::fail));
    const fs::path report = session.folder().path() / "report.md";
    const FullDisk disk(!written);
    const RunResult result = session.finish(
        session.conclude({.completed = true}), {.title = "x", .next = "less " + report.string()}
    );
    CHECK(fs::is_regular_file(report) == written);
    CHECK(
        result.next == (written ? "less " + report.string() : "oa-stream runs show " + session.id())
    );
    CHECK(result.document["next"] == result.next.text());
}

TEST_CASE("session: what is next names neither a folder that is gone nor its run") {
    for (const std::string words :
         {"oa-stream check {}/a.sse", "less {}/report.md", "less a.log"}) {
        CAPTURE(words);
        const Scratch state;
        auto session = begin(state);
        session.add(check("a", Verdict::fail));
        const fs::path folder = session.folder().path();
        const std::string next = fmt::format(fmt::runtime(words), folder.string());
        fs::remove_all(folder);
        const RunResult result =
            session.finish(session.conclude({.completed = true}), {.title = "x", .next = next});
        CHECK(result.evidence.empty());
        CHECK(result.next == (next == words ? next : ""));
    }
}

TEST_CASE("session: a change that stays without its whole proof is exit 8, and names the rollback"
) {
    const Scratch state;
    auto session = begin(state);
    session.add(check("a", Verdict::pass));
    const Conclusion end = session.conclude({.mutated = true, .completed = true, .stays = true});
    CHECK(end.exit == ExitCode::ok);
    session.folder().write("no/such/folder", "x"); // the disk fills up after the last step
    const RunResult result = session.finish(end, {.title = "x"});
    CHECK(result.end.verdict == Verdict::error);
    CHECK(result.end.exit == ExitCode::rollback_unverified);
    CHECK(result.next == "oa-stream rollback apply --run " + session.id());
    CHECK(result.document["exit_code"] == 8);
}

TEST_CASE("session: who looks later finds the ending that the run's own process had") {
    const bool full = GENERATE(false, true); // to the end, or for a moment
    CAPTURE(full);
    const Scratch state;
    fs::path folder;
    {
        auto session = begin(state);
        folder = session.folder().path();
        REQUIRE(session.journal().record({.phase = Phase::begin}).has_value());
        session.add(check("a", Verdict::pass));
        const Conclusion end =
            session.conclude({.mutated = true, .completed = true, .stays = true});
        REQUIRE(session.journal().record({.phase = Phase::end, .detail = "PASS exit 0"}).has_value()
        );
        session.folder().write("no/such/folder", "x"); // the disk fills up after the last step
        session.folder().write("report.md", "# PASS: x\n"); // for this there was still room
        const FullDisk disk(full, 300);
        CHECK(session.finish(end, {.title = "x"}).end.exit == ExitCode::rollback_unverified);
    }
    const auto run = read_run(folder);
    REQUIRE(run.has_value());
    CHECK(run->verdict == "ERROR");
    CHECK(run->exit_code == 8);
    CHECK(run->facts.ended == RunEnding::rollback_unverified);
    const auto lines = read_journal_lines(read_file(folder / "journal.ndjson").value());
    REQUIRE(lines.has_value());
    CHECK(lines->lines.back().line.detail == "ERROR exit 8");
    CHECK(own_end(*lines)->exit == 8);
    CHECK(check_sums(folder).value().whole());
    CHECK(fs::exists(folder / "SHA256SUMS") != full);
    CHECK(fs::exists(folder / "report.md") != full);
    CHECK_FALSE(read_file(folder / "report.md").value_or("").starts_with("# PASS"));
}

TEST_CASE("session: lost evidence never hides what a run found, nor what it left changed") {
    struct Case {
        Verdict check;
        EndFacts facts;
        ExitCode exit;
    };
    const auto [found, facts, exit] = GENERATE(
        Case{Verdict::fail, {.completed = true}, ExitCode::breach},
        Case{Verdict::inconclusive, {.completed = true}, ExitCode::inconclusive},
        Case{
            Verdict::inconclusive,
            {.mutated = true, .completed = true, .stays = true, .unjudged = true},
            ExitCode::rollback_unverified
        },
        Case{
            Verdict::inconclusive,
            {.mutated = true, .restored = true, .completed = true, .unjudged = true},
            ExitCode::not_executed
        },
        Case{
            Verdict::pass,
            {.mutated = true, .restored = true, .completed = true},
            ExitCode::not_executed
        }
    );
    CAPTURE(to_string(found), facts.mutated, facts.restored);
    const Scratch state;
    auto session = begin(state);
    session.add(check("a", found));
    const Conclusion end = session.conclude(facts);
    session.folder().write("no/such/folder", "x"); // the disk fills up after the last step
    const RunResult result =
        session.finish(end, {.title = "x", .next = "less it", .headline_check = "a"});
    CHECK(result.end.exit == exit);
    const bool overruled = exit != end.exit;
    CHECK(result.end.verdict == (overruled ? Verdict::error : found));
    CHECK(result.headline.starts_with("Evidence is incomplete: ") == overruled);
    CHECK(result.headline_check == (overruled ? "" : "a"));
    const bool stays = exit == ExitCode::rollback_unverified;
    CHECK(result.next == (stays ? "oa-stream rollback apply --run " + session.id() : "less it"));
}

TEST_CASE("session: the rollback of a dead run goes on in its folder, beside what the run says") {
    const Scratch state;
    const bool judged = GENERATE(false, true);
    CAPTURE(judged);
    fs::path folder;
    {
        auto session = begin(state);
        folder = session.folder().path();
        Journal journal = session.journal();
        REQUIRE(journal.record({.phase = Phase::begin}).has_value());
        REQUIRE(journal.record({.phase = Phase::intent, .more = {{"way", "forth"}}}).has_value());
        const std::string last = judged ? "FAIL exit 8" : "rollback apply FAIL exit 8";
        REQUIRE(journal.record({.phase = Phase::end, .detail = last}).has_value());
    }
    auto session = RunSession::resume(folder, Redactor{});
    REQUIRE(session.has_value());
    REQUIRE(session->journal().record({.phase = Phase::resumed}).has_value());
    const auto lines = read_journal_lines(read_file(folder / "journal.ndjson").value());
    REQUIRE(lines.has_value()); // in sequence
    CHECK(lines->lines.size() == 4);
    CHECK(read_file(folder / "timeline.ndjson").value().contains(R"("event":"route")"));

    session->add(check("rollback.users", Verdict::pass));
    const Conclusion end =
        session->conclude({.mutated = true, .restored = true, .completed = true});
    const RunResult result =
        session->finish_rollback(end, {.title = "rollback", .headline = "Back."}, judged);
    CHECK(result.end.exit == ExitCode::ok);
    const Json run = document_in(folder / "run.json");
    CHECK(run["ended"] == "rolled_back");
    CHECK(run["rolled_back"]["exit_code"] == 0);
    // What it was is in its journal alone, as its disk was full.
    CHECK(run["verdict"] == (judged ? "FAIL" : "ERROR"));
    CHECK(run["exit_code"] == (judged ? 8 : 7));
    CHECK(run.contains("died") != judged);
    CHECK(fs::exists(folder / "rollback.md"));
    CHECK(fs::exists(folder / "report.md"));
    CHECK(check_sums(folder).value().whole());
}

TEST_CASE("session: the journal of a run that another process took over stays as it is") {
    const Scratch state;
    auto session = begin(state);
    bool ours = true;
    Journal journal = session.journal([&ours]() -> Result<void> {
        return ours ? Result<void>{} : fail(Code::conflict, "taken over");
    });
    REQUIRE(journal.record({.phase = Phase::begin}).has_value());
    ours = false;
    const auto refused = journal.record({.phase = Phase::intent, .more = {{"way", "forth"}}});
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().code == Code::conflict);
    const auto text = read_file(session.folder().path() / "journal.ndjson").value();
    CHECK(read_journal_lines(text).value().lines.size() == 1);
}

TEST_CASE("session: each rollback of a run leaves reports of its own, and the run's times stay") {
    const Scratch state;
    fs::path folder;
    {
        auto ended = begin(state);
        folder = ended.folder().path();
        ended.folder().write("streams/turn.sse", "data: [DONE]\n\n");
        (void
        )ended.finish({Verdict::pass, ExitCode::ok, RunEnding::completed}, {.title = "cutover"});
    }
    Json before = document_in(folder / "run.json");
    before["ended_at"] = "2026-02-22T04:36:00.000Z";
    before["duration_s"] = 12.5;
    REQUIRE(write_file_atomic(folder / "run.json", json_document(before)).has_value());
    const std::string report = read_file(folder / "report.html").value();

    for (const std::string name : {"rollback", "rollback-2", "rollback-3"}) {
        CAPTURE(name);
        auto session = RunSession::resume(folder, Redactor{});
        REQUIRE(session.has_value());
        const Conclusion end =
            session->conclude({.mutated = true, .restored = true, .completed = true});
        CHECK(session->rollback_name() == name);
        const RunResult result = session->finish_rollback(end, {.title = "by " + name}, true);
        CHECK(result.report_name == name);
        const Json run = document_in(folder / "run.json");
        CHECK(run["ended_at"] == before["ended_at"]);
        CHECK(run["duration_s"] == before["duration_s"]);
        const Json& back = run["rolled_back"];
        CHECK(back["report"] == name + ".md");
        CHECK(back["started_at"] >= before["started_at"]);
        CHECK(back["started_at"] <= back["ended_at"]);
        CHECK(back["duration_s"] < 60);
        CHECK(check_sums(folder).value().whole());
    }
    for (const std::string name : {"rollback", "rollback-2", "rollback-3"}) {
        CAPTURE(name);
        CHECK(read_file(folder / (name + ".md")).value().contains(": by " + name + "\n"));
        CHECK(read_file(folder / (name + ".html")).value().contains(" by " + name + "</h1>"));
    }
    CHECK(read_file(folder / "report.html").value() == report);
}

TEST_CASE("session: refused credentials are an ending of their own") {
    const Scratch state;
    auto session = begin(state);
    Check refused = check("a", Verdict::error);
    refused.data["outcome"] = "unauthorised";
    session.add(std::move(refused));
    CHECK(session.conclude({.completed = true}).exit == ExitCode::credentials);
}

TEST_CASE("loop: a coroutine ends it, or a signal") {
    RunLoop loop;
    CHECK(loop.run(seven()) == 7);
    CHECK(loop.signal() == 0);
    CHECK_FALSE(loop.run(raise_and_wait(SIGTERM)).has_value());
    CHECK(loop.signal() == SIGTERM);
}

TEST_CASE("loop: who winds down by itself is let to") {
    int seen = 0;
    RunLoop loop([&](int number) {
        seen = number;
        return true;
    });
    CHECK(loop.run(raise_and_go_on(&seen)) == 7);
    CHECK(seen == SIGINT);
}

TEST_CASE("session: a report names how the streams that were kept are judged again") {
    struct Row {
        const char* file;
        std::string check; ///< its command; empty: no stream was kept
    };
    const auto row = GENERATE(
        Row{"turn.sse", "check --headers streams/NAME"},
        Row{"completions-stream.sse", "check --profile chat-completions --headers"},
        Row{"responses-stream.sse", "check --profile responses --headers"},
        Row{"manifest.body", ""}
    );
    const bool chat = GENERATE(false, true); // a chat's stream in a playbook has any name
    CAPTURE(row.file, chat);
    const Scratch state;
    RunSession session = begin(state);
    const fs::path file = fs::path("streams") / row.file;
    session.folder().write(file.string(), "data: [DONE]\n\n");
    if (chat) {
        session.folder().write(fs::path(file).replace_extension(".probe.json").string(), "{}\n");
    }
    (void)session.finish({Verdict::pass, ExitCode::ok, RunEnding::completed}, {});
    const std::string text = read_file(session.folder().path() / "report.md").value();
    CHECK(text.contains("Judge it again") == !row.check.empty());
    CHECK(text.contains(chat && !row.check.empty() ? "check --headers streams/NAME" : row.check));
}

TEST_CASE("session: a report names the evidence that the run has, and no other") {
    for (const bool some : {true, false}) {
        CAPTURE(some);
        const Scratch state;
        RunSession session = begin(state);
        if (some) {
            session.folder().write("streams/turn.sse", "data: [DONE]\n\n");
            session.folder().write("measure/samples.ndjson", "{}\n");
        }
        (void)session.finish({Verdict::pass, ExitCode::ok, RunEnding::completed}, {});
        for (const char* file : {"report.md", "report.html"}) {
            CAPTURE(file);
            const std::string text = read_file(session.folder().path() / file).value_or("");
            CHECK(text.contains("sha256sum -c SHA256SUMS"));
            CHECK(text.contains("streams/NAME.sse") == some);
            CHECK(text.contains("Judge it again") == some);
        }
        const std::string text = read_file(session.folder().path() / "report.md").value_or("");
        CHECK(text.contains("`measure/`") == some);
        CHECK_FALSE(text.contains("`journal.ndjson`")); // nothing was to be changed
    }
}

#include "oa_stream/base/digest.hpp"
#include "oa_stream/base/file.hpp"
#include "oa_stream/base/utf8.hpp"
#include "oa_stream/run/run_notes.hpp"

#include "incident_rig.hpp"

#include <fmt/format.h>

using namespace oa_stream;
using namespace oa_stream::incident;
using namespace oa_stream::run;

TEST_CASE("incident body: what doctor finds is told; what is in order goes when there is no room") {
    const Scratch state;
    Incident incident = incident_of({failed_run(state)});
    CHECK_FALSE(incident_body(incident, {}).contains("This machine now"));
    for (int i = 0; i < 20; ++i) {
        Check fine;
        fine.id = fmt::format("fine.{}", i);
        fine.verdict = Verdict::pass;
        fine.detail = std::string(500, 'x');
        incident.doctor.push_back(std::move(fine));
    }
    Check bad;
    bad.id = "machine.clock";
    bad.verdict = Verdict::fail;
    bad.detail = "not synchronised";
    bad.data = {{"mend", "timedatectl set-ntp true"}};
    incident.doctor.push_back(std::move(bad));
    incident.settings.emplace_back("run 1 --rate", "31/s (file config.yaml:3:5)");
    const std::string whole = incident_body(incident, {});
    CHECK(whole.contains("| doctor fine.19 | PASS | xxx"));
    CHECK(whole.contains("| run 1 --rate | setting | 31/s (file config.yaml:3:5) |"));
    constexpr std::size_t k_small = 8000;
    const std::string cut = incident_body(incident, {}, k_small);
    CHECK(cut.size() <= k_small);
    CHECK_FALSE(cut.contains("| doctor fine.0 |"));
    CHECK(cut.contains("| doctor machine.clock | FAIL | not synchronised; fix: timedatectl set-ntp")
    );
    CHECK(cut.contains("passed checks"));
}

TEST_CASE("incident: the body tells verdict, failures, timeline, numbers, facts and artefacts") {
    const Scratch state;
    const auto folder = failed_run(state);
    REQUIRE(add_note(folder, "it was the cache", "ann").has_value());
    const std::string body = incident_body(incident_of({folder}), {});
    for (const char* want :
         {"# rehearsal FAIL: the gate failed",
          "| run 1 | FAIL | gate.x@5% | beyond \\| the limit @&#8203;here |",
          "1 of 2 checks passed",
          "run 1: stage begins stage=5%",
          "run 1: note by ann: it was the cache",
          "canary   ████",
          "| processors |",
          "/report.md",
          "runs/"}) {
        CAPTURE(want);
        CHECK(body.contains(want));
    }
    CHECK(body.contains(*sha256_of_file(folder / "streams/a.sse")));
    CHECK_FALSE(body.contains("@here"));
}

TEST_CASE("incident: a run without a report is not said to have judged nothing") {
    const Scratch state;
    {
        RunFolder run = state.open(); // it dies
        run.note("check", {{"check", {{"id", "gate.x@5%"}, {"verdict", "PASS"}, {"detail", ""}}}});
    }
    const auto refused = state.ended({{"verdict", "ERROR"}, {"checks", Json::array()}});
    const auto all = run::run_folders(state.path);
    REQUIRE(all.has_value());
    const std::string body = incident_body(incident_of(*all), {});
    CHECK_FALSE(body.contains("Nothing that was judged"));
    CHECK_FALSE(body.contains("0 of 0"));
    CHECK(body.contains("its report was not written; the timeline has the checks that it recorded.")
    );
    CHECK(body.contains("its report has no checks."));
    CHECK(body.contains("gate.x@5%"));
    CHECK_FALSE(incident_body(incident_of({refused}), {}).contains("was not written"));
}

TEST_CASE("incident: files of a run that goes on have no sum, which the next line makes wrong") {
    const Scratch state;
    RunFolder run = state.open();
    run.note("stage begins", {{"stage", "5%"}});
    const Incident incident = incident_of({run.path()});
    const std::string body = incident_body(incident, {});
    CHECK(body.contains("no sum yet, its run goes on"));
    CHECK(body.contains("its report is not written yet; the timeline has the checks"));
    CHECK(body.contains("/timeline.ndjson\n"));
    CHECK_FALSE(body.contains(*sha256_of_file(run.path() / "timeline.ndjson")));
}

TEST_CASE("incident: too much is cut in order, failures stay, and each part says what is gone") {
    const Scratch state;
    const auto folder = failed_run(state);
    Incident incident = incident_of({folder});
    for (int i = 0; i < 3000; ++i) {
        incident.timeline.events.push_back(
            {"2026-02-22T04:36:00.000Z", 1, "lane.log", "request went well", Weight::access}
        );
        incident.artefacts.push_back({fmt::format("runs/x/streams/{}.sse", i), "00"});
    }
    incident.timeline.events.push_back(
        {"2026-02-22T04:36:01.000Z", 1, "run 1", "note by ann: KEEP ME", Weight::key}
    );
    const std::string body = incident_body(incident, {});
    CHECK(body.size() <= k_body_limit);
    CHECK(body.contains("KEEP ME"));
    CHECK(body.contains("gate.x"));
    CHECK(body.contains("3000 requests that went well"));
    CHECK(body.contains("stored streams and logs"));
    CHECK(body.contains("stage begins stage=5%"));
}

TEST_CASE("incident: what keeps the counts of the logs from being the whole truth is told") {
    const Scratch state;
    Incident incident = incident_of({failed_run(state)});
    const auto add = [&](std::optional<bool> bad, std::uint64_t lost) {
        incident.timeline.events.push_back(
            {.at = "2026-02-22T04:36:00.000Z",
             .source = "a",
             .text = "b",
             .bad_turn = bad,
             .lost = lost}
        );
    };
    CHECK_FALSE(incident_body(incident, {}).contains("The logs hold"));
    add(true, 0);
    add(false, 0);
    incident.timeline.repeated = 2;
    incident.timeline.damaged = 1;
    add(std::nullopt, 500);
    const std::string body = incident_body(incident, {});
    for (const auto* want :
         {"\nThe logs hold 2 turn requests, 1 of them bad.\n",
          "\n2 access lines were repeated: each request counts once.\n",
          "\n500 access lines were lost: each may have been a request, good or bad.\n",
          "\n1 access line was damaged: each may have been a request, good or bad.\n"}) {
        CAPTURE(want);
        CHECK(body.contains(want));
    }
}

TEST_CASE("incident: logs of one name have the numbers of the bundle in the timeline") {
    const Scratch state;
    IncidentInput input;
    input.runs.push_back(*read_run(failed_run(state)));
    input.version = "0";
    for (const auto* name : {"lane1/access.log", "lane2/access.log", "front.log"}) {
        input.logs.push_back(state.path / name);
        REQUIRE(make_dirs(input.logs.back().parent_path()).has_value());
        const std::string line = fmt::format("2026-02-22T04:36:01Z from {}\n", name);
        REQUIRE(write_file_atomic(input.logs.back(), line).has_value());
    }
    const auto incident = gather_incident(std::move(input));
    REQUIRE(incident.has_value());
    const std::string lines = timeline_ndjson(incident->timeline);
    CHECK(lines.contains(R"("source":"1-access.log","text":"from lane1/access.log")"));
    CHECK(lines.contains(R"("source":"2-access.log","text":"from lane2/access.log")"));
    CHECK(lines.contains(R"("source":"front.log","text":"from front.log")"));
}

TEST_CASE("incident: even thousands of failed checks stay within the limit") {
    const Scratch state;
    Json checks = Json::array();
    for (int i = 0; i < 3000; ++i) {
        checks.push_back({{"id", fmt::format("check-{}", i)}, {"verdict", "FAIL"}, {"detail", "no"}}
        );
    }
    const auto folder = state.ended({{"verdict", "FAIL"}, {"checks", checks}});
    const std::string body = incident_body(incident_of({folder}), {});
    CHECK(body.size() <= k_body_limit);
    CHECK(body.contains("check-0 "));
    CHECK(body.contains("Left out here: everything after this"));
}

TEST_CASE(
    "incident: a title of any length leaves room for the rest, and ends with a whole character"
) {
    const Scratch state;
    IncidentInput input;
    input.runs.push_back(*read_run(failed_run(state)));
    input.title = "x";
    for (int i = 0; i < 45'000; ++i) {
        input.title += "ü";
    }
    const auto incident = gather_incident(std::move(input));
    REQUIRE(incident.has_value());
    CHECK(incident->title.size() < 200);
    CHECK(incident->title.ends_with("ü…"));
    const std::string body = incident_body(*incident, {});
    CHECK(body.size() <= k_body_limit);
    CHECK(body.contains("gate.x"));
}

TEST_CASE("incident: a first line longer than all the room is cut, too") {
    const Scratch state;
    Incident incident = incident_of({failed_run(state)});
    incident.title = std::string(90'000, 'x');
    const std::string body = incident_body(incident, {});
    CHECK(body.size() <= k_body_limit);
    CHECK(body.contains("Left out here: everything after this"));
}

TEST_CASE("incident: what Markdown has to escape hides no secret") {
    const Scratch state;
    Redactor redactor;
    redactor.add_known(Secret("correct_horse_battery"));
    const Json checks =
        Json::array({{{"id", "x"}, {"verdict", "FAIL"}, {"detail", "saw correct_horse_battery"}}});
    const auto folder =
        state.ended({{"verdict", "FAIL"}, {"headline", "correct_horse_battery"}, {"checks", checks}}
        );
    Incident incident = incident_of({folder}, redactor);
    incident.settings.emplace_back("run 1 --prompt", "correct_horse_battery");
    const std::string body = incident_body(incident, redactor);
    CHECK_FALSE(body.contains("horse"));
    CHECK(body.contains("saw \\*\\*\\*"));
}

TEST_CASE("incident: what a run's files hold steers no terminal") {
    const Scratch state;
    const Json checks =
        Json::array({{{"id", "x"}, {"verdict", "FAIL\x1b[31m"}, {"detail", "a\x07"}}});
    const auto folder = state.ended(
        {{"verdict", "FAIL"}, {"headline", "\x1b]0;title\x07 of\u009b another"}, {"checks", checks}}
    );
    const Incident incident = incident_of({folder});
    CHECK_FALSE(find_control(incident.title));
    const std::string body = incident_body(incident, {});
    CHECK_FALSE(find_control(body, "\n"));
    CHECK_FALSE(body.contains('\x1b'));
    CHECK_FALSE(body.contains('\x07'));
}

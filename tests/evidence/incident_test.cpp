#include "oa_stream/evidence/bundle.hpp"
#include "oa_stream/evidence/digest.hpp"
#include "oa_stream/evidence/run_notes.hpp"

#include "scratch.hpp"

#include <fmt/format.h>

#include <fstream>

using namespace oa_stream;
using namespace oa_stream::evidence;
namespace fs = std::filesystem;

namespace {

Incident incident_of(const std::vector<fs::path>& folders, const Redactor& redactor = {}) {
    IncidentInput input;
    for (const fs::path& folder : folders) {
        input.runs.push_back(*read_run(folder));
    }
    input.version = "0";
    input.redactor = redactor;
    auto out = gather_incident(std::move(input));
    REQUIRE(out.has_value());
    return *std::move(out);
}

fs::path failed_run(const Scratch& state) {
    RunFolder run = state.open();
    run.note("stage begins", {{"stage", "5%"}});
    run.append(
        "measure/samples.ndjson",
        {{"at_s", 1.0},
         {"arm", "canary"},
         {"outcome", "ok"},
         {"bad", false},
         {"first_content_s", 0.1},
         {"stage", "5%"}}
    );
    run.write("report.md", "a report\n");
    run.write("streams/a.sse", "data: {\"type\":\"text-delta\",\"id\":\"1\",\"delta\":\"hi\"}\n\n");
    const Json checks = Json::array(
        {{{"id", "gate.x@5%"}, {"verdict", "FAIL"}, {"detail", "beyond | the limit @here"}},
         {{"id", "good"}, {"verdict", "PASS"}, {"detail", ""}}}
    );
    REQUIRE(run.finish({{"verdict", "FAIL"},
                        {"exit_code", 7},
                        {"headline", "the gate failed"},
                        {"checks", checks}}
    ).has_value());
    return run.path();
}

BundleRules redacting() {
    return {.redact = true, .accept_changed = false};
}

} // namespace

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
    CHECK(cut.contains("| doctor machine.clock | FAIL | not synchronised; mend: timedatectl set-ntp"
    ));
    CHECK(cut.contains("passed checks"));
}

TEST_CASE("incident: the body tells verdict, failures, story, numbers, facts and artefacts") {
    const Scratch state;
    const auto folder = failed_run(state);
    REQUIRE(add_note(folder, "it was the cache", "ann").has_value());
    const std::string body = incident_body(incident_of({folder}), {});
    for (const char* want :
         {"# rehearsal FAIL: the gate failed",
          "| run 1 | FAIL | gate.x\\@5% | beyond \\| the limit \\@here |",
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
    CHECK_FALSE(body.contains(" @"));
}

TEST_CASE("incident: too much is cut in order, failures stay, and each part says what is gone") {
    const Scratch state;
    const auto folder = failed_run(state);
    Incident incident = incident_of({folder});
    for (int i = 0; i < 3000; ++i) {
        incident.story.moments.push_back(
            {"2026-02-22T04:36:00.000Z", 1, "lane.log", "request went well", Weight::access}
        );
        incident.artefacts.push_back({fmt::format("runs/x/streams/{}.sse", i), 1, "00"});
    }
    incident.story.moments.push_back(
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

TEST_CASE("bundle: the same runs give the same bytes, and it verifies") {
    const Scratch state;
    const auto a = failed_run(state);
    const auto b = state.ended();
    const Incident incident = incident_of({a, b});
    const auto first = write_bundle(incident, state.path / "1.tar.zst", {}, {});
    REQUIRE(first.has_value());
    fs::last_write_time(a / "report.md", fs::file_time_type::clock::now());
    const auto second = write_bundle(incident_of({b, a}), state.path / "2.tar.zst", {}, {});
    REQUIRE(second.has_value());
    CHECK(first->digest == second->digest);
    const auto found = verify_bundle(first->file);
    REQUIRE(found.has_value());
    CHECK(found->pass());
    CHECK(found->files == first->files);
    CHECK(found->checks.size() == 5); // paths, sums, manifest, two runs
}

TEST_CASE("bundle: where a secret stands it is refused by file, line and kind; then redacted") {
    const Scratch state;
    Redactor redactor;
    redactor.add_known(Secret("correct-horse-battery"), "env:AUTH_TOKEN");
    const auto folder = failed_run(state);
    REQUIRE(write_file_atomic(folder / "streams/leak.sse", "x\n\ncorrect-horse-battery\n"));
    const fs::path out = state.path / "b.tar.zst";
    const auto refused = write_bundle(incident_of({folder}), out, redactor, {});
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().code == Code::precondition);
    CHECK(refused.error().where.ends_with("streams/leak.sse:3"));
    CHECK(refused.error().message.contains("line 3: known secret env:AUTH_TOKEN"));
    CHECK_FALSE(refused.error().text().contains("correct-horse"));
    CHECK(refused.error().hint.contains("--redact"));
    CHECK_FALSE(fs::exists(out));
    for (const auto& entry : fs::directory_iterator(state.path)) {
        CHECK_FALSE(entry.path().filename().string().contains(".tmp-"));
    }
    const auto made = write_bundle(incident_of({folder}), out, redactor, redacting());
    REQUIRE(made.has_value());
    REQUIRE(made->redacted.size() == 1);
    CHECK(made->redacted[0].line == 3);
    const auto found = verify_bundle(out);
    REQUIRE(found.has_value());
    CHECK(found->pass());
}

TEST_CASE("bundle: a run that was changed since its seal is refused unless it is asked for") {
    const Scratch state;
    const auto folder = failed_run(state);
    REQUIRE(write_file_atomic(folder / "report.md", "much better"));
    const fs::path out = state.path / "b.tar.zst";
    const auto refused = write_bundle(incident_of({folder}), out, {}, {});
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().code == Code::precondition);
    CHECK(refused.error().message.contains("CHANGED since the seal: report.md"));
    REQUIRE(write_bundle(incident_of({folder}), out, {}, {.accept_changed = true}).has_value());
    const auto found = verify_bundle(out);
    REQUIRE(found.has_value());
    CHECK_FALSE(found->pass()); // the run's own seal is broken, and that stays visible
}

TEST_CASE("bundle: a damaged one is never whole") {
    const Scratch state;
    const auto folder = failed_run(state);
    const auto made = write_bundle(incident_of({folder}), state.path / "b.tar.zst", {}, {});
    REQUIRE(made.has_value());
    const auto bytes = read_file(made->file);
    REQUIRE(bytes.has_value());
    const fs::path bad = state.path / "bad.tar.zst";
    REQUIRE(write_file_atomic(bad, bytes->substr(0, bytes->size() / 2)).has_value());
    CHECK_FALSE(verify_bundle(bad).has_value());
    REQUIRE(write_file_atomic(bad, "no archive at all").has_value());
    for (const fs::path& file : {bad, state.path / "absent"}) {
        const auto found = verify_bundle(file);
        REQUIRE_FALSE(found.has_value());
        CHECK(found.error().code == Code::unreadable);
    }
}

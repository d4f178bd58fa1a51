#include "oa_stream/base/clock.hpp"
#include "oa_stream/base/digest.hpp"
#include "oa_stream/incident/runs_compare.hpp"
#include "oa_stream/run/detached_output.hpp"
#include "oa_stream/run/finished_mark.hpp"
#include "oa_stream/run/kept_file.hpp"
#include "oa_stream/run/run_journal.hpp"
#include "oa_stream/run/run_notes.hpp"
#include "oa_stream/run/runs.hpp"
#include "oa_stream/run/runs_gc.hpp"

#include "scratch.hpp"

#include <fmt/format.h>

#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <utility>

using namespace oa_stream;
using namespace oa_stream::run;
namespace fs = std::filesystem;

namespace {

const Needed k_nobody = [](const RunEntry&) { return std::nullopt; };

std::vector<std::string> going(const std::vector<GcStep>& steps) {
    std::vector<std::string> out;
    for (const GcStep& step : steps) {
        if (step.goes) {
            out.push_back(step.run.id.substr(0, 8));
        }
    }
    return out;
}

/// A run that began, and of which nothing else is left.
fs::path began(const Scratch& state, std::string_view name) {
    const auto folder = state.path / "runs" / name;
    fs::create_directories(folder);
    REQUIRE(write_file_atomic(folder / "journal.ndjson", "").has_value());
    return folder;
}

WallTime at(std::string_view text) {
    return parse_rfc3339(text).value();
}

} // namespace

TEST_CASE("runs: one that is worked on runs, a sealed one is finished, any other died") {
    const Scratch state;
    fs::path died;
    {
        RunFolder run = state.open();
        died = run.path();
        CHECK(read_run(died)->life == RunLife::running);
        CHECK(read_run(died)->holder.starts_with("process "));
    }
    CHECK(read_run(died)->life == RunLife::died);
    const auto ended = state.ended({{"verdict", "FAIL"}, {"exit_code", 7}, {"headline", "why"}});
    const auto entry = read_run(ended);
    REQUIRE(entry.has_value());
    CHECK(entry->life == RunLife::finished);
    CHECK(entry->verdict == "FAIL");
    CHECK(entry->exit_code == 7);
    CHECK(entry->headline == "why");
    CHECK(entry->kind == "rehearsal");
    CHECK(entry->bytes > 0);
}

TEST_CASE("runs: one that ended in the future has no duration, as a clock was wrong then") {
    const Scratch state;
    const auto folder = state.ended({{"verdict", "PASS"}, {"exit_code", 0}});
    CHECK(read_run(folder)->duration_s.has_value());
    Json document = parse_json(read_file(folder / "run.json").value()).value();
    document["duration_s"] = 34560002.3;
    REQUIRE(write_file_atomic(folder / "run.json", dump_json(document)).has_value());
    CHECK_FALSE(read_run(folder)->duration_s.has_value());
    document["started_at"] = "2020-02-22T04:36:00.000Z"; // then it may have taken so long
    REQUIRE(write_file_atomic(folder / "run.json", dump_json(document)).has_value());
    CHECK(read_run(folder)->duration_s == 34560002.3);
}

TEST_CASE("runs: a pipe in the place of a file of a run keeps nobody waiting") {
    for (const std::string name :
         {"run.json", "journal.ndjson", "timeline.ndjson", "SHA256SUMS", "notes.ndjson"}) {
        CAPTURE(name);
        const Scratch state;
        const auto other = state.ended({{"verdict", "PASS"}, {"exit_code", 0}});
        const auto folder = state.ended({{"verdict", "FAIL"}, {"exit_code", 7}});
        fs::remove(folder / name);
        REQUIRE(::mkfifo((folder / name).c_str(), 0600) == 0);
        CHECK(read_kept(folder / name).error().message == "it is not a regular file");
        REQUIRE(read_run(folder).has_value());
        CHECK(read_run(other)->verdict == "PASS");
        (void)check_sums(folder);
        (void)add_note(folder, "who put this here?", "ann");
        const auto taken_up = RunFolder::reopen(folder, {});
        CHECK(taken_up.has_value());
    }
}

TEST_CASE("runs: one that could not write its last papers ended as its journal says") {
    struct Row {
        std::string_view words;
        std::string_view verdict;
        std::int64_t exit;
        RunEnding ended;
    };
    for (const Row& row :
         {Row{"INCONCLUSIVE exit 7", "INCONCLUSIVE", 7, RunEnding::rolled_back},
          Row{"PASS exit 0", "PASS", 0, RunEnding::completed},
          Row{"rollback apply PASS exit 0", "ERROR", 7, RunEnding::rolled_back},
          Row{"rollback apply FAIL exit 8", "ERROR", 8, RunEnding::rollback_unverified}}) {
        CAPTURE(row.words);
        const Scratch state;
        fs::path folder;
        {
            RunFolder run = state.open();
            folder = run.path();
            Journal journal([&](const Json& line) { return run.journal(line); });
            REQUIRE(journal.record({.phase = Phase::begin}).has_value());
            REQUIRE(
                journal.record({.phase = Phase::end, .detail = std::string(row.words)}).has_value()
            );
        }
        const auto entry = read_run(folder);
        REQUIRE(entry.has_value());
        CHECK(entry->life == RunLife::finished);
        CHECK(entry->verdict == row.verdict);
        CHECK(entry->exit_code == row.exit);
        CHECK(entry->facts.ended == row.ended);
    }
}

TEST_CASE("runs: a journal's end counts by its members, whatever its words") {
    for (const auto& [rollback, ended] : {
             std::pair(false, RunEnding::rollback_unverified),
             std::pair(false, RunEnding::held),
             std::pair(true, RunEnding::rollback_unverified),
         }) {
        CAPTURE(rollback, to_string(ended));
        const Scratch state;
        fs::path folder;
        {
            RunFolder run = state.open();
            folder = run.path();
            Journal journal([&](const Json& line) { return run.journal(line); });
            JournalLine end =
                end_line({"FAIL", 8, rollback, std::string(rollback ? "" : to_string(ended))});
            CHECK(end.detail == (rollback ? "rollback apply FAIL exit 8" : "FAIL exit 8"));
            end.detail = "other words";
            REQUIRE(journal.record({.phase = Phase::begin}).has_value());
            REQUIRE(journal.record(end).has_value());
        }
        const auto entry = read_run(folder);
        REQUIRE(entry.has_value());
        CHECK(entry->life == RunLife::finished);
        CHECK(entry->verdict == (rollback ? "ERROR" : "FAIL"));
        CHECK(entry->exit_code == 8);
        CHECK(entry->facts.ended == ended);
    }
}

TEST_CASE("runs: a folder in which nothing can be read still has a time and a kind") {
    const Scratch state;
    const auto folder = state.path / "runs" / "20260222T043600Z-smoke-stream-0a1b2c3d";
    fs::create_directories(folder);
    REQUIRE(write_file_atomic(folder / "run.json", "{\"verdict\":").has_value());
    const auto entry = read_run(folder);
    REQUIRE(entry.has_value());
    CHECK(entry->kind == "smoke-stream");
    CHECK(entry->started_at == "2026-02-22T04:36:00Z");
    CHECK(entry->life == RunLife::died);
    CHECK(entry->verdict.empty());
}

TEST_CASE("runs: the newest comes first, and what is out of sight is none") {
    const Scratch state;
    (void)state.old("20260101T000000Z");
    (void)state.old("20260301T000000Z");
    (void)state.old("20260201T000000Z");
    fs::create_directories(state.path / "runs" / ".removed-x");
    const auto runs = list_runs(state.path).value();
    REQUIRE(runs.size() == 3);
    CHECK(runs[0].id.starts_with("20260301"));
    CHECK(runs[2].id.starts_with("20260101"));
}

TEST_CASE("runs: one from the future is never the newest") {
    const Scratch state;
    const auto wrong = state.old("20990101T000000Z");
    CHECK(find_run(state.path, "last") == wrong); // there is no other
    const auto a = state.old("20260101T000000Z");
    const auto b = state.old("20260201T000000Z");
    CHECK(find_run(state.path, "last") == b);
    const auto runs = list_runs(state.path).value();
    REQUIRE(runs.size() == 3);
    CHECK(runs[0].folder == b);
    CHECK(runs[1].folder == a);
    CHECK(runs[2].folder == wrong);
    const WallTime now = at("2026-03-01T00:00:00Z");
    CHECK(is_from_future(runs[2], now));
    CHECK_FALSE(is_from_future(runs[0], now));
    CHECK_FALSE(is_from_future(runs[0], at("2026-01-31T23:59:30Z"))); // clocks differ a little
}

TEST_CASE("gc: one from the future did not begin less than a minute ago") {
    const Scratch state;
    (void)began(state, "20990101T000000Z-verify-0a0a0a0a");
    const auto steps =
        plan_gc(list_runs(state.path).value(), {.keep = 0}, k_nobody, at("2026-03-01T00:00:30Z"));
    REQUIRE(steps.size() == 1);
    CHECK(steps[0].goes);
}

TEST_CASE("runs: RUN is a name, a unique beginning or end, last, or a folder elsewhere") {
    const Scratch state;
    const auto a = state.old("20260101T000000Z");
    const auto b = began(state, "20260102T000000Z-verify-ffffffff");
    CHECK(find_run(state.path, a.filename().string()) == a);
    CHECK(find_run(state.path, "20260102") == b);
    CHECK(find_run(state.path, "ffffffff") == b);
    CHECK(find_run(state.path, "last") == b);
    CHECK(find_run(state.path, "last:route-split").error().code == Code::usage);
    CHECK(find_run("/nowhere", a.string()) == a);
    const auto c = began(state, "20260103T000000Z-cutover-0badcafe");
    const auto d = began(state, "20260104T000000Z-cutover-0badcaff");
    CHECK(find_run(state.path, "last") == d);
    CHECK(find_run(state.path, "last:cutover") == d);
    CHECK(find_run(state.path, "20260103") == c);
    const auto unknown = find_run(state.path, "last:cut");
    REQUIRE_FALSE(unknown.has_value());
    CHECK(unknown.error().message == "no run is of kind 'cut'");
    const auto both = find_run(state.path, "2026");
    REQUIRE_FALSE(both.has_value());
    CHECK(both.error().message.starts_with("'2026' names 4 runs"));
    for (const char* word : {"2026010", "nonsense", "", "..", "/nowhere/at-all", "last:"}) {
        CAPTURE(word);
        const auto found = find_run(state.path, word);
        REQUIRE_FALSE(found.has_value());
        CHECK(found.error().code == Code::usage);
    }
}

TEST_CASE("runs: a folder in which none began is none, and gc leaves it alone") {
    const Scratch state;
    const auto run = state.old("20260101T000000Z");
    const auto junk = state.path / "runs" / "20260201T000000Z-cutover-0badcafe";
    fs::create_directories(junk / "logs");
    for (const fs::path& folder : {junk, junk.parent_path(), state.path}) {
        const auto found = find_run(state.path, folder.string() + "/");
        REQUIRE_FALSE(found.has_value());
        CHECK(found.error().code == Code::usage);
        CHECK(found.error().message == "this folder holds no run");
        CHECK(found.error().hint == "oa-stream runs list");
    }
    CHECK(find_run(state.path, junk.filename().string()).error().code == Code::usage);
    CHECK(find_run(state.path, "last") == run);
    const auto steps =
        plan_gc(list_runs(state.path).value(), {.keep = 0}, k_nobody, at("2027-01-01T00:00:00Z"));
    REQUIRE(steps.size() == 1);
    CHECK(steps[0].run.folder == run);
    fs::create_directory(junk / "journal.ndjson"); // a file nobody can read is there, too
    CHECK(find_run(state.path, junk.string()) == junk);
}

TEST_CASE("runs: names that are not UTF-8 can be shown and written as JSON") {
    const Scratch state;
    const auto folder = state.ended();
    const std::string sums = *read_file(folder / "SHA256SUMS");
    REQUIRE(write_file_atomic(folder / "SHA256SUMS", sums + std::string(64, 'a') + "  s\xe5n\n")
                .has_value());
    REQUIRE(write_file_atomic(folder / "n\xe5r", "x").has_value());
    const auto check = check_sums(folder);
    REQUIRE(check.has_value());
    CHECK(check->missing == std::vector<std::string>{"s\\xe5n"});
    CHECK(check->added == std::vector<std::string>{"n\\xe5r"});
}

TEST_CASE("runs: a link to a disk that is not mounted is not a place without runs") {
    const Scratch state;
    const fs::path link = state.path / "link";
    fs::create_symlink(state.path / "unmounted", link);
    for (const fs::path& place : {link, link / "deeper"}) {
        const auto runs = run_folders(place);
        REQUIRE_FALSE(runs.has_value());
        CHECK(runs.error().code == Code::io);
        CHECK(runs.error().where == link.string());
    }
    fs::create_directory(state.path / "unmounted");
    CHECK(run_folders(link / "deeper").value().empty());
}

TEST_CASE("runs: one that was rolled back afterwards asks for no rollback any more") {
    const Scratch state;
    const fs::path folder = state.path / "runs/20260222T043600Z-cutover-1a2b3c4d";
    fs::create_directories(folder);
    for (const auto& [code, next] : {std::pair{0, ""}, {8, "oa-stream rollback apply"}}) {
        const std::string text = fmt::format(
            R"({{"kind":"cutover","exit_code":8,"next":"oa-stream rollback apply",)"
            R"("rolled_back":{{"exit_code":{}}}}})",
            code
        );
        REQUIRE(write_file_atomic(folder / "run.json", text).has_value());
        CHECK(read_run(folder)->next == next);
    }
}

TEST_CASE("runs: one that was given up asks for no rollback any more, until one is tried again") {
    const Scratch state;
    const fs::path folder = state.path / "runs/20260222T043600Z-cutover-1a2b3c4d";
    fs::create_directories(folder);
    const auto write = [&](const char* file, std::string_view text) {
        REQUIRE(write_file_atomic(folder / file, text).has_value());
    };
    write("journal.ndjson", R"({"seq":1,"at":"2026-02-22T04:40:00.000Z","phase":"end"})");
    write("run.json", R"({"kind":"cutover","exit_code":8,"next":"oa-stream rollback"})");
    CHECK(read_run(folder)->next == "oa-stream rollback");
    REQUIRE(mark_finished(folder, "x on y", "given up", "x").has_value());
    fs::last_write_time(
        folder / "settled.json", fs::file_time_type::clock::now() - std::chrono::hours(1)
    ); // a copy
    CHECK(read_run(folder)->next.empty());
    write("settled.json", "{");
    CHECK(read_run(folder)->next == "oa-stream rollback");
    write("settled.json", R"({"at":"2026-02-22T04:39:00.000Z","how":"given up"})");
    CHECK(read_run(folder)->next == "oa-stream rollback");
}

TEST_CASE("runs: the reason of a pin passes the redaction table") {
    const Scratch state;
    const auto folder = state.ended();
    ::setenv("OA_PIN_TEST_TOKEN", "correct-horse", 1);
    REQUIRE(pin_run(folder, "it was correct-horse and sk-abcdefghijkl").has_value());
    ::unsetenv("OA_PIN_TEST_TOKEN");
    CHECK(read_run(folder)->pin_reason == "it was ************* and ***************");
}

TEST_CASE("gc: age, number and size, and the newest always stay") {
    struct Row {
        const char* name;
        GcRules rules;
        std::vector<std::string> want;
    };
    static const std::array k_rows{
        Row{"by age", {.older_than = std::chrono::hours(24 * 40)}, {"20260115", "20260101"}},
        Row{"by number", {.keep = 1}, {"20260201", "20260115", "20260101"}},
        Row{"by size", {.max_size = 2500}, {"20260115", "20260101"}},
        Row{"exactly that size", {.max_size = 4000}, {}},
        Row{"by age, but so many stay",
            {.older_than = std::chrono::hours(1), .keep = 3},
            {"20260101"}},
        Row{"by size, but so many stay", {.keep = 3, .max_size = 0}, {"20260101"}},
    };
    const Scratch state;
    for (const char* stamp :
         {"20260101T000000Z", "20260115T000000Z", "20260201T000000Z", "20260301T000000Z"}) {
        (void)state.old(stamp, 1000);
    }
    const auto row = GENERATE(from_range(k_rows));
    DYNAMIC_SECTION(row.name) {
        const auto steps =
            plan_gc(list_runs(state.path).value(), row.rules, k_nobody, at("2026-03-01T00:00:00Z"));
        CHECK(going(steps) == row.want);
    }
}

TEST_CASE("gc: a run that lives, is pinned, is needed or just began stays, and why is told") {
    const Scratch state;
    const auto pinned = state.old("20260101T000000Z");
    REQUIRE(pin_run(pinned, "incident 7").has_value());
    (void)state.old("20260102T000000Z");
    (void)state.old("20260103T000000Z");
    const RunFolder alive = state.open();
    const auto needed = [](const RunEntry& run) {
        return run.id.starts_with("20260102") ? std::optional<std::string>("to be taken back")
                                              : std::nullopt;
    };
    const WallTime later = std::chrono::system_clock::now() + std::chrono::hours(1);
    for (const GcRules& rules : {GcRules{.keep = 0}, GcRules{.max_size = 0}}) {
        const auto steps = plan_gc(list_runs(state.path).value(), rules, needed, later);
        CHECK(going(steps) == std::vector<std::string>{"20260103"});
        REQUIRE(steps.size() == 4);
        CHECK(steps[0].why.starts_with("it runs: process"));
        CHECK(steps[2].why == "to be taken back");
        CHECK(steps[3].why == "pinned: incident 7");
    }
    (void)began(state, "20260301T000000Z-verify-0a0a0a0a");
    const auto steps =
        plan_gc(list_runs(state.path).value(), {.keep = 0}, k_nobody, at("2026-03-01T00:00:30Z"));
    const auto young = std::ranges::find_if(steps, [](const GcStep& step) {
        return step.run.id.starts_with("20260301");
    });
    REQUIRE(young != steps.end());
    CHECK_FALSE(young->goes);
}

TEST_CASE("gc: removal refuses a run that is worked on, and sweeps what an earlier one left") {
    const Scratch state;
    const auto old = state.old("20260101T000000Z");
    {
        const RunFolder alive = state.open();
        CHECK(remove_run(alive.path()).error().code == Code::conflict);
        CHECK(fs::exists(alive.path() / "run.json"));
    }
    const DetachedOutput output(state.path, old.filename().string());
    const DetachedOutput other(state.path, "20260102T000000Z-cutover-1a2b3c4d");
    fs::create_directories(DetachedOutput::folder(state.path));
    for (const fs::path& file : {output.log, output.document, other.log}) {
        std::ofstream(file) << "said\n";
    }
    CHECK(remove_run(old).has_value());
    CHECK_FALSE(fs::exists(old));
    CHECK_FALSE(fs::exists(output.log));
    CHECK_FALSE(fs::exists(output.document));
    CHECK(fs::exists(other.log));
    CHECK(remove_run(old).error().code == Code::not_found);
    fs::create_directories(state.path / "runs" / ".removed-x" / "y");
    CHECK(sweep_removed(state.path) == 1);
    CHECK_FALSE(fs::exists(state.path / "runs" / ".removed-x"));
}

TEST_CASE("runs: pinned in the last moment means pinned") {
    const Scratch state;
    const auto folder = state.old("20260101T000000Z");
    REQUIRE(pin_run(folder, "").has_value());
    CHECK(remove_run(folder).error().code == Code::conflict);
    CHECK(fs::exists(folder / "filler"));
    REQUIRE(unpin_run(folder).has_value());
    CHECK(unpin_run(folder).error().code == Code::usage);
}

TEST_CASE("sizes: powers of 1000") {
    CHECK(size_text(812) == "812 B");
    CHECK(size_text(3'400'000) == "3.4 MB");
}

TEST_CASE("compare: what differs, what is worse, and what only one of them has") {
    const Scratch state;
    const auto gate = [](const char* verdict, double value) {
        return Json{
            {"id", "error-rate"},
            {"metric", "bad_rate"},
            {"against", "limit"},
            {"verdict", verdict},
            {"value", value},
            {"low", 0.0},
            {"high", 0.5},
            {"n", 40},
            {"sentence", fmt::format("bad rate {}", value)}
        };
    };
    const auto run = [&](const char* verdict, double value, bool more) {
        Json checks = Json::array({{{"id", "a"}, {"verdict", verdict}}});
        if (more) {
            checks.push_back({{"id", "b"}, {"verdict", "PASS"}});
        }
        return state.ended(
            {{"verdict", verdict},
             {"checks", checks},
             {"stages",
              Json::array({{{"name", "5%"}, {"gates", Json::array({gate(verdict, value)})}}})}}
        );
    };
    const auto a = read_run(run("PASS", 0, false));
    const auto b = read_run(run("FAIL", 0.25, true));
    const incident::Comparison found = incident::compare_runs(*a, *b);
    CHECK(found.worse());
    REQUIRE(found.checks.size() == 2);
    CHECK(found.checks[0].worse);
    CHECK(found.checks[1].a == "–");
    CHECK(found.checks[1].b == "PASS");
    REQUIRE(found.gates.size() == 1);
    CHECK(found.gates[0].what == "error-rate@5%");
    CHECK(found.gates[0].b == "FAIL bad rate 0.25"); // in its own words
    CHECK_FALSE(incident::compare_runs(*b, *a).worse());
}

TEST_CASE("runs: what cannot be listed is an error, and a folder that is not there has none") {
    const Scratch state;
    REQUIRE(list_runs(state.path / "typo").has_value());
    CHECK(list_runs(state.path / "typo")->empty());
    REQUIRE(write_file_atomic(state.path / "runs", "no folder").has_value());
    const auto runs = list_runs(state.path);
    REQUIRE_FALSE(runs.has_value());
    CHECK(runs.error().code == Code::io);
    CHECK(runs.error().message.starts_with("cannot list the runs: "));
    for (const char* word : {"last", "1a2b3c4d"}) {
        CHECK(find_run(state.path, word).error().code == Code::io);
    }
}

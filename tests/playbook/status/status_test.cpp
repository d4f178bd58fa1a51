// What is told of a run whose papers are damaged: never that all is well.
#include "oa_stream/base/file.hpp"
#include "oa_stream/playbook/status.hpp"
#include "oa_stream/run/finished_mark.hpp"
#include "oa_stream/run/target_lock.hpp"

#include "status/finished.hpp"
#include "temp_folder.hpp"

#include <catch2/catch.hpp>

#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <functional>
#include <span>

using namespace oa_stream;
using namespace oa_stream::playbook;
namespace fs = std::filesystem;

namespace {

constexpr std::string_view k_plan =
    R"({"schema":"oa-stream.plan.v1","target":"front","source":{"file":"c.yaml"},)"
    R"("steps":[{"id":"shift@50%","mutates":true}]})";
constexpr std::string_view k_begin = R"({"seq":1,"at":"a","phase":"begin","to":{"v1":100,"v2":0}})";
constexpr std::string_view k_intent =
    R"({"seq":2,"at":"b","phase":"intent","step":"shift@50%","to":{"v1":50,"v2":50}})";
constexpr std::string_view k_done =
    R"({"seq":3,"at":"c","phase":"done","step":"shift@50%","to":{"v1":50,"v2":50}})";

std::string lines(std::initializer_list<std::string_view> all) {
    std::string out;
    for (const std::string_view line : all) {
        out += std::string(line) + "\n";
    }
    return out;
}

struct State : test::TempFolder {
    /// A run that died with traffic moved, named after its kind.
    [[nodiscard]] fs::path moved(std::string_view kind = "cutover") const {
        const auto folder = path / "runs" / ("20260222T043600Z-" + std::string(kind) + "-0a1b2c3d");
        fs::create_directories(folder);
        REQUIRE(write_file_atomic(folder / "plan.json", k_plan).has_value());
        REQUIRE(write_file_atomic(folder / "journal.ndjson", lines({k_begin, k_intent, k_done}))
                    .has_value());
        return folder;
    }
};

void write(const fs::path& file, std::string_view text) {
    REQUIRE(write_file_atomic(file, text).has_value());
}

/// There, and nobody can read it, not even root.
void make_unreadable(const fs::path& file) {
    fs::remove(file);
    fs::create_directories(file);
}

/// Whoever opens it waits for a writer that never comes.
void make_pipe(const fs::path& file) {
    fs::remove(file);
    REQUIRE(::mkfifo(file.c_str(), 0600) == 0);
}

/// How often `file` is opened.
class Opens {
public:
    explicit Opens(const fs::path& file) {
        REQUIRE(events_ >= 0);
        // The kernel joins equal events that follow one another, so the closes are watched, too.
        REQUIRE(::inotify_add_watch(events_, file.c_str(), IN_OPEN | IN_CLOSE) >= 0);
    }
    Opens(const Opens&) = delete;
    Opens& operator=(const Opens&) = delete;
    ~Opens() { ::close(events_); }
    /// Since the last call. Events of a file have no name, so each has the same size.
    [[nodiscard]] std::size_t count() const {
        std::array<inotify_event, 64> events{};
        const auto size = ::read(events_, events.data(), sizeof(events));
        const auto read = size < 0 ? 0 : static_cast<std::size_t>(size) / sizeof(inotify_event);
        return static_cast<std::size_t>(std::ranges::count_if(
            std::span(events).first(read),
            [](const inotify_event& event) { return (event.mask & IN_OPEN) != 0; }
        ));
    }

private:
    int events_ = ::inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
};

} // namespace

TEST_CASE("status: a run that died with traffic moved says so, whatever of its papers is damaged") {
    struct Row {
        std::string_view name;
        std::function<void(const fs::path&)> damage;
        std::string_view unread;
        std::string_view next;
    };
    const std::array rows{
        Row{"nothing", [](const fs::path&) {}, "", "rollback apply --run"},
        Row{"a journal line zeroed",
            [](const fs::path& run) {
                write(
                    run / "journal.ndjson",
                    lines({k_begin, std::string(k_intent.size(), '\0'), k_done})
                );
            },
            "journal.ndjson: journal line 2: ",
            "rollback apply --run"},
        Row{"the journal's first line garbled",
            [](const fs::path& run) {
                write(run / "journal.ndjson", lines({"{\"seq\":1,\"ph", k_intent, k_done}));
            },
            "journal.ndjson: journal line 1: ",
            "rollback apply --run"},
        Row{"the journal unreadable",
            [](const fs::path& run) { make_unreadable(run / "journal.ndjson"); },
            "journal.ndjson: cannot read: ",
            "rollback apply --run"},
        Row{"a pipe in the journal's place",
            [](const fs::path& run) { make_pipe(run / "journal.ndjson"); },
            "journal.ndjson: it is not a regular file",
            "rollback apply --run"},
        Row{"a pipe in the plan's place",
            [](const fs::path& run) { make_pipe(run / "plan.json"); },
            "plan.json: it is not a regular file",
            "rollback plan rollback"},
        Row{"the journal removed",
            [](const fs::path& run) { fs::remove(run / "journal.ndjson"); },
            "journal.ndjson: is not there",
            "rollback apply --run"},
        Row{"the plan cut",
            [](const fs::path& run) { write(run / "plan.json", k_plan.substr(0, 30)); },
            "plan.json: is not whole",
            "rollback plan rollback"},
        Row{"the plan unreadable",
            [](const fs::path& run) { make_unreadable(run / "plan.json"); },
            "plan.json: cannot read: ",
            "rollback plan rollback"},
        Row{"the plan removed",
            [](const fs::path& run) { fs::remove(run / "plan.json"); },
            "plan.json: is not there",
            "rollback plan rollback"},
        Row{"plan and journal unreadable",
            [](const fs::path& run) {
                make_unreadable(run / "plan.json");
                make_unreadable(run / "journal.ndjson");
            },
            "plan.json: cannot read: ",
            "rollback plan rollback"},
    };
    for (const Row& row : rows) {
        CAPTURE(row.name);
        const State state;
        const fs::path run = state.moved();
        row.damage(run);
        const auto all = all_statuses(state.path);
        REQUIRE(all.has_value());
        REQUIRE(all->size() == 1);
        const RunStatus& status = all->front();
        CHECK(status.state == RunState::died);
        CHECK(status.moved);
        CHECK(status.needs_somebody());
        CHECK(status.unread.starts_with(row.unread));
        CHECK(status.unread.empty() == row.unread.empty());
        CHECK(status.next.text().starts_with("oa-stream " + std::string(row.next)));
        CHECK(status_of(state.path, status.run)->needs_somebody());
    }
}

TEST_CASE("status: a rollback closes a run that cannot be read only if it came after it") {
    for (const auto& [rollback, next] :
         std::array<std::pair<std::string_view, std::string_view>, 2>{
             {{"20250101T000000Z-rollback-0a1b2c3d", "oa-stream rollback plan rollback"},
              {"20260222T050000Z-rollback-0a1b2c3d", "oa-stream cutover abandon --run "}}
         }) {
        CAPTURE(rollback);
        const State state;
        const fs::path run = state.moved();
        make_unreadable(run / "plan.json");
        make_unreadable(run / "journal.ndjson");
        write(run / "run.json", R"({"kind":"cutover","mutates":true,"target":{"what":"front"}})");
        const fs::path other = state.path / "runs" / rollback;
        fs::create_directories(other);
        const std::string at(rollback.substr(0, 4));
        write(
            other / "run.json",
            R"({"kind":"rollback","mutates":true,"target":{"what":"front"},"exit_code":0,)"
            R"("started_at":")" +
                at + R"(-02-22T05:00:00.000Z"})"
        );
        CHECK(status_in(state.path, run).next.text().starts_with(next));
    }
}

TEST_CASE("status: a younger run is read once, however many plans cannot be read") {
    const State state;
    for (const std::string_view kind : {"cutover", "rollback", "rollback-drill"}) {
        fs::remove(state.moved(kind) / "plan.json");
    }
    const fs::path younger = state.path / "runs" / "20260222T050000Z-smoke-stream-0a1b2c3d";
    fs::create_directories(younger);
    write(younger / "run.json", R"({"kind":"smoke-stream"})");

    const Opens opens(younger / "run.json");
    const auto all = all_statuses(state.path);
    REQUIRE(all.has_value());
    REQUIRE(all->size() == 3);
    for (const RunStatus& status : *all) {
        CHECK(status.next.text().starts_with("oa-stream rollback plan rollback"));
    }
    CHECK(opens.count() == 1);
}

TEST_CASE("status: what the journal tells is told, though the plan is gone") {
    const State state;
    fs::remove(state.moved() / "plan.json");
    const auto all = all_statuses(state.path);
    REQUIRE(all.has_value());
    CHECK(all->front().baseline == "v1 100%, v2 0%");
    CHECK(all->front().serving == "v1 50%, v2 50%");
}

TEST_CASE("status: what others set was seen last, until the run writes again") {
    const State state;
    const auto folder = state.moved();
    constexpr std::string_view k_found =
        R"({"seq":4,"at":"d","phase":"unverified","step":"rollback","found":"v1 33, v2 17"})";
    constexpr std::string_view k_back =
        R"({"seq":5,"at":"e","phase":"intent","step":"rollback","from":{"v1":50,"v2":50},"to":{"v1":100,"v2":0}})";
    const auto seen = [&](std::initializer_list<std::string_view> all) {
        REQUIRE(write_file_atomic(folder / "journal.ndjson", lines(all)).has_value());
        return status_in(state.path, folder).serving;
    };
    CHECK(seen({k_begin, k_intent, k_done, k_found}) == "v1 33, v2 17");
    CHECK(seen({k_begin, k_intent, k_done, k_found, k_back}) == "v1 50%, v2 50%");
}

TEST_CASE("status: a rollback of everything is named only while others' split was seen last") {
    const State state;
    const auto folder = state.moved();
    write(
        folder / "plan.json",
        R"({"schema":"oa-stream.plan.v1","target":"front","driver":"haproxy","source":{"set":{"base_url":"http://h",)"
        R"("stable":"v1","canary":"v2","socket":"s","backend":"b"}},"steps":[]})"
    );
    write(
        folder / "run.json",
        R"({"kind":"cutover","mutates":true,"exit_code":8,)"
        R"("rolled_back":{"exit_code":8,"checks":[{"data":{"foreign":true}}]}})"
    );
    constexpr std::string_view k_found =
        R"({"seq":4,"at":"d","phase":"unverified","step":"rollback","found":"v1 33, v2 17"})";
    constexpr std::string_view k_resumed =
        R"({"seq":5,"at":"e","phase":"resumed","step":"rollback"})";
    constexpr std::string_view k_back =
        R"({"seq":6,"at":"f","phase":"read-back","step":"rollback","seen":{"v1":100,"v2":0}})";
    const auto next = [&](std::initializer_list<std::string_view> all) {
        write(folder / "journal.ndjson", lines(all));
        return status_in(state.path, folder).next.text();
    };
    const auto there = {k_begin, k_intent, k_done, k_found};
    CHECK(next(there).starts_with("oa-stream rollback plan rollback-haproxy --set base_url="));
    // The rollback that was asked for next died at its end: it had nothing of others before it.
    CHECK(
        next({k_begin, k_intent, k_done, k_found, k_resumed, k_back}) ==
        "oa-stream rollback apply --run " + folder.filename().string()
    );
}

TEST_CASE("status: a program that the shipped rollback would call wrongly is not named in one") {
    struct Row {
        std::string_view settings, urls;
        bool shipped;
    };
    constexpr std::string_view k_as_shipped =
        R"("read":["p","read"],"set":["p","set"],"preview":["p","preview"])";
    constexpr std::string_view k_urls = R"(,"stable_url":"http://s","canary_url":"http://c")";
    for (const auto& [settings, urls, shipped] : {
             Row{k_as_shipped, k_urls, true},
             Row{k_as_shipped, "", false}, // its `read` tells them
             Row{R"("read":["p"],"set":["p"],"preview":[])", k_urls, false},
             Row{R"("read":["p","read"],"set":["p","set"],"preview":[])", k_urls, false},
         }) {
        CAPTURE(settings, urls);
        const State state;
        const auto folder = state.moved();
        write(
            folder / "plan.json",
            std::string(
                R"({"schema":"oa-stream.plan.v1","target":"front","driver":"command","source":{},"steps":[],)"
            ) + R"("playbook":{"target":{"base_url":"http://h"},"traffic":{"stable":"v1","canary":"v2","settings":{)" +
                std::string(settings) + "}" + std::string(urls) + "}}}"
        );
        write(
            folder / "run.json",
            R"({"kind":"cutover","mutates":true,"exit_code":8,"checks":[{"data":{"foreign":true}}]})"
        );
        constexpr std::string_view k_found =
            R"({"seq":4,"at":"d","phase":"unverified","step":"rollback","found":"v1 33, v2 17"})";
        write(folder / "journal.ndjson", lines({k_begin, k_intent, k_done, k_found}));
        const std::string next = status_in(state.path, folder).next.text();
        CHECK(next.starts_with(
            shipped ? "oa-stream rollback plan rollback-command --set " : "oa-stream rollback apply"
        ));
        CHECK_FALSE(next.contains("…"));
    }
}

TEST_CASE("status: a target that ends in a blank is shown without it, and kept: it names the lock"
) {
    const State state;
    const auto folder = state.moved();
    write(
        folder / "plan.json",
        R"({"schema":"oa-stream.plan.v1","target":"command:[\"p\"] ","source":{},"steps":[]})"
    );
    const RunStatus status = status_in(state.path, folder);
    CHECK(status.target == R"(command:["p"] )");
    CHECK(status_text(status).contains("command:[\"p\"]\n"));
}

TEST_CASE("status: a planted fault alone needs somebody, and is listed until it is removed") {
    const State state;
    const fs::path run = state.moved("rollback-drill");
    fs::remove(run / "plan.json");
    write(run / "journal.ndjson", "");
    write(run / "run.json", R"({"kind":"rollback-drill","mutates":false})");
    CHECK_FALSE(holds_traffic(run));
    CHECK_FALSE(status_in(state.path, run).needs_somebody());
    for (const bool sealed : {false, true}) {
        CAPTURE(sealed);
        if (sealed) {
            write(run / "SHA256SUMS", "");
        }
        write(
            run / "faults.json",
            R"({"file":"/f","fault":"forget=1","before":"","taken_out_at":null})"
        );
        const auto all = all_statuses(state.path);
        REQUIRE(all.has_value());
        REQUIRE(all->size() == 1);
        CHECK(all->front().state == (sealed ? RunState::ended : RunState::died));
        CHECK(all->front().open == "its fault is still planted: forget=1 in /f");
        CHECK(all->front().next == "oa-stream rollback apply --run " + run.filename().string());
        CHECK_FALSE(all->front().moved);
        write(
            run / "faults.json",
            R"({"file":"/f","fault":"forget=1","before":"","taken_out_at":"2026-02-22T04:40:00.000Z"})"
        );
        CHECK(all_statuses(state.path)->empty());
    }
}

TEST_CASE("status: a run that moves nothing needs nobody, however damaged") {
    for (const std::string_view kind :
         {"smoke-stream", "verify", "load", "slo-gate", "rehearsal", "steady-state"}) {
        CAPTURE(kind);
        const State state;
        const fs::path run = state.moved(kind);
        fs::remove(run / "plan.json");
        write(run / "journal.ndjson", ""); // as every run has it from its beginning
        CHECK_FALSE(holds_traffic(run));
        CHECK(all_statuses(state.path)->empty());
        CHECK_FALSE(status_in(state.path, run).needs_somebody());
        write(run / "journal.ndjson", "garbled\n");
        CHECK_FALSE(status_in(state.path, run).needs_somebody());
        make_unreadable(run / "journal.ndjson");
        CHECK_FALSE(status_in(state.path, run).needs_somebody());
    }
}

TEST_CASE("status: a plan that changes nothing and an unreadable journal: nothing was moved") {
    const State state;
    const fs::path run = state.moved("check");
    write(
        run / "plan.json",
        R"({"schema":"oa-stream.plan.v1","source":{},"steps":[{"mutates":false}]})"
    );
    write(run / "journal.ndjson", "garbled\n");
    const RunStatus status = status_in(state.path, run);
    CHECK(status.state == RunState::died);
    CHECK_FALSE(status.needs_somebody());
    CHECK(status.unread.starts_with("journal.ndjson: "));
}

TEST_CASE("status: lanes of its own died with the run, and a sealed run has ended") {
    const State state;
    const fs::path run = state.moved();
    write(run / "plan.json", R"({"schema":"oa-stream.plan.v1","target":"lab","steps":[]})");
    const RunStatus left = status_in(state.path, run);
    CHECK(left.left_nothing());
    CHECK(left.next == "oa-stream runs show " + left.run);
    const fs::path sealed = state.moved("rollback");
    write(sealed / "journal.ndjson", R"({"seq":1,"at")"); // it died before its first line
    CHECK(status_in(state.path, sealed).left_nothing());
    CHECK(status_in(state.path, sealed).next.text().starts_with("oa-stream runs show "));
    write(sealed / "timeline.ndjson", R"({"event":"shift begins"})"); // or that one is lost
    CHECK(status_in(state.path, sealed).next.text().starts_with("oa-stream rollback apply --run "));
    write(sealed / "journal.ndjson", lines({k_begin})); // nothing was written
    CHECK(status_in(state.path, sealed).next.text().starts_with("oa-stream rollback apply --run "));
    write(sealed / "SHA256SUMS", "");
    CHECK(status_in(state.path, sealed).state == RunState::ended);
}

TEST_CASE("status: a route run that died between its write and the proof is to be restored") {
    const State state;
    const fs::path run = state.moved("route-split");
    write(run / "plan.json", R"({"schema":"oa-stream.route-plan.v1"})");
    const auto reach = [&run](const std::string& phase) {
        const std::string last = R"({"seq":3,"at":"c","way":"forth","phase":")" + phase + "\"}";
        constexpr std::string_view k_first = R"({"seq":1,"at":"a","phase":"begin","way":"forth"})";
        constexpr std::string_view k_next = R"({"seq":2,"at":"b","phase":"intent","way":"forth"})";
        write(run / "journal.ndjson", lines({k_first, k_next, last}));
    };
    reach("seen");
    const RunStatus open = status_in(state.path, run);
    CHECK(open.needs_somebody());
    CHECK(open.unread.empty());
    CHECK(open.next == "oa-stream route restore " + open.run + " --apply --auth REF");
    write(
        run / "run.json", R"({"target":{"auth":"env:T","ca":"/c.pem","headers":{"X-Key":null}}})"
    );
    CHECK(
        status_in(state.path, run).next ==
        "oa-stream route restore " + open.run + " --apply --header 'X-Key: REF'"
    );
    reach("done");
    CHECK_FALSE(status_in(state.path, run).needs_somebody());
}

namespace {

constexpr std::string_view k_end_8 =
    R"({"seq":4,"at":"2026-02-22T04:40:00.000Z","phase":"end","detail":"FAIL exit 8"})";

/// A cutover that ended with exit 8, as run.json and its journal say.
fs::path ended_8(const State& state, std::string_view document) {
    const fs::path run = state.moved();
    write(run / "journal.ndjson", lines({k_begin, k_intent, k_done, k_end_8}));
    write(run / "run.json", document);
    write(run / "SHA256SUMS", "");
    return run;
}

} // namespace

TEST_CASE("status: an ended run that holds its split, or was not verified, is not over") {
    const State state;
    const fs::path run = ended_8(state, R"({"exit_code":8,"held":true})");
    const RunStatus held = status_in(state.path, run);
    CHECK(held.state == RunState::ended);
    CHECK(held.open == "its split was left as it is");
    CHECK(held.next == "oa-stream rollback apply --run " + held.run);
    write(run / "run.json", R"({"exit_code":8,"held":false})");
    CHECK(status_in(state.path, run).open == "its rollback was not verified");

    // What the last rollback said counts, not what the run had said.
    const auto taken_back = [&](int exit) {
        const std::string code = std::to_string(exit);
        write(
            run / "run.json",
            R"({"exit_code":8,"held":true,"rolled_back":{"exit_code":)" + code + "}}"
        );
        write(
            run / "journal.ndjson",
            lines(
                {k_begin,
                 k_intent,
                 k_done,
                 k_end_8,
                 R"({"seq":5,"at":"2026-02-22T04:41:00.000Z","phase":"resumed"})",
                 R"({"seq":6,"at":"2026-02-22T04:41:01.000Z","phase":"end","detail":"exit )" +
                     code + "\"}"}
            )
        );
        return status_in(state.path, run).open;
    };
    CHECK(taken_back(0).empty());
    CHECK(taken_back(8) == "its rollback was not verified");
}

TEST_CASE("status: who ended a run, and how, is read from members of its journal's last line") {
    const State state;
    const fs::path run = ended_8(state, R"({"held":false})");
    const auto open = [&](std::string_view members) {
        const std::string end =
            R"({"seq":4,"at":"d","phase":"end","detail":"other words","verdict":"FAIL",)" +
            std::string(members) + "}";
        write(run / "journal.ndjson", lines({k_begin, k_intent, k_done, end}));
        return status_in(state.path, run).open;
    };
    CHECK(open(R"("by":"run","exit_code":8)") == "its evidence could not be written");
    CHECK(open(R"("by":"run","exit_code":8,"ended":"held")") == "its split was left as it is");
    CHECK(
        open(R"("by":"run","exit_code":8,"ended":"rollback_unverified")") ==
        "its rollback was not verified"
    );
    CHECK(open(R"("by":"rollback","exit_code":8)") == "its rollback was not verified");
    CHECK(open(R"("by":"rollback","exit_code":0)").empty());
}

TEST_CASE("status: a run that was given up has ended, until somebody takes it up again") {
    const State state;
    const fs::path run = ended_8(state, R"({"exit_code":8,"held":true})");
    REQUIRE(run::mark_finished(run, "x on y", "given up", "the service is gone").has_value());
    const RunStatus given = status_in(state.path, run);
    CHECK_FALSE(given.needs_somebody());
    CHECK(given.state == RunState::ended);
    CHECK(given.next.empty());
    CHECK(given.ending.starts_with("given up: the service is gone ("));
    // Removed up after that, and not finished.
    write(
        run / "settled.json",
        R"({"at":"2026-02-22T04:39:59.000Z","who":"x","how":"given up","reason":"x"})"
    );
    CHECK(status_in(state.path, run).needs_somebody());
    write(run / "settled.json", "{");
    CHECK(status_in(state.path, run).needs_somebody());
}

TEST_CASE("status: a run of a clock that went back since can be given up") {
    const State state;
    const fs::path run = ended_8(state, R"({"exit_code":8,"held":true})");
    const std::string last_at = status_in(state.path, run).last_at;
    REQUIRE_FALSE(last_at.empty());
    const auto marked = [&](std::string_view after) {
        write(
            run / "settled.json",
            R"({"at":"2001-01-01T00:00:00.000Z","who":"x","how":"given up","reason":"x","after":")" +
                std::string(after) + "\"}"
        );
        return !status_in(state.path, run).needs_somebody();
    };
    CHECK(marked(last_at));
    CHECK_FALSE(marked("2001-01-01T00:00:00.000Z"));
    CHECK_FALSE(marked(""));
    REQUIRE(run::mark_finished(run, "x on y", "given up", "x").has_value());
    CHECK(read_file(run / "settled.json")->contains(fmt::format(R"("after":"{}")", last_at)));
}

TEST_CASE("status: nothing is built upon a run that left something undone on the same target") {
    const State state;
    CHECK(check_nothing_undone(state.path, "front").has_value());
    const fs::path run = ended_8(state, R"({"exit_code":8,"held":true})");
    const std::string name = run.filename().string();
    const auto refused = check_nothing_undone(state.path, "front");
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().code == Code::precondition);
    CHECK(
        refused.error().message ==
        "run " + name + " is not over on front: its split was left as it is"
    );
    CHECK(
        refused.error().hint.text().starts_with("oa-stream rollback apply --run " + name + " first")
    );
    CHECK(check_nothing_undone(state.path, "another").has_value());
    REQUIRE(run::mark_finished(run, "x on y", "given up", "x").has_value());
    CHECK(check_nothing_undone(state.path, "front").has_value());
}

TEST_CASE("status: runs that cannot be listed are an error; a folder that is not there has none") {
    const State state;
    const auto none = all_statuses(state.path / "typo");
    REQUIRE(none.has_value());
    CHECK(none->empty());
    write(state.path / "runs", "no folder");
    const auto all = all_statuses(state.path);
    REQUIRE_FALSE(all.has_value());
    CHECK(all.error().code == Code::io);
    CHECK(all.error().message.starts_with("cannot list the runs: "));
    CHECK(all.error().hint.empty()); // sudo makes no folder of a file
    const auto one = status_of(state.path, "x");
    REQUIRE_FALSE(one.has_value());
    CHECK(one.error().code == Code::io);
}

TEST_CASE("plan: nothing is planned on what a living run moves now") {
    const State state;
    CHECK(check_nothing_under_way(state.path, "front").has_value());
    {
        const auto lock = run::TargetLock::acquire(state.path, "front", {{"run", "r1"}});
        REQUIRE(lock.has_value());
        const auto refused = check_nothing_under_way(state.path, "front");
        REQUIRE_FALSE(refused.has_value());
        CHECK(refused.error().code == Code::conflict); // exit 6
        CHECK(refused.error().message == "run r1 is under way on front");
        CHECK(refused.error().hint == "oa-stream cutover status --run r1 --wait-for done");
        CHECK(check_nothing_under_way(state.path, "another").has_value());
    }
    CHECK(check_nothing_under_way(state.path, "front").has_value());
}

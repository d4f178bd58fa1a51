// What is told of a run whose papers are damaged: never that all is well.
#include "oa_stream/base/file.hpp"
#include "oa_stream/playbook/status.hpp"

#include <catch2/catch.hpp>

#include <unistd.h>

#include <array>
#include <cstdlib>
#include <functional>

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

struct State {
    State() {
        std::string pattern = (fs::temp_directory_path() / "oa-status-XXXXXX").string();
        REQUIRE(::mkdtemp(pattern.data()) != nullptr);
        path = pattern;
    }
    State(const State&) = delete;
    State& operator=(const State&) = delete;
    ~State() {
        std::error_code ignored;
        fs::remove_all(path, ignored);
    }
    /// A run that died with traffic moved, named after its kind.
    [[nodiscard]] fs::path moved(std::string_view kind = "cutover") const {
        const auto folder = path / "runs" / ("20260222T043600Z-" + std::string(kind) + "-0a1b2c3d");
        fs::create_directories(folder);
        REQUIRE(write_file_atomic(folder / "plan.json", k_plan).has_value());
        REQUIRE(write_file_atomic(folder / "journal.ndjson", lines({k_begin, k_intent, k_done}))
                    .has_value());
        return folder;
    }
    fs::path path;
};

void write(const fs::path& file, std::string_view text) {
    REQUIRE(write_file_atomic(file, text).has_value());
}

/// There, and nobody can read it, not even root.
void make_unreadable(const fs::path& file) {
    fs::remove(file);
    fs::create_directories(file);
}

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
        Row{"the journal removed",
            [](const fs::path& run) { fs::remove(run / "journal.ndjson"); },
            "journal.ndjson: is not there",
            "rollback apply --run"},
        Row{"the plan cut",
            [](const fs::path& run) { write(run / "plan.json", k_plan.substr(0, 30)); },
            "plan.json: is not whole",
            "runs show"},
        Row{"the plan unreadable",
            [](const fs::path& run) { make_unreadable(run / "plan.json"); },
            "plan.json: cannot read: ",
            "runs show"},
        Row{"the plan removed",
            [](const fs::path& run) { fs::remove(run / "plan.json"); },
            "plan.json: is not there",
            "runs show"},
        Row{"plan and journal unreadable",
            [](const fs::path& run) {
                make_unreadable(run / "plan.json");
                make_unreadable(run / "journal.ndjson");
            },
            "plan.json: cannot read: ",
            "runs show"},
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
        CHECK(status.next.starts_with("oa-stream " + std::string(row.next)));
        CHECK(status_of(state.path, status.run)->needs_somebody());
    }
}

TEST_CASE("status: what the journal tells is told, though the plan is gone") {
    const State state;
    fs::remove(state.moved() / "plan.json");
    const auto all = all_statuses(state.path);
    REQUIRE(all.has_value());
    CHECK(all->front().baseline == "v1 100%, v2 0%");
    CHECK(all->front().serving == "v1 50%, v2 50%");
}

TEST_CASE("status: a run that moves nothing needs nobody, however damaged") {
    for (const std::string_view kind :
         {"smoke-stream", "verify", "load", "slo-gate", "rehearsal"}) {
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
    CHECK_FALSE(status_in(state.path, run).needs_somebody());
    const fs::path sealed = state.moved("rollback");
    write(sealed / "SHA256SUMS", "");
    CHECK(status_in(state.path, sealed).state == RunState::ended);
}

TEST_CASE("status: a route run that died between its write and the proof is to be restored") {
    const State state;
    const fs::path run = state.moved("route-split");
    write(run / "plan.json", R"({"schema":"oa-stream.route-plan.v1"})");
    write(
        run / "journal.ndjson",
        "{\"seq\":1,\"at\":\"a\",\"phase\":\"begin\"}\n{\"seq\":2,\"at\":\"b\",\"phase\":"
        "\"intent\"}\n"
        "{\"seq\":3,\"at\":\"c\",\"phase\":\"seen\"}\n"
    );
    const RunStatus open = status_in(state.path, run);
    CHECK(open.needs_somebody());
    CHECK(open.unread.empty());
    CHECK(open.next == "oa-stream route restore " + open.run + " --apply");
    write(
        run / "journal.ndjson",
        "{\"seq\":1,\"at\":\"a\",\"phase\":\"begin\"}\n{\"seq\":2,\"at\":\"b\",\"phase\":"
        "\"intent\"}\n"
        "{\"seq\":3,\"at\":\"c\",\"phase\":\"done\"}\n"
    );
    CHECK_FALSE(status_in(state.path, run).needs_somebody());
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
    CHECK(all.error().hint == "sudo oa-stream --state-dir " + state.path.string() + " runs list");
    const auto one = status_of(state.path, "x");
    REQUIRE_FALSE(one.has_value());
    CHECK(one.error().code == Code::io);
}

#include "oa_stream/base/file.hpp"

#include "core/run_screen.hpp"
#include "screen/last_time.hpp"

#include <catch2/catch.hpp>

#include <filesystem>

using namespace oa_stream;
using namespace oa_stream::cli;
using namespace std::chrono_literals;

namespace {

/// A terminal whose stderr is kept.
Context terminal(std::string& seen) {
    Context context;
    context.err = [&seen](std::string_view text) { seen += text; };
    context.out = [&seen](std::string_view text) { seen += text; };
    context.tty = context.live = context.out_tty = true;
    return context;
}

void leave_run(const std::filesystem::path& state, const std::string& name, const Json& run) {
    const auto folder = state / "runs" / name;
    std::filesystem::create_directories(folder);
    REQUIRE(write_file_atomic(folder / "run.json", run.dump()));
}

Json smoke_run(const char* base_url, double seconds, const char* verdict = "PASS") {
    return {
        {"schema", "oa-stream.run.v1"},
        {"kind", "smoke-stream"},
        {"ended", "completed"},
        {"verdict", verdict},
        {"duration_s", seconds},
        {"target", {{"base_url", base_url}}},
    };
}

} // namespace

TEST_CASE("screen: progress says what is left once it is known how long it takes") {
    std::string seen;
    Context context = terminal(seen);
    Screen screen(context);
    screen.progress("  3 checks so far");
    CHECK_FALSE(seen.contains("left"));
    screen.expect(42s);
    screen.progress("  4 checks so far");
    CHECK(seen.contains("about 42s left  4 checks so far"));
    screen.expect(0s);
    screen.progress("  5 checks so far");
    CHECK(seen.contains("nearly done  5 checks so far"));
    screen.clear();
}

TEST_CASE("screen: texts are broken for a terminal alone") {
    std::string seen;
    Context context = terminal(seen);
    const std::string long_line = "a sentence of words " + std::string(70, 'x') + " that goes on";
    show_text(long_line + "\n", context);
    tell_text(long_line + "\n", context);
    CHECK(std::ranges::count(seen, '\n') > 2);
    seen.clear();
    context.tty = context.out_tty = false;
    show_text(long_line + "\n", context);
    CHECK(seen == long_line + "\n");
}

TEST_CASE("screen: how long a run takes is what the newest whole one on the same target took") {
    const auto state =
        std::filesystem::temp_directory_path() / ("oa-last-time-" + std::to_string(::getpid()));
    const Json here{{"base_url", "http://a"}};
    const auto asked = [&] { return last_time(state, run::RunKind::smoke_stream, here); };
    CHECK(asked() == std::nullopt);
    leave_run(state, "20261101T000000Z-smoke-stream-00000001", smoke_run("http://a", 11.5));
    CHECK(asked() == 11500ms);
    leave_run(state, "20261102T000000Z-smoke-stream-00000002", smoke_run("http://b", 2));
    leave_run(state, "20261103T000000Z-smoke-stream-00000003", smoke_run("http://a", 1, "ERROR"));
    leave_run(state, "20261104T000000Z-load-00000004", {{"kind", "load"}});
    CHECK(asked() == 11500ms);
    leave_run(state, "20261105T000000Z-smoke-stream-00000005", smoke_run("http://a", 20, "FAIL"));
    CHECK(asked() == 20s);
    Json earlier = smoke_run("http://a", 30);
    earlier.erase("ended"); // as of an earlier version
    earlier["exit_code"] = 0;
    leave_run(state, "20261106T000000Z-smoke-stream-00000006", earlier);
    CHECK(asked() == 30s);
    std::filesystem::remove_all(state);
}

// What is the command driver's own: programs, their time, their words, their exit codes.
#include "command/command_document.hpp"
#include "command_rig.hpp"

#include <signal.h> // NOLINT(modernize-deprecated-headers): kill
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

using namespace oa_stream;
using namespace oa_stream::traffic;
using namespace oa_stream::traffic::testing;

namespace {

constexpr std::string_view k_read =
    R"(cat >/dev/null; echo '{"serving":{"stable":95,"canary":5}}')";

struct Bench {
    CommandDriverOptions options() const {
        const std::string nothing = folder.script("nothing", "exit 0");
        return {
            .read = {folder.script("read", k_read)},
            .set = {nothing},
            .revisions = {"stable", "canary"},
            .timeout = Millis(10000)
        };
    }
    template <class T> T get(Task<T> task) { return test::run_task(io, std::move(task)); }
    Result<TrafficState> read(CommandDriverOptions with) {
        const auto driver = make_command_driver(io.get_executor(), std::move(with));
        return get(driver->read());
    }
    Result<TrafficState> read_script(std::string_view body) {
        auto with = options();
        with.read = {folder.script("other", body)};
        return read(std::move(with));
    }
    /// Reads, then sets the canary to 25 %.
    Result<void> set(CommandDriverOptions with) {
        const auto driver = make_command_driver(io.get_executor(), std::move(with));
        const auto state = get(driver->read());
        REQUIRE(state.has_value());
        return get(driver->set(*Split::between("stable", "canary", 25), state->etag));
    }
    Result<void> set_script(std::string_view body) {
        auto with = options();
        with.set = {folder.script("set", body)};
        return set(std::move(with));
    }
    Folder folder;
    asio::io_context io;
};

bool contains(std::string_view text, std::string_view part) {
    return text.find(part) != std::string_view::npos;
}

} // namespace

TEST_CASE("command driver: a relative program is another one in another folder") {
    Bench bench;
    const auto driver = [&](std::string program) {
        auto with = bench.options();
        with.set = {std::move(program), "set"};
        with.endpoint = "e";
        return make_command_driver(bench.io.get_executor(), std::move(with));
    };
    const auto target = [&](std::string program) { return driver(std::move(program))->target(); };
    const auto here = std::filesystem::current_path() / "nowhere/set.sh";
    CHECK(target("./nowhere/set.sh") == fmt::format(R"(command:["{}","set"] e)", here.string()));
    CHECK(target("/usr/local/bin/split") == R"(command:["/usr/local/bin/split","set"] e)");
    CHECK(target("split") == R"(command:["split","set"] e)");
    CHECK(canonical_path("nowhere.sock") == (here.parent_path().parent_path() / "nowhere.sock"));

    // Plans of earlier releases have it as it was typed.
    const auto relative = driver("./nowhere/set.sh");
    CHECK(relative->is_target(relative->target()));
    CHECK(relative->is_target(R"(command:["./nowhere/set.sh","set"] e)"));
    CHECK_FALSE(relative->is_target(R"(command:["./nowhere/set.sh","set"] f)"));
    CHECK_FALSE(relative->is_target(R"(command:["/nowhere/set.sh","set"] e)"));

    // A release that is a link: the next one has the same program.
    const auto now = std::filesystem::relative(bench.folder.path) / "now";
    std::filesystem::create_directory_symlink(bench.folder.path, now);
    CHECK(target((now / "set").string()).contains("/now/set\""));
}

TEST_CASE("command driver: only the documented exit codes promise that nothing was written") {
    struct Row {
        std::string_view script;
        Code code;
        bool ambiguous;
    };
    const auto row = GENERATE(
        Row{"exit 110", Code::precondition, false},
        Row{"exit 111", Code::conflict, false},
        Row{"exit 112", Code::credentials, false},
        Row{"exit 1", Code::unavailable, true},
        Row{"exit 2", Code::unavailable, true},
        Row{"exit 7", Code::unavailable, true},
        Row{"exit 22", Code::unavailable, true},
        Row{"exit 126", Code::unavailable, true},
        Row{"exit 255", Code::unavailable, true},
        Row{"kill -TERM $$", Code::unavailable, true},
        Row{"kill -KILL $$", Code::unavailable, true}
    );
    CAPTURE(row.script);
    Bench bench;
    const auto written = bench.set_script(row.script);
    REQUIRE_FALSE(written.has_value());
    CHECK(to_string(written.error().code) == to_string(row.code));
    CHECK(is_ambiguous(written.error()) == row.ambiguous);
}

TEST_CASE("command driver: missing credentials are looked for where a program gets them") {
    Bench bench;
    const auto written = bench.set_script("exit 112");
    REQUIRE_FALSE(written.has_value());
    CHECK(written.error().hint == "the program gets them as OA_STREAM_DRIVER_… variables");
}

TEST_CASE("command driver: a set program that cannot be started has written nothing") {
    Bench bench;
    auto with = bench.options();
    with.set = {(bench.folder.path / "absent").string()};
    const auto written = bench.set(with);
    REQUIRE_FALSE(written.has_value());
    CHECK_FALSE(is_ambiguous(written.error()));
    CHECK(contains(written.error().text(), "No such file"));
}

TEST_CASE("command driver: a read that fails before a write means that nothing was written") {
    Bench bench;
    auto with = bench.options();
    with.read = {bench.folder.script(
        "once",
        "cat >/dev/null; [ ! -e \"$0.was\" ] || exit 1; touch \"$0.was\"\n" +
            std::string(k_read.substr(k_read.find("echo")))
    )};
    with.set = {bench.folder.script("set", "touch \"$0.ran\"")};
    const auto written = bench.set(with);
    REQUIRE_FALSE(written.has_value());
    CHECK(written.error().code == Code::conflict); // it may be tried again
    CHECK_FALSE(std::filesystem::exists(bench.folder.path / "set.ran"));
}

TEST_CASE("command driver: past its time limit the whole process group ends") {
    Bench bench;
    auto with = bench.options();
    with.timeout = Millis(400);
    with.read = {bench.folder.script(
        "slow",
        "trap '' TERM\nsleep 600 &\necho $! >\"$0.child\"\necho 'waiting for the API' >&2\nwait; "
        "wait"
    )};
    const auto began = Clock::now();
    const auto state = bench.read(with);
    REQUIRE_FALSE(state.has_value());
    CHECK(state.error().code == Code::timeout);
    CHECK(contains(state.error().message, "400ms"));
    CHECK(Clock::now() - began < make_command_driver(bench.io.get_executor(), with)->patience());
    const std::string child = bench.folder.text("slow.child");
    REQUIRE_FALSE(child.empty());
    // Reaped by somebody else, so it may be a zombie for a moment.
    const auto gone = [&] {
        const auto stat = read_file("/proc/" + child.substr(0, child.find('\n')) + "/stat");
        return !stat || contains(*stat, ") Z ");
    };
    const auto deadline = Clock::now() + Millis(5000);
    while (!gone() && Clock::now() < deadline) {
        bench.io.restart();
        bench.io.run_for(Millis(10));
    }
    CHECK(gone());
}

TEST_CASE("command driver: a descendant that left the group and holds the pipes delays nobody") {
    Bench bench;
    const auto began = Clock::now();
    const auto state = bench.read_script("setsid sleep 20 &\n" + std::string(k_read));
    CHECK(state.has_value());
    CHECK(Clock::now() - began < Millis(8000));
}

TEST_CASE("command driver: arguments reach the program as they are, no shell reads them") {
    Bench bench;
    auto with = bench.options();
    with.read.insert(with.read.end(), {"$(touch pwned)", "; exit 3", "a b"});
    with.read.front() =
        bench.folder.script("args", "printf '%s\\n' \"$@\" >\"$0.seen\"\n" + std::string(k_read));
    REQUIRE(bench.read(with).has_value());
    CHECK(bench.folder.text("args.seen") == "$(touch pwned)\n; exit 3\na b\n");
}

TEST_CASE("command driver: the environment is what the page says and nothing else") {
    ::setenv("OA_STREAM_PLATFORM_TOKEN", "not-for-programs", 1);
    ::setenv("OA_STREAM_DRIVER_ACCOUNT", "ops", 1);
    Bench bench;
    auto with = bench.options();
    with.endpoint = "https://lb.example.org";
    with.set = {bench.folder.script("set", "env | sort >\"$0.env\"")};
    REQUIRE(bench.set(with).has_value());
    const std::string env = bench.folder.text("set.env");
    CHECK_FALSE(contains(env, "PLATFORM_TOKEN"));
    CHECK(contains(env, "OA_STREAM_DRIVER_ACCOUNT=ops\n"));
    CHECK(contains(env, "OA_STREAM_ENDPOINT=https://lb.example.org\n"));
    CHECK(contains(env, "OA_STREAM_CALL=set\n"));
    CHECK(contains(env, "OA_STREAM_TARGET=canary=25 stable=75\n"));
    ::unsetenv("OA_STREAM_PLATFORM_TOKEN");
    ::unsetenv("OA_STREAM_DRIVER_ACCOUNT");
}

TEST_CASE("command driver: a name that the plain target cannot hold leaves it empty") {
    CHECK(plain_target({{"target", {{"a", 5}, {"b", 95}}}}) == "a=5 b=95");
    CHECK(plain_target({{"target", {{"a b", 5}, {"c", 95}}}}).empty());
    CHECK(plain_target({{"target", {{"a=b", 5}, {"c", 95}}}}).empty());
    CHECK(plain_target({{"call", "read"}}).empty());
}

TEST_CASE("command driver: set gets target, etag and exact; without a told etag it gets none") {
    Bench bench;
    auto with = bench.options();
    with.endpoint = "here";
    with.read = {bench.folder.script(
        "full",
        R"(cat >"$0.in"; echo '{"serving":{"stable":95,"canary":5},"etag":"v7","exact":{"w":[19,1]}}')"
    )};
    with.set = {bench.folder.script("set", "cat >\"$0.in\"")};
    const auto driver = make_command_driver(bench.io.get_executor(), with);
    const auto state = bench.get(driver->read());
    REQUIRE(state.has_value());
    CHECK_FALSE(state->etag_of_setting);
    REQUIRE(bench.get(driver->restore(state->serving, state->exact, state->etag)).has_value());
    CHECK(
        bench.folder.text("set.in") ==
        R"({"schema":"oa-stream.command-driver.v1","call":"set","endpoint":"here",)"
        R"("revisions":["stable","canary"],"target":{"canary":5,"stable":95},"etag":"v7",)"
        R"("exact":{"w":[19,1]}})"
        "\n"
    );
    CHECK(
        bench.folder.text("full.in") ==
        R"({"schema":"oa-stream.command-driver.v1","call":"read","endpoint":"here",)"
        R"("revisions":["stable","canary"]})"
        "\n"
    );
    with.read = {bench.folder.script("plain", k_read)};
    CHECK(bench.get(make_command_driver(bench.io.get_executor(), with)->read())->etag_of_setting);
    REQUIRE(bench.set(with).has_value());
    CHECK(contains(bench.folder.text("set.in"), R"("etag":null,"exact":null)"));
}

TEST_CASE("command driver: the last line of stderr is in the error, printable and redacted") {
    ::setenv("OA_STREAM_DRIVER_PASS", "correct-horse-battery", 1);
    Bench bench;
    const auto written =
        bench.set_script("echo first >&2\nprintf 'denied\\033[31m for correct-horse-battery, "
                         "Bearer abcdefghijklmnop\\r\\n\\n' >&2\nexit 1");
    ::unsetenv("OA_STREAM_DRIVER_PASS");
    REQUIRE_FALSE(written.has_value());
    const std::string& message = written.error().message;
    INFO(message);
    CHECK(contains(message, "set program: exit 1: denied"));
    CHECK_FALSE(contains(message, "first"));
    CHECK_FALSE(contains(message, "correct-horse-battery"));
    CHECK_FALSE(contains(message, "abcdefghijklmnop"));
    CHECK_FALSE(contains(message, "\033"));
    CHECK(contains(message, "\\x1b[31m"));
}

TEST_CASE("command driver: what the programs get to hide is masked in all that read prints") {
    ::setenv("OA_STREAM_DRIVER_PASS", "correct-horse-battery", 1);
    Bench bench;
    const auto unknown =
        bench.read_script(R"(echo '{"serving":{"stable":100},"'$OA_STREAM_DRIVER_PASS'":1}')");
    const auto facts = bench.read_script(
        R"(echo '{"serving":null,"extra":{"no_split":"as '$OA_STREAM_DRIVER_PASS'",)"
        R"("a":[{"'$OA_STREAM_DRIVER_PASS'":7}]}}')"
    );
    ::unsetenv("OA_STREAM_DRIVER_PASS");
    REQUIRE_FALSE(unknown.has_value());
    CHECK(contains(unknown.error().text(), "unknown member '*********************'"));
    REQUIRE(facts.has_value());
    CHECK(serving_text(*facts) == "as *********************");
    CHECK(facts->extra.at("a").at(0).at("*********************") == 7);
}

TEST_CASE("command driver: what read prints is taken strictly") {
    struct Row {
        std::string_view printed;
        std::string_view error;
    };
    const auto row = GENERATE(
        Row{"", "read program"},
        Row{"[]", "expected one JSON object"},
        Row{"{}", "serving is missing"},
        Row{R"({"serving":{"a":50}})", "sum to 50%"},
        Row{R"({"serving":{"a":99.5,"b":0.5}})", "share of a"},
        Row{R"({"serving":{"a":100},"settld":false})", "did you mean settled"},
        Row{R"({"serving":{"a":100},"settled":"no"})", "settled is neither"},
        Row{R"({"serving":{"a":100},"etag":7})", "etag is not text"},
        Row{R"({"serving":{"a":100},"urls":{"a":"ftp://x"}})", "urls is not an object"},
        Row{R"({"serving":{"a":100},"urls":[]})", "urls is not an object"},
        Row{R"({"serving":{"a":100},"not_ready":"a"})", "not_ready is not a list"},
        Row{R"({"serving":{"a":100},"extra":1})", "extra is not an object"},
        Row{R"({"serving":{"a":100},"streams":1})", "streams is not an object"},
        Row{R"({"serving":{"a":100},"schema":"v9"})", "schema is"},
        Row{R"({"serving":{"a":95,"b":5,"a":100}})", "'a' appears twice in one object"},
        Row{R"({"serving":{"a":100},"serving":{"b":100}})", "'serving' appears twice"},
        Row{R"({"serving":{"a":100}} and more)", "read program"}
    );
    CAPTURE(row.printed);
    Bench bench;
    const auto state = bench.read_script("cat <<'END'\n" + std::string(row.printed) + "\nEND");
    REQUIRE_FALSE(state.has_value());
    INFO(state.error().text());
    CHECK(state.error().code == Code::protocol);
    CHECK(contains(state.error().text(), row.error));
}

TEST_CASE("command driver: what is no split is null, and a rollback may begin from it") {
    Bench bench;
    const auto state = bench.read_script(
        R"(echo '{"serving":null,"etag":"e","extra":{"no_split":"weights 90 and 40"}}')"
    );
    INFO((state ? std::string() : state.error().text()));
    REQUIRE(state.has_value());
    CHECK(state->serving.empty());
    CHECK(state->wanted.empty());
    CHECK(serving_text(*state) == "weights 90 and 40");
    const auto silent = bench.read_script(R"(echo '{"serving":null}')");
    REQUIRE(silent.has_value());
    CHECK(serving_text(*silent) == "the read program calls it no split");

    auto with = bench.options();
    with.read = {bench.folder.script("none", R"(echo '{"serving":null,"etag":"e"}')")};
    with.set = {bench.folder.script("set", "cat >\"$0.got\"")};
    const auto driver = make_command_driver(bench.io.get_executor(), with);
    CHECK(bench.get(driver->set(*Split::between("stable", "canary", 0), "e")).has_value());
    CHECK(contains(bench.folder.text("set.got"), R"("stable":100)"));
}

TEST_CASE("command driver: an etag that changes by itself is no other operator") {
    Bench bench;
    bench.folder.write("weight", "70");
    auto with = bench.options();
    with.read = {bench.folder.script(
        "moving",
        "echo x >>\"$0.count\"\n"
        "w=$(cat \"$(dirname \"$0\")/weight\")\n"
        "echo \"{\\\"serving\\\":{\\\"canary\\\":$w,\\\"stable\\\":$((100-w))},"
        "\\\"etag\\\":\\\"e$(wc -l <\"$0.count\")\\\"}\""
    )};
    with.set = {bench.folder.script("set", "cat >\"$0.got\"")};
    const auto driver = make_command_driver(bench.io.get_executor(), with);
    const auto home = *Split::between("stable", "canary", 0);
    const auto first = bench.get(driver->read());
    INFO((first ? std::string() : first.error().text()));
    REQUIRE(first.has_value());
    CHECK(first->etag == "e1");
    CHECK(bench.get(driver->set(home, "e1")).has_value());
    CHECK(contains(bench.folder.text("set.got"), R"("etag":"e2")"));
    bench.folder.write("weight", "60"); // somebody else wrote
    const auto refused = bench.get(driver->set(home, "e1"));
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().code == Code::conflict);
}

TEST_CASE("command driver: a preview program knows revisions that read does not list") {
    Bench bench;
    auto with = bench.options();
    with.read = {bench.folder.script("short", R"(echo '{"serving":{"stable":100}}')")};
    const auto refused = bench.set(with);
    REQUIRE_FALSE(refused.has_value());
    CHECK(contains(refused.error().message, "read shows no revision 'canary'"));
    with.preview = {bench.folder.script("preview", "exit 0")};
    CHECK(bench.set(with).has_value());
}

TEST_CASE("command driver: more than a megabyte of answer is refused, not stored") {
    Bench bench;
    const auto over = bench.read_script("head -c 1048577 /dev/zero; sleep 5");
    REQUIRE_FALSE(over.has_value());
    CHECK(over.error().code == Code::too_large);
    const auto whole = bench.read_script("head -c 1048576 /dev/zero");
    REQUIRE_FALSE(whole.has_value());
    CHECK(whole.error().code == Code::protocol);
}

TEST_CASE("command driver: a set program may say as much as it likes") {
    Bench bench;
    const std::string done = (bench.folder.path / "done").string();
    const auto written =
        bench.set_script("cat >/dev/null; head -c 3000000 /dev/zero; touch '" + done + "'");
    CHECK(written.has_value());
    CHECK(std::filesystem::exists(done));
}

TEST_CASE("command driver: every member of the answer arrives") {
    Bench bench;
    const auto driver = make_command_driver(bench.io.get_executor(), [&] {
        auto with = bench.options();
        with.read = {bench.folder.script(
            "all",
            R"(echo '{"schema":"oa-stream.command-driver.v1","serving":{"stable":100},
                "wanted":{"stable":75,"canary":25},"settled":false,"etag":"e","exact":[1],
                "exact_split":true,"not_ready":["canary"],"urls":{"canary":"http://10.0.0.2:80/"},
                "streams":{"stable":{"active":3,"finished":4,"broken":1}},
                "extra":{"zone":"b","pid":7,"uptime_s":2,"instance":"i"}}')"
        )};
        return with;
    }());
    CHECK_FALSE(driver->splits_exactly());
    const auto state = bench.get(driver->read());
    REQUIRE(state.has_value());
    CHECK(state->serving == *Split::of({{"stable", 100}}));
    CHECK(state->wanted == *Split::between("stable", "canary", 25));
    CHECK_FALSE(state->settled);
    CHECK(state->etag == "e");
    CHECK(state->exact == Json::array({1}));
    CHECK(state->streams.at("stable").active == 3);
    CHECK(state->streams.at("stable").broken == 1);
    CHECK(state->extra.at("zone") == "b");
    CHECK(state->process.id.empty()); // of a program's own facts nothing depends
    CHECK_FALSE(state->process.uptime_s);
    CHECK(driver->splits_exactly());
    CHECK(driver->address("canary")->base_url == "http://10.0.0.2:80");
    CHECK(driver->address("stable").error().code == Code::precondition);
    CHECK(driver->address("other").error().code == Code::not_found);
    const auto preview = bench.get(driver->preview(*Split::between("stable", "canary", 5)));
    REQUIRE_FALSE(preview.has_value());
    CHECK(contains(preview.error().text(), "'canary' is not ready"));
}

TEST_CASE("command driver: the nginx example reads, moves, refuses and puts back") {
    Bench bench;
    const auto file = bench.folder.path / "split.conf";
    bench.folder.write("split.conf", "split_clients \"$request_id\" $oa_revision { * stable; }\n");
    const std::string nginx = bench.folder.script(
        "nginx",
        "echo \"$*\" >>\"$0.calls\"\n[ \"$1\" != -t ] || [ ! -e \"$0.refuses\" ] || exit 1\n"
        "[ \"$1\" != -s ] || [ ! -e \"$0.dead\" ]"
    );
    ::setenv("OA_STREAM_DRIVER_SPLIT_FILE", file.c_str(), 1);
    ::setenv("OA_STREAM_DRIVER_NGINX", nginx.c_str(), 1);
    bench.folder.write("nginx.pid", fmt::format("{}\n", ::getpid())); // a master without workers
    ::setenv("OA_STREAM_DRIVER_NGINX_PID", (bench.folder.path / "nginx.pid").c_str(), 1);
    const std::string program = OA_SOURCE_DIR "/examples/command-driver/nginx-split";
    const auto make = [&] { // its programs have the environment of now
        return make_command_driver(
            bench.io.get_executor(),
            {.read = {program, "read"},
             .set = {program, "set"},
             .preview = {program, "preview"},
             .revisions = {"stable", "canary"}}
        );
    };
    const auto driver = make();
    const auto read = [&] {
        const auto state = bench.get(driver->read());
        INFO((state ? "" : state.error().text()));
        REQUIRE(state.has_value());
        return *state;
    };
    const auto first = read();
    CHECK(first.serving == *Split::between("stable", "canary", 0));
    for (const int percent : {5, 100, 25}) {
        const auto target = *Split::between("stable", "canary", percent);
        CHECK(bench.get(driver->preview(target)).has_value());
        const auto written = bench.get(driver->set(target, read().etag));
        INFO((written ? "" : written.error().text()));
        REQUIRE(written.has_value());
        CHECK(read().serving == target);
    }
    CHECK(
        bench.folder.text("nginx.calls") == "-t -q\n-s reload\n-t -q\n-s reload\n-t -q\n-s reload\n"
    );
    CHECK(
        bench.get(driver->set(*Split::of({{"stable", 100}}), first.etag)).error().code ==
        Code::conflict
    );
    const auto again = read();
    CHECK(bench.get(driver->set(again.serving, again.etag)).has_value());
    CHECK(read().etag != again.etag); // so that a write which began before comes too late
    const auto other = *Split::between("stable", "other", 5);
    CHECK(bench.get(driver->preview(other)).error().code == Code::precondition);
    bench.folder.write("nginx.dead", "");
    const auto unheard = bench.get(driver->set(*Split::of({{"stable", 100}}), read().etag));
    REQUIRE_FALSE(unheard.has_value());
    CHECK(is_ambiguous(unheard.error()));
    CHECK(read().serving == *Split::between("stable", "canary", 25)); // as nginx serves
    bench.folder.write("nginx.refuses", "");
    const auto refused = bench.get(driver->set(*Split::of({{"stable", 100}}), read().etag));
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().code == Code::precondition);
    CHECK(contains(refused.error().message, "the old one is back"));
    CHECK(read().serving == *Split::between("stable", "canary", 25));
    bench.folder.write("nginx.pid", "4194305\n"); // beyond every process
    for (const auto* pid : {"nginx.pid", "none.pid"}) {
        ::setenv("OA_STREAM_DRIVER_NGINX_PID", (bench.folder.path / pid).c_str(), 1);
        for (const bool looks : {true, false}) {
            const auto stable = *Split::of({{"stable", 100}});
            const auto blind = make();
            const auto unknown =
                bench.get(looks ? blind->preview(stable) : blind->set(stable, read().etag));
            REQUIRE_FALSE(unknown.has_value());
            CHECK(unknown.error().code == Code::precondition);
            CHECK(contains(unknown.error().message, "set OA_STREAM_DRIVER_NGINX_PID"));
        }
    }
    CHECK(read().serving == *Split::between("stable", "canary", 25)); // nothing was written
    for (const auto* name : {"SPLIT_FILE", "NGINX", "NGINX_PID"}) {
        ::unsetenv(fmt::format("OA_STREAM_DRIVER_{}", name).c_str());
    }
}

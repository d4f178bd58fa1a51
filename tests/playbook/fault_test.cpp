#include "oa_stream/base/file.hpp"
#include "oa_stream/playbook/each_gate.hpp"
#include "oa_stream/playbook/fault.hpp"
#include "oa_stream/playbook/local_rehearsal.hpp"
#include "oa_stream/run/runs.hpp"
#include "oa_stream/telemetry/turns.hpp"

#include "drill/planted_fault.hpp"
#include "temp_folder.hpp"

#include <catch2/catch.hpp>
#include <fmt/format.h>

#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdlib>
#include <filesystem>

using namespace oa_stream;
using namespace oa_stream::playbook;

TEST_CASE("fault: kind, value and stage are read") {
    CHECK(*parse_fault("error-rate=0.2@25") == Fault{"error-rate", "0.2", 25});
    CHECK(*parse_fault("malformed=1@0%") == Fault{"malformed", "1", 0});
    CHECK(*parse_fault("latency=300ms@5") == Fault{"latency", "300ms", 5});
    CHECK(*parse_fault("slow=1.5@5") == Fault{"slow", "1.5", 5}); // as `serve --inject` takes it
    CHECK(*parse_fault("error-rate=1e-1@5") == Fault{"error-rate", "1e-1", 5});
    CHECK(*parse_fault("kill@100") == Fault{"kill", "", 100});
    CHECK(parse_fault("error-rate=0.2@25")->text() == "error-rate=0.2@25%");
}

namespace {

struct Row {
    std::string_view text, says;
};
constexpr std::array k_rows{
    Row{"error-rate=0.2", "stage is missing"},
    Row{"eror-rate=0.2@25", "did you mean error-rate?"},
    Row{"nonsense@25", "there are error-rate"},
    Row{"error-rate@25", "needs a share"},
    Row{"error-rate=2@25", "needs a share"},
    Row{"slow=0.5@25", "needs a number from 1 to 10000"},
    Row{"slow=20000@25", "needs a number from 1 to 10000"},
    Row{"seed=4@25", "no fault is called 'seed'"},
    Row{"error-rate=-0.1@25", "needs a share"},
    Row{"error-rate=nan@25", "needs a share"},
    Row{"latency=300@25", "needs a duration"},
    Row{"kill=1@25", "takes no value"},
    Row{"kill@101", "not a percentage"},
    Row{"kill@", "not a percentage"},
};

} // namespace

TEST_CASE("fault: what is wrong is said, with the way out") {
    for (const Row& row : k_rows) {
        CAPTURE(row.text);
        const auto got = parse_fault(row.text);
        REQUIRE_FALSE(got.has_value());
        CHECK(got.error().code == Code::usage);
        CHECK(got.error().text().find(row.says) != std::string::npos);
    }
}

TEST_CASE("fault: whatever a gate is tried with can be planted") {
    for (const std::string_view word : telemetry::k_bad_words) {
        CAPTURE(word);
        Playbook playbook;
        playbook.stage.gates = {{.id = "one", .events = std::string(word)}};
        const std::string fault = gate_trials(playbook).at(0).fault;
        CHECK(fault.empty() == (word == "empty")); // nothing plants an answer without content
        CHECK((fault.empty() || parse_fault(fault + "@25").has_value()));
    }
}

TEST_CASE("fault: a percent that is no stage is a usage error naming the stages") {
    const std::vector<int> stages{0, 5, 25};
    const std::vector<Fault> good{{"kill", "", 5}};
    const std::vector<Fault> bad{{"kill", "", 30}};
    CHECK(check_faults(good, stages).has_value());
    const auto got = check_faults(bad, stages);
    REQUIRE_FALSE(got.has_value());
    CHECK(got.error().code == Code::usage);
    CHECK(got.error().text().find("0%, 5%, 25%") != std::string::npos);
}

TEST_CASE("fault: what cannot be a file of faults is left as it is, with nothing planted") {
    namespace fs = std::filesystem;
    const test::TempFolder own;
    const fs::path& folder = own.path;
    fs::create_directory(folder / "dir");
    REQUIRE(::mkfifo((folder / "pipe").c_str(), 0600) == 0);
    for (const char* odd : {"dir", "pipe", "absent/faults"}) {
        CAPTURE(odd);
        const auto planted = plant_fault(folder, folder / odd, "error-rate=1");
        REQUIRE_FALSE(planted.has_value());
        CHECK(planted.error().code == Code::usage);
        CHECK(planted.error().where == (folder / odd).string());
        CHECK(planted_fault(folder).empty());
        CHECK_FALSE(remove_fault(folder).has_value());
    }
    CHECK(fs::is_fifo(folder / "pipe"));
    CHECK(plant_fault(folder, folder / "faults", "error-rate=1").has_value());
    CHECK_FALSE(planted_fault(folder).empty());
}

TEST_CASE("fault: of a file that is gone, those who watch it learn that the fault is over") {
    namespace fs = std::filesystem;
    const test::TempFolder own;
    const fs::path& folder = own.path;
    const fs::path file = folder / "faults";
    REQUIRE(write_file_atomic(file, "latency=1s\n").has_value());
    REQUIRE(plant_fault(folder, file, "error-rate=1").has_value());
    fs::remove(file);
    const auto check = remove_fault(folder);
    REQUIRE(check.has_value());
    CHECK(check->verdict == Verdict::pass);
    CHECK(
        check->detail ==
        fmt::format("{} was gone and is as before error-rate=1 again", file.string())
    );
    CHECK(read_file(file) == "latency=1s\n");
    CHECK(planted_fault(folder).empty());
}

TEST_CASE("fault: the rollback of a run that left nothing else removes it") {
    namespace fs = std::filesystem;
    const test::TempFolder own;
    const fs::path& state = own.path;
    const fs::path file = state / "faults";
    for (const bool changed : {false, true}) {
        CAPTURE(changed);
        REQUIRE(write_file_atomic(file, "latency=1s\n").has_value());
        fs::path folder;
        {
            auto session = run::RunSession::begin(
                state,
                {.kind = run::RunKind::rollback_drill, .name = "tried", .mutates = false},
                Redactor()
            );
            REQUIRE(session.has_value());
            folder = session->folder().path();
            CHECK_FALSE(has_only_fault(folder));
            REQUIRE(plant_fault(folder, file, "forget=1").has_value());
            CHECK(has_only_fault(folder));
            const auto early = roll_back_fault({}, folder, run::document_in(folder / "run.json"));
            REQUIRE_FALSE(early.has_value()); // the process that planted it lives
            CHECK(early.error().code == Code::precondition);
            CHECK(early.error().hint.empty());
            const pid_t pid = ::fork();
            if (pid == 0) {
                (void)::raise(SIGSTOP);
                ::_exit(0);
            }
            REQUIRE(::waitpid(pid, nullptr, WUNTRACED) == pid);
            Json stopped = run::document_in(folder / "run.json");
            stopped["process"]["pid"] = pid;
            const auto held = roll_back_fault({}, folder, stopped);
            (void)::kill(pid, SIGKILL);
            (void)::waitpid(pid, nullptr, 0);
            REQUIRE_FALSE(held.has_value());
            CHECK_THAT(held.error().message, Catch::Contains(fmt::format("process {} ", pid)));
            CHECK_THAT(held.error().message, Catch::Contains("is stopped"));
            CHECK_THAT(
                held.error().hint.text(), Catch::Contains(fmt::format("kill -CONT {}: ", pid))
            );
            CHECK_THAT(held.error().hint.text(), Catch::Contains(fmt::format("kill -9 {}, ", pid)));
        }
        if (changed) {
            REQUIRE(write_file_atomic(file, "forget=1\nlatency=2s\n").has_value());
        }
        const auto back = roll_back_fault({}, folder, run::document_in(folder / "run.json"));
        REQUIRE(back.has_value());
        CHECK(back->end.exit == (changed ? ExitCode::rollback_unverified : ExitCode::ok));
        CHECK(back->next.empty() != changed);
        CHECK(read_file(file) == (changed ? "forget=1\nlatency=2s\n" : "latency=1s\n"));
        CHECK(planted_fault(folder).empty() != changed);
    }
}

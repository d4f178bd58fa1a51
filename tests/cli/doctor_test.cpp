#include "oa_stream/base/file.hpp"

#include "doctor/doctor.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <filesystem>

using namespace oa_stream;
using namespace oa_stream::cli;
namespace fs = std::filesystem;

namespace {

Machine healthy() {
    return {
        .files = 1U << 20U,
        .clock_synchronised = true,
        .has_certificates = true,
        .free_bytes = 1U << 30U,
    };
}

Check called(const std::vector<Check>& checks, std::string_view id) {
    const auto found = std::ranges::find(checks, id, &Check::id);
    REQUIRE(found != checks.end());
    return *found;
}

std::string mend(const Check& check) {
    return std::string(string_member(check.data, "mend").value_or(""));
}

class Folder {
public:
    Folder() : path_(fs::path(OA_BINARY_DIR) / "doctor-test") {
        fs::remove_all(path_);
        fs::create_directories(path_);
    }
    ~Folder() {
        fs::permissions(path_, fs::perms::owner_all);
        fs::remove_all(path_);
    }
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;
    [[nodiscard]] const fs::path& path() const { return path_; }

private:
    fs::path path_;
};

} // namespace

TEST_CASE("doctor: a healthy machine passes every check, with nothing to mend") {
    for (const Check& check : judge_machine(healthy())) {
        CAPTURE(check.id, check.detail);
        CHECK(check.verdict == Verdict::pass);
        CHECK(mend(check).empty());
    }
}

TEST_CASE("doctor: each thing that is wrong is named with the command that mends it") {
    Machine machine = healthy();
    machine.files = 4096;
    machine.clock_synchronised = false;
    machine.has_certificates = false;
    machine.free_bytes = 10U << 20U;
    const auto checks = judge_machine(machine);
    CHECK(called(checks, "machine.files").verdict == Verdict::fail);
    CHECK(called(checks, "machine.files").detail.contains("4096"));
    CHECK(
        mend(called(checks, "machine.files")) ==
        "raise nofile in /etc/security/limits.conf and log in again; a service: LimitNOFILE=65536"
    );
    CHECK(called(checks, "machine.clock").verdict == Verdict::inconclusive);
    CHECK(mend(called(checks, "machine.clock")) == "timedatectl set-ntp true");
    CHECK(mend(called(checks, "machine.certificates")) == "apt-get install ca-certificates");
    CHECK(called(checks, "machine.space").detail.starts_with("10 MiB free"));
    CHECK(mend(called(checks, "machine.space")) == "oa-stream runs gc --older-than 30d --apply");
    machine.clock_synchronised.reset();
    CHECK(called(judge_machine(machine), "machine.clock").verdict == Verdict::inconclusive);
}

TEST_CASE("doctor: a tool that is there and does not run is not called missing, nor good") {
    const Folder folder;
    const auto tool = [&](const char* name, std::string_view script) {
        REQUIRE(write_file_atomic(folder.path() / name, script, 0755).has_value());
    };
    tool("codex", "#!/bin/sh\necho no home >&2\nexit 1\n");
    tool("gh", "#!/bin/sh\nexit 127\n");
    tool("promtool", "#!/bin/sh\nexec /bin/sleep 60\n");
    const std::string before = std::getenv("PATH"); // NOLINT(concurrency-mt-unsafe)
    ::setenv("PATH", folder.path().c_str(), 1);     // NOLINT(concurrency-mt-unsafe)
    const auto checks = judge_tools(Millis(2000));
    ::setenv("PATH", before.c_str(), 1); // NOLINT(concurrency-mt-unsafe)
    struct Row {
        const char* id;
        Verdict verdict;
        const char* detail;
    };
    for (const Row& row :
         {Row{"tool.codex", Verdict::inconclusive, "does not run: exit 1: no home"},
          Row{"tool.gh", Verdict::inconclusive, "does not run: exit 127"},
          Row{"tool.promtool",
              Verdict::inconclusive,
              "does not run: not done within 2s, ended by us"},
          Row{"tool.zstd", Verdict::skipped, "not here, for unpacking a bundle with tar"}}) {
        CAPTURE(row.id);
        CHECK(called(checks, row.id).verdict == row.verdict);
        CHECK(called(checks, row.id).detail == row.detail);
        CHECK_FALSE(mend(called(checks, row.id)).empty());
    }
}

TEST_CASE("doctor: a disk that cannot be looked at is not called full") {
    Machine machine = healthy();
    machine.free_bytes = std::unexpected("Permission denied");
    const Check space = called(judge_machine(machine), "machine.space");
    CHECK(space.verdict == Verdict::inconclusive);
    CHECK(space.detail == "the disk of the runs cannot be looked at: Permission denied");
    CHECK(mend(space).empty());
}

TEST_CASE("doctor: the state folder and those below it are closed to all but a group") {
    const Folder folder;
    const fs::path state = folder.path() / "state";
    CHECK(judge_state_dir(state).verdict == Verdict::pass); // the first run makes it
    fs::create_directories(state);
    fs::permissions(state, fs::perms::owner_all);
    CHECK(judge_state_dir(state).verdict == Verdict::pass);
    CHECK(judge_state_dir(state).detail == state.string());
    fs::permissions(state, fs::perms::owner_all | fs::perms::group_all);
    CHECK(judge_state_dir(state).verdict == Verdict::pass); // a team shares it
    CHECK(judge_state_dir(state).detail == state.string() + ", shared with its group");
    fs::permissions(state, fs::perms::owner_all | fs::perms::others_write);
    CHECK(judge_state_dir(state).verdict == Verdict::fail);
    CHECK(mend(judge_state_dir(state)) == "chmod o-w " + state.string());
    fs::permissions(state, fs::perms::owner_all);
    for (const char* below : {"runs", "locks", "plans"}) {
        CAPTURE(below);
        fs::create_directory(state / below);
        fs::permissions(state / below, fs::perms::owner_all);
        CHECK(judge_state_dir(state).verdict == Verdict::pass);
        fs::permissions(state / below, fs::perms::owner_all | fs::perms::others_write);
        CHECK(mend(judge_state_dir(state)) == "chmod o-w " + (state / below).string());
        fs::permissions(state / below, fs::perms::owner_all);
    }
    REQUIRE(write_file_atomic(folder.path() / "plain", "x"));
    CHECK(judge_state_dir(folder.path() / "plain").verdict == Verdict::fail);
    CHECK(judge_state_dir(folder.path() / "plain/below").verdict == Verdict::fail);
}

TEST_CASE("doctor: where no state folder can be is named, with a mend that helps") {
    const Folder folder;
    const std::string plain = (folder.path() / "plain").string();
    REQUIRE(write_file_atomic(plain, "x"));
    struct Row {
        std::string state;
        std::string why;
    };
    const std::array rows{
        Row{"/proc/nope", "/proc/nope cannot be made: /proc cannot be written to"},
        Row{"/proc/nope/below", "/proc/nope/below cannot be made: /proc cannot be written to"},
        Row{plain, plain + " is a file, not a folder"},
        Row{plain + "/below/it",
            plain + "/below/it cannot be made: " + plain + " is a file, not a folder"},
    };
    for (const Row& row : rows) {
        CAPTURE(row.state);
        const Check check = judge_state_dir(row.state);
        CHECK(check.verdict == Verdict::fail);
        CHECK(check.detail == row.why);
        CHECK(mend(check) == "export OA_STREAM_STATE_DIR=DIR, a folder that you may write to");
    }
    const fs::path spaced = folder.path() / "sp ace";
    fs::create_directories(spaced);
    fs::permissions(spaced, fs::perms::owner_all | fs::perms::others_write);
    CHECK(mend(judge_state_dir(spaced)) == "chmod o-w '" + spaced.string() + "'");
}

TEST_CASE("doctor: runs that cannot be listed are no pass") {
    const Folder folder;
    REQUIRE(write_file_atomic(folder.path() / "runs", "no folder"));
    const auto checks = judge_runs(folder.path());
    REQUIRE(checks.size() == 1);
    CHECK(checks[0].verdict == Verdict::fail);
    CHECK(checks[0].detail.contains("cannot list the runs: "));
    CHECK(mend(checks[0]).empty());
}

TEST_CASE("doctor: no run that died is a pass, and says so") {
    const Folder folder;
    const auto checks = judge_runs(folder.path());
    REQUIRE(checks.size() == 1);
    CHECK(checks[0].verdict == Verdict::pass);
}

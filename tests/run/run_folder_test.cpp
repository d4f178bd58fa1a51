#include "oa_stream/base/digest.hpp"
#include "oa_stream/run/run_folder.hpp"
#include "oa_stream/run/run_notes.hpp"

#include "temp_folder.hpp"

#include <catch2/catch.hpp>
#include <fmt/format.h>

#include <sys/stat.h>

#include <cstdlib>
#include <regex>
#include <sstream>

using namespace oa_stream;
using namespace oa_stream::run;
namespace fs = std::filesystem;

namespace {

RunFolder make(const test::TempFolder& state, Redactor redactor = {}) {
    auto run = RunFolder::create(
        state.path,
        {.kind = RunKind::rehearsal, .name = "test", .argv = {"oa-stream"}},
        std::move(redactor)
    );
    REQUIRE(run.has_value());
    return *std::move(run);
}

Json json_of(const fs::path& path) {
    const auto text = read_file(path);
    REQUIRE(text.has_value());
    const auto json = parse_json(*text);
    REQUIRE(json.has_value());
    return *json;
}

std::vector<std::string> lines_of(const fs::path& path) {
    const auto text = read_file(path);
    REQUIRE(text.has_value());
    std::istringstream in(*text);
    std::vector<std::string> out;
    for (std::string line; std::getline(in, line);) {
        out.push_back(line);
    }
    return out;
}

} // namespace

TEST_CASE("run folder: its name is UTC, kind and eight hex digits, below runs") {
    const test::TempFolder state;
    const RunFolder run = make(state);
    CHECK(std::regex_match(run.id(), std::regex(R"(\d{8}T\d{6}Z-rehearsal-[0-9a-f]{8})")));
    CHECK(run.path() == state.path / "runs" / run.id());
}

TEST_CASE("run folder: while it runs there is a readable run.json without a verdict, and no sums") {
    const test::TempFolder state;
    const RunFolder run = make(state);
    const Json json = json_of(run.path() / "run.json");
    CHECK(json.at("schema") == "oa-stream.run.v1");
    CHECK(json.at("id") == run.id());
    CHECK(json.at("state") == "running");
    CHECK(json.at("verdict").is_null());
    CHECK_FALSE(fs::exists(run.path() / "SHA256SUMS"));
}

TEST_CASE("run folder: the timeline has absolute and relative time, one line an event") {
    const test::TempFolder state;
    RunFolder run = make(state);
    run.note("stage begins", {{"percent", 5}});
    const auto lines = lines_of(run.path() / "timeline.ndjson");
    REQUIRE(lines.size() == 2);
    const Json line = *parse_json(lines[1]);
    CHECK(line.at("event") == "stage begins");
    CHECK(line.at("percent") == 5);
    CHECK(line.at("t").get<double>() >= 0);
    CHECK(line.at("at").get<std::string>().ends_with("Z"));
}

TEST_CASE("run folder: space for the journal is reserved, its size is what was written") {
    const test::TempFolder state;
    RunFolder run = make(state);
    CHECK(fs::file_size(run.path() / "journal.ndjson") == 0);
    REQUIRE(run.journal({{"phase", "begin"}}).has_value());
    CHECK(lines_of(run.path() / "journal.ndjson").size() == 1);
}

TEST_CASE("run folder: the umask says whether a group may go on with the run") {
    for (const auto& [umask, mode] : {std::pair(022U, 0644U), std::pair(002U, 0664U)}) {
        const test::TempFolder state;
        const mode_t before = ::umask(umask);
        const RunFolder run = make(state);
        ::umask(before);
        for (const char* file : {"journal.ndjson", "timeline.ndjson"}) {
            CAPTURE(file);
            struct stat facts{};
            REQUIRE(::stat((run.path() / file).c_str(), &facts) == 0);
            CHECK((facts.st_mode & 0777U) == mode);
        }
    }
}

TEST_CASE("run folder: known secrets and tokens reach no file") {
    const test::TempFolder state;
    Redactor redactor;
    redactor.add_known(Secret("correct-horse-battery"));
    RunFolder run = make(state, std::move(redactor));
    run.note("x", {{"text", "correct-horse-battery"}});
    run.append("measure/samples.ndjson", {{"head", "Authorization: Bearer abcdefghijklmnop"}});
    run.write("report.md", "token correct-horse-battery");
    REQUIRE(run.journal({{"detail", "correct-horse-battery"}}).has_value());
    REQUIRE(run.finish({{"verdict", "PASS"}, {"detail", "correct-horse-battery"}}).has_value());
    for (const auto& entry : fs::recursive_directory_iterator(run.path())) {
        if (entry.is_regular_file()) {
            const auto text = read_file(entry.path());
            REQUIRE(text.has_value());
            INFO(entry.path().string());
            CHECK(text->find("correct-horse-battery") == std::string::npos);
            CHECK(text->find("abcdefghijklmnop") == std::string::npos);
        }
    }
}

TEST_CASE("run folder: the sums come last and are right for every other file") {
    const test::TempFolder state;
    RunFolder run = make(state);
    run.write("plan.json", "{}");
    run.append("measure/samples.ndjson", {{"a", 1}});
    REQUIRE(run.finish({{"verdict", "PASS"}, {"checks", Json::array()}}).has_value());
    const Json json = json_of(run.path() / "run.json");
    CHECK(json.at("state") == "finished");
    CHECK(json.at("verdict") == "PASS");
    CHECK(json.at("duration_s").get<double>() >= 0);
    std::size_t files = 0;
    for (const auto& entry : fs::recursive_directory_iterator(run.path())) {
        files += entry.is_regular_file() ? 1U : 0U;
    }
    const auto sums = lines_of(run.path() / "SHA256SUMS");
    CHECK(sums.size() == files - 1);
    for (const std::string& line : sums) {
        CHECK(line.substr(0, 64) == *sha256_of_file(run.path() / line.substr(66)));
    }
}

TEST_CASE("run folder: a run of a clock that went back since took no negative time") {
    const test::TempFolder state;
    const fs::path folder = make(state).path();
    Json json = json_of(folder / "run.json");
    json["started_at"] = "2999-01-01T00:00:00.000Z";
    REQUIRE(write_file_atomic(folder / "run.json", dump_json(json)).has_value());
    auto again = RunFolder::reopen(folder, {});
    REQUIRE(again.has_value());
    REQUIRE(again->finish({{"verdict", "ERROR"}}).has_value());
    CHECK(json_of(folder / "run.json").at("duration_s").get<double>() >= 0);
}

TEST_CASE("run folder: nobody goes on in a folder where a living process works") {
    const test::TempFolder state;
    const fs::path folder = make(state).path();
    REQUIRE(write_file_atomic(folder / "SHA256SUMS", "").has_value());
    {
        const auto other = FolderLock::try_take(folder);
        REQUIRE(other.held());
        const auto refused = RunFolder::reopen(folder, {});
        REQUIRE_FALSE(refused.has_value());
        CHECK(refused.error().code == Code::conflict);
        CHECK(refused.error().message == "a living process works on this run");
        CHECK(fs::exists(folder / "SHA256SUMS")); // nothing was changed
        CHECK(RunFolder::reopen(folder, {}, true).has_value()); // fenced before
    }
    CHECK(RunFolder::reopen(folder, {}).has_value());
}

TEST_CASE("run folder: folders that a copy lost are made again for who goes on in it") {
    const test::TempFolder state;
    const fs::path folder = make(state).path();
    fs::remove_all(folder / "measure"); // as an archive without empty folders does
    fs::remove_all(folder / "streams");
    auto again = RunFolder::reopen(folder, {});
    REQUIRE(again.has_value());
    again->append("measure/samples.ndjson", {{"stage", "rollback"}});
    again->write("streams/a.sse", "data: x");
    CHECK(again->finish({{"verdict", "ERROR"}}).has_value());
    CHECK_FALSE(RunFolder::reopen(folder / "gone", {}).has_value());
    CHECK_FALSE(fs::exists(folder / "gone"));
}

TEST_CASE("run folder: an argument that is not UTF-8 does not keep a run from its end") {
    const test::TempFolder state;
    const std::string prompt = "caf\xe9 x";
    auto run = RunFolder::create(
        state.path, {.kind = RunKind::rehearsal, .name = "test", .argv = {"oa-stream", prompt}}, {}
    );
    REQUIRE(run.has_value());
    REQUIRE(run->finish(Json::object()).has_value());
    CHECK(json_of(run->path() / "run.json").at("argv").at(1) == "caf\uFFFD x");
}

TEST_CASE("run folder: what could not be written is remembered, and finish says so") {
    const test::TempFolder state;
    RunFolder run = make(state);
    run.append("no/such/folder.ndjson", {{"a", 1}});
    REQUIRE(run.trouble().has_value());
    run.note("still alive");
    CHECK_FALSE(run.finish({{"verdict", "PASS"}}).has_value());
    CHECK(json_of(run.path() / "run.json").at("verdict") == "PASS");
}

TEST_CASE("run folder: a state directory that cannot be used is an error before anything is done") {
    CHECK_FALSE(RunFolder::create("/proc/nothing", {.kind = RunKind::load}, {}).has_value());
}

TEST_CASE("run folder: a file that lost something has its ranges beside it, and its length") {
    const test::TempFolder state;
    Redactor redactor;
    redactor.add_known(Secret("correct-horse-battery"), "AUTH_TOKEN");
    RunFolder run = make(state, std::move(redactor));
    run.write("streams/a.sse", "data: correct-horse-battery\n\n");
    run.write("streams/b.sse", "data: harmless\n\n");
    CHECK(*read_file(run.path() / "streams/a.sse") == "data: *********************\n\n");
    const Json ranges = json_of(run.path() / "streams/a.sse.redactions.json");
    CHECK(ranges.at("schema") == "oa-stream.redactions.v1");
    CHECK(ranges.at("file") == "a.sse");
    CHECK(ranges.at("ranges").at(0).at("offset") == 6);
    CHECK(ranges.at("ranges").at(0).at("length") == 21);
    CHECK(ranges.at("ranges").at(0).at("kind") == "known secret AUTH_TOKEN");
    CHECK_FALSE(fs::exists(run.path() / "streams/b.sse.redactions.json"));
}

TEST_CASE("run folder: equal secrets have equal names in all files of a run, others have others") {
    const test::TempFolder state;
    Redactor redactor;
    redactor.add_known(Secret("correct-horse-battery"), "AUTH_TOKEN");
    const auto values = [](const fs::path& file) {
        std::vector<std::string> out;
        for (const Json& range : json_of(file.string() + ".redactions.json").at("ranges")) {
            out.push_back(range.at("value").get<std::string>());
        }
        return out;
    };
    using Names = std::vector<std::string>;
    fs::path folder;
    {
        RunFolder run = make(state, redactor);
        folder = run.path();
        run.write("a.md", "sk-abcdefghijkl correct-horse-battery");
        run.append("measure/x.ndjson", {{"a", "correct%2Dhorse-battery Bearer other-token-1"}});
        run.append("measure/x.ndjson", {{"a", "sk-abcdefghijkl Bearer other-token-2"}});
        run.append_text("logs/x.log", "harmless");
        REQUIRE(run.journal({{"detail", "harmless"}}).has_value());
        REQUIRE(run.journal({{"detail", "Bearer correct-horse-battery"}}).has_value());
        REQUIRE(run.finish({{"verdict", "PASS"}, {"detail", "sk-abcdefghijkl"}}).has_value());
        CHECK(values(folder / "a.md") == Names{"key#1", "token#2"});
        CHECK(
            values(folder / "measure/x.ndjson") == Names{"token#2", "token#3", "key#1", "token#4"}
        );
        CHECK(
            values(folder / "journal.ndjson") == Names{"token#2", "token#2"}
        ); // known, and bearer
        CHECK(values(folder / "run.json") == Names{"key#1"});
        CHECK_FALSE(fs::exists(folder / "logs/x.log.redactions.json"));
    }
    // Each range is where the stars are.
    for (const char* name : {"a.md", "measure/x.ndjson", "journal.ndjson", "run.json"}) {
        INFO(name);
        const std::string text = *read_file(folder / name);
        const Json sidecar = json_of((folder / name).string() + ".redactions.json");
        CHECK(sidecar.at("bytes") == text.size());
        for (const Json& range : sidecar.at("ranges")) {
            const auto length = range.at("length").get<std::size_t>();
            CHECK(
                text.substr(range.at("offset").get<std::size_t>(), length) ==
                std::string(length, '*')
            );
        }
    }
    auto again = RunFolder::reopen(folder, redactor);
    REQUIRE(again.has_value());
    REQUIRE(again->journal({{"detail", "correct-horse-battery sk-zyxwvutsrqpo"}}).has_value());
    REQUIRE(again->finish({{"verdict", "PASS"}}).has_value());
    CHECK(values(folder / "journal.ndjson") == Names{"token#2", "token#2", "token#2", "key#5"});
    CHECK(values(folder / "a.md") == Names{"key#1", "token#2"});
}

TEST_CASE("run folder: a note that comes between does not move what was taken out") {
    const test::TempFolder state;
    Redactor redactor;
    redactor.add_known(Secret("correct-horse-battery"));
    RunFolder run = make(state, redactor);
    REQUIRE(add_note(run.path(), "pager went off", "me").has_value());
    run.note("seen", {{"a", "correct-horse-battery"}});
    REQUIRE(run.finish({{"verdict", "PASS"}}).has_value());
    const auto file = run.path() / "timeline.ndjson";
    const Json range = json_of(file.string() + ".redactions.json").at("ranges").at(0);
    CHECK(read_file(file)->find("*****") == range.at("offset").get<std::size_t>());
}

TEST_CASE("run folder: a stored stream hides what its joined deltas would tell") {
    const test::TempFolder state;
    Redactor redactor;
    redactor.add_known(Secret("correct-horse-battery"));
    RunFolder run = make(state, std::move(redactor));
    run.write(
        "streams/a.sse",
        "data: {\"type\":\"text-delta\",\"id\":\"1\",\"delta\":\"correct-\"}\n\n"
        "data: {\"type\":\"text-delta\",\"id\":\"1\",\"delta\":\"horse-battery\"}\n\n"
    );
    const auto text = read_file(run.path() / "streams/a.sse");
    CHECK_FALSE(text->contains("correct-"));
    CHECK_FALSE(text->contains("battery"));
}

TEST_CASE("run folder: what others wrote into it is repaired before the seal") {
    const test::TempFolder state;
    Redactor redactor;
    redactor.add_known(Secret("correct-horse-battery"), "AUTH_TOKEN");
    RunFolder run = make(state, std::move(redactor));
    REQUIRE(write_file_atomic(run.path() / "logs/lane.log", "x\ny correct-horse-battery\n"));
    REQUIRE(run.finish({{"verdict", "PASS"}}).has_value());
    CHECK_FALSE(read_file(run.path() / "logs/lane.log")->contains("battery"));
    const auto lines = lines_of(run.path() / "timeline.ndjson");
    const Json last = *parse_json(lines.back());
    CHECK(last.at("event") == "redacted");
    CHECK(last.at("file") == "logs/lane.log");
    CHECK(last.at("line") == 2);
    for (const std::string& line : lines_of(run.path() / "SHA256SUMS")) {
        CHECK(line.substr(0, 64) == *sha256_of_file(run.path() / line.substr(66)));
    }
}

TEST_CASE("run folder: secret-like variables of the environment reach no file") {
    const test::TempFolder state;
    ::setenv("OA_TEST_ONLY_TOKEN", "environment-says-so", 1);
    RunFolder run = make(state);
    ::unsetenv("OA_TEST_ONLY_TOKEN");
    run.write("report.md", "environment-says-so");
    CHECK(*read_file(run.path() / "report.md") == "*******************");
}

TEST_CASE("run folder: the kernel knows who works in it, until it is gone") {
    const test::TempFolder state;
    fs::path path;
    {
        const RunFolder run = make(state);
        path = run.path();
        CHECK(FolderLock::is_held(path));
        CHECK_FALSE(FolderLock::try_take(path).held());
    }
    CHECK_FALSE(FolderLock::is_held(path));
    CHECK(FolderLock::try_take(path).held());
}

TEST_CASE("notes: into the timeline while a run is open, beside it when it is sealed") {
    const test::TempFolder state;
    RunFolder run = make(state);
    const auto first = add_note(run.path(), " pager went off ", "ann");
    REQUIRE(first.has_value());
    CHECK(first->file == "timeline.ndjson");
    run.note("next");
    const auto lines = lines_of(run.path() / "timeline.ndjson");
    REQUIRE(lines.size() == 3);
    const Json line = *parse_json(lines[1]);
    CHECK(line.at("event") == "note");
    CHECK(line.at("text") == "pager went off");
    CHECK(line.at("by") == "ann");
    REQUIRE(run.finish({{"verdict", "PASS"}}).has_value());
    const auto second = add_note(run.path(), "it was the cache", "ann");
    REQUIRE(second.has_value());
    CHECK(second->file == "notes.ndjson");
    CHECK(lines_of(run.path() / "timeline.ndjson").size() == 3);
    CHECK(add_note(run.path(), "  ", "ann").error().code == Code::usage);
}

TEST_CASE("notes: none is lost behind a line that a crash has torn") {
    const test::TempFolder state;
    const fs::path folder = [&] {
        RunFolder run = make(state);
        return run.path();
    }();
    const auto file = folder / "timeline.ndjson";
    const std::string torn =
        read_file(file).value() + R"({"at":"2026-11-30T10:00:00Z","event":"st)";
    REQUIRE(write_file_atomic(file, torn).has_value());
    REQUIRE(add_note(folder, "pager went off", "ann").has_value());
    REQUIRE(RunFolder::reopen(folder, {}).has_value());
    const auto lines = lines_of(file);
    REQUIRE(lines.size() == 4);
    CHECK(parse_json(lines[2]).value().at("text") == "pager went off");
    CHECK(parse_json(lines[3]).value().at("event") == "run taken up again");
}

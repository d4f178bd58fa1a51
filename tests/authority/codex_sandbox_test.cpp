#include "oa_stream/base/file.hpp"

#include "codex/process/codex_owner_pool.hpp"
#include "codex/process/codex_sandbox.hpp"
#include "harness.hpp"

#include <set>

using namespace oa_test;

TEST_CASE("owner folders: one component of a path, and none for two names") {
    std::set<std::string> folders;
    const std::vector<std::string> names{"",      ".",   "..",   "...", "a",    "A",
                                         "a.b",   ".a",  "%2Ea", "%2E", "a/b",  "a%b",
                                         "a%2Fb", "../", "/",    "a@b", "a%40", "a%40b",
                                         "-rf",   "~",   "%",    "a:b"};
    for (const std::string& name : names) {
        const std::string folder = owner_folder(name);
        CAPTURE(name, folder);
        CHECK_FALSE(folder.empty());
        CHECK_FALSE(folder.starts_with('.'));
        CHECK(folder.find_first_of("/:=\\ ") == std::string::npos);
        CHECK(folders.insert(folder).second);
    }
    CHECK(owner_folder("alice") == "alice");
    CHECK(owner_folder("..") == "%2E.");
    CHECK(owner_folder(std::string(64, '@')).size() == 192); // a file name may have 255
}

TEST_CASE("owned threads: the owner's folder stands before the id") {
    CHECK(CodexOwnerPool::pin_of("alice:0199") == OwnedThread{"alice", "0199"});
    CHECK(CodexOwnerPool::pin_of("0199") == OwnedThread{"", "0199"});
    CHECK(CodexOwnerPool::pin_of("2_0199") == OwnedThread{"", "2_0199"});
}

TEST_CASE("sandbox: what the check's command printed decides") {
    const auto code = [](std::string_view result) {
        const auto judged = judge_sandbox_check(must(parse_json(result)));
        return judged ? std::string("fine") : judged.error().text();
    };
    CHECK(code(R"({"exitCode":0,"stdout":"checked\n","stderr":""})") == "fine");
    CHECK_THAT(
        code(R"({"exitCode":0,"stdout":"readable /s/tokens\nchecked\n","stderr":""})"),
        Catch::Contains("can read what it must not") && Catch::Contains("/s/tokens")
    );
    CHECK_THAT(
        code(R"({"exitCode":0,"stdout":"unwritable\nchecked\n","stderr":""})"),
        Catch::Contains("cannot write")
    );
    CHECK_THAT(
        code(R"({"exitCode":1,"stdout":"","stderr":"bwrap: No permissions to create a namespace"})"
        ),
        Catch::Contains("cannot run a command here") && Catch::Contains("namespace")
    );
    CHECK_THAT(code("{}"), Catch::Contains("cannot run a command here"));
}

TEST_CASE("sandbox: a configuration that runs commands is known as one") {
    Folder folder;
    CodexOptions options;
    CHECK_FALSE(runs_commands(options));
    options.profile = CodexProfile::agent;
    CHECK(runs_commands(options));
    options.profile = CodexProfile::chat;
    options.config_file = folder.path / "config.toml";
    CHECK(runs_commands(options)); // not there: nothing is known
    const auto with = [&](const std::string& text) {
        must(write_file_atomic(*options.config_file, text));
        return runs_commands(options);
    };
    CHECK_FALSE(with("sandbox_mode = \"read-only\"\n"));
    CHECK(with("sandbox_mode = \"workspace-write\"\n"));
    CHECK(with("sandbox_mode = \"danger-full-access\"\n"));
    CHECK(with("default_permissions = \"mine\"\n"));
}

TEST_CASE("sandbox: hidden files are denied where they exist, folders to read are named") {
    Folder folder;
    must(write_file_atomic(folder.path / "tokens", "x"));
    CodexOptions options;
    options.profile = CodexProfile::agent;
    options.program = "/nowhere/codex";
    options.hidden = {folder.path / "tokens", folder.path / "absent"};
    options.read_dirs = {"/opt/tools"};
    const std::string tables = sandbox_tables(options, "/t");
    CHECK_THAT(tables, Catch::Contains((folder.path / "tokens").string() + "\" = \"deny\""));
    CHECK_THAT(tables, !Catch::Contains("absent"));
    CHECK_THAT(tables, Catch::Contains("\"/opt/tools\" = \"read\""));
    CHECK_THAT(tables, Catch::Contains("HOME = \"/t\""));
    CHECK_THAT(tables, !Catch::Contains("\":root\""));
    CHECK_THAT(tables, Catch::Contains("enabled = false"));
}

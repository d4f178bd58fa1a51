#include "codex/codex_approval_details.hpp"
#include "harness.hpp"

#include <filesystem>

using namespace oa_test;

namespace {

Json details_of(std::string_view method, std::string_view params, const ApprovalPlace& place) {
    return approval_details(method, must(parse_json(params)), place);
}

const ApprovalPlace k_place{.work = "/nowhere/work"};
constexpr std::string_view k_command = "item/commandExecution/requestApproval";

} // namespace

TEST_CASE("approval details: where a command would run, by what codex says") {
    struct Row {
        std::string_view params;
        bool sandboxed;
        std::string_view sandbox, network;
    };
    const Row row = GENERATE(
        Row{R"({"command":"x"})", true, "outside", R"({"access":"any"})"},
        Row{R"({"command":"x","networkApprovalContext":{"host":"a.example","protocol":"https"}})",
            true,
            "inside",
            R"({"access":"host","host":"a.example","protocol":"https"})"},
        Row{R"({"command":"x","additionalPermissions":{"network":{"enabled":true}}})",
            true,
            "extended",
            R"({"access":"any"})"},
        Row{R"({"command":"x","additionalPermissions":{"fileSystem":{"read":["/etc"]}}})",
            true,
            "extended",
            R"({"access":"as-before"})"},
        Row{R"({"command":"x","networkApprovalContext":{"host":"a.example","protocol":"https"}})",
            false,
            "outside",
            R"({"access":"any"})"}
    );
    CAPTURE(row.params);
    const Json details =
        details_of(k_command, row.params, {.work = "/nowhere/work", .sandboxed = row.sandboxed});
    CHECK(string_member(details, "sandbox") == row.sandbox);
    REQUIRE(member(details, "network") != nullptr);
    CHECK(dump_json(*member(details, "network")) == row.network);
    CHECK(string_member(details, "cwd") == ".");
}

TEST_CASE("approval details: a folder is named from where the work is") {
    struct Row {
        std::string_view cwd, shown;
        bool outside;
    };
    const Row row = GENERATE(
        Row{"/nowhere/work", ".", false},
        Row{"/nowhere/work/", ".", false},
        Row{"/nowhere/work/a/../b", "b", false},
        Row{"/nowhere/work/..", "/nowhere", true},
        Row{"/nowhere/work2", "/nowhere/work2", true},
        Row{"..", "/nowhere", true},
        Row{"/", "/", true}
    );
    CAPTURE(row.cwd);
    const Json details =
        approval_details(k_command, Json::object({{"command", "ls"}, {"cwd", row.cwd}}), k_place);
    CHECK(string_member(details, "cwd") == row.shown);
    CHECK(bool_member(details, "cwdOutsideWorkFolder") == row.outside);
}

TEST_CASE("approval details: input for a running command is no new command") {
    const Json details =
        details_of(k_command, R"({"command":"bash -lc 'rm -rf /'","kind":"writeStdin"})", k_place);
    CHECK(string_member(details, "kind") == "command-input");
    CHECK(string_member(details, "command") == "bash -lc 'rm -rf /'");
}

TEST_CASE("approval details: diffs are cut between characters, paths never") {
    Json details = Json::object();
    const std::string long_path = "/" + std::string(5000, 'p');
    Json changes = Json::array();
    for (int i = 0; i < 6; ++i) {
        std::string diff = "x";
        while (diff.size() < k_diff_bytes + 7) {
            diff += "ä";
        }
        changes.push_back(Json::object(
            {{"path", long_path}, {"kind", Json::object({{"type", "add"}})}, {"diff", diff}}
        ));
    }
    add_files(details, changes, k_place);
    const Json& files = *member(details, "files");
    REQUIRE(files.size() == 6);
    std::size_t all = 0;
    for (const Json& file : files) {
        const std::string shown(string_member(file, "diff").value_or(""));
        all += shown.size();
        CHECK(shown.size() <= k_diff_bytes);
        CHECK(shown.size() % 2 == (shown.empty() ? 0 : 1)); // whole two-byte characters
        CHECK(int_member(file, "diffBytes") == static_cast<std::int64_t>(k_diff_bytes + 7));
        CHECK(string_member(file, "path") == long_path);
        CHECK(bool_member(file, "outsideWorkFolder") == true);
    }
    CHECK(all <= k_diffs_bytes);
    CHECK(all > k_diffs_bytes - k_diff_bytes);
}

TEST_CASE("approval details: a file that moves out of the work folder is outside") {
    Json details = Json::object();
    const Json changes = must(parse_json(
        R"([{"path":"in.txt","kind":{"type":"update","move_path":"/nowhere/out"},"diff":""}])"
    ));
    add_files(details, changes, k_place);
    const Json& file = member(details, "files")->front();
    CHECK(string_member(file, "path") == "in.txt");
    CHECK(string_member(file, "movePath") == "/nowhere/out");
    CHECK(bool_member(file, "outsideWorkFolder") == true);
}

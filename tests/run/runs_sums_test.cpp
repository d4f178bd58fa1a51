// What the sums of a sealed run say of its files now.
#include "oa_stream/base/digest.hpp"
#include "oa_stream/run/entries.hpp"
#include "oa_stream/run/redactions.hpp"
#include "oa_stream/run/run_notes.hpp"
#include "oa_stream/run/runs.hpp"

#include "as_nobody.hpp"
#include "scratch.hpp"

#include <fmt/format.h>

#include <sys/stat.h>

#include <algorithm>

using namespace oa_stream;
using namespace oa_stream::run;
namespace fs = std::filesystem;

TEST_CASE("runs: sums tell what was changed, what is missing and what was added since the seal") {
    const Scratch state;
    const auto folder = state.ended();
    auto check = check_sums(folder);
    REQUIRE(check.has_value());
    CHECK(check->sealed);
    CHECK(check->whole());
    CHECK(check->added.empty());
    REQUIRE(pin_run(folder, "why").has_value());
    REQUIRE(write_file_atomic(folder / "report.md", "another").has_value());
    REQUIRE(write_file_atomic(folder / "extra", "x").has_value());
    fs::remove(folder / "timeline.ndjson");
    check = check_sums(folder);
    REQUIRE(check.has_value());
    CHECK_FALSE(check->whole());
    CHECK(check->changed == std::vector<std::string>{"report.md"});
    CHECK(check->missing == std::vector<std::string>{"timeline.ndjson"});
    CHECK(check->added == std::vector<std::string>{"extra"});
}

TEST_CASE("runs: a line of the sums that is none is a change, and the others are worked out") {
    const Scratch state;
    const auto folder = state.ended();
    const std::string sums = *read_file(folder / "SHA256SUMS");
    const std::string none(64, 'x');
    REQUIRE(write_file_atomic(folder / "SHA256SUMS", "stray\n" + sums + none + "  run.json\n")
                .has_value());
    REQUIRE(write_file_atomic(folder / "report.md", "another").has_value());
    const auto check = check_sums(folder);
    REQUIRE(check.has_value());
    CHECK_FALSE(check->whole());
    REQUIRE(check->changed.size() == 3);
    CHECK(check->changed[0] == "SHA256SUMS: line 1");
    CHECK(check->changed[1] == "report.md");
    CHECK(check->changed[2].starts_with("SHA256SUMS: line "));
    CHECK(check->right > 0);
    CHECK(check->added.empty());
}

TEST_CASE("runs: what a link leads to, or stands above the folder, is no file as sealed") {
    const Scratch state;
    const auto folder = state.ended();
    const std::string digest = *sha256_of_file(folder / "report.md");
    const std::string sums = *read_file(folder / "SHA256SUMS");
    fs::rename(folder / "report.md", folder.parent_path() / "r.md");
    struct Row {
        const char* name;
        const char* link; ///< of report.md; empty: it is back
        std::string line; ///< one more in the sums
        std::vector<std::string> missing;
    };
    const std::array rows{
        Row{"a link in its place", "../r.md", "", {"report.md"}},
        Row{"a link to nothing", "nowhere", "", {"report.md"}},
        Row{"above", "", digest + "  ../r.md\n", {"../r.md"}},
        Row{"there and back", "", digest + "  ../runs/../r.md\n", {"../runs/../r.md"}},
    };
    for (const Row& row : rows) {
        CAPTURE(row.name);
        fs::remove(folder / "report.md");
        if (*row.link != '\0') {
            fs::create_symlink(row.link, folder / "report.md");
        } else {
            fs::copy_file(folder.parent_path() / "r.md", folder / "report.md");
        }
        REQUIRE(write_file_atomic(folder / "SHA256SUMS", sums + row.line).has_value());
        const auto check = check_sums(folder);
        REQUIRE(check.has_value());
        CHECK_FALSE(check->whole());
        CHECK(check->missing == row.missing);
        CHECK(check->changed.empty());
        CHECK(check->added.empty());
    }
}

TEST_CASE("runs: a folder that a link replaced misses its files, and the link was added") {
    const Scratch state;
    RunFolder run = state.open();
    run.write("measure/a.json", "{}");
    REQUIRE(run.finish({{"verdict", "PASS"}, {"exit_code", 0}}).has_value());
    const auto folder = run.path();
    fs::rename(folder / "measure", folder.parent_path() / "m");
    fs::create_symlink("../m", folder / "measure");
    const auto check = check_sums(folder);
    REQUIRE(check.has_value());
    CHECK(check->missing == std::vector<std::string>{"measure/a.json"});
    CHECK(check->added == std::vector<std::string>{"measure"});
}

TEST_CASE("runs: links, pipes and sockets that came after the seal were added") {
    const Scratch state;
    const auto folder = state.ended();
    fs::create_symlink("/etc/passwd", folder / "link");
    fs::create_symlink("loop", folder / "loop");
    fs::create_symlink("run.json", folder / "notes.ndjson");
    REQUIRE(::mkfifo((folder / "pipe").c_str(), 0600) == 0);
    REQUIRE(::mknod((folder / "control.sock").c_str(), S_IFSOCK | 0600, 0) == 0); // a killed run's
    const auto check = check_sums(folder);
    REQUIRE(check.has_value());
    CHECK(check->whole());
    CHECK(check->added == std::vector<std::string>{"link", "loop", "notes.ndjson", "pipe"});
}

TEST_CASE("runs: what cannot be read is named as that, and counts neither as sealed nor missing") {
    const Scratch state;
    RunFolder run = state.open();
    run.write("measure/a.json", "{}");
    run.write("report.md", "a report\n");
    const bool sealed = GENERATE(true, false);
    REQUIRE((!sealed || run.finish({{"verdict", "PASS"}, {"exit_code", 0}}).has_value()));
    const auto folder = run.path();
    fs::permissions(state.path, fs::perms(0755));
    fs::permissions(folder / "measure", fs::perms::none);
    fs::permissions(folder / "report.md", fs::perms::none);
    {
        const test::AsNobody nobody;
        const auto check = check_sums(folder);
        REQUIRE(check.has_value());
        CHECK_FALSE(check->whole());
        CHECK(check->missing.empty());
        CHECK(check->changed.empty());
        const std::string text = sums_text(*check);
        CHECK(text.contains(sealed ? " as sealed; CANNOT BE READ: measure" : "never sealed: "));
        CHECK(text.contains("; CANNOT BE READ: measure"));
        CHECK(text.contains("report.md") == sealed); // another one is not even looked at
        CHECK((check->right > 0) == sealed);
        const auto entry = read_run(folder);
        REQUIRE(entry.has_value());
        CHECK(entry->unreadable == std::vector<std::string>{"measure"});
        CHECK(entry->files >= 4);
        for (const auto& error : {files_below(folder).error(), checksums(folder).error()}) {
            CHECK(error.code == Code::unreadable);
            CHECK(error.where == (folder / "measure").string());
        }
    }
    fs::permissions(folder / "measure", fs::perms(0755));
}

TEST_CASE("runs: a folder that shows only names, and one that shows nothing, hide no others") {
    const Scratch state;
    const auto folder = state.path / "run";
    for (const char* name : {"a/x", "b/x", "c/x", "d/e/x"}) {
        fs::create_directories((folder / name).parent_path());
        REQUIRE(write_file_atomic(folder / name, "x").has_value());
    }
    fs::create_symlink("x", folder / "d/link");
    REQUIRE(write_file_atomic(folder / "d/y.tmp-1", "xx").has_value());
    fs::permissions(state.path, fs::perms(0755));
    fs::permissions(folder / "a", fs::perms(0444));
    fs::permissions(folder / "b", fs::perms::none);
    Entries all;
    {
        const test::AsNobody nobody;
        all = entries_below(folder);
    }
    fs::permissions(folder / "a", fs::perms(0755));
    fs::permissions(folder / "b", fs::perms(0755));
    using Names = std::vector<std::string>;
    CHECK(all.files == Names{"c/x", "d/e/x"});
    CHECK(all.drafts == Names{"d/y.tmp-1"});
    CHECK(all.others == Names{"d/link"});
    CHECK(all.unreadable == Names{"a/x", "b"});
    CHECK(all.bytes == 4);
    CHECK(entries_below(folder / "absent").unreadable.empty());
}

TEST_CASE("runs: a line of the sums that repeats a name, and sums that are a link, are changes") {
    const Scratch state;
    const auto folder = state.ended();
    const std::string sums = *read_file(folder / "SHA256SUMS");
    const auto lines = std::ranges::count(sums, '\n');
    REQUIRE(write_file_atomic(folder / "SHA256SUMS", sums + sums.substr(0, sums.find('\n') + 1))
                .has_value());
    auto check = check_sums(folder);
    REQUIRE(check.has_value());
    CHECK(check->changed == std::vector{fmt::format("SHA256SUMS: line {}", lines + 1)});
    CHECK(std::cmp_equal(check->right, lines));
    REQUIRE(write_file_atomic(folder.parent_path() / "sums", sums).has_value());
    fs::remove(folder / "SHA256SUMS");
    fs::create_symlink("../sums", folder / "SHA256SUMS");
    check = check_sums(folder);
    REQUIRE(check.has_value());
    CHECK(check->changed == std::vector<std::string>{"SHA256SUMS"});
}

TEST_CASE("runs: a seal without run.json lost its lines") {
    const Scratch state;
    const auto folder = state.ended();
    const std::string sums = *read_file(folder / "SHA256SUMS");
    const auto at = sums.find('\n', sums.find("  run.json")) + 1;
    for (const auto& left : {std::string(), sums.substr(at)}) {
        REQUIRE(write_file_atomic(folder / "SHA256SUMS", left).has_value());
        const auto check = check_sums(folder);
        REQUIRE(check.has_value());
        CHECK_FALSE(check->whole());
        CHECK(check->changed == std::vector<std::string>{"SHA256SUMS"});
    }
}

TEST_CASE("runs: the text names ten files that a folder lost, and counts the rest") {
    SumsCheck check{.sealed = true, .right = 1};
    for (int i = 0; i < 12; ++i) {
        check.missing.push_back("f" + std::to_string(i));
    }
    const std::string text = sums_text(check);
    CHECK(text.starts_with("1 file as sealed; MISSING since the seal: f0, f1, "));
    CHECK(text.ends_with("f9 and 2 more"));
    check.missing.resize(10);
    CHECK(sums_text(check).ends_with("f8, f9"));
}

TEST_CASE("runs: what is noted or pinned after a second seal breaks no seal") {
    const Scratch state;
    const auto folder = state.ended();
    REQUIRE(pin_run(folder, "first").has_value());
    REQUIRE(add_note(folder, "first", "ann").has_value());
    {
        auto again = RunFolder::reopen(folder, {});
        REQUIRE(again.has_value());
        REQUIRE(again->finish({{"verdict", "PASS"}}).has_value());
    }
    REQUIRE(pin_run(folder, "second").has_value());
    REQUIRE(add_note(folder, "second", "ann").has_value());
    const auto check = check_sums(folder);
    REQUIRE(check.has_value());
    CHECK(check->whole());
    CHECK(check->added.empty());
}

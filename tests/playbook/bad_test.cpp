// Broken playbooks, each with its one-line error: tests/playbook/bad/*.yaml. The first line says
// what is expected; a second one "# for a run" or "# --set name=value" how it is read.
#include "oa_stream/base/file.hpp"
#include "oa_stream/playbook/file.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <filesystem>

using namespace oa_stream;
using namespace oa_stream::playbook;
namespace fs = std::filesystem;

namespace {

std::vector<fs::path> corpus() {
    std::vector<fs::path> out;
    for (const auto& entry :
         fs::directory_iterator(fs::path(OA_SOURCE_DIR) / "tests/playbook/bad")) {
        out.push_back(entry.path());
    }
    std::ranges::sort(out);
    return out;
}

std::string line_of(std::string_view text, int number) {
    for (; number > 1; --number) {
        text.remove_prefix(std::min(text.find('\n'), text.size() - 1) + 1);
    }
    return std::string(text.substr(0, text.find('\n')));
}

} // namespace

TEST_CASE("bad playbooks: there are many, and every one is refused with its line") {
    const auto files = corpus();
    CHECK(files.size() >= 60);
    for (const fs::path& path : files) {
        const std::string name = path.filename().string();
        CAPTURE(name);
        const auto text = read_file(path);
        REQUIRE(text.has_value());
        const std::string second = line_of(*text, 2);
        config::Values set;
        if (constexpr std::string_view k_set = "# --set "; second.starts_with(k_set)) {
            set = *config::parse_settings(std::vector{second.substr(k_set.size())});
        }
        const Unset unset = second == "# for a run" ? Unset::refuse : Unset::keep;
        const Loaded loaded = load_playbook(*text, name, set, unset);
        CHECK_FALSE(loaded.playbook.has_value());
        REQUIRE_FALSE(loaded.problems.empty());
        CHECK("# expect: " + loaded.problems.front().text() == line_of(*text, 1));
        for (const config::Problem& problem : loaded.problems) {
            CHECK_FALSE(problem.text().contains('\n'));
            CHECK(problem.error().code == Code::config);
        }
    }
}

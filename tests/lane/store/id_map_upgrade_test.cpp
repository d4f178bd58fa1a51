// Two processes share the file of threads while an old lane hands over to a new one.
#include "../../support/loop_watch.hpp"
#include "../id_map_support.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <map>
#include <random>

using namespace oa_stream;
using namespace oa_stream::lane;
using namespace oa_stream::test;

namespace {

ThreadRow row_of(std::size_t number) {
    ThreadRow row{"o", std::to_string(number), "t" + std::to_string(number)};
    row.updated_at = static_cast<std::int64_t>(1'000 + number);
    return row;
}

void fill(MapStage& stage, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
        stage.map().put(row_of(i));
    }
    REQUIRE(stage.commit().has_value());
}

bool holds(const std::filesystem::path& file, std::string_view word) {
    const auto text = read_file(file);
    REQUIRE(text.has_value());
    return text->contains(word);
}

ino_t inode_of(const std::filesystem::path& file) {
    struct stat found{};
    REQUIRE(::stat(file.c_str(), &found) == 0);
    return found.st_ino;
}

std::ptrdiff_t entries_of(const std::filesystem::path& folder) {
    return std::distance(std::filesystem::directory_iterator(folder), {});
}

/// `stage` writes the whole file, without the row that it erases.
void write_whole(MapStage& stage, const std::filesystem::path& file) {
    stage.map().put({"o", "gone", "t", 0, "xylograph"});
    REQUIRE(stage.commit().has_value());
    stage.map().erase("o", "gone");
    REQUIRE(stage.commit().has_value());
    stage.until([&] { return !holds(file, "xylograph"); });
}

} // namespace

TEST_CASE("id map: a file that another process wrote whole is taken in short parts") {
    constexpr std::size_t k_many = 60'000;
    constexpr double k_longest = 0.05;
    const TempFolder folder;
    const auto file = folder.path / "threads.map";
    MapStage first(file);
    fill(first, k_many);
    MapStage second(file, Millis(1), Millis(5));
    write_whole(second, file);
    const LoopWatch watch(first.context);
    first.map().put({"o", "own", "t"});
    REQUIRE(first.commit().has_value());
    CHECK(watch.longest_s() < k_longest);
    CHECK(first.map().size() == k_many + 1);
}

TEST_CASE("id map: what another process wrote is not lost when the file is written meanwhile") {
    constexpr std::size_t k_many = 20'000;
    const TempFolder folder;
    const auto file = folder.path / "threads.map";
    MapStage first(file, Millis(1), Millis(1));
    fill(first, k_many);
    MapStage second(file, Millis(1), Millis(5));
    first.map().put({"o", "ours", "t", 0, "zither"});
    REQUIRE(first.commit().has_value());
    first.map().erase("o", "ours"); // its title is to leave the file soon
    REQUIRE(first.commit().has_value());
    write_whole(second, file);
    auto renamed = row_of(7);
    renamed.title = "renamed";
    second.map().put(renamed);
    second.map().erase("o", "8");
    second.map().put({"o", "theirs", "t"});
    REQUIRE(second.commit().has_value());
    const auto before = inode_of(file);
    first.map().put({"o", "own", "t"}); // it reads those lines, and writes the file whole
    REQUIRE(first.commit().has_value());
    first.until([&] { return inode_of(file) != before && !holds(file, "zither"); });
    MapStage third(file);
    CHECK(third.map().contains("o", "theirs"));
    CHECK_FALSE(third.map().contains("o", "8"));
    REQUIRE(third.map().contains("o", "7"));
    CHECK(third.map().find("o", "7")->title == "renamed");
    CHECK(third.map().contains("o", "own"));
}

TEST_CASE("id map: a file that another process wrote whole is not written again at once") {
    constexpr std::size_t k_rows = 4'000; // so a file of more than 18,000 lines is written again
    const TempFolder folder;
    const auto file = folder.path / "threads.map";
    MapStage first(file);
    MapStage second(file);
    fill(first, k_rows);
    const auto old = inode_of(file);
    const auto add = [&second](const std::string& id) {
        second.map().put({"o", id, "t"}); // and reads what the other wrote
        REQUIRE(second.commit().has_value());
    };
    for (int round = 0; round < 4; ++round) {
        add("theirs");
        fill(first, k_rows);
    }
    first.until([&] { return inode_of(file) != old; });
    const auto whole = inode_of(file);
    add("one"); // reads all of the new file
    add("more"); // a draft would be there by now
    CHECK(inode_of(file) == whole);
    CHECK(entries_of(folder.path) == 2);
    CHECK(second.map().size() == k_rows + 3);
}

TEST_CASE("id map: many rows of one owner stay in order, however they come") {
    constexpr std::size_t k_rows = 6'000;
    constexpr std::uint32_t k_times = 3'000; // some of them are equal
    std::minstd_rand random(7);
    MapStage stage({});
    std::map<std::string, std::int64_t> expected;
    for (std::size_t i = 0; i < 4 * k_rows; ++i) {
        const auto id = std::to_string(random() % k_rows);
        if (random() % 5 == 0) {
            stage.map().erase("o", id);
            expected.erase(id);
            continue;
        }
        ThreadRow row{"o", id, "t"};
        row.updated_at = static_cast<std::int64_t>(1 + random() % k_times);
        expected[id] = row.updated_at;
        if (random() % 3 == 0) {
            stage.map().describe(row); // of a known row alone
            stage.map().put(row);
        } else {
            stage.map().put(row);
        }
    }
    std::vector<std::pair<std::int64_t, std::string>> sorted;
    for (const auto& [id, updated] : expected) {
        sorted.emplace_back(updated, id);
    }
    std::ranges::sort(sorted, std::greater<>());
    const auto listed = stage.map().newest("o", {}, k_rows);
    REQUIRE(listed.size() == sorted.size());
    std::size_t wrong = 0;
    for (std::size_t i = 0; i < listed.size(); ++i) {
        wrong += listed[i].updated_at != sorted[i].first || listed[i].id != sorted[i].second;
    }
    CHECK(wrong == 0);
}

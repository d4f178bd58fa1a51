#include "id_map_support.hpp"
#include "store/id_map_file.hpp"
#include "store/thread_log.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <set>

using namespace oa_stream;
using namespace oa_stream::lane;
using namespace oa_stream::test;

namespace {

std::vector<std::string> ids_of(const std::vector<ThreadRow>& rows) {
    std::vector<std::string> out;
    for (const auto& row : rows) {
        out.push_back(row.id);
    }
    return out;
}

ThreadRow dated(std::string id, std::int64_t updated) {
    ThreadRow row{"o", std::move(id), "t", 0};
    row.updated_at = updated;
    return row;
}

std::vector<std::string> names(std::initializer_list<const char*> list) {
    return {list.begin(), list.end()};
}

} // namespace

TEST_CASE("id map: the same client id means another thread for another owner") {
    MapStage stage({});
    auto& map = stage.map();
    map.put({"alice", "chat-1", "thread-a", 0});
    map.put({"bob", "chat-1", "thread-b", 2});
    REQUIRE(map.find("alice", "chat-1").has_value());
    CHECK(map.find("alice", "chat-1")->thread == "thread-a");
    CHECK(map.find("bob", "chat-1")->thread == "thread-b");
    CHECK_FALSE(map.contains("carol", "chat-1"));
    CHECK_FALSE(map.contains("", "chat-1"));
    CHECK(map.size() == 2);
}

TEST_CASE("id map: what was committed is there after a restart, whatever it holds") {
    const TempFolder folder;
    const auto file = folder.path / "deep" / "threads.map";
    ThreadRow row{"o\t@x", "a", "t\"\\1\n", 12};
    row.title = "é\nand \\n";
    row.created_at = 5;
    row.updated_at = 7;
    {
        MapStage stage(file, Millis(60'000));
        stage.map().put({"o", "b", "old", 0});
        stage.map().put({"o", "b", "new", 3});
        stage.map().put(row);
        REQUIRE(stage.commit().has_value());
    } // nothing is written on the way out
    MapStage stage(file);
    CHECK(stage.map().find("o", "b") == ThreadRow{"o", "b", "new", 3});
    CHECK(stage.map().find("o\t@x", "a") == row);
    CHECK(stage.notes.empty());
    CHECK(
        (std::filesystem::status(file).permissions() & std::filesystem::perms::others_read) ==
        std::filesystem::perms::none
    );
}

TEST_CASE("id map: a deleted row stays deleted over restarts, and its name can be used again") {
    const TempFolder folder;
    {
        MapStage stage(folder.path / "threads.map");
        auto& map = stage.map();
        map.put({"o", "gone", "t-1"});
        map.put({"o", "again", "t-2"});
        map.put({"o", "kept", "t-3"});
        REQUIRE(stage.run(map.commit()));
        map.archive("o", "kept", true);
        map.erase("o", "gone");
        map.erase("o", "again");
        map.put({"o", "again", "t-4"});
        CHECK_FALSE(map.contains("o", "gone"));
        CHECK(map.size() == 2);
        REQUIRE(stage.run(map.commit()));
    }
    MapStage stage(folder.path / "threads.map");
    auto& map = stage.map();
    CHECK(map.size() == 2);
    CHECK_FALSE(map.contains("o", "gone"));
    REQUIRE(map.contains("o", "again"));
    CHECK(map.find("o", "again")->thread == "t-4");
    CHECK(map.newest("o", {}, 9).size() == 1);
    REQUIRE(map.newest("o", {}, 9, true).size() == 1);
    CHECK(map.newest("o", {}, 9, true).front().id == "kept");
}

TEST_CASE("id map: what another process deleted is gone here as well") {
    const TempFolder folder;
    MapStage one(folder.path / "threads.map");
    one.map().put({"o", "a", "t-1"});
    REQUIRE(one.run(one.map().commit()));
    MapStage other(folder.path / "threads.map");
    REQUIRE(other.map().contains("o", "a"));
    one.map().erase("o", "a");
    REQUIRE(one.run(one.map().commit()));
    other.map().put({"o", "b", "t-2"}); // it reads what was appended when it writes
    REQUIRE(other.run(other.map().commit()));
    CHECK_FALSE(other.map().contains("o", "a"));
    CHECK(other.map().contains("o", "b"));
}

TEST_CASE("id map: a commit with nothing to write returns at once") {
    const TempFolder folder;
    MapStage stage(folder.path / "threads.map");
    CHECK(stage.commit().has_value());
    CHECK_FALSE(std::filesystem::exists(folder.path / "threads.map"));
}

TEST_CASE("id map: a change nobody waits for reaches the file by itself") {
    const TempFolder folder;
    const auto file = folder.path / "threads.map";
    MapStage stage(file);
    stage.map().put({"o", "a", "t", 0});
    stage.until([&] { return std::filesystem::exists(file); });
    stage.map().touch("o", "a", 77);
    REQUIRE(stage.map().flush().has_value());
    MapStage again(file);
    CHECK(again.map().find("o", "a")->updated_at == 77);
}

namespace {

bool holds(const std::filesystem::path& file, std::string_view word) {
    const auto text = read_file(file);
    REQUIRE(text.has_value());
    return text->contains(word);
}

} // namespace

TEST_CASE("id map: the title of a deleted row leaves the file, also after a restart") {
    const TempFolder folder;
    const auto file = folder.path / "threads.map";
    MapStage other(file);
    {
        MapStage stage(file);
        stage.map().put({"o", "gone", "t-1", 0, "xylograph"});
        stage.map().put({"o", "kept", "t-2", 0, "lute"});
        REQUIRE(stage.commit().has_value());
        other.map().put({"o", "more", "t-3"}); // and reads the others
        REQUIRE(other.commit().has_value());
        REQUIRE(other.map().contains("o", "gone"));
        stage.map().erase("o", "gone");
        REQUIRE(stage.commit().has_value());
        CHECK(holds(file, "xylograph")); // the file is written once for many
    }
    MapStage stage(file, Millis(1), Millis(5));
    stage.until([&] { return !holds(file, "xylograph"); });
    CHECK(holds(file, "lute"));
    stage.map().put({"o", "late", "t-4", 0, "zither"});
    REQUIRE(stage.commit().has_value());
    stage.map().erase("o", "late");
    REQUIRE(stage.commit().has_value());
    stage.until([&] { return !holds(file, "zither"); });
    // A process that knew the row learns of its end from the new file, and does not write it again.
    other.map().touch("o", "more", 7);
    other.until([&] { return !other.map().contains("o", "gone"); });
    REQUIRE(other.map().flush().has_value());
    CHECK_FALSE(holds(file, "xylograph"));
    MapStage third(file);
    CHECK(third.map().size() == 2);
    CHECK(third.map().contains("o", "kept"));
    CHECK(third.notes.empty());
}

TEST_CASE("id map: the rows of threads that are gone are found by their threads") {
    MapStage stage({});
    stage.map().put({"a", "1", "t-1"});
    stage.map().put({"b", "1", "t-1"});
    stage.map().put({"b", "2", "t-2"});
    const auto erased = stage.run(stage.map().erase_threads({"t-1", "t-9"}));
    REQUIRE(erased.size() == 2);
    CHECK(erased[0].owner == "a");
    CHECK(erased[1].owner == "b");
    CHECK(stage.map().size() == 1);
    CHECK(stage.map().contains("b", "2"));
}

TEST_CASE("id map: the loop goes on while threads are looked up among many") {
    MapStage stage({});
    for (int i = 0; i < 50'000; ++i) {
        const auto name = std::to_string(i);
        stage.map().put({"o" + name, name, name});
    }
    std::size_t turns = 0;
    bool done = false;
    std::function<void()> tick = [&] {
        ++turns;
        if (!done) {
            asio::post(stage.context, tick);
        }
    };
    asio::post(stage.context, tick);
    const auto erased = stage.run(stage.map().erase_threads({"7", "49999"}));
    done = true;
    CHECK(erased.size() == 2);
    CHECK(stage.map().size() == 49'998);
    CHECK(turns >= 10);
}

TEST_CASE("id map: a turn is kept for its time, also where a deleted row had its place") {
    MapStage stage({});
    auto& map = stage.map();
    const auto used = [&map](const std::string& id) {
        map.put({"o" + id, id, "t"});
        map.note_turn("o" + id, id, "message", "turn");
    };
    used("old");
    map.erase("oold", "old");
    used("new"); // where the first one was
    for (int i = 1; i < 65'536; ++i) {
        used(std::to_string(i));
    }
    CHECK(map.find("onew", "new")->last_turn == "turn");
    used("last");
    CHECK(map.find("onew", "new")->last_turn.empty());
    CHECK(map.find("o1", "1")->last_turn == "turn");
}

TEST_CASE("id map: two processes with one file keep each other's threads") {
    const TempFolder folder;
    const auto file = folder.path / "threads.map";
    MapStage first(file);
    MapStage second(file);
    first.map().put({"o", "from-first", "t1", 0});
    REQUIRE(first.commit().has_value());
    second.map().put({"o", "from-second", "t2", 0});
    REQUIRE(second.commit().has_value());
    CHECK(second.map().contains("o", "from-first"));
    MapStage third(file);
    CHECK(third.map().contains("o", "from-first"));
    CHECK(third.map().contains("o", "from-second"));
    CHECK(third.notes.empty());
}

TEST_CASE("id map: what another process wrote comes a part at a time") {
    constexpr std::size_t k_many = 20'000;
    const TempFolder folder;
    const auto file = folder.path / "threads.map";
    MapStage first(file);
    MapStage second(file);
    for (std::size_t i = 0; i < k_many; ++i) {
        second.map().put({"o", std::to_string(i), "t"});
    }
    REQUIRE(second.commit().has_value());
    std::set<std::size_t> sizes;
    std::function<void()> look = [&] {
        sizes.insert(first.map().size());
        asio::post(first.context, look);
    };
    asio::post(first.context, look);
    first.map().put({"o", "own", "t"});
    REQUIRE(first.commit().has_value());
    CHECK(first.map().size() == k_many + 1);
    CHECK(sizes.size() >= 8);
    first.context.stop();
}

TEST_CASE("id map: a row that is erased here does not come back with the file of another") {
    const TempFolder folder;
    const auto file = folder.path / "threads.map";
    MapStage first(file);
    MapStage second(file, Millis(1), Millis(5));
    first.map().put({"o", "chat", "t-1"});
    first.map().put({"o", "other", "t-2", 0, "xylograph"});
    REQUIRE(first.commit().has_value());
    second.map().put({"o", "more", "t-3"}); // and reads the others
    REQUIRE(second.commit().has_value());
    second.map().erase("o", "other");
    REQUIRE(second.commit().has_value());
    second.until([&] { return !holds(file, "xylograph"); }); // it was written whole
    first.map().erase("o", "chat");
    REQUIRE(first.commit().has_value());
    CHECK_FALSE(first.map().contains("o", "chat"));
    CHECK_FALSE(first.map().contains("o", "other"));
    CHECK(first.map().contains("o", "more"));
}

TEST_CASE("id map: a process that compacts the file takes no line from another") {
    constexpr int k_at_once = 25; // a commit waits for the disk
    const TempFolder folder;
    const auto file = folder.path / "threads.map";
    MapStage first(file, Millis(60'000));
    MapStage second(file, Millis(60'000));
    second.map().put({"o", "early", "t0", 0});
    REQUIRE(second.commit().has_value());
    const auto full = [&] { return std::filesystem::file_size(file); };
    std::uintmax_t largest = 0;
    int rounds = 0;
    while (full() >= largest) { // until it has shrunk
        largest = full();
        for (int i = 0; i < 500; ++i) {
            ++rounds;
            const auto often = "often" + std::to_string(rounds % k_at_once);
            first.map().put({"o", often, "t" + std::to_string(rounds), 0});
            if (rounds % k_at_once == 0) {
                REQUIRE(first.commit().has_value());
            }
        }
        second.map().put({"o", "s" + std::to_string(rounds), "t", 0});
        REQUIRE(second.commit().has_value());
        REQUIRE(rounds < 40'000);
    }
    second.map().put({"o", "late", "t2", 0});
    REQUIRE(second.commit().has_value());
    MapStage third(file);
    CHECK(third.notes.empty());
    CHECK(third.map().contains("o", "early"));
    CHECK(third.map().contains("o", "late"));
    for (int i = 0; i < k_at_once; ++i) {
        const auto last = rounds - (i == 0 ? 0 : k_at_once - i);
        const auto row = third.map().find("o", "often" + std::to_string(i));
        REQUIRE(row.has_value());
        CHECK(row->thread == "t" + std::to_string(last));
    }
    CHECK(third.map().size() == 2 + k_at_once + static_cast<std::size_t>(rounds) / 500);
}

TEST_CASE("id map: of two processes that compact at once the later one gives up") {
    const TempFolder folder;
    const auto path = folder.path / "threads.map";
    const auto line = [](const char* id) {
        std::string out;
        append_line(out, {.owner = "o", .id = id, .thread = "t"});
        return out;
    };
    const auto draft_of = [&](const std::string& lines) {
        const auto draft = open_draft(path);
        REQUIRE(draft.has_value());
        const std::string text = std::string(k_thread_log_header) + lines;
        REQUIRE(::write(draft->first.get(), text.data(), text.size()) == std::ssize(text));
        return draft->second;
    };
    IdMapFile one(path);
    IdMapFile other(path);
    REQUIRE(one.append(line("a") + line("a") + line("a"), true));
    REQUIRE(other.append(line("b"), true));
    const auto since = other.place();
    const auto late = draft_of(line("a") + line("b"));

    REQUIRE(one.append(line("b"), true));
    REQUIRE(one.replace(draft_of(line("a") + line("b")), one.place()));
    REQUIRE(one.append(line("new"), true));
    SECTION("which has not seen the other's file yet") {
    }
    SECTION("which writes into the other's file already") {
        REQUIRE(other.append(line("c"), true));
    }
    const auto replaced = other.replace(late, since);
    REQUIRE_FALSE(replaced.has_value());
    CHECK(replaced.error().code == Code::conflict);
    MapStage third(path);
    CHECK(third.map().contains("o", "new"));
}

TEST_CASE("id map: a file that is something else is refused and left alone") {
    struct Row {
        const char* name;
        std::string_view text;
    };
    static const std::array k_rows{
        Row{"no JSON", "thread ids"},
        Row{"two lines of something", "thread ids\nand more\n"},
        Row{"a later release's", "oa-stream threads 3\n"},
        Row{"another version", R"({"version":2,"threads":[]})"},
        Row{"no threads", R"({"version":1})"},
        Row{"a row without thread", R"({"version":1,"threads":[{"owner":"","id":"a"}]})"},
    };
    const auto row = GENERATE(from_range(k_rows));
    DYNAMIC_SECTION(row.name) {
        const TempFolder folder;
        const auto file = folder.path / "threads.map";
        REQUIRE(write_file_atomic(file, row.text).has_value());
        MapStage stage(file);
        REQUIRE_FALSE(stage.opened.has_value());
        CHECK(stage.opened.error().code == Code::config);
        CHECK(stage.opened.error().where == file.string());
        CHECK(read_file(file).value() == row.text);
    }
}

TEST_CASE("id map: a file that cannot be looked at is not a map without rows") {
    const TempFolder folder;
    const auto circle = folder.path / "circle"; // nobody can look behind it, root neither
    std::filesystem::create_symlink("circle", circle);
    const MapStage behind(circle / "threads.map");
    REQUIRE_FALSE(behind.opened.has_value());
    CHECK(behind.opened.error().code == Code::io);
    CHECK(behind.opened.error().where == (circle / "threads.map").string());

    const auto older = folder.path / "threads.json"; // whose rows would be taken over
    std::filesystem::create_symlink("threads.json", older);
    const MapStage beside(folder.path / "threads.map");
    REQUIRE_FALSE(beside.opened.has_value());
    CHECK(beside.opened.error().where == older.string());
}

TEST_CASE("id map: a disk that takes nothing fails the commit, and works again afterwards") {
    const TempFolder folder;
    const auto blocked = folder.path / "blocked";
    REQUIRE(write_file_atomic(blocked, "a file where a folder is needed").has_value());
    MapStage stage(blocked / "threads.map");
    stage.map().put({"o", "a", "t", 0});
    const auto failed = stage.commit();
    REQUIRE_FALSE(failed.has_value());
    CHECK(failed.error().code == Code::io);
    CHECK_FALSE(stage.problems.empty());
    CHECK_FALSE(stage.run(stage.map().writable()).has_value());
    stage.map().undo("o", "a", std::nullopt);
    CHECK_FALSE(stage.map().contains("o", "a"));
    stage.map().put({"o", "kept", "t", 0});
    CHECK_FALSE(stage.commit().has_value());
    std::filesystem::remove(blocked);
    CHECK(stage.run(stage.map().writable()).has_value());
    CHECK(stage.commit().has_value());
    MapStage again(blocked / "threads.map");
    CHECK(again.map().contains("o", "kept"));
    CHECK_FALSE(again.map().contains("o", "a"));
}

TEST_CASE("id map: each row adds one line, also behind a line that lost its end") {
    const TempFolder folder;
    const auto file = folder.path / "threads.map";
    const auto lines = [&file] {
        const auto text = read_file(file).value();
        CHECK(text.ends_with('\n'));
        CHECK_FALSE(text.contains("\n\n"));
        return std::ranges::count(text, '\n');
    };
    {
        MapStage stage(file);
        for (const auto* id : {"a", "b", "c"}) {
            stage.map().put({"o", id, "t", 0});
            REQUIRE(stage.commit().has_value());
        }
    }
    CHECK(lines() == 4); // with the head
    std::filesystem::resize_file(file, std::filesystem::file_size(file) - 1);
    MapStage stage(file);
    CHECK(stage.map().size() == 3);
    for (const auto* id : {"d", "e"}) {
        stage.map().put({"o", id, "t", 0});
        REQUIRE(stage.commit().has_value());
    }
    CHECK(lines() == 6);
    CHECK(MapStage(file).map().size() == 5);
}

TEST_CASE("id map: a file that was removed under the lane is written again") {
    const TempFolder folder;
    const auto file = folder.path / "threads.map";
    MapStage stage(file);
    stage.map().put({"o", "a", "t", 0});
    REQUIRE(stage.commit().has_value());
    std::filesystem::remove(file);
    stage.map().put({"o", "b", "t", 0});
    REQUIRE(stage.commit().has_value());
    stage.until([&] { return MapStage(file).map().size() == 2; });
}

TEST_CASE("id map: the file of an earlier release is converted, and kept beside") {
    const TempFolder folder;
    const auto file = folder.path / "threads.json";
    const std::string old = "{\"version\":1,\"threads\":[\n"
                            R"({"owner":"","id":"a","thread":"t\"1\n","seeded":0},)"
                            "\n"
                            R"({"owner":"o@x","id":"b_-","thread":"é","seeded":12})"
                            "\n]}\n";
    REQUIRE(write_file_atomic(file, old).has_value());
    for (const bool first : {true, false}) {
        MapStage stage(file);
        REQUIRE(stage.opened.has_value());
        CHECK(stage.notes.size() == (first ? 1 : 0));
        CHECK(stage.map().find("", "a") == ThreadRow{"", "a", "t\"1\n", 0});
        CHECK(stage.map().find("o@x", "b_-") == ThreadRow{"o@x", "b_-", "é", 12});
        CHECK(stage.map().size() == 2);
        CHECK(read_file(folder.path / "threads.json.v1").value() == old);
    }
}

TEST_CASE("id map: threads.json beside threads.map is taken over once, known rows stay") {
    const TempFolder folder;
    const auto file = folder.path / "threads.map";
    {
        MapStage stage(file);
        stage.map().put({"", "known", "new", 0});
        REQUIRE(stage.commit().has_value());
    }
    REQUIRE(write_file_atomic(
                folder.path / "threads.json",
                R"({"version":1,"threads":[{"owner":"","id":"known","thread":"old","seeded":0},
                    {"owner":"","id":"other","thread":"t","seeded":0}]})"
    )
                .has_value());
    for (const bool first : {true, false}) {
        MapStage stage(file);
        CHECK(stage.notes.size() == (first ? 1 : 0));
        CHECK(stage.map().find("", "known")->thread == "new");
        CHECK(stage.map().find("", "other")->thread == "t");
    }
    CHECK_FALSE(std::filesystem::exists(folder.path / "threads.json"));
    CHECK(std::filesystem::exists(folder.path / "threads.json.imported"));
}

TEST_CASE("id map: an owner's rows come newest first, from any place on, also after a restart") {
    const TempFolder folder;
    const auto file = folder.path / "threads.map";
    {
        MapStage stage(file);
        for (const auto& row :
             {dated("a", 10), dated("c", 20), dated("old", 5), dated("d", 20), dated("b", 12)}) {
            stage.map().put(row);
        }
        stage.map().put({"else", "x", "t", 0});
        REQUIRE(stage.commit().has_value());
    }
    MapStage stage(file);
    auto& map = stage.map();
    CHECK(ids_of(map.newest("o", {}, 9)) == names({"d", "c", "b", "a", "old"}));
    CHECK(ids_of(map.newest("o", {}, 2)) == names({"d", "c"}));
    CHECK(ids_of(map.newest("o", IdMap::Place{20, "c"}, 9)) == names({"b", "a", "old"}));
    CHECK(ids_of(map.newest("o", IdMap::Place{11, "never"}, 9)) == names({"a", "old"}));
    map.touch("o", "b", 30);
    CHECK(ids_of(map.newest("o", {}, 2)) == names({"b", "d"}));
    CHECK(ids_of(map.newest("o", IdMap::Place{12, "b"}, 9)) == names({"a", "old"}));
    const auto known = *map.find("o", "d");
    auto other = known;
    other.thread = "made again since";
    map.hide(other);
    CHECK(ids_of(map.newest("o", {}, 2)) == names({"b", "d"}));
    map.hide(known);
    CHECK(ids_of(map.newest("o", {}, 2)) == names({"b", "c"}));
    map.touch("o", "d", 31);
    CHECK(ids_of(map.newest("o", {}, 2)) == names({"d", "b"}));
    map.undo("o", "c", std::nullopt);
    CHECK(ids_of(map.newest("o", {}, 9)) == names({"d", "b", "a", "old"}));
    CHECK(map.newest("nobody", {}, 9).empty());
}

TEST_CASE("id map: what the authority says is kept until the row is used again") {
    MapStage stage({});
    auto& map = stage.map();
    map.put(dated("a", 10));
    map.put(dated("b", 20));
    const auto rows = map.newest("o", {}, 9);
    CHECK(map.unchecked(rows, Millis(60'000), 9).size() == 2);
    CHECK(map.unchecked(rows, Millis(60'000), 1).size() == 1);
    auto told = rows[1];
    told.title = "Plans";
    told.updated_at = 25;
    map.describe(told);
    CHECK(ids_of(map.newest("o", {}, 9)) == names({"a", "b"}));
    CHECK(map.find("o", "a")->title == "Plans");
    CHECK(ids_of(map.unchecked(rows, Millis(60'000), 9)) == names({"b"}));
    map.touch("o", "a", 26);
    CHECK(map.unchecked(rows, Millis(60'000), 9).size() == 2);
    told.thread = "another"; // it was begun again meanwhile
    told.title = "Old";
    map.describe(told);
    CHECK(map.find("o", "a")->title == "Plans");
}

TEST_CASE("id map: rows without times get them, and then their places") {
    MapStage stage({});
    auto& map = stage.map();
    for (const auto* id : {"a", "b", "c"}) {
        map.put(dated(id, 0));
    }
    auto rows = map.undated(2);
    REQUIRE(ids_of(rows) == names({"a", "b"}));
    rows[0].updated_at = 30;
    rows[1].updated_at = 20;
    map.describe_undated(rows[0]);
    map.describe_undated(rows[1]);
    map.reorder();
    CHECK(ids_of(map.newest("o", {}, 9)) == names({"a", "b", "c"}));
    CHECK(ids_of(map.undated(9)) == names({"c"}));
    CHECK(map.undated(9).empty());
}

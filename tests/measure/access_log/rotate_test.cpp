// The files of one log: growing, renamed, copied away, compressed, damaged.
#include "rig.hpp"

#include <fmt/ranges.h>

#include <sys/stat.h>

using namespace oa_stream;
using namespace oa_stream::test;
using State = measure::SourceReading::State;

namespace {

std::string lines(int n, double from_s, const LogLine& like = {}) {
    std::string out;
    for (int i = 0; i < n; ++i) {
        LogLine line = like;
        line.began_s = from_s + i;
        out += line.text();
    }
    return out;
}

std::uint64_t total(LogRig& rig, double to_s = 100) {
    return rig.ask(0, to_s).tally.requests.total;
}

} // namespace

TEST_CASE("access log: a growing file is read on, a torn last line waits for its rest") {
    LogRig rig;
    rig.append(lines(3, 0));
    CHECK(total(rig) == 3);
    const std::string line = LogLine{.began_s = 4}.text();
    for (std::size_t cut = 1; cut < line.size(); cut += 37) {
        rig.append(line.substr(0, cut));
        CHECK(total(rig) == 3);
        rig.write(rig.log(), "");
        rig.append(lines(3, 0));
        (void)total(rig);
        break;
    }
}

TEST_CASE("access log: every cut of a line gives it once") {
    const std::string line = LogLine{.began_s = 4}.text();
    for (std::size_t cut = 1; cut < line.size(); cut += 23) {
        CAPTURE(cut);
        LogRig rig;
        rig.append(lines(2, 0) + line.substr(0, cut));
        CHECK(total(rig) == 2);
        rig.append(line.substr(cut));
        const auto got = rig.ask(0, 100);
        CHECK(got.tally.requests.total == 3);
        CHECK(got.count_error == 0);
    }
}

TEST_CASE("access log: renamed away, nothing is lost and nothing counts twice") {
    LogRig rig;
    rig.append(lines(3, 0));
    CHECK(total(rig) == 3);
    rig.append(lines(2, 3));
    rig.rename("", ".1");
    // The lane still writes to the file it has open.
    rig.append(lines(2, 5), ".1");
    CHECK(total(rig) == 7);
    rig.append(lines(1, 7), ".1");
    rig.append(lines(4, 8));
    CHECK(total(rig) == 12);
    rig.rename(".1", ".2");
    rig.rename("", ".1");
    rig.append(lines(1, 12));
    CHECK(total(rig) == 13);
    rig.write(rig.log(".2.gz"), gzip_text(lines(0, 0)));
    std::filesystem::remove(rig.log(".2.gz"));
    CHECK(total(rig) == 13);
}

TEST_CASE("access log: renamed to where no name leads, its rest is still read") {
    LogRig rig;
    rig.append(lines(3, 0));
    CHECK(total(rig) == 3);
    rig.append(lines(2, 3));
    const auto elsewhere = rig.folder / "old";
    std::filesystem::create_directory(elsewhere);
    std::filesystem::rename(rig.log(), elsewhere / "access.log.1");
    rig.append(lines(1, 5));
    CHECK(total(rig) == 6);
    std::ofstream(elsewhere / "access.log.1", std::ios::app) << lines(1, 6);
    CHECK(total(rig) == 7);
}

TEST_CASE("access log: copied and truncated, nothing is lost and nothing counts twice") {
    LogRig rig;
    rig.append(lines(3, 0));
    CHECK(total(rig) == 3);
    rig.append(lines(2, 3));
    std::filesystem::copy_file(rig.log(), rig.log(".1"));
    CHECK(total(rig) == 5);
    rig.write(rig.log(), "");
    CHECK(total(rig) == 5);
    rig.append(lines(4, 5));
    CHECK(total(rig) == 9);
    SECTION("grown beyond where it was before the next look") {
        std::filesystem::copy_file(
            rig.log(), rig.log(".1"), std::filesystem::copy_options::overwrite_existing
        );
        rig.write(rig.log(), lines(20, 9));
        CHECK(total(rig) == 29);
    }
    SECTION("with what was not read yet only in the copy") {
        rig.append(lines(2, 9));
        std::filesystem::copy_file(
            rig.log(), rig.log(".1"), std::filesystem::copy_options::overwrite_existing
        );
        rig.write(rig.log(), "");
        CHECK(total(rig) == 11);
    }
}

TEST_CASE("access log: history in gz and zst, as far back as the window needs") {
    LogRig rig;
    rig.write(rig.log("-20261118.zst"), zstd_text(lines(5, 0)));
    rig.write(rig.log(".2.gz"), gzip_text(lines(4, 5)));
    rig.write(rig.log(".1"), lines(3, 9));
    rig.append(lines(2, 12));
    rig.write(rig.log(".bak"), lines(50, 12));
    rig.write(rig.log("s.1"), lines(50, 12));
    CHECK(total(rig) == 14);
    CHECK(total(rig) == 14);
    CHECK(rig.ask(0, 13.1).covered_s == Approx(13));
}

TEST_CASE("access log: a file that is compressed after it was read counts once") {
    LogRig rig;
    const std::string first = lines(5, 0);
    const std::string unread = lines(2, 5);
    rig.append(first);
    CHECK(total(rig) == 5);
    rig.append(lines(0, 0));
    rig.write(rig.log(".1.gz"), gzip_text(first + unread));
    rig.write(rig.log(), lines(3, 7));
    CHECK(total(rig) == 10);
    // Both forms for a while, as when gzip has not removed its input yet.
    rig.write(rig.log(".1"), first + unread);
    CHECK(total(rig) == 10);
}

TEST_CASE("access log: without its history only what is written from now on") {
    measure::AccessLogOptions options;
    options.rotated = false;
    LogRig rig(std::move(options));
    rig.write(rig.log(".1"), lines(5, 0));
    rig.append(lines(2, 5));
    CHECK(total(rig) == 2);
    rig.append(lines(1, 7));
    rig.rename("", ".2");
    rig.append(lines(1, 8));
    CHECK(total(rig) == 4);
}

TEST_CASE("access log: files before the window are not even opened") {
    LogRig rig;
    rig.write(rig.log(".2.gz"), "\x1f\x8b nonsense");
    rig.append(lines(2, 5));
    const auto got = rig.ask(0, 100);
    REQUIRE(got.notes.size() == 1);
    CHECK(got.notes[0].starts_with(rig.log(".2.gz").string() + ": damaged"));
    CHECK(got.state == measure::SourceReading::State::missing);
    std::filesystem::last_write_time(
        rig.log(".2.gz"), std::filesystem::file_time_type::clock::now() - std::chrono::years(5)
    );
    LogRig fresh;
    fresh.write(fresh.log(".2.gz"), "\x1f\x8b nonsense");
    std::filesystem::last_write_time(
        fresh.log(".2.gz"), std::filesystem::file_time_type::clock::now() - std::chrono::years(5)
    );
    fresh.append(lines(2, 5));
    CHECK(fresh.ask(0, 100).notes.empty());
}

TEST_CASE("access log: history of the window that is damaged leaves it unknown until it is whole") {
    LogRig rig;
    std::string many = lines(2000, 0, {.end_ms = 0});
    const std::string packed = gzip_text(many);
    rig.now_s = 5000;
    rig.write(rig.log(".1.gz"), packed.substr(0, packed.size() / 2));
    rig.append(lines(2, 2000));
    const auto got = rig.ask(0, 2100);
    CHECK(got.state == State::missing);
    CHECK(
        got.why ==
        rig.log(".1.gz").string() + ": damaged: cut short; the rest of its window is unknown"
    );
    REQUIRE(got.notes.size() == 1);
    CHECK(got.notes[0] == rig.log(".1.gz").string() + ": damaged: cut short");
    // The whole file, once it is there, adds what was missing.
    rig.write(rig.log(".1.gz"), packed);
    const auto whole = rig.ask(0, 2100);
    CHECK(whole.tally.requests.total == 2002);
    CHECK(whole.notes.empty());
}

TEST_CASE("access log: damage in a file whose log another file tells whole hides nothing") {
    LogRig rig;
    const std::string many = lines(2000, 0, {.end_ms = 0});
    const std::string packed = gzip_text(many);
    rig.now_s = 5000;
    rig.write(rig.log(".1"), many);
    rig.write(rig.log(".1.gz"), packed.substr(0, packed.size() / 2)); // is being compressed
    rig.append(lines(2, 2000));
    const auto before = std::filesystem::last_write_time(rig.log(".1.gz"));
    std::filesystem::last_write_time(rig.log(".1"), before - std::chrono::seconds(1));
    const auto got = rig.ask(0, 2100);
    CHECK(got.state == State::measured);
    CHECK(got.tally.requests.total == 2002);
    CHECK(got.notes.empty());
}

TEST_CASE("access log: damaged history from before the window does not matter to it") {
    LogRig rig;
    rig.write(rig.log(".2.gz"), "\x1f\x8b nonsense");
    const auto changed = std::filesystem::last_write_time(rig.log(".2.gz"));
    const auto age =
        std::chrono::duration<double>(std::chrono::file_clock::to_sys(changed).time_since_epoch());
    const double after_s = std::max(age.count() - k_log_epoch, 0.0) + 10;
    LogRig later;
    later.now_s = after_s + 100;
    later.write(later.log(".2.gz"), "\x1f\x8b nonsense");
    std::filesystem::last_write_time(later.log(".2.gz"), changed);
    later.append(lines(2, after_s + 5));
    CHECK(later.ask(0, after_s + 50).state == State::missing); // asked back to it: unknown
    CHECK(later.ask(after_s, after_s + 50).state == State::measured);
}

TEST_CASE("access log: one log under two names counts once") {
    measure::AccessLogOptions options;
    options.paths = {"a.log", "b.log"};
    LogRig rig(options);
    const std::string text = lines(20, 0);
    SECTION("a link that is there is refused") {
        rig.write(rig.folder / "a.log", text);
        std::filesystem::create_symlink(rig.folder / "a.log", rig.folder / "b.log");
        asio::io_context io(1);
        for (const auto& other : {rig.folder / "b.log", rig.folder / "." / "a.log"}) {
            const auto made = measure::access_log_source(
                io.get_executor(), {.paths = {rig.folder / "a.log", other}}
            );
            REQUIRE_FALSE(made.has_value());
            CHECK(made.error().code == Code::usage);
            CHECK(
                made.error().message ==
                (rig.folder / "a.log").string() + " and " + other.string() + " are one file"
            );
        }
    }
    SECTION("a copy") {
        rig.write(rig.folder / "a.log", text);
        rig.write(rig.folder / "b.log", text);
        const auto got = rig.ask(0, 100);
        CHECK(got.tally.requests.total == 20);
        REQUIRE(got.notes.size() == 1);
        CHECK(
            got.notes[0] == (rig.folder / "b.log").string() + " holds lines of " +
                                (rig.folder / "a.log").string() + ": they count once"
        );
    }
    SECTION("what was rotated from one is named as the other") {
        LogRig other({.paths = {"a.log", "a.log.1"}});
        other.write(other.folder / "a.log.1", text);
        other.write(other.folder / "a.log", lines(5, 30));
        CHECK(other.ask(0, 100).tally.requests.total == 25);
    }
}

TEST_CASE("access log: the logs of several lanes are one, and one that stopped is told") {
    measure::AccessLogOptions options;
    options.paths = {"a.log", "b.log"};
    LogRig rig(std::move(options));
    rig.write(rig.folder / "a.log", lines(400, 0));
    rig.write(rig.folder / "b.log", lines(10, 0, {.revision = "rev-b"}));
    const auto got = rig.ask(0, 400);
    CHECK(got.tally.requests.total == 410);
    REQUIRE(got.notes.size() == 1);
    CHECK(
        got.notes[0] == (rig.folder / "b.log").string() +
                            " stopped at 2026-11-20T10:00:09.100Z: what its lane did then is "
                            "not in these numbers"
    );
}

TEST_CASE("access log: a last line that is cut may have been a request until its rest comes") {
    const std::string cut = LogLine{.began_s = 5, .status = 503}.text().substr(0, 90);
    const auto unread = [](LogRig& rig, double from_s = 0) { return rig.ask(from_s, 100).unread; };
    LogRig packed;
    packed.write(packed.log(".1.gz"), gzip_text(lines(3, 0) + cut));
    packed.append(lines(3, 6));
    CHECK(unread(packed) == 1);
    LogRig rotated;
    rotated.append(lines(3, 0) + cut, ".1");
    rotated.append(lines(3, 6));
    CHECK(unread(rotated) == 1);
    rotated.append(lines(1, 900));
    CHECK(rotated.ask(800, 1000).unread == 0);
    LogRig copied;
    copied.append(lines(3, 0) + cut);
    const auto got = copied.ask(0, 100);
    CHECK(got.unread == 1);
    CHECK(
        std::ranges::count(
            got.notes, "1 last line without an end, which may have been a request"
        ) == 1
    );
    copied.append(LogLine{.began_s = 5, .status = 503}.text().substr(90));
    CHECK(unread(copied) == 0);
    CHECK(total(copied) == 4);
    LogRig other;
    other.append(lines(3, 0) + "somebody else");
    CHECK(unread(other) == 0);
}

TEST_CASE("access log: a last line that lacks nothing but its end counts, and once") {
    LogRig rig;
    const std::string last = LogLine{.began_s = 5, .status = 503, .terminal = ""}.text();
    rig.append(lines(3, 0) + last.substr(0, last.size() - 1));
    CHECK(rig.ask(0, 100).tally.requests == measure::Counts{1, 4});
    CHECK(rig.ask(0, 100).unread == 0);
    rig.append("\n" + lines(2, 6));
    const auto got = rig.ask(0, 100);
    CHECK(got.tally.requests == measure::Counts{1, 6});
    CHECK(got.unread == 0);
    CHECK(got.notes.empty());
}

TEST_CASE("access log: a last line counts once, also when its end comes in two reads") {
    LogRig rig;
    const std::string last = LogLine{.began_s = 5, .status = 503, .terminal = ""}.text();
    rig.append(lines(3, 0) + last.substr(0, last.size() - 1));
    CHECK(rig.ask(0, 100).tally.requests == measure::Counts{1, 4});
    rig.append("\r");
    CHECK(rig.ask(0, 100).tally.requests == measure::Counts{1, 4});
    rig.append("\n" + lines(2, 6));
    const auto got = rig.ask(0, 100);
    CHECK(got.tally.requests == measure::Counts{1, 6});
    CHECK(got.notes.empty());

    LogRig full;
    full.append(lines(3, 0) + R"({"ts":"2026-11-20T10:00:07.000Z","event":"request","lost":500})");
    CHECK(full.ask(0, 100).unread == 500);
    full.append("\n" + lines(2, 8));
    CHECK(full.ask(0, 100).unread == 500);
}

TEST_CASE("access log: a folder that cannot be listed is named, for what was rotated away there") {
    LogRig rig;
    rig.write(rig.log(".1"), lines(2, 0));
    rig.append(lines(3, 2));
    CHECK(total(rig) == 5);
    LogRig closed;
    closed.append(lines(3, 2));
    std::filesystem::permissions(closed.folder, std::filesystem::perms(0711));
    const uid_t me = ::geteuid();
    if (me == 0) { // it may list everything
        REQUIRE(::seteuid(65534) == 0);
    } else {
        std::filesystem::permissions(closed.folder, std::filesystem::perms(0100));
    }
    const auto got = closed.ask(0, 100);
    REQUIRE(::seteuid(me) == 0);
    std::filesystem::permissions(closed.folder, std::filesystem::perms(0700));
    CHECK(got.tally.requests.total == 3);
    const std::string note = fmt::format("{}", fmt::join(got.notes, "; "));
    CHECK(note.contains(closed.folder.string() + ": Permission denied: rotated files are not"));
}

TEST_CASE("access log: a log that is not there is told where its rotated file is read") {
    LogRig rig;
    rig.write(rig.log(".1"), lines(3, 0));
    const auto gone = rig.ask(0, 100);
    CHECK(gone.tally.requests.total == 3);
    REQUIRE(gone.notes.size() == 1);
    CHECK(gone.notes[0] == rig.log().string() + ": not there; its rotated files were read");
    rig.append(lines(2, 4));
    CHECK(rig.ask(0, 100).notes.empty());
}

TEST_CASE("access log: a pipe under a name is refused with what to do") {
    LogRig rig;
    REQUIRE(::mkfifo(rig.log().c_str(), 0600) == 0);
    SECTION("without rotated files") {
    }
    SECTION("beside a rotated file, which is not all there is") {
        rig.write(rig.log(".1"), lines(3, 0));
    }
    const auto refused = rig.try_ask({.window = {.from_s = k_log_epoch, .to_s = k_log_epoch + 9}});
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().code == Code::unreadable);
    CHECK(refused.error().message == "it is a pipe");
    CHECK(refused.error().hint.text().contains("use - for standard input"));
}

// Death at every journal line and at every call of the driver, before and after its effect. What
// is left must be enough to bring the traffic back.
#include "oa_stream/base/file.hpp"
#include "oa_stream/playbook/status.hpp"

#include "world.hpp"

#include <catch2/catch.hpp>

using namespace oa_stream;
using namespace oa_stream::playbook;
using namespace oa_stream::playbook::testing;

namespace {

std::ptrdiff_t count(const std::string& text, std::string_view what) {
    std::ptrdiff_t out = 0;
    for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + 1)) {
        ++out;
    }
    return out;
}

/// The journal of a dead run tells the truth about the traffic.
void check_truth(const World& world) {
    const std::string text = world.journal_text();
    const auto summary = read_journal(text);
    REQUIRE(summary.has_value());
    if (summary->baseline.empty()) {
        CHECK(world.driver.applied.empty());
        return;
    }
    CHECK(summary->baseline == World::split(0));
    const bool known = world.driver.serving == *summary->serving ||
                       (summary->pending && world.driver.serving == *summary->pending);
    CHECK((known || !world.driver.answers.empty())); // of those in part nobody can know
    if (!(world.driver.serving == summary->baseline)) {
        CHECK(summary->needs_rollback());
    }
    CHECK(
        count(text, R"("phase":"intent")") >=
        static_cast<std::ptrdiff_t>(world.driver.applied.size())
    );
}

} // namespace

TEST_CASE("crash: at every journal line, before and after it is on disk, the journal is true") {
    for (const bool failing : {false, true}) {
        for (const bool after : {false, true}) {
            const int points = die_everywhere(failing, check_truth, [&](World& world, int point) {
                world.crash_at_write = point;
                world.crash_after_write = after;
            });
            CHECK(points >= 8);
        }
    }
}

TEST_CASE("crash: at every call of the driver, before and after its effect, the journal is true") {
    for (const bool failing : {false, true}) {
        for (const bool after : {false, true}) {
            const int points = die_everywhere(failing, check_truth, [&](World& world, int point) {
                world.driver.crash_at = point;
                world.driver.crash_after = after;
            });
            CHECK(points >= 8);
        }
    }
}

TEST_CASE("crash: after a first write that was not seen whole, somebody is told to look") {
    using Answer = FakeDriver::Answer;
    for (const Answer answer : {Answer::yes_in_part, Answer::in_part, Answer::lost_after}) {
        CAPTURE(static_cast<int>(answer));
        const int points = die_everywhere(false, check_truth, [&](World& world, int point) {
            world.driver.answers[1] = answer;
            world.crash_at_write = point;
            world.crash_after_write = true;
        });
        CHECK(points >= 6);
    }
}

TEST_CASE("crash: a run without a journal line began nothing, unless its timeline has a shift") {
    World world;
    world.make_cutover();
    world.make_small();
    world.crash_at_write = 1;
    CHECK_THROWS_AS(world.run(), Crash);
    CHECK_FALSE(status_in(world.state, world.folder).began);
    world.crash_at_write = world.journal_writes + 4; // the first intent is on disk
    world.crash_after_write = true;
    CHECK_THROWS_AS(world.run(), Crash);
    CHECK_THAT(world.journal_text(), Catch::Contains("intent"));
    REQUIRE(write_file_atomic(world.folder / "journal.ndjson", "").has_value());
    CHECK(status_in(world.state, world.folder).began);
}

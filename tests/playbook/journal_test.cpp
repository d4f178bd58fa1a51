#include "engine/journal.hpp"
#include "world.hpp"

#include <catch2/catch.hpp>

using namespace oa_stream;
using namespace oa_stream::playbook;
using testing::World;

namespace {

std::string written(const std::vector<JournalLine>& lines) {
    std::string out;
    Journal journal([&](const Json& line) -> Result<void> {
        out += dump_json(line) + "\n";
        return {};
    });
    for (const JournalLine& line : lines) {
        REQUIRE(journal.record(line).has_value());
    }
    return out;
}

const JournalLine k_begin{.phase = Phase::begin, .to = World::split(0).to_json(), .detail = "plan"};
const JournalLine k_end{.phase = Phase::end, .detail = "FAIL"};
const JournalLine k_intent{
    .phase = Phase::intent,
    .step = "shift@5%",
    .from = World::split(0).to_json(),
    .to = World::split(5).to_json()
};

} // namespace

TEST_CASE("journal: an intent alone means that it may have happened") {
    const auto summary = read_journal(written({k_begin, k_intent}));
    REQUIRE(summary.has_value());
    CHECK(summary->baseline == World::split(0));
    CHECK(summary->pending == World::split(5));
    CHECK(summary->step == "shift@5%");
    CHECK(summary->needs_rollback());
    CHECK_FALSE(summary->ended);
}

TEST_CASE("journal: refused is settled, done serves, restored needs nothing") {
    const JournalLine refused{.phase = Phase::refused, .step = "shift@5%"};
    CHECK_FALSE(read_journal(written({k_begin, k_intent, refused}))->needs_rollback());
    const JournalLine done{
        .phase = Phase::done, .step = "shift@5%", .to = World::split(5).to_json()
    };
    const auto shifted = read_journal(written({k_begin, k_intent, done}));
    CHECK(shifted->serving == World::split(5));
    CHECK_FALSE(shifted->pending.has_value());
    CHECK(shifted->needs_rollback());
    const JournalLine back{
        .phase = Phase::intent, .step = "rollback", .to = World::split(0).to_json()
    };
    const JournalLine restored{
        .phase = Phase::done, .step = "rollback", .to = World::split(0).to_json()
    };
    const auto summary = read_journal(written({k_begin, k_intent, done, back, restored, k_end}));
    CHECK_FALSE(summary->needs_rollback());
    CHECK(summary->ended);
}

TEST_CASE("journal: a restored baseline is in doubt until the run, or the rollback of it, ends") {
    const JournalLine done{
        .phase = Phase::done, .step = "shift@5%", .to = World::split(5).to_json()
    };
    const JournalLine back{
        .phase = Phase::intent, .step = "rollback", .to = World::split(0).to_json()
    };
    const JournalLine restored{
        .phase = Phase::done, .step = "rollback", .to = World::split(0).to_json()
    };
    const JournalLine resumed{.phase = Phase::resumed, .step = "rollback"};
    const auto needs = [](const std::vector<JournalLine>& lines) {
        return read_journal(written(lines))->needs_rollback();
    };
    CHECK(needs({k_begin, k_intent, done, back, restored}));
    CHECK(needs({k_begin, k_intent, done, k_end, resumed, back, restored}));
    CHECK_FALSE(needs({k_begin, k_intent, done, k_end, resumed, back, restored, k_end}));
    // A baseline that is not a split in whole percents: of a plan that rolls back.
    const JournalLine anywhere{.phase = Phase::begin, .to = Json::object(), .detail = "plan"};
    CHECK(needs({anywhere, back, restored}));
    CHECK_FALSE(needs({anywhere, back, restored, k_end}));
    CHECK_FALSE(needs({anywhere}));
    CHECK_FALSE(needs({k_begin})); // nothing was written
    // The refusal is about the second write of the baseline; the first is not verified.
    const JournalLine refused{.phase = Phase::refused, .step = "rollback"};
    CHECK(needs({k_begin, k_intent, done, back, restored, back, refused}));
    // A rollback of a run that ended, which died before it wrote.
    CHECK_FALSE(needs({k_begin, k_intent, done, back, restored, k_end, resumed}));
    const JournalLine in_doubt = run::end_line({"FAIL", 8});
    CHECK(needs({k_begin, k_intent, done, back, restored, in_doubt, resumed}));
}

TEST_CASE("journal: what served when the next write was set out counts, and so does a late write") {
    const JournalLine written_line{.phase = Phase::written, .step = "shift@5%"};
    const JournalLine ambiguous{.phase = Phase::ambiguous, .step = "shift@5%"};
    const JournalLine unverified{.phase = Phase::unverified, .step = "shift@5%"};
    const JournalLine refused{.phase = Phase::refused, .step = "shift@5%"};
    const auto back = [](int from) {
        return JournalLine{
            .phase = Phase::intent,
            .step = "rollback",
            .from = World::split(from).to_json(),
            .to = World::split(0).to_json()
        };
    };
    const JournalLine restored{
        .phase = Phase::done, .step = "rollback", .to = World::split(0).to_json()
    };
    const auto served =
        read_journal(written({k_begin, k_intent, written_line, unverified, back(5)}));
    CHECK(served->serving == World::split(5));
    CHECK(served->needs_rollback());
    // Nothing came of it so far, and nobody refused it.
    const auto late = read_journal(written({k_begin, k_intent, ambiguous, unverified, back(0)}));
    CHECK(late->needs_rollback());
    const auto fenced =
        read_journal(written({k_begin, k_intent, ambiguous, unverified, back(0), restored, k_end}));
    CHECK_FALSE(fenced->needs_rollback());
    // A rollback that died without an answer, and so did the next one, which saw the baseline.
    const auto twice = read_journal(written({k_begin, k_intent, back(5), back(0)}));
    CHECK(twice->needs_rollback());
    CHECK(twice->late);
    // The repetition was refused; the write before it was not.
    const auto again = read_journal(written({k_begin, k_intent, ambiguous, k_intent, refused}));
    CHECK(again->pending == World::split(5));
    CHECK(again->needs_rollback());
}

TEST_CASE("journal: a line cut by a crash is left out, one in the middle is an error") {
    const std::string text = written({k_begin, k_intent});
    for (std::size_t cut = written({k_begin}).size() + 1; cut < text.size(); ++cut) {
        const auto summary = read_journal(std::string_view(text).substr(0, cut));
        REQUIRE(summary.has_value());
        CHECK(summary->torn_tail);
        CHECK_FALSE(summary->pending.has_value());
    }
    CHECK_FALSE(read_journal("nonsense\n" + text).has_value());
    const std::string twice = text + written({k_begin});
    CHECK(read_journal(twice).error().code == Code::unreadable);
    CHECK(read_journal("")->baseline.empty());
}

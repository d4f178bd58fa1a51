// Error budgets measured by a source before anything is moved.
#include "world.hpp"

#include <catch2/catch.hpp>

using namespace oa_stream;
using namespace oa_stream::playbook;
using namespace oa_stream::playbook::testing;
using Catch::Matchers::Contains;
using measure::Question;
using measure::SourceReading;

namespace {

struct Case {
    std::string_view name;
    std::uint64_t bad = 0;
    double covered_s = 7200;
    std::optional<double> stated{};
    bool or_stated = true;
    Verdict want = Verdict::pass;
    std::string_view why{};
    bool missing = false;
    bool fails = false;
};

RunOutcome play(const Case& one, World& world) {
    FakeSource source([&](const Question& question) -> Result<SourceReading> {
        if (one.fails) {
            return fail(Code::timeout, "no answer");
        }
        SourceReading out;
        out.source = "prometheus http://p";
        out.why = "no series";
        CHECK(question.revision.empty());
        if (!one.missing) {
            out.state = SourceReading::State::measured;
            out.tally.requests = {one.bad, 100'000};
            out.covered_s = one.covered_s;
        }
        return out;
    });
    world.playbook.slo = {
        {.name = "good", .objective = 0.999, .window = Millis(86'400'000), .bad = {"http_5xx"}}
    };
    world.playbook.budget = BudgetSpec{.consumed_at_most = 0.05, .or_stated = one.or_stated};
    world.playbook.sources = {measure::source_settings("prometheus", {.places = {"http://p"}})};
    world.sources["prometheus"] = &source;
    if (one.stated) {
        world.asserted = Asserted{*one.stated, "read from the dashboard"};
    }
    return world.run();
}

} // namespace

TEST_CASE("budget: measured first, stated only where nothing is measured and the playbook lets it"
) {
    const std::vector<Case> rows{
        {.name = "kept", .bad = 4, .why = "4% consumed"},
        {.name = "gone", .bad = 6, .want = Verdict::fail, .why = "6% consumed"},
        {.name = "gone, whatever somebody states",
         .bad = 6,
         .stated = 0.01,
         .want = Verdict::fail,
         .why = "6% consumed"},
        {.name = "under an hour", .covered_s = 1800, .want = Verdict::inconclusive, .why = "30m"},
        {.name = "under an hour, and stated",
         .covered_s = 1800,
         .stated = 0.01,
         .why = "stated, not measured"},
        {.name = "missing",
         .want = Verdict::inconclusive,
         .why = "--asserted-budget PERCENT",
         .missing = true},
        {.name = "missing, and may not be stated",
         .stated = 0.01,
         .or_stated = false,
         .want = Verdict::inconclusive,
         .why = "no series",
         .missing = true},
        {.name = "no answer", .want = Verdict::error, .why = "no answer", .fails = true},
        {.name = "no answer, and stated", .stated = 0.01, .why = "no answer", .fails = true},
        {.name = "stated too much",
         .stated = 0.5,
         .want = Verdict::fail,
         .why = "50% consumed",
         .missing = true},
    };
    for (const Case& row : rows) {
        DYNAMIC_SECTION(row.name) {
            World world;
            const RunOutcome outcome = play(row, world);
            const Check& check = check_of(outcome, "budget.good");
            CAPTURE(check.detail);
            CHECK(check.verdict == row.want);
            CHECK_THAT(check.detail, Contains(std::string(row.why)));
            CHECK((world.driver.writes_seen > 0) == (row.want == Verdict::pass));
        }
    }
}

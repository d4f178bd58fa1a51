// What the commands about stored runs say of one.
#include "runs/runs_args.hpp"

#include <catch2/catch.hpp>

using namespace oa_stream;
using namespace oa_stream::cli;

TEST_CASE("runs: a run has an age where its beginning is known, and none from the future") {
    const WallTime now = std::chrono::system_clock::now();
    const auto begun = [&](std::chrono::hours before) {
        run::RunEntry out;
        out.started = now - before;
        out.started_at = rfc3339_millis(out.started);
        return out;
    };
    const auto age = age_of(begun(std::chrono::hours(2)));
    REQUIRE(age);
    CHECK(*age >= std::chrono::hours(2));
    CHECK(age_text_of(begun(std::chrono::hours(2))) == "2h");
    for (const run::RunEntry& unknown : {run::RunEntry{}, begun(std::chrono::hours(-24 * 365))}) {
        CHECK_FALSE(age_of(unknown));
        CHECK(age_text_of(unknown) == "–");
    }
    run::RunEntry apart = begun(std::chrono::hours(0));
    apart.started += std::chrono::seconds(2);
    CHECK(age_of(apart) == std::chrono::seconds(0));
}

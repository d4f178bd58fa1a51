#include "oa_stream/base/check.hpp"

#include <catch2/catch.hpp>

#include <array>

using namespace oa_stream;

TEST_CASE("verdict of a whole: FAIL > ERROR > INCONCLUSIVE > PASS, and nothing is never PASS") {
    using enum Verdict;
    CHECK(worst(std::array{pass, fail, error}) == fail);
    CHECK(worst(std::array{pass, error, inconclusive}) == error);
    CHECK(worst(std::array{pass, inconclusive}) == inconclusive);
    CHECK(worst(std::array{pass, skipped}) == pass);
    CHECK(worst(std::array{skipped}) == inconclusive);
    CHECK(worst({}) == inconclusive);
}

TEST_CASE("run verdict: only a live pass counts, and a required check may not be skipped") {
    Check live{.id = "a", .verdict = Verdict::pass, .mode = CheckMode::live};
    Check rehearsed{.id = "b", .verdict = Verdict::pass, .mode = CheckMode::rehearsed};
    Check skipped{.id = "c", .verdict = Verdict::skipped, .mode = CheckMode::skipped};
    CHECK(run_verdict({live}) == Verdict::pass);
    CHECK(run_verdict({rehearsed}) == Verdict::inconclusive);
    CHECK(run_verdict({live, skipped}) == Verdict::inconclusive);
    skipped.required = false;
    CHECK(run_verdict({live, skipped}) == Verdict::pass);
    CHECK(run_verdict({}) == Verdict::inconclusive);
}

TEST_CASE("exit codes are those of the documented table") {
    CHECK(static_cast<int>(exit_code(Verdict::pass)) == 0);
    CHECK(static_cast<int>(exit_code(Verdict::fail)) == 1);
    CHECK(static_cast<int>(exit_code(Verdict::inconclusive)) == 3);
    CHECK(static_cast<int>(exit_code(Verdict::error)) == 4);
    CHECK(static_cast<int>(exit_code(Code::usage)) == 2);
    CHECK(static_cast<int>(exit_code(Code::network)) == 4);
    CHECK(static_cast<int>(exit_code(Code::credentials)) == 5);
    CHECK(static_cast<int>(exit_code(Code::precondition)) == 6);
}

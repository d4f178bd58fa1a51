#include "oa_stream/run/conclusion.hpp"

#include <catch2/catch.hpp>

#include <array>
#include <csignal>

using namespace oa_stream;
using namespace oa_stream::run;

namespace {

struct Row {
    std::string_view name;
    EndFacts ending;
    ExitCode want;
};

constexpr Verdict P = Verdict::pass;
constexpr Verdict F = Verdict::fail;
constexpr Verdict I = Verdict::inconclusive;
constexpr Verdict E = Verdict::error;

constexpr std::array k_rows{
    Row{"passed and restored",
        {.verdict = P, .mutated = true, .restored = true, .completed = true},
        ExitCode::ok},
    Row{"passed and stays",
        {.verdict = P, .mutated = true, .completed = true, .stays = true},
        ExitCode::ok},
    Row{"passed, nothing to change", {.verdict = P, .completed = true}, ExitCode::ok},
    Row{"passed, restore not verified",
        {.verdict = F, .mutated = true, .completed = false},
        ExitCode::rollback_unverified},
    Row{"failed before any change", {.verdict = F}, ExitCode::breach},
    Row{"undecided before any change", {.verdict = I}, ExitCode::inconclusive},
    Row{"error before any change", {.verdict = E}, ExitCode::not_executed},
    Row{"failed and rolled back",
        {.verdict = F, .mutated = true, .restored = true},
        ExitCode::rolled_back},
    Row{"undecided and rolled back",
        {.verdict = I, .mutated = true, .restored = true},
        ExitCode::rolled_back},
    Row{"error and rolled back",
        {.verdict = E, .mutated = true, .restored = true},
        ExitCode::rolled_back},
    Row{"failed, rollback not verified",
        {.verdict = F, .mutated = true},
        ExitCode::rollback_unverified},
    Row{"went through, nothing judged it, stays",
        {.verdict = I, .mutated = true, .completed = true, .stays = true, .unjudged = true},
        ExitCode::inconclusive},
    Row{"went through, nothing judged it, restored",
        {.verdict = I, .mutated = true, .restored = true, .completed = true, .unjudged = true},
        ExitCode::inconclusive},
    Row{"nothing judged it, and it did not go through",
        {.verdict = I, .mutated = true, .stays = true, .unjudged = true},
        ExitCode::rollback_unverified},
    Row{"went through, and its evidence did not",
        {.verdict = E, .mutated = true, .completed = true, .stays = true, .unjudged = true},
        ExitCode::rollback_unverified},
    Row{"credentials refused before any change",
        {.verdict = E, .denied = true},
        ExitCode::credentials},
    Row{"credentials refused after a change",
        {.verdict = E, .mutated = true, .restored = true, .denied = true},
        ExitCode::rolled_back},
    Row{"drift before any change", {.verdict = E, .refused = true}, ExitCode::refused},
    Row{"drift after a change",
        {.verdict = E, .mutated = true, .refused = true},
        ExitCode::rollback_unverified},
    Row{"SIGINT before any change", {.verdict = I, .signal = SIGINT}, ExitCode::interrupted},
    Row{"SIGTERM before any change", {.verdict = I, .signal = SIGTERM}, ExitCode::terminated},
    Row{"SIGINT after a change",
        {.verdict = I, .mutated = true, .restored = true, .signal = SIGINT},
        ExitCode::rolled_back},
    Row{"SIGINT, rollback not verified",
        {.verdict = I, .mutated = true, .signal = SIGINT},
        ExitCode::rollback_unverified},
};

} // namespace

TEST_CASE("exit code: by verdict, by what was changed and by what was restored") {
    for (const Row& row : k_rows) {
        INFO(row.name);
        CHECK(conclude(row.ending).exit == row.want);
    }
}

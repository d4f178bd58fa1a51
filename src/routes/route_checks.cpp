// How looks and changes of the routes are judged.
#include "oa_stream/base/json_members.hpp"
#include "oa_stream/base/layout.hpp"
#include "oa_stream/base/lists.hpp"
#include "oa_stream/routes/route_plan.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace oa_stream::routes {
namespace {

constexpr std::string_view k_label = "; does not touch the stream lane";

Check written_check(std::string id, Verdict verdict, std::string_view detail) {
    Check out;
    out.id = std::move(id);
    out.verdict = verdict;
    out.detail = std::string(detail) + std::string(k_label);
    out.evidence = {std::string(run::k_journal_file)};
    out.data = {{"touches_stream_lane", false}};
    return out;
}

Check restored_check(std::string id, const RouteRun& run, const RouteOutcome& outcome) {
    const std::string detail =
        outcome.restored ? fmt::format(
                               "back to {}, {} successive fresh looks agree by evaluate",
                               overrides_of(run.before).text(),
                               outcome.back.row
                           )
                         : "NOT restored: " + (outcome.restore_error ? outcome.restore_error->text()
                                                                     : "no clear answer");
    const Verdict verdict = outcome.restored ? Verdict::pass : Verdict::error;
    return written_check(std::move(id), verdict, detail);
}

} // namespace

Verdict verdict_of_failure(const Error& error) noexcept {
    switch (error.code) {
    case Code::cancelled:
        return Verdict::inconclusive;
    case Code::precondition:
    case Code::conflict:
    case Code::timeout:
        return Verdict::fail;
    default:
        return Verdict::error;
    }
}

std::string RouteSnapshot::text() const {
    return fmt::format("{}", fmt::join(mapped(seen, &Overrides::text), " | "));
}

Check failed_check(std::string id, const Error& error) {
    return written_check(std::move(id), verdict_of_failure(error), error.text());
}

Check preview_check(std::string id, const RoutePlan& plan) {
    const auto writes = mapped(plan.writes(), &RouteWrite::text);
    Check out = written_check(
        std::move(id),
        Verdict::pass,
        writes.empty() ? "nothing to change: " + plan.goal.text()
                       : fmt::format(
                             "{} -> {}, would write {}",
                             plan.before.text(),
                             plan.goal.text(),
                             fmt::join(writes, ", ")
                         )
    );
    out.mode = CheckMode::rehearsed;
    out.evidence.clear();
    return out;
}

Check memories_check(const RouteSnapshot& snapshot) {
    Check check;
    check.id = "route.memories";
    check.verdict = snapshot.agreed ? Verdict::pass : Verdict::fail;
    check.detail =
        snapshot.agreed
            ? fmt::format(
                  "{} successive fresh connections remember: {}", snapshot.looks, snapshot.text()
              )
            : fmt::format(
                  "the processes behind the address disagree; {} fresh connections met: {}",
                  snapshot.looks,
                  snapshot.text()
              );
    check.data["looks"] = snapshot.looks;
    check.data["memories"] = json_list(snapshot.seen);
    return check;
}

Check precedence_check(const RoutePlan& plan) {
    Check check;
    check.id = "route.precedence";
    check.verdict = plan.traps.empty() ? Verdict::pass : Verdict::fail;
    check.detail = plan.traps.empty()
                       ? "the change reaches all that it is about"
                       : plan.traps.front().text + " (" + plan.traps.front().hint.text() + ")";
    return check;
}

std::vector<Check>
change_checks(std::string_view family, const RouteRun& run, const RouteOutcome& outcome) {
    const Error error = outcome.error.value_or(Error{Code::internal, "not done"});
    std::vector<Check> out;
    out.push_back(written_check(
        fmt::format("{}.set", family),
        outcome.changed ? Verdict::pass : verdict_of_failure(error),
        outcome.changed ? fmt::format(
                              "{} -> {}: {}, {} successive fresh looks agree by evaluate",
                              overrides_of(run.before).text(),
                              run.goal.text(),
                              counted(static_cast<std::uint64_t>(outcome.writes), "write"),
                              outcome.verified.row
                          )
                        : error.text()
    ));
    if (!outcome.changed && outcome.mutated) {
        out.push_back(restored_check(fmt::format("{}.restored", family), run, outcome));
    }
    return out;
}

Check undo_check(std::string id, const RouteRun& run, const RouteOutcome& outcome) {
    Check out = restored_check(std::move(id), run, outcome);
    out.detail = fmt::format(
        "{}: {}", counted(static_cast<std::uint64_t>(outcome.writes), "write"), out.detail
    );
    return out;
}

} // namespace oa_stream::routes

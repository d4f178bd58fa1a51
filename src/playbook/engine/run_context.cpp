#include "run_context.hpp"

#include "oa_stream/base/lists.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace oa_stream::playbook {
namespace {

// A few answers may fail by chance: rolling back for one of them would do harm.
constexpr int k_answers_that_may_fail = 3;

} // namespace

void RunOutcome::conclude(run::RunSession& session, const run::EndFacts& facts) {
    const run::Conclusion end = session.conclude(facts);
    verdict = end.verdict;
    exit = end.exit;
    ended = end.ended;
    checks = session.checks();
}

RunContext::RunContext(RunInput input)
    : in(std::move(input)), session(*in.session),
      journal(in.journal ? Journal(in.journal) : session.journal(in.may_write)),
      serving(in.plan->baseline), ours{serving} {
}

Millis RunContext::patience(Millis every) const {
    return std::max(playbook().stage.error_hold_at_most, every * k_answers_that_may_fail);
}

void RunContext::skip(std::string id, bool required, std::string detail) {
    Check check = make_check(std::move(id), Verdict::skipped, std::move(detail));
    check.required = required;
    session.add(std::move(check));
}

void RunContext::add_interrupted(std::string_view where) {
    constexpr std::string_view k_check = "interrupted";
    if (!contains(checks(), k_check, &Check::id)) {
        session.add(
            std::string(k_check),
            Verdict::inconclusive,
            fmt::format("{} {}", in.stop->text(), where)
        );
    }
}

void RunContext::keep(const measure::Sample& sample, std::string_view where) const {
    Json line = measure::to_json(sample);
    line["stage"] = where;
    session.folder().append("measure/samples.ndjson", line);
}

void RunContext::warn(const std::string& text) {
    if (!contains(out.notes, text)) { // not repeated for each stage
        session.say("  " + text);
        out.notes.push_back(text);
    }
}

Mover RunContext::mover(Millis limit, Json exact, bool fenced, std::string never_raises) {
    return {
        *in.driver,
        journal,
        [this] { return now(); },
        {.limit = limit,
         .call_limit = in.timing.driver_call,
         .retry_pause = in.timing.retry_pause,
         .exact = std::move(exact),
         .fence = fenced,
         .torn = torn,
         .may_write = in.may_write,
         .restarted = [this](const auto& process) { return process.is_newer_than(machinery); },
         .note = [this](
                     std::string_view event, const Json& fields
                 ) { session.folder().note(event, fields); },
         .warn = [this](const std::string& text) { warn(text); },
         .never_raises = std::move(never_raises)}
    };
}

} // namespace oa_stream::playbook

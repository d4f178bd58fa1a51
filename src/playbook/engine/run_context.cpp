#include "run_context.hpp"

#include <fmt/format.h>

namespace oa_stream::playbook {
namespace {

JournalSink sink_of(const RunInput& input) {
    if (input.journal) {
        return input.journal;
    }
    return [folder = input.folder](const Json& line) { return folder->journal(line); };
}

} // namespace

RunContext::RunContext(RunInput input)
    : in(std::move(input)), journal(sink_of(in)), serving(in.plan->baseline), ours{serving} {
}

JournalSink RunContext::sink() const {
    return sink_of(in);
}

void RunContext::say(std::string_view line) const {
    if (in.observer.say) {
        in.observer.say(in.folder->redactor().apply(line));
    }
}

void RunContext::log_event(std::string_view event, std::string_view line, const Json& fields)
    const {
    in.folder->note(event, fields);
    say(line);
}

void RunContext::add(Check check) {
    in.folder->note("check", {{"check", to_json(check)}});
    out.checks.push_back(std::move(check));
}

void RunContext::add(std::string id, Verdict verdict, std::string detail, Json data) {
    Check check;
    check.id = std::move(id);
    check.verdict = verdict;
    check.detail = std::move(detail);
    check.data = std::move(data);
    add(std::move(check));
}

void RunContext::skip(std::string id, bool required, std::string detail) {
    Check check;
    check.id = std::move(id);
    check.verdict = Verdict::skipped;
    check.mode = CheckMode::skipped;
    check.required = required;
    check.detail = std::move(detail);
    add(std::move(check));
}

void RunContext::add_interrupted(std::string_view where) {
    add("interrupted", Verdict::inconclusive, fmt::format("signal {} {}", in.stop->signal(), where)
    );
}

void RunContext::keep(const measure::Sample& sample, std::string_view where) const {
    Json line = measure::to_json(sample);
    line["stage"] = where;
    in.folder->append("measure/samples.ndjson", line);
}

Mover RunContext::mover(Millis limit, Json exact, bool fenced) {
    return {
        *in.driver,
        journal,
        [this] { return now(); },
        {.limit = limit,
         .call_limit = in.timing.driver_call,
         .retry_pause = in.timing.retry_pause,
         .exact = std::move(exact),
         .fence = fenced,
         .note =
             [this](std::string_view event, const Json& fields) { in.folder->note(event, fields); }}
    };
}

} // namespace oa_stream::playbook

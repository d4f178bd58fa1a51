#include "journal.hpp"

#include "oa_stream/base/verdict.hpp"

namespace oa_stream::playbook {
namespace {

using traffic::Split;

constexpr auto k_not_verified = static_cast<std::int64_t>(ExitCode::rollback_unverified);

Split split_of(const Json& state) {
    return Split::from_json(state).value_or(Split{});
}

void apply_intent(JournalSummary& summary, const JournalLine& line) {
    summary.late = summary.late || summary.pending.has_value();
    summary.pending = split_of(line.to);
    summary.written.push_back(*summary.pending);
    summary.step = line.step;
    if (!line.from.empty()) { // read a moment before
        summary.serving = split_of(line.from);
        summary.torn = {*summary.serving, *summary.pending};
    }
}

void apply_line(JournalSummary& summary, const JournalLine& line) {
    if (const auto found = string_member(line.more, run::k_found_member)) {
        summary.found = *found;
    } else if (line.phase == Phase::intent || line.phase == Phase::read_back) {
        summary.found.clear(); // both come from a fresh read
    }
    switch (line.phase) {
    case Phase::begin:
        summary.baseline = split_of(line.to);
        summary.serving = summary.baseline;
        summary.plan = line.detail;
        break;
    case Phase::intent:
        apply_intent(summary, line);
        break;
    case Phase::refused:
        // It only concerns the last write: an earlier one may still take effect.
        if (!summary.unclear) {
            summary.pending.reset();
            summary.torn.reset();
        }
        break;
    case Phase::read_back:
        summary.serving = split_of(line.seen);
        break;
    case Phase::done:
        summary.unsettled = summary.unsettled || summary.pending.has_value();
        summary.serving = split_of(line.to);
        summary.pending.reset();
        summary.torn.reset();
        summary.unclear = summary.late = false;
        summary.done.push_back(line.step);
        break;
    case Phase::end:
        summary.ended = true;
        summary.ending = line.detail;
        summary.end = run::end_of(line);
        summary.unsettled = summary.unsettled && summary.end && summary.end->exit == k_not_verified;
        break;
    case Phase::resumed:
        summary.ended = false;
        break;
    case Phase::written:
    case Phase::ambiguous:
        summary.unclear = summary.unsettled = true;
        break;
    case Phase::seen:
    case Phase::unverified:
        break;
    }
}

} // namespace

bool JournalSummary::needs_rollback() const noexcept {
    // Also for the baseline: "done" is written before fresh connections verify it.
    if (!ended && (unsettled || pending)) {
        return true;
    }
    if (baseline.empty()) { // not a split in whole percents: only a rollback begins from one
        return pending.has_value();
    }
    return late || (pending && !(*pending == baseline)) || (serving && !(*serving == baseline));
}

Result<JournalSummary> read_journal(std::string_view text) {
    OA_TRY(const auto journal, run::read_journal_lines(text));
    JournalSummary summary;
    summary.torn_tail = journal.torn_tail;
    summary.lines = journal.lines.size();
    for (const auto& [at, line] : journal.lines) {
        summary.last_at = at;
        if (!line.about_routes()) {
            apply_line(summary, line);
        }
    }
    return summary;
}

} // namespace oa_stream::playbook

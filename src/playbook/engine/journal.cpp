#include "oa_stream/playbook/journal.hpp"

namespace oa_stream::playbook {
namespace {

using traffic::Split;

Split split_of(const Json& state) {
    return Split::from_json(state).value_or(Split{});
}

void take_line(JournalStory& story, const JournalLine& line) {
    switch (line.phase) {
    case Phase::begin:
        story.baseline = split_of(line.to);
        story.serving = story.baseline;
        story.plan = line.detail;
        break;
    case Phase::intent:
        story.pending = split_of(line.to);
        story.written.push_back(*story.pending);
        story.step = line.step;
        break;
    case Phase::refused:
        story.pending.reset();
        break;
    case Phase::read_back:
        story.serving = split_of(line.seen);
        break;
    case Phase::done:
        story.serving = split_of(line.to);
        story.pending.reset();
        story.done.push_back(line.step);
        break;
    case Phase::end:
        story.ended = true;
        story.ending = line.detail;
        break;
    case Phase::resumed:
        story.ended = false;
        break;
    case Phase::written:
    case Phase::ambiguous:
    case Phase::seen:
    case Phase::unverified:
        break;
    }
}

} // namespace

bool JournalStory::needs_rollback() const noexcept {
    if (baseline.empty()) {
        return false;
    }
    return (pending && !(*pending == baseline)) || (serving && !(*serving == baseline));
}

Result<JournalStory> read_journal(std::string_view text) {
    OA_TRY(const auto journal, run::read_journal_lines(text));
    JournalStory story;
    story.torn_tail = journal.torn_tail;
    story.lines = journal.lines.size();
    for (const auto& [at, line] : journal.lines) {
        story.last_at = at;
        if (!line.about_routes()) {
            take_line(story, line);
        }
    }
    return story;
}

} // namespace oa_stream::playbook

#include "oa_stream/playbook/journal.hpp"

#include "oa_stream/base/clock.hpp"

#include <fmt/format.h>

#include <array>

namespace oa_stream::playbook {
namespace {

using traffic::Split;

constexpr std::array k_phases{
    Phase::begin,
    Phase::intent,
    Phase::written,
    Phase::ambiguous,
    Phase::refused,
    Phase::read_back,
    Phase::done,
    Phase::unverified,
    Phase::end,
    Phase::resumed,
};

std::optional<Phase> parse_phase(std::string_view word) {
    for (const Phase phase : k_phases) {
        if (to_string(phase) == word) {
            return phase;
        }
    }
    return std::nullopt;
}

void put(Json& out, const char* key, const Split& split) {
    if (!split.empty()) {
        out[key] = split.to_json();
    }
}

void put(Json& out, const char* key, const std::string& text) {
    if (!text.empty()) {
        out[key] = text;
    }
}

Split split_in(const Json& line, std::string_view key) {
    const Json* found = member(line, key);
    return found == nullptr ? Split{} : Split::from_json(*found).value_or(Split{});
}

std::string text_in(const Json& line, std::string_view key) {
    return std::string(string_member(line, key).value_or(""));
}

std::string where(std::uint64_t line) {
    return fmt::format("journal line {}", line);
}

Result<void> take(JournalStory& story, const Json& line, std::uint64_t expected) {
    const auto seq = int_member(line, "seq");
    const auto phase = parse_phase(text_in(line, "phase"));
    if (!seq || static_cast<std::uint64_t>(*seq) != expected || !phase) {
        return fail(Code::unreadable, "line is out of sequence or has no known phase");
    }
    story.last_at = text_in(line, "at");
    story.lines = expected;
    switch (*phase) {
    case Phase::begin:
        story.baseline = split_in(line, "to");
        story.serving = story.baseline;
        story.plan = text_in(line, "detail");
        break;
    case Phase::intent:
        story.pending = split_in(line, "to");
        story.written.push_back(*story.pending);
        story.step = text_in(line, "step");
        break;
    case Phase::refused:
        story.pending.reset();
        break;
    case Phase::read_back:
        story.serving = split_in(line, "seen");
        break;
    case Phase::done:
        story.serving = split_in(line, "to");
        story.pending.reset();
        story.done.push_back(text_in(line, "step"));
        break;
    case Phase::end:
        story.ended = true;
        story.ending = text_in(line, "detail");
        break;
    case Phase::resumed:
        story.ended = false;
        break;
    case Phase::written:
    case Phase::ambiguous:
    case Phase::unverified:
        break;
    }
    return {};
}

} // namespace

std::string_view to_string(Phase phase) noexcept {
    switch (phase) {
    case Phase::begin:
        return "begin";
    case Phase::intent:
        return "intent";
    case Phase::written:
        return "written";
    case Phase::ambiguous:
        return "ambiguous";
    case Phase::refused:
        return "refused";
    case Phase::read_back:
        return "read-back";
    case Phase::done:
        return "done";
    case Phase::unverified:
        return "unverified";
    case Phase::end:
        return "end";
    case Phase::resumed:
        return "resumed";
    }
    return "end";
}

Result<void> Journal::record(const JournalLine& line) {
    Json out = {
        {"seq", next_},
        {"at", rfc3339_millis(std::chrono::system_clock::now())},
        {"phase", to_string(line.phase)},
    };
    put(out, "step", line.step);
    put(out, "from", line.from);
    put(out, "to", line.to);
    put(out, "seen", line.seen);
    put(out, "etag", line.etag);
    put(out, "detail", line.detail);
    OA_CHECK(sink_(out));
    ++next_;
    return {};
}

bool JournalStory::needs_rollback() const noexcept {
    if (baseline.empty()) {
        return false;
    }
    return (pending && !(*pending == baseline)) || (serving && !(*serving == baseline));
}

Result<JournalStory> read_journal(std::string_view text) {
    JournalStory story;
    std::uint64_t number = 0;
    while (!text.empty()) {
        ++number;
        const auto end = text.find('\n');
        const std::string_view line = text.substr(0, end);
        text = end == std::string_view::npos ? std::string_view{} : text.substr(end + 1);
        if (end == std::string_view::npos) {
            story.torn_tail = true; // without its line end nothing was built on it
            break;
        }
        const auto json = parse_json(line);
        if (!json) {
            return fail(Code::unreadable, json.error().message, where(number));
        }
        if (const auto taken = take(story, *json, number); !taken) {
            return fail(Code::unreadable, taken.error().message, where(number));
        }
    }
    return story;
}

} // namespace oa_stream::playbook

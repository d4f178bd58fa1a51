#include "oa_stream/run/run_journal.hpp"

#include "oa_stream/base/clock.hpp"
#include "oa_stream/base/json_members.hpp"
#include "oa_stream/base/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

namespace oa_stream::run {
namespace {

// Of a line of Phase::end.
constexpr const char* k_by = "by";
constexpr const char* k_verdict = "verdict";
constexpr const char* k_exit_code = "exit_code";
constexpr const char* k_ended = "ended";
constexpr std::string_view k_by_run = "run";
constexpr std::string_view k_by_rollback = "rollback";

constexpr std::array<std::pair<Phase, std::string_view>, 11> k_phases{{
    {Phase::begin, "begin"},
    {Phase::intent, "intent"},
    {Phase::written, "written"},
    {Phase::ambiguous, "ambiguous"},
    {Phase::refused, "refused"},
    {Phase::read_back, "read-back"},
    {Phase::seen, "seen"},
    {Phase::done, "done"},
    {Phase::unverified, "unverified"},
    {Phase::end, "end"},
    {Phase::resumed, "resumed"},
}};

Result<RecordedLine> line_of(const Json& json, std::uint64_t expected) {
    const auto text = [&](const char* key) { return text_in(json, key); };
    const auto state = [&](const char* key) {
        const Json* found = member(json, key);
        return found == nullptr ? Json(nullptr) : *found;
    };
    const auto seq = int_member(json, "seq");
    const auto phase =
        std::ranges::find(k_phases, text("phase"), [](const auto& row) { return row.second; });
    if (!seq || static_cast<std::uint64_t>(*seq) != expected || phase == k_phases.end()) {
        return fail(Code::unreadable, "line is out of sequence or has no known phase");
    }
    RecordedLine out{text("at"), {phase->first, text("step")}};
    out.line.from = state("from");
    out.line.to = state("to");
    out.line.seen = state("seen");
    out.line.etag = text("etag");
    out.line.detail = text("detail");
    for (const char* key :
         {"way", "domain", "target", k_found_member, k_by, k_verdict, k_exit_code, k_ended}) {
        if (const Json* found = member(json, key)) {
            out.line.more[key] = *found;
        }
    }
    return out;
}

constexpr std::string_view k_rollback_words = "rollback apply ";

/// Earlier versions wrote it in the detail alone: "FAIL exit 7", "rollback apply PASS exit 0".
std::optional<JournalEnd> end_in_words(std::string_view words) {
    JournalEnd out;
    out.rollback = words.starts_with(k_rollback_words);
    words.remove_prefix(out.rollback ? k_rollback_words.size() : 0);
    constexpr std::string_view k_exit = " exit ";
    const auto at = words.find(' ');
    if (at == std::string_view::npos || !words.substr(at).starts_with(k_exit)) {
        return std::nullopt;
    }
    const auto code = parse_count(words.substr(at + k_exit.size()), 0, 255);
    if (!code) {
        return std::nullopt;
    }
    out.verdict = words.substr(0, at);
    out.exit = static_cast<std::int64_t>(*code);
    return out;
}

} // namespace

std::string_view to_string(Phase phase) noexcept {
    return k_phases[static_cast<std::size_t>(phase)].second;
}

Result<void> Journal::record(const JournalLine& line) {
    Json out = {
        {"seq", next_},
        {"at", rfc3339_millis(std::chrono::system_clock::now())},
        {"phase", to_string(line.phase)},
        {"step", line.step},
        {"from", line.from},
        {"to", line.to},
        {"seen", line.seen},
        {"etag", line.etag},
        {"detail", line.detail},
    };
    for (const char* key : {"step", "from", "to", "seen", "etag", "detail"}) {
        const Json& value = out[key];
        if (value.empty() || (value.is_string() && value.get_ref<const std::string&>().empty())) {
            out.erase(key);
        }
    }
    out.update(line.more);
    OA_CHECK(sink_(out));
    ++next_;
    return {};
}

Result<RecordedJournal> read_journal_lines(std::string_view text) {
    RecordedJournal out;
    std::uint64_t number = 0;
    while (!text.empty()) {
        ++number;
        const auto end = text.find('\n');
        if (end == std::string_view::npos) {
            out.torn_tail = true; // without its line end nothing was built on it
            break;
        }
        auto json = parse_json(text.substr(0, end));
        text = text.substr(end + 1);
        auto line =
            json ? line_of(*json, number) : Result<RecordedLine>(std::unexpected(json.error()));
        if (!line) {
            return fail(
                Code::unreadable, line.error().message, fmt::format("journal line {}", number)
            );
        }
        out.lines.push_back(*std::move(line));
    }
    return out;
}

JournalLine end_line(const JournalEnd& end, Json seen) {
    JournalLine out{.phase = Phase::end, .seen = std::move(seen)};
    out.detail =
        fmt::format("{}{} exit {}", end.rollback ? k_rollback_words : "", end.verdict, end.exit);
    out.more[k_by] = end.rollback ? k_by_rollback : k_by_run;
    out.more[k_verdict] = end.verdict;
    out.more[k_exit_code] = end.exit;
    if (!end.ended.empty()) {
        out.more[k_ended] = end.ended;
    }
    return out;
}

std::optional<JournalEnd> end_of(const JournalLine& line) {
    if (line.phase != Phase::end) {
        return std::nullopt;
    }
    const auto exit = int_member(line.more, k_exit_code);
    return exit ? std::optional(JournalEnd{
                      text_in(line.more, k_verdict),
                      *exit,
                      text_in(line.more, k_by) != k_by_run,
                      text_in(line.more, k_ended)
                  })
                : end_in_words(line.detail);
}

std::optional<JournalEnd> own_end(const RecordedJournal& journal) {
    std::optional<JournalEnd> out;
    for (const RecordedLine& recorded : journal.lines) {
        if (auto end = end_of(recorded.line); end && !end->rollback) {
            out = std::move(end);
        }
    }
    return out;
}

} // namespace oa_stream::run

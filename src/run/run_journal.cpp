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
    for (const char* key : {"way", "domain", "target", k_found_member}) {
        if (const Json* found = member(json, key)) {
            out.line.more[key] = *found;
        }
    }
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

std::optional<OwnEnd> own_end(const JournalLine& line) {
    constexpr std::string_view k_exit = " exit ";
    const std::string& words = line.detail; // "FAIL exit 7"
    const auto at = words.find(k_exit);
    if (line.phase != Phase::end || at == std::string::npos || words.find(' ') != at) {
        return std::nullopt;
    }
    const auto code = parse_count(std::string_view(words).substr(at + k_exit.size()), 0, 255);
    return code ? std::optional(OwnEnd{words.substr(0, at), static_cast<std::int64_t>(*code)})
                : std::nullopt;
}

std::optional<OwnEnd> own_end(const RecordedJournal& journal) {
    std::optional<OwnEnd> out;
    for (const RecordedLine& recorded : journal.lines) {
        if (auto end = own_end(recorded.line)) {
            out = std::move(end);
        }
    }
    return out;
}

} // namespace oa_stream::run

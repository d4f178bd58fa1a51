#include "oa_stream/base/file.hpp"
#include "oa_stream/base/json.hpp"
#include "oa_stream/measure/sample.hpp"

#include "stream/outcome.hpp"

#include <catch2/catch.hpp>

#include <array>
#include <set>

using namespace oa_stream;
using namespace oa_stream::probe;
using net::TransferFailure;

namespace {

AnswerFacts good() {
    AnswerFacts facts;
    facts.status = 200;
    facts.event_stream = true;
    facts.headers_complete = true;
    facts.bytes = 100;
    facts.any_frame = true;
    facts.done = true;
    facts.terminal = true;
    facts.content_frames = 5;
    return facts;
}

/// No answer at all.
template <TransferFailure Failure> void nothing_but(AnswerFacts& facts) {
    facts = {};
    facts.failure = Failure;
}

struct Row {
    const char* name;
    void (*change)(AnswerFacts&);
    Outcome want;
};

// Each row breaks one thing and, where it says so, a second one that must stay hidden behind it.
const std::array k_rows{
    Row{"nothing wrong", [](AnswerFacts&) {}, Outcome::ok},
    Row{"stopped by ourselves hides all",
        [](AnswerFacts& f) {
            f.stopped = true;
            f.done = false;
        },
        Outcome::cancelled},
    Row{"dns", nothing_but<TransferFailure::dns>, Outcome::dns},
    Row{"refused", nothing_but<TransferFailure::refused>, Outcome::refused},
    Row{"tls", nothing_but<TransferFailure::tls>, Outcome::tls},
    Row{"connect timeout", nothing_but<TransferFailure::connect_timeout>, Outcome::connect_timeout},
    Row{"no head in time", nothing_but<TransferFailure::first_byte_timeout>, Outcome::ttfb_timeout},
    Row{"not HTTP", nothing_but<TransferFailure::malformed>, Outcome::not_sse},
    Row{"reset before a head", nothing_but<TransferFailure::reset>, Outcome::truncated},
    Row{"426",
        [](AnswerFacts& f) {
            f.status = 426;
            f.event_stream = false;
        },
        Outcome::compat_rejected},
    Row{"401", [](AnswerFacts& f) { f.status = 401; }, Outcome::unauthorised},
    Row{"403", [](AnswerFacts& f) { f.status = 403; }, Outcome::unauthorised},
    Row{"503", [](AnswerFacts& f) { f.status = 503; }, Outcome::http_status},
    Row{"204", [](AnswerFacts& f) { f.status = 204; }, Outcome::http_status},
    Row{"JSON with 200 hides its missing frames",
        [](AnswerFacts& f) {
            f.event_stream = false;
            f.any_frame = false;
        },
        Outcome::wrong_content_type},
    Row{"silence hides the missing end",
        [](AnswerFacts& f) {
            f.failure = TransferFailure::idle_timeout;
            f.done = f.terminal = false;
        },
        Outcome::stalled},
    Row{"silence after [DONE] is a stall too",
        [](AnswerFacts& f) { f.failure = TransferFailure::idle_timeout; },
        Outcome::stalled},
    Row{"out of time",
        [](AnswerFacts& f) { f.failure = TransferFailure::total_timeout; },
        Outcome::too_slow},
    Row{"a page instead of events",
        [](AnswerFacts& f) { f.any_frame = f.done = f.terminal = false; },
        Outcome::not_sse},
    Row{"reset in the first line is a cut, not a page",
        [](AnswerFacts& f) {
            f.any_frame = f.done = f.terminal = false;
            f.failure = TransferFailure::reset;
        },
        Outcome::truncated},
    Row{"cut after [DONE]",
        [](AnswerFacts& f) { f.failure = TransferFailure::truncated; },
        Outcome::truncated},
    Row{"a quiet end in the middle hides broken rules",
        [](AnswerFacts& f) {
            f.done = f.terminal = false;
            f.broken_before_done = true;
        },
        Outcome::truncated},
    Row{"finish without [DONE] is a broken rule, not a cut",
        [](AnswerFacts& f) {
            f.done = false;
            f.broken_before_done = true;
        },
        Outcome::contract_violation},
    Row{"unreadable bytes hide broken rules",
        [](AnswerFacts& f) { f.malformed = f.broken_before_done = true; },
        Outcome::malformed_frame},
    Row{"a broken rule hides the failed turn",
        [](AnswerFacts& f) { f.broken_before_done = f.failed_turn = true; },
        Outcome::contract_violation},
    Row{"late data", [](AnswerFacts& f) { f.broken_after_done = true; }, Outcome::late_data},
    Row{"an end long after [DONE]", [](AnswerFacts& f) { f.late_end = true; }, Outcome::late_data},
    Row{"a body cut long after [DONE] is cut",
        [](AnswerFacts& f) {
            f.late_end = true;
            f.failure = TransferFailure::reset;
        },
        Outcome::truncated},
    Row{"a late end hides the failed turn",
        [](AnswerFacts& f) { f.late_end = f.failed_turn = true; },
        Outcome::late_data},
    Row{"a failed turn hides that it is empty",
        [](AnswerFacts& f) {
            f.failed_turn = true;
            f.content_frames = 0;
        },
        Outcome::in_stream_error},
    Row{"nothing said", [](AnswerFacts& f) { f.content_frames = 0; }, Outcome::empty},
    Row{"a missing header hides buffering",
        [](AnswerFacts& f) {
            f.headers_complete = false;
            f.buffered = true;
        },
        Outcome::headers_missing},
    Row{"buffered", [](AnswerFacts& f) { f.buffered = true; }, Outcome::buffered},
};

} // namespace

TEST_CASE("outcome: what is nearer to the cause hides what follows from it") {
    const auto row = GENERATE(from_range(k_rows));
    DYNAMIC_SECTION(row.name) {
        AnswerFacts facts = good();
        row.change(facts);
        CHECK(to_string(classify(facts)) == to_string(row.want));
    }
}

TEST_CASE("outcome: every word has a row in the table, and the last row always holds") {
    std::set<Outcome> seen;
    for (const OutcomeRule& rule : outcome_rules()) {
        seen.insert(rule.outcome);
        CHECK_FALSE(rule.when.empty());
    }
    for (int i = 0; i <= static_cast<int>(Outcome::cancelled); ++i) {
        CAPTURE(to_string(static_cast<Outcome>(i)));
        CHECK(seen.contains(static_cast<Outcome>(i)));
    }
    CHECK(outcome_rules().back().holds(AnswerFacts{}));
    CHECK(to_string(Outcome::ok) == "ok");
    CHECK(to_string(Outcome::truncated) == measure::k_ending_words.front());
    CHECK(to_string(Outcome::late_data) == measure::k_ending_words.back());
    CHECK(to_string(Outcome::compat_rejected) == "compat_rejected");
}

TEST_CASE("outcome: the schema lists the same words") {
    const auto file = read_file(OA_SOURCE_DIR "/docs/schemas/common.v1.schema.json");
    REQUIRE(file.has_value());
    const Json words = (*parse_json(*file))["$defs"]["outcome"]["enum"];
    std::set<std::string_view> listed;
    for (const Json& word : words) {
        listed.insert(word.get_ref<const std::string&>());
    }
    CHECK(
        listed ==
        std::set<std::string_view>(measure::k_outcome_words.begin(), measure::k_outcome_words.end())
    );
}

#include "oa_stream/turn/event.hpp"

#include <catch2/catch.hpp>

#include <set>

using namespace oa_stream::turn;

TEST_CASE("words: every failure code counts in the class the runbook gives it") {
    CHECK(words_of(FailureCode::turn_failed).terminal == TerminalClass::turn_failed);
    CHECK(words_of(FailureCode::turn_aborted).terminal == TerminalClass::turn_aborted);
    CHECK(words_of(FailureCode::turn_lost).terminal == TerminalClass::turn_aborted);
    CHECK(words_of(FailureCode::overloaded).terminal == TerminalClass::turn_aborted);
    for (const auto code :
         {FailureCode::authority_lost,
          FailureCode::authority_timeout,
          FailureCode::stalled,
          FailureCode::codex_error,
          FailureCode::stale_cursor,
          FailureCode::reauth_required}) {
        CHECK(words_of(code).terminal == TerminalClass::codex_error);
    }
    CHECK(outcome_of(FailureCode::overloaded) == Outcome::aborted);
    CHECK(outcome_of(FailureCode::stalled) == Outcome::failed);
    CHECK(
        words_of(FailureCode::adapter_preview_unavailable).terminal ==
        TerminalClass::adapter_preview_unavailable
    );
}

TEST_CASE("words: codes are unique, and sentences are whole and one line") {
    std::set<std::string_view> seen;
    for (const FailureWords& words : all_failure_words()) {
        CHECK(seen.insert(words.word).second);
        CHECK(words.sentence.ends_with('.'));
        CHECK_FALSE(words.sentence.contains('\n'));
        CHECK(&words_of(words.code) == &words);
    }
    CHECK(seen.size() == 11);
}

TEST_CASE("words: a failure's cause takes the place of its code, and says when to come back") {
    Failure failure{.code = FailureCode::turn_failed};
    CHECK(sentence_of(failure) == words_of(FailureCode::turn_failed).sentence);
    failure.cause = FailureCause::rate_limited;
    failure.retry_after = 121;
    CHECK(
        sentence_of(failure) == "The model takes no more requests for now. Try again in 3 minutes."
    );
    failure.retry_after = 1;
    failure.again_at = "5:45 PM";
    CHECK(sentence_of(failure).ends_with(" Try again in 1 second."));
    failure.retry_after.reset();
    CHECK(sentence_of(failure).ends_with(
        " Try again at 5:45 PM (the time of the assistant's server)."
    ));
}

TEST_CASE("words: a wait is told in the unit that people would use, rounded up") {
    struct Row {
        int seconds;
        std::string_view told;
    };
    for (const Row& row : {
             Row{2, "2 seconds"},
             Row{120, "120 seconds"},
             Row{121, "3 minutes"},
             Row{180, "3 minutes"},
             Row{181, "4 minutes"},
             Row{7'200, "120 minutes"},
             Row{7'201, "3 hours"},
             Row{10'800, "3 hours"},
             Row{10'801, "4 hours"},
         }) {
        Failure failure{.code = FailureCode::turn_failed};
        failure.retry_after = row.seconds;
        CAPTURE(row.seconds);
        CHECK(sentence_of(failure).ends_with(" Try again in " + std::string(row.told) + "."));
    }
}

TEST_CASE("events: each alternative has a name and a readable line") {
    CHECK(describe(PartDelta{"m1", "Hel\n"}) == "part-delta id=m1 text=\"Hel\\n\"");
    CHECK(
        describe(TurnEnded{.usage = Usage{10, 2, 5, 1}}) ==
        "turn-ended outcome=completed finish=stop failure=- usage=10+2/5+1"
    );
    CHECK(describe(PartOpened{"m1", PartKind::text}) == "part-opened id=m1 kind=text");
    CHECK(describe(PartOpened{"r1", PartKind::reasoning}) == "part-opened id=r1 kind=reasoning");
    CHECK(
        describe(PartOpened{"m1", PartKind::text, TextPhase::final_answer}) ==
        "part-opened id=m1 kind=text phase=final_answer"
    );
    CHECK(name_of(Event{Note{.name = "plan", .payload = {}}}) == "note");
}

TEST_CASE("words: a phase that clients do not know is none") {
    for (const auto phase : {TextPhase::unknown, TextPhase::commentary, TextPhase::final_answer}) {
        CHECK(text_phase_of(to_string(phase)) == phase);
    }
    CHECK(text_phase_of("partial_answer") == TextPhase::unknown);
}

// Checks that require a target with made-up turns: endings, failures, usage and limits. The turns
// are those of `serve --authority replay` (scenario:NAME;key=value).
#include "oa_stream/base/json_members.hpp"
#include "oa_stream/base/seconds.hpp"
#include "oa_stream/base/text.hpp"
#include "oa_stream/base/url.hpp"

#include "completions_run.hpp"

#include <fmt/format.h>

#include <array>
#include <chrono>

namespace oa_stream::probe {

namespace {

constexpr std::string_view k_unicode =
    "na\xC3\xAFve \xE2\x80\x94 \xE6\x97\xA5\xE6\x9C\xAC "
    "\xF0\x9F\x91\xA9\xF0\x9F\x8F\xBD\xE2\x80\x8D\xF0\x9F\x9A\x80 end";
constexpr std::string_view k_tricky =
    "line1\nline2\r\n\n\ndata: [DONE]\n\n{\"error\":{\"message\":\"quoted\"}}\xE2\x80\xA8 \"q\" \\ "
    "back : colon\n\nevent: x\n: comment ";

std::string words(int n) {
    std::string out;
    for (int i = 1; i <= n; ++i) {
        out += fmt::format("{}w{}", i == 1 ? "" : " ", i);
    }
    return out;
}

std::string kind_of(bool streamed) {
    return streamed ? "streamed" : "whole";
}

/// A turn, whole and streamed, that must contain `text` and end with `finish`.
struct Ending {
    std::string scenario;
    std::string text;
    std::string_view finish; ///< for completions
    std::string_view response = "completed"; ///< for responses
};

std::string ending_fault(const Run& run, const Ending& want, const Completion& answer) {
    if (auto wrong = answer.wrong(); !wrong.empty()) {
        return wrong;
    }
    if (answer.text != want.text) {
        return fmt::format(
            R"(expected "{}", saw "{}")", printable(want.text, 60), printable(answer.text, 60)
        );
    }
    const auto finish = run.responses() ? want.response : want.finish;
    return answer.finish == finish
               ? std::string()
               : fmt::format("expected the end {}, saw {}", finish, answer.finish);
}

Task<std::string> endings_fault(RunPtr run, std::vector<Ending> endings) {
    for (const auto& want : endings) {
        if (!run->scenarios.contains(want.scenario.substr(0, want.scenario.find(';')))) {
            continue;
        }
        for (const bool streamed : {false, true}) {
            const auto answer = co_await play(run, want.scenario, streamed);
            if (auto wrong = ending_fault(*run, want, answer); !wrong.empty()) {
                co_return fmt::format(
                    "{}, {}: {}", want.scenario.substr(0, 30), kind_of(streamed), wrong
                );
            }
        }
    }
    co_return std::string();
}

Task<void> check_texts(RunPtr run) {
    std::vector<Ending> endings{
        {"words;n=40;delay=0", words(40), "stop"},
        {"echo;text=" + percent_encode(k_unicode), std::string(k_unicode), "stop"},
        {"echo;text=" + percent_encode(k_tricky), std::string(k_tricky), "stop"},
    };
    auto wrong = co_await endings_fault(run, std::move(endings));
    if (wrong.empty() && run->scenarios.contains("unicode")) {
        const auto whole = co_await play(run, "unicode", false);
        wrong = co_await endings_fault(run, {Ending{"unicode", whole.text, "stop"}});
        if (wrong.empty() && whole.text.contains("\xEF\xBF\xBD")) {
            wrong = "U+FFFD in a text";
        }
    }
    run->judge("turns.text", wrong, "character by character");
}

Task<void> check_ends(RunPtr run) {
    std::vector<Ending> endings{
        {"empty", "", "stop"},
        {"truncate;n=3", words(3), "length", "incomplete"},
        {"eof;n=3", words(3), "length", "incomplete"},
        {"words;n=6;delay=400", words(6), "stop"},
    };
    run->judge("turns.end", co_await endings_fault(run, std::move(endings)), "stop, length, empty");
}

/// For a failure after the turn was accepted.
std::string failed_stream_fault(const Run& run, const Completion& answer) {
    if (answer.response.status != 200 || !answer.judgement.violations.empty()) {
        return answer.wrong();
    }
    if (answer.error_code.empty() || !answer.order.ends_with('E')) {
        return fmt::format("a failed turn ends with {}, not with an error", answer.order);
    }
    const auto retry = answer.response.headers.get("x-should-retry").value_or("");
    if (!iequals(retry, "false")) {
        return "x-should-retry is not false";
    }
    return trim(answer.text) == words(2) || run.responses()
               ? std::string()
               : fmt::format(R"(expected "w1 w2" before it, saw "{}")", printable(answer.text, 60));
}

Task<void> check_failed(RunPtr run) {
    constexpr std::string_view k_secret = "SECRET-sk-zz9";
    const auto scenario = fmt::format("fail-mid;n=2;msg={}", k_secret);
    const auto stream = co_await play(run, scenario, true);
    auto wrong = failed_stream_fault(*run, stream);
    const auto whole = co_await post(run, scenario_body(*run, scenario, false));
    if (wrong.empty()) {
        wrong = whole.status < 500 ? fmt::format("a failed turn is {}, whole", whole.status)
                                   : error_fault(whole);
    }
    if (wrong.empty() && !iequals(whole.headers.get("x-should-retry").value_or(""), "false")) {
        wrong = "a failed whole answer has no x-should-retry: false";
    }
    if (wrong.empty() && (stream.response.body + whole.body + whole.raw_head).contains(k_secret)) {
        wrong = "the provider's own words are passed on";
    }
    run->judge("turns.failed", wrong, "an error, and no other ending");
}

Task<void> check_refused(RunPtr run) {
    std::string wrong;
    for (const bool streamed : {false, true}) {
        const auto down = co_await post(run, scenario_body(*run, "http-500", streamed));
        if (wrong.empty()) {
            wrong = down.status < 500 ? fmt::format("a turn that never began is {}", down.status)
                                      : error_fault(down);
        }
        const auto rate = co_await post(run, scenario_body(*run, "http-429", streamed));
        if (wrong.empty()) {
            wrong = refusal_fault(rate, 429, "rate_limit_exceeded");
        }
        if (wrong.empty() && !rate.headers.has("retry-after")) {
            wrong = "429 without Retry-After";
        }
    }
    run->wait.reset(); // the check provoked it
    run->judge("turns.refused", wrong, "a status, no stream");
}

std::string counts_fault(const Completion& answer, bool known) {
    if (auto wrong = answer.wrong(); !wrong.empty()) {
        return wrong;
    }
    if (!known) {
        return answer.usage ? "counts that the model never reported" : "";
    }
    if (answer.usage && answer.input == 123 && answer.output == 45 && answer.cached == 100 &&
        answer.reasoning == 7) {
        return {};
    }
    return answer.usage
               ? fmt::format(
                     "expected 123 (100 cached) and 45 (7 reasoning), saw {} ({}), {} ({})",
                     answer.input,
                     answer.cached,
                     answer.output,
                     answer.reasoning
                 )
               : "the counts are lost";
}

Task<void> check_counts(RunPtr run) {
    constexpr std::string_view k_counts = "in=123;out=45;cached=100;reasoning=7";
    struct Row {
        std::string scenario;
        bool known;
    };
    const std::array rows{
        Row{fmt::format("words;n=2;{}", k_counts), true},
        Row{fmt::format("eof;n=2;{}", k_counts), true},
        Row{"words;n=2;nousage=1", false},
        Row{"truncate;n=2;in=0;out=0", false},
    };
    std::string wrong;
    for (const auto& row : rows) {
        for (const bool streamed : {false, true}) {
            if (!wrong.empty()) {
                continue;
            }
            const auto fault = counts_fault(co_await play(run, row.scenario, streamed), row.known);
            wrong = fault.empty()
                        ? fault
                        : fmt::format("{}, {}: {}", row.scenario, kind_of(streamed), fault);
        }
    }
    run->judge("turns.usage", wrong, "those that the model reported, or none");
}

Task<void> check_early(RunPtr run) {
    constexpr double k_first = 1.5;
    constexpr double k_soon = 1.0;
    const auto answer = co_await play(run, "words;n=2;first=1500", true);
    auto wrong = answer.wrong();
    if (wrong.empty() && answer.clocks.first_event.value_or(k_first) > k_soon) {
        wrong = fmt::format(
            "the first event came after {}, with the first word",
            seconds_text(answer.clocks.first_event.value_or(0))
        );
    }
    run->judge("turns.early", wrong, "the stream begins before its first word");
}

/// Edges close idle connections, so a comment must come at least every 15 s (chat completions,
/// section 2); allows a second and a half for transport.
Task<void> check_quiet(RunPtr run) {
    if (!run->options.slow) {
        run->skip("turns.quiet", "takes 19 s; --slow asks for it");
        co_return;
    }
    auto limits = run->options.limits;
    limits.stall = Millis{16'500};
    limits.total = std::max(limits.total, Millis{60'000});
    const auto answer =
        co_await ask(run, scenario_body(*run, "words;n=1;first=19000", true), limits);
    const bool silent = answer.response.failure == net::TransferFailure::idle_timeout;
    run->judge(
        "turns.quiet",
        silent ? "no byte for 16.5 s, where the first word takes 19 s" : answer.wrong(),
        "comments until the first word, which takes 19 s"
    );
}

} // namespace

Task<void> check_scenarios(RunPtr run) {
    if (run->scenarios.empty()) {
        if (run->options.slow) {
            run->skip("turns.quiet", "the target plays no made-up turns");
        }
        co_return;
    }
    co_await check_texts(run);
    co_await check_ends(run);
    co_await check_failed(run);
    co_await check_refused(run);
    co_await check_counts(run);
    co_await check_early(run);
    co_await check_quiet(run);
    co_await check_passed(run);
    co_await check_left(run);
    co_await check_limit(run);
}

} // namespace oa_stream::probe

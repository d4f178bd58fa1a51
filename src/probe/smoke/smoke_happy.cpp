// The happy path on the three routes, and the requirements for its answers.
#include "oa_stream/base/layout.hpp"
#include "oa_stream/base/seconds.hpp"
#include "oa_stream/base/text.hpp"

#include "load/latch.hpp"
#include "smoke_run.hpp"
#include "stream/describe.hpp"
#include "stream/outcome.hpp"
#include "stream/target_request.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace oa_stream::probe {
namespace {

struct SmokedRoute {
    std::string_view name;
    std::string (*path)(const std::string& thread);
    std::string (*body)(std::string_view thread, std::string_view text);
    std::string_view accept_encoding{};
};

constexpr std::array k_routes{
    SmokedRoute{
        "happy.chat-stream",
        [](const std::string&) { return std::string("/api/chat/stream"); },
        chat_body,
    },
    SmokedRoute{
        "happy.chats-id-stream",
        [](const std::string& thread) { return "/api/chats/" + thread + "/stream"; },
        [](std::string_view, std::string_view text) { return content_parts_body(text); },
    },
    SmokedRoute{
        "happy.chat",
        [](const std::string&) { return std::string("/api/chat"); },
        ai_sdk_body,
        // As browsers send it; an edge only compresses when this allows it.
        "gzip, deflate, br",
    },
};

ProbeRequest
happy_request(const Smoke& smoke, const SmokedRoute& route, const std::string& thread) {
    ProbeRequest request;
    request.path = route.path(thread);
    request.body = route.body(thread, smoke.ask().prompt);
    request.paced_over = smoke.ask().paced_over;
    request.accept_encoding = route.accept_encoding;
    return request;
}

Task<ProbeSample> happy_probe(SmokePtr smoke, const SmokedRoute* route, std::string thread) {
    for (;;) {
        ProbeSample sample = co_await smoke->probe(
            std::string(route->name), thread, happy_request(*smoke, *route, thread)
        );
        if (sample.status != 422 || smoke->asks.size() == 1) {
            smoke->asks.resize(1);
            co_return sample;
        }
        smoke->asks.erase(smoke->asks.begin());
        smoke->kept.erase(std::string(route->name));
    }
}

Task<void> happy(SmokePtr smoke, const SmokedRoute* route) {
    const std::string thread = smoke->thread();
    ProbeSample sample = co_await happy_probe(smoke, route, thread);
    if (is_unreachable(sample.outcome)) {
        smoke->report(route->name, Verdict::error, sample.detail, to_json(sample));
    } else if (sample.outcome != Outcome::unauthorised) { // reported together with the other routes
        smoke->judge(
            route->name,
            wrong_with_answer(sample, smoke->ask().expect),
            fmt::format(
                "completed, {}, first content after {}",
                counted(sample.judgement.frames, "frame"),
                seconds_text(sample.clocks.first_content.value_or(0))
            ),
            to_json(sample)
        );
    }
    smoke->happy.push_back({route->name, thread, smoke->ask().prompt, std::move(sample)});
}

/// Credentials that one route accepted are valid, so another route's refusal is a fault.
void report_refused(Smoke& smoke) {
    const Happy* let_in =
        smoke.first([](const Happy& happy) { return happy.sample.status == 200; });
    for (const Happy& happy : smoke.happy) {
        if (happy.sample.outcome == Outcome::unauthorised) {
            smoke.report(
                happy.route,
                let_in == nullptr ? Verdict::error : Verdict::fail,
                happy.sample.detail +
                    (let_in == nullptr ? "" : fmt::format(", though {} was let in", let_in->route)),
                to_json(happy.sample)
            );
        }
    }
}

struct Tally {
    explicit Tally(const asio::any_io_executor& executor) : over(executor) {}
    std::map<std::string, unsigned> outcomes{};
    std::string unlike{}; ///< of the first thread that lists another text than it streamed
    unsigned good = 0;
    unsigned pending = 0;
    Latch over;
};

Task<void> one_of_many(SmokePtr smoke, std::shared_ptr<Tally> tally, unsigned number) {
    const std::string thread = smoke->thread();
    ProbeSample sample = co_await smoke->probe(
        fmt::format("concurrency+{:02}", number),
        thread,
        happy_request(*smoke, k_routes[number % k_routes.size()], thread)
    );
    const bool ended = wrong_with_answer(sample, smoke->ask().expect).empty();
    MessagesSeen listed; // swapped answers are each valid by themselves
    if (ended && lists_turns(*smoke)) {
        listed = co_await seen_in_messages(smoke, thread, smoke->ask().prompt, sample.text);
    }
    const bool good = ended && listed.wrong.empty();
    tally->good += good ? 1U : 0U;
    ++tally->outcomes
          [good    ? "ok"
           : ended ? "not_as_listed"
                   : std::string(to_string(sample.outcome))];
    if (tally->unlike.empty() && !listed.wrong.empty()) {
        tally->unlike = fmt::format(": {} ({})", listed.wrong, thread);
    }
    if (--tally->pending == 0) {
        tally->over.open();
    }
}

} // namespace

bool flows(const Smoke& smoke) {
    return std::ranges::any_of(smoke.happy, [](const Happy& happy) {
        return happy.sample.done && happy.sample.pacing == Pacing::streamed;
    });
}

std::string wrong_with_answer(const ProbeSample& sample, std::string_view expect) {
    if (!is_whole(sample.outcome)) { // head and pace have separate checks
        return fmt::format(
            "{}: {}{}",
            to_string(sample.outcome),
            sample.detail,
            sample.request_id.empty()
                ? ""
                : fmt::format(" (request {})", printable(sample.request_id, 60))
        );
    }
    if (sample.terminal != "completed") {
        return fmt::format(
            "expected the final status completed, saw {}",
            sample.terminal.empty() ? "none" : printable(sample.terminal, 60)
        );
    }
    if (sample.text.empty()) {
        return "expected at least one text delta, saw none";
    }
    if (sample.text.find(expect) == std::string::npos) {
        return fmt::format(
            R"(expected the text "{}", saw "{}")",
            printable(expect, 80),
            printable(sample.text, 120)
        );
    }
    return {};
}

Task<void> smoke_happy(SmokePtr smoke) {
    for (const SmokedRoute& route : k_routes) {
        co_await happy(smoke, &route);
        if (smoke->happy.back().sample.outcome == Outcome::too_slow) {
            break;
        }
    }
    report_refused(*smoke);
}

Task<void> smoke_concurrency(SmokePtr smoke) {
    const unsigned wanted = std::min(smoke->options.concurrency, 64U);
    if (wanted < 2) {
        smoke->not_applicable("concurrency", "one probe at a time was asked for");
        co_return;
    }
    const auto executor = co_await asio::this_coro::executor;
    const auto tally = std::make_shared<Tally>(executor);
    tally->pending = wanted;
    for (unsigned i = 0; i < wanted; ++i) {
        spawn(executor, "smoke", one_of_many(smoke, tally, i));
    }
    co_await tally->over.wait(smoke->options.limits.total + k_longest_wait);
    Json data;
    for (const auto& [word, count] : tally->outcomes) {
        data[word] = count;
    }
    smoke->report(
        "concurrency",
        tally->good == wanted ? Verdict::pass : Verdict::fail,
        fmt::format("{} of {} parallel turns ended well{}", tally->good, wanted, tally->unlike),
        std::move(data)
    );
}

} // namespace oa_stream::probe

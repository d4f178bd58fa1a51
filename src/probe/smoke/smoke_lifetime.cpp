// A turn outlives its connection: lost and resumed, stopped, superseded.
#include "oa_stream/base/json_members.hpp"
#include "oa_stream/base/text.hpp"
#include "oa_stream/probe/prober.hpp"
#include "oa_stream/wire/sse.hpp"

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

constexpr std::array<std::string_view, 6> k_checks{
    "resume.live",
    "stop.live",
    "stop.state",
    "abort.recovers",
    "abort.state",
    "abort.disconnect",
};
constexpr std::uint64_t k_leave_after = 3; // content frames, of twenty in the paced transcript

ProbeRequest ask(const Smoke& smoke, const std::string& thread) {
    return probe_request(thread, smoke.ask().prompt);
}

Task<ProbeSample> ask_and_leave(SmokePtr smoke, std::string name, std::string thread) {
    ProbeRequest request = ask(*smoke, thread);
    request.stop_after_content = k_leave_after;
    co_return co_await smoke->probe(std::move(name), std::move(thread), std::move(request));
}

std::string
wrong_with_resume(const ProbeSample& resumed, const ProbeSample& left, const Smoke& smoke) {
    if (resumed.status == 204) {
        return "HTTP 204 though the turn was running";
    }
    if (std::string wrong = wrong_with_answer(resumed, smoke.ask().expect); !wrong.empty()) {
        return wrong;
    }
    if (resumed.message_id != left.message_id) {
        return "the resumed stream has another messageId";
    }
    if (!resumed.text.starts_with(left.text)) {
        return "the resumed stream does not begin at the turn's start";
    }
    const bool same = wire::without_sse_comments(resumed.raw_body)
                          .starts_with(wire::without_sse_comments(left.raw_body));
    return same || !smoke.named ? wrong_with_head_alone(smoke, resumed)
                                : "the resumed stream's bytes are not those read before";
}

// A failed turn is the target's fault; one that ended too soon proves nothing. False: it was not
// left in the middle, which is reported.
bool was_left(Smoke& smoke, std::string_view name, const ProbeSample& sample) {
    if (sample.outcome == Outcome::cancelled && sample.content_frames >= k_leave_after) {
        return true;
    }
    const bool over = is_whole(sample.outcome);
    smoke.report(
        name,
        over || is_unreachable(sample.outcome) ? Verdict::error : Verdict::fail,
        fmt::format("could not leave in the middle: {}", sample.detail),
        to_json(sample)
    );
    return false;
}

Task<void> resume_live(SmokePtr smoke) {
    const std::string thread = smoke->thread();
    const ProbeSample left = co_await ask_and_leave(smoke, "resume.live+left", thread);
    if (!was_left(*smoke, "resume.live", left)) {
        co_return;
    }
    ProbeRequest request;
    request.method = "GET";
    request.path = "/api/chats/" + thread + "/stream";
    request.pacing = PacingMode::observe;
    const ProbeSample resumed = co_await smoke->probe("resume.live", thread, std::move(request));
    std::string wrong = wrong_with_resume(resumed, left, *smoke);
    bool reached = true;
    // The list is used to compare what came after the part that was read twice.
    if (wrong.empty() && lists_turns(*smoke)) {
        MessagesSeen listed =
            co_await seen_in_messages(smoke, thread, smoke->ask().prompt, resumed.text);
        reached = listed.reached;
        wrong = std::move(listed.wrong);
    }
    smoke->report(
        "resume.live",
        wrong.empty() ? Verdict::pass
        : reached     ? Verdict::fail
                      : Verdict::error,
        wrong.empty() ? "left after 3 content frames, resumed from the same first byte to the end"
                      : wrong,
        to_json(resumed)
    );
}

struct Running {
    explicit Running(const asio::any_io_executor& executor) : content(executor), over(executor) {}
    Latch content;
    Latch over;
    ProbeSample sample{};
};

Task<void> run_until_over(SmokePtr smoke, std::string thread, std::shared_ptr<Running> running) {
    ProbeRequest request = ask(*smoke, thread);
    request.on_content = [running](const ProbeSample&) { running->content.open(); };
    running->sample = co_await smoke->probe("stop.live", thread, std::move(request));
    running->content.open();
    running->over.open();
}

std::string wrong_with_stopped(const net::ClientResponse& stop, const ProbeSample& sample) {
    if (stop.status < 200 || stop.status > 299) {
        return "expected 2xx of the stop endpoint, saw " + seen(stop);
    }
    if (!sample.aborted || sample.outcome != Outcome::in_stream_error) {
        return fmt::format(
            "expected a legal ending with abort, saw {}: {}",
            to_string(sample.outcome),
            sample.detail
        );
    }
    return sample.terminal == "interrupted"
               ? ""
               : fmt::format(
                     "expected the status interrupted, saw {}", printable(sample.terminal, 60)
                 );
}

/// A lane of our make reports whether there was a turn to stop. Otherwise the stop came too late.
bool found_none(const net::ClientResponse& stop) {
    const auto body = parse_json(stop.body);
    const std::string_view status = body ? text_view_in(object_in(*body, "data"), "status") : "";
    return stop.status / 100 == 2 && status != "stopping" && status != "stopped";
}

Task<void> stop_live(SmokePtr smoke) {
    const auto executor = co_await asio::this_coro::executor;
    const auto running = std::make_shared<Running>(executor);
    const std::string thread = smoke->thread();
    spawn(executor, "smoke", run_until_over(smoke, thread, running));
    const Millis limit = smoke->options.limits.total + Millis(5000);
    co_await running->content.wait(limit);
    const auto asked = Clock::now();
    const net::ClientResponse stop = co_await smoke->fetch(target_request(
        smoke->options.target, "POST", "/api/chats/" + thread + "/stop", smoke->options.limits
    ));
    const bool over_before = co_await running->over.wait(Millis(0));
    co_await running->over.wait(limit);
    const StateSeen state = co_await run_state(smoke, thread, running->sample.turn, Millis(0));
    const double before = seconds(Clock::now() - asked);
    report_state(*smoke, "stop.state", state, before - state.after_s, Millis(0));
    if (over_before && found_none(stop) && is_whole(running->sample.outcome)) {
        smoke->not_applicable("stop.live", std::string(k_over_before));
        co_return;
    }
    smoke->judge(
        "stop.live",
        wrong_with_stopped(stop, running->sample),
        "the turn ended as interrupted",
        to_json(running->sample)
    );
}

Task<void> abort_recovers(SmokePtr smoke) {
    const std::string thread = smoke->thread();
    const ProbeSample left = co_await ask_and_leave(smoke, "abort.recovers+left", thread);
    if (!was_left(*smoke, "abort.recovers", left)) {
        smoke->skip("abort.state", "no turn was left in the middle");
        co_return;
    }
    const ProbeSample next = co_await smoke->probe("abort.recovers", thread, ask(*smoke, thread));
    // The new turn began after the left one had ended: its head is the latest moment for that.
    const StateSeen state = co_await run_state(smoke, thread, left.turn, Millis(0));
    const double ended = next.clocks.headers.value_or(0);
    StateSeen at_head = state;
    at_head.after_s = 0;
    report_state(*smoke, "abort.state", at_head, ended, Millis(0));
    smoke->judge(
        "abort.recovers",
        wrong_with_answer(next, smoke->ask().expect),
        "the next message on the thread was answered",
        to_json(next)
    );
}

// Only the target knows its grace period; without it "not interrupted yet" proves nothing.
Task<void> abort_disconnect(SmokePtr smoke) {
    const auto grace = smoke->options.detach_grace;
    if (!grace) {
        smoke->not_applicable(
            "abort.disconnect", "the target's grace time is unknown (--detach-grace)"
        );
        co_return;
    }
    const std::string thread = smoke->thread();
    const ProbeSample left = co_await ask_and_leave(smoke, "abort.disconnect", thread);
    if (!was_left(*smoke, "abort.disconnect", left)) {
        co_return;
    }
    const StateSeen state = co_await run_state(smoke, thread, left.turn, *grace);
    report_state(*smoke, "abort.disconnect", state, 0, *grace);
}

} // namespace

Task<void> smoke_lifetime(SmokePtr smoke) {
    const bool asked = smoke->replay || smoke->options.abort;
    if (!asked || !flows(*smoke)) {
        for (const std::string_view name : k_checks) {
            smoke->not_applicable(
                name,
                asked ? "needs an answer that takes its time, and none did"
                      : "done only on a replay, or when asked for (--abort)"
            );
        }
        co_return;
    }
    co_await resume_live(smoke);
    co_await stop_live(smoke);
    co_await abort_recovers(smoke);
    co_await abort_disconnect(smoke);
}

} // namespace oa_stream::probe

// Checks after a turn: its projection and its resume.
#include "oa_stream/base/layout.hpp"
#include "oa_stream/base/lists.hpp"
#include "oa_stream/base/text.hpp"
#include "oa_stream/probe/seen_messages.hpp"

#include "smoke_run.hpp"
#include "stream/outcome.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace oa_stream::probe {
namespace {

constexpr Millis k_listed_within{2000}; ///< after the end of a turn
constexpr Millis k_look_again{500}; ///< an authority may count each request

// A sample only keeps a limited part of a text.
bool is_text(std::string_view listed, std::string_view kept) {
    return kept.size() < k_kept_text ? listed == kept : listed.starts_with(kept);
}

// Old clients read content, pages show parts: whichever exists must be that text.
bool says(const SeenMessage& message, std::string_view text) {
    return (message.content || message.parts) &&
           (!message.content || is_text(*message.content, text)) &&
           (!message.parts || is_text(message.parts->text, text));
}

std::string wrong_with_side(
    const std::vector<SeenMessage>& messages,
    std::string_view role,
    std::string_view text,
    std::string_view how
) {
    const auto listed = std::ranges::count_if(messages, [&](const SeenMessage& message) {
        return message.role == role && says(message, text);
    });
    if (listed == 1) {
        return "";
    }
    return listed == 0 ? fmt::format("the {}'s message is not listed as it was {}", role, how)
                       : fmt::format("the {}'s message is listed {} times", role, listed);
}

// "" when both sides of the turn are listed once, as sent and as streamed.
std::string wrong_with_messages(
    const std::vector<SeenMessage>& messages, std::string_view user_text, std::string_view text
) {
    std::string wrong = wrong_with_side(messages, "user", user_text, "sent");
    return wrong.empty() ? wrong_with_side(messages, "assistant", text, "streamed") : wrong;
}

bool is_completed(const Happy& happy) {
    return happy.sample.terminal == "completed" && !happy.sample.text.empty();
}

// An unknown thread and a lane without these routes both answer 404; the list distinguishes them.
Task<bool> serves_projections(SmokePtr smoke) {
    const net::ClientResponse list = co_await smoke->get("/api/chats?limit=1");
    co_return !no_such_route(list.status);
}

struct Look {
    MessagesSeen seen{};
    bool early = false; ///< no answer is listed yet
    std::optional<Millis> wait{}; ///< refused with a request to wait
};

Task<Look>
look_at_messages(SmokePtr smoke, std::string thread, std::string user_text, std::string text) {
    const net::ClientResponse answer = co_await smoke->look("/api/chats/" + thread + "/messages");
    Look out{.seen = {.reached = !is_unreachable(answer)}};
    if (no_such_route(answer.status) && !co_await serves_projections(smoke)) {
        out.seen.absent = true;
        co_return out;
    }
    if (answer.status != 200) {
        out.wait = asked_to_wait(answer.status, answer.headers);
        out.early = answer.status == 404;
        out.seen.wrong = "expected HTTP 200 of /messages, saw " + seen(answer);
        co_return out;
    }
    if (answer.failure != net::TransferFailure::none) {
        out.seen.wrong = fmt::format(
            "HTTP 200 of /messages did not come whole: {}: {}",
            net::to_string(answer.failure),
            printable(answer.failure_text)
        );
        co_return out;
    }
    const auto messages = messages_of(answer.body);
    out.early = messages && !contains(*messages, "assistant", &SeenMessage::role);
    out.seen.wrong = messages ? wrong_with_messages(*messages, user_text, text)
                              : "expected JSON with an array data, saw none";
    co_return out;
}

// Reports the fault in one turn's messages; true when there is none.
Task<bool> are_listed(SmokePtr smoke, const Happy* happy) {
    const MessagesSeen listed =
        co_await seen_in_messages(smoke, happy->thread, happy->user_text, happy->sample.text);
    if (listed.absent) {
        smoke->not_applicable("content.messages", "the target serves no /api/chats");
    } else if (!listed.wrong.empty()) {
        smoke->report(
            "content.messages",
            listed.reached ? Verdict::fail : Verdict::error,
            fmt::format("{} ({}, {})", listed.wrong, happy->route, happy->thread)
        );
    }
    co_return !listed.absent && listed.wrong.empty();
}

// Each route may take another path through an edge, so each route's turn is checked.
Task<void> messages(SmokePtr smoke) {
    std::size_t good = 0;
    for (const Happy& happy : smoke->happy) {
        if (!is_completed(happy)) {
            continue;
        }
        if (!co_await are_listed(smoke, &happy)) {
            co_return;
        }
        ++good;
    }
    smoke->report(
        "content.messages",
        Verdict::pass,
        fmt::format("{} listed as streamed", counted(good, "turn"))
    );
}

std::string
wrong_with_replay(const Smoke& smoke, const ProbeSample& replay, const ProbeSample& original) {
    if (!is_whole(replay.outcome)) {
        return fmt::format("{}: {}", to_string(replay.outcome), replay.detail);
    }
    if (replay.message_id != original.message_id) {
        return fmt::format(
            "the replay's messageId is {}, the turn's was {}",
            printable(replay.message_id, 60),
            printable(original.message_id, 60)
        );
    }
    return replay.text == original.text ? wrong_with_head_alone(smoke, replay)
                                        : "the replay's text is not the turn's";
}

Task<void> resume_ended(SmokePtr smoke, const Happy* happy) {
    ProbeRequest request;
    request.method = "GET";
    request.path = "/api/chats/" + happy->thread + "/stream";
    request.pacing = PacingMode::observe;
    const ProbeSample replay =
        co_await smoke->probe("resume.ended", happy->thread, std::move(request));
    if (replay.status == 204) {
        smoke->judge(
            "resume.ended",
            replay.body_start.empty() ? "" : "HTTP 204 came with a body",
            "HTTP 204: nothing to resume"
        );
    } else if (no_such_route(replay.status) && !smoke->named) {
        smoke->not_applicable("resume.ended", "no such route here: " + replay.detail);
    } else if (is_unreachable(replay.outcome)) {
        smoke->report("resume.ended", Verdict::error, replay.detail);
    } else {
        smoke->judge(
            "resume.ended",
            wrong_with_replay(*smoke, replay, happy->sample),
            "the ended turn is replayed from its start"
        );
    }
}

} // namespace

Task<MessagesSeen>
seen_in_messages(SmokePtr smoke, std::string thread, std::string user_text, std::string text) {
    const auto began = Clock::now();
    for (;;) {
        Look look = co_await look_at_messages(smoke, thread, user_text, text);
        const Millis longest = look.wait ? k_longest_wait : k_listed_within;
        const Millis pause = std::max(look.wait.value_or(k_look_again), k_look_again);
        const bool retry = look.wait || look.early;
        if (!retry || Clock::now() - began + pause > longest || !co_await sleep_for(pause)) {
            smoke->wait = look.wait ? look.wait : smoke->wait;
            co_return std::move(look.seen);
        }
    }
}

Task<void> smoke_unknown_thread(SmokePtr smoke) {
    const net::ClientResponse answer =
        co_await smoke->get("/api/chats/" + smoke->thread() + "/stream");
    if (is_unreachable(answer)) {
        smoke->report("resume.unknown", Verdict::error, seen(answer));
    } else if (answer.status == 404 || answer.status == 204) {
        smoke->report("resume.unknown", Verdict::pass, seen(answer));
    } else if (refuses_credential(answer.status) && smoke->options.target.bearer.empty()) {
        smoke->skip("resume.unknown", "the target demands a token: " + seen(answer));
    } else if (refuses_credential(answer.status) && refused_us(*smoke)) {
        smoke->report(
            "resume.unknown",
            Verdict::error,
            "the target refused the credentials: " + seen(answer),
            Json{{"outcome", to_string(Outcome::unauthorised)}}
        );
    } else if (no_such_route(answer.status) && !smoke->named) {
        smoke->not_applicable("resume.unknown", "no such route here: " + seen(answer));
    } else {
        smoke->report(
            "resume.unknown", Verdict::fail, "expected HTTP 404 or 204, saw " + seen(answer)
        );
    }
}

Task<void> smoke_afterwards(SmokePtr smoke) {
    const Happy* happy = smoke->first(is_completed);
    if (happy == nullptr) {
        smoke->skip("content.messages", "no happy path completed with text");
        smoke->skip("resume.ended", "no happy path completed with text");
        co_return;
    }
    co_await messages(smoke);
    co_await resume_ended(smoke, happy);
}

} // namespace oa_stream::probe

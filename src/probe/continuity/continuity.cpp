#include "oa_stream/probe/continuity.hpp"

#include "oa_stream/base/layout.hpp"
#include "oa_stream/base/lists.hpp"
#include "oa_stream/base/text.hpp"
#include "oa_stream/base/url.hpp"
#include "oa_stream/probe/opened_threads.hpp"
#include "oa_stream/probe/prober.hpp"

#include "smoke/smoke_run.hpp"
#include "stream/target_request.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

namespace oa_stream::probe {
namespace {

constexpr std::size_t k_max_page = 8U << 20U;
// A probe's thread has a handful of messages, so one page holds all of them.
constexpr std::string_view k_messages_page = "/messages?limit=200";

Check skipped(std::string id, std::string why) {
    Check out = make_check(std::move(id), Verdict::skipped, std::move(why));
    out.required = false;
    return out;
}

Task<net::ClientResponse> fetch(
    net::HttpClient* client,
    const Target* target,
    ProbeLimits limits,
    std::string_view method,
    std::string path
) {
    net::ClientRequest request = target_request(*target, method, path, limits);
    request.headers.set("accept", "application/json");
    request.max_body = k_max_page;
    request.fresh_connection = true;
    co_return co_await client->fetch(std::move(request));
}

/// The target refuses to continue the thread; others may still do so a moment later.
bool refuses(const ProbeSample& answered) {
    constexpr std::array k_not_of_threads{401, 403, 408, 425, 429};
    return answered.bad() && answered.status >= 400 && answered.status < 500 &&
           !contains(k_not_of_threads, answered.status);
}

/// Whether a 404 is about the thread. A lane without the route answers with the same code, but with
/// the type that clients of the other protocol read.
bool names_thread(std::string_view body) {
    const auto json = parse_json(body);
    const Json* error = json ? member(*json, "error") : nullptr;
    return error != nullptr && string_member(*error, "code") == "not_found" &&
           string_member(*error, "type") != "invalid_request_error";
}

} // namespace

Continuity::Continuity(net::HttpClient& client, ProbeLimits limits, std::string prompt)
    : client_(client), limits_(limits), prompt_(std::move(prompt)) {
}

ProbeLimits Continuity::limits_until(Clock::time_point until) const {
    ProbeLimits out = limits_;
    const auto left = std::chrono::duration_cast<Millis>(until - Clock::now());
    out.total = std::min(out.total, std::max(left, Millis(1)));
    return out;
}

Task<Continuity::Page>
Continuity::read(Target target, std::string thread, Clock::time_point until) {
    ProbeLimits limits = limits_until(until);
    limits.total = std::min(limits.total, limits.first_byte); // a few messages, not a stream
    const net::ClientResponse answer = co_await fetch(
        &client_, &target, limits, "GET", "/api/chats/" + thread + std::string(k_messages_page)
    );
    Page out;
    out.status = answer.status;
    out.seen = seen(answer);
    out.unknown = out.not_there() && names_thread(answer.body);
    if (answer.status == 200) {
        out.messages = messages_of(answer.body);
    }
    if (out.messages && blank_parts_known_) {
        drop_blank_parts(*out.messages);
    }
    co_return out;
}

Task<ProbeSample> Continuity::say(Target target, std::string thread, Clock::time_point until) {
    co_return co_await probe_stream(
        client_, std::move(target), probe_request(thread, prompt_), limits_until(until)
    );
}

Task<Check> Continuity::across(Side from, Side to, std::string id) {
    std::string way = fmt::format("{} → {}", from.name, to.name);
    const auto check = [&](Verdict verdict, const std::string& detail) {
        return make_check(id, verdict, fmt::format("{}: {}", way, detail));
    };
    const std::string thread = probe_thread();
    opened_.push_back(thread);
    const ProbeSample made = co_await say(from.target, thread);
    if (made.bad()) {
        co_return check(Verdict::error, "no conversation could be begun: " + made.detail);
    }
    Page before = co_await read(from.target, thread);
    if (!before.messages || before.messages->empty()) {
        const bool no_list = before.messages || (no_such_route(before.status) && !before.unknown);
        if (no_list && threads_.empty()) { // the side listed none before
            co_return skipped(
                std::move(id),
                fmt::format(
                    "{}: the first one lists no messages of a conversation just made there ({})",
                    way,
                    before.seen
                )
            );
        }
        const bool read = before.messages.has_value();
        co_return check(
            Verdict::error,
            fmt::format(
                "a conversation just made there {}: {}",
                read ? "has no messages" : "could not be read",
                before.seen
            )
        );
    }
    if (!from.canary && drop_blank_parts(*before.messages)) {
        blank_parts_known_ = true;
    }
    std::string own = wrong_with_first_turn(*before.messages);
    if (!own.empty()) {
        own = fmt::format(
            "{} itself lists a conversation just made there wrongly: {}", from.name, own
        );
    }
    if (!own.empty() && (from.canary || !threads_.empty())) { // the side listed others right before
        co_return check(Verdict::fail, own);
    }
    if (own.empty()) {
        threads_.push_back({thread, from.name, *before.messages});
    }
    const Page other = co_await read_twice(to.target, thread, {.expected = *before.messages});
    if (!other.messages) {
        const bool unknown = other.not_there();
        co_return check(
            unknown ? Verdict::fail : Verdict::error,
            fmt::format(
                "a conversation of {} {}: {}",
                counted(before.messages->size(), "message"),
                unknown ? "is not known there" : "could not be read there",
                other.seen
            )
        );
    }
    if (!own.empty() && !other.messages->empty()) {
        co_return skipped(std::move(id), fmt::format("{}: known there, but {}", way, own));
    }
    if (!other.wrong.empty()) {
        co_return check(Verdict::fail, "read there, " + other.wrong);
    }
    threads_.back().sent = 1;
    ProbeSample answered = co_await say(to.target, thread);
    co_return co_await judge_turn(
        &threads_.back(), std::move(to), std::move(answered), {}, std::move(id), std::move(way)
    );
}

Task<Check> Continuity::judge_turn(
    Thread* thread, Side to, ProbeSample answered, Tries tries, std::string id, std::string way
) {
    if (answered.bad()) {
        co_return make_check(
            std::move(id),
            Verdict::fail,
            fmt::format("{}: the next message is not answered there: {}", way, answered.detail)
        );
    }
    thread->writer = to.name;
    const std::size_t before = thread->messages.size();
    tries.expected = thread->messages;
    tries.sent = thread->sent;
    tries.least = before + 2; // the next message and its answer
    Page after = co_await read_twice(to.target, thread->id, std::move(tries));
    if (!after.messages) {
        co_return make_check(
            std::move(id),
            Verdict::error,
            fmt::format("{}: after its next turn it could not be read: {}", way, after.seen)
        );
    }
    if (!after.wrong.empty()) {
        co_return make_check(
            std::move(id),
            Verdict::fail,
            fmt::format("{}: after its next turn, {}", way, after.wrong)
        );
    }
    thread->messages = *std::move(after.messages);
    thread->sent = 0;
    co_return make_check(
        std::move(id),
        Verdict::pass,
        fmt::format("{}: read with all {} messages, answered, and whole afterwards", way, before)
    );
}

Task<Check> Continuity::all_on(Side side, std::string id, std::string left, ReadPace pace) {
    if (threads_.empty()) {
        co_return skipped(std::move(id), "no conversation was made");
    }
    Tries tries{.pause = pace.pause, .until = Clock::now() + pace.most};
    Check whole = co_await kept({{side}}, id, std::move(pace));
    if (whole.verdict != Verdict::pass) {
        co_return whole;
    }
    const auto newest =
        std::ranges::find(threads_.rbegin(), threads_.rend(), left, &Thread::writer);
    if (newest == threads_.rend()) {
        co_return whole;
    }
    std::string way = fmt::format("{} → {}", left, side.name);
    ++newest->sent;
    ProbeSample answered = co_await say(side.target, newest->id, tries.until);
    bool refused = false;
    if (answered.bad() && Clock::now() + tries.pause < tries.until) {
        const bool at_first = refuses(answered);
        (void)co_await sleep_for(tries.pause);
        ++newest->sent;
        answered = co_await say(side.target, newest->id, tries.until);
        // A 409 may come from a first attempt that still runs.
        refused = at_first && refuses(answered);
    }
    const bool unknown = answered.bad() && !refused;
    Check check = co_await judge_turn(
        &*newest,
        std::move(side),
        std::move(answered),
        std::move(tries),
        std::move(id),
        std::move(way)
    );
    if (unknown) {
        check.verdict = Verdict::error;
    }
    check.detail = fmt::format("{}; {}", whole.detail, check.detail);
    co_return check;
}

std::vector<std::string> Continuity::take() {
    threads_.clear();
    return std::exchange(opened_, {});
}

Task<std::optional<ThreadCount>>
// NOLINTNEXTLINE(cppcoreguidelines-avoid-reference-coroutine-parameters): outlives every count
count_threads(net::HttpClient& client, Target target, ProbeLimits limits, std::uint64_t most) {
    ThreadCount out;
    std::uint64_t read = 0;
    std::string cursor;
    do {
        const std::string path =
            "/api/chats?limit=200" + (cursor.empty() ? "" : "&cursor=" + percent_encode(cursor));
        const net::ClientResponse answer = co_await fetch(&client, &target, limits, "GET", path);
        const auto json = answer.status == 200 ? parse_json(answer.body) : Result<Json>(Json());
        const Json* data = json ? member(*json, "data") : nullptr;
        if (data == nullptr || !data->is_array()) {
            co_return std::nullopt;
        }
        read += data->size();
        out.known += static_cast<std::uint64_t>(std::ranges::count_if(*data, [](const Json& chat) {
            return !is_probe_thread(string_member(chat, "id").value_or(""));
        }));
        cursor = data->empty() ? "" : string_member(*json, "nextCursor").value_or("");
    } while (!cursor.empty() && read < most);
    out.more = !cursor.empty();
    co_return out;
}

} // namespace oa_stream::probe

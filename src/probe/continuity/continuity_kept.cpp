// Checks that conversations still exist after a while.
#include "oa_stream/base/clock.hpp"
#include "oa_stream/base/layout.hpp"
#include "oa_stream/probe/continuity.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/experimental/parallel_group.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <exception>
#include <ranges>
#include <utility>

namespace oa_stream::probe {
namespace {

constexpr Millis k_tick{20};
/// How long to look for further lost conversations after the first: their exact number matters
/// little.
constexpr Millis k_after_loss{3000};

/// This many unknown conversations are read again; more than that is not a short outage.
constexpr std::size_t k_confirmed = 3;

/// One side's answers for conversations that were opened elsewhere.
struct ReadThere {
    bool begun = false;
    bool came_back = false; ///< a conversation that was unknown is known at a second attempt
    std::size_t known = 0;
    std::vector<std::string> unknown{};
    std::size_t unread = 0;
    std::string why{}; ///< from the last of them
    [[nodiscard]] std::size_t read() const noexcept { return known + unknown.size(); }
};

std::string reading_text(const ReadThere& got, std::string_view side, std::size_t total) {
    constexpr std::size_t k_examples = 3;
    const std::size_t read = got.read();
    std::string out = read == 0 ? fmt::format("{} shows none of probes", side)
                      : got.unknown.empty()
                          ? fmt::format("{} knows all {} of probes", side, read)
                          : fmt::format(
                                "{} of {} conversations of probes are not known at {} ({}{})",
                                got.unknown.size(),
                                read,
                                side,
                                fmt::join(got.unknown | std::views::take(k_examples), ", "),
                                got.unknown.size() > k_examples ? ", …" : ""
                            );
    if (got.unread > 0) {
        out += fmt::format(", {} could not be read ({})", got.unread, got.why);
    } else if (read == 0) {
        out += ", no answer in time";
    }
    if (read + got.unread < total) {
        out += fmt::format(", {} of {} read", read, total);
    }
    return out;
}

void note_read(Check& check, const ReadThere& got, const OtherSide& at, bool stopped) {
    if (got.read() == 0 && (stopped || !got.begun)) {
        return; // nothing is known
    }
    check.detail += "; " + reading_text(got, at.side.name, at.opened_elsewhere.size());
    if (!got.unknown.empty()) {
        check.verdict = Verdict::fail;
    } else if (got.known == 0 && check.verdict == Verdict::pass) {
        check.verdict = Verdict::error;
    }
}

} // namespace

/// One check of all conversations.
struct Continuity::Look {
    std::vector<OtherSide> sides{};
    ReadPace pace{};
    Clock::time_point begun = Clock::now();
    Clock::time_point until{};
    std::string under_way{}; ///< "oaprobe_1 at canary"
    std::string lost{};
    std::vector<std::string> unread{};
    bool read = false; ///< every thread was requested on every side
    std::vector<ReadThere> elsewhere{}; ///< by side

    [[nodiscard]] bool stopped() const { return pace.stop && pace.stop(); }
    [[nodiscard]] bool over() const { return stopped() || Clock::now() >= until; }
    void shorten(Clock::time_point end) { until = std::min(until, end); }
};

std::string Continuity::Tries::wrong_with(const std::vector<SeenMessage>& seen) const {
    std::string wrong = wrong_with_list(expected, seen, sent);
    return wrong.empty() && seen.size() < least
               ? fmt::format("it has {} messages instead of {}", seen.size(), least)
               : wrong;
}

Task<Continuity::Page> Continuity::read_twice(Target target, std::string thread, Tries tries) {
    Page page;
    for (int i = 0; i < 2; ++i) {
        if (i > 0) {
            (void)co_await sleep_for(tries.pause);
        }
        page = co_await read(target, thread, tries.until);
        page.wrong = page.messages ? tries.wrong_with(*page.messages) : "";
        if (page.messages && page.wrong.empty()) {
            break;
        }
    }
    co_return page;
}

Task<Check> Continuity::kept(std::vector<OtherSide> sides, std::string id, ReadPace pace) {
    Look look{.sides = std::move(sides), .pace = std::move(pace)};
    look.elsewhere.resize(look.sides.size());
    const auto readings = static_cast<Millis::rep>(threads_.size() * look.sides.size());
    look.until = look.begun +
                 std::max(look.pace.longest, std::min(look.pace.each * readings, look.pace.most));
    co_await read_until_over(&look);
    if (!look.lost.empty()) {
        co_return make_check(std::move(id), Verdict::fail, "not whole: " + look.lost);
    }
    if (!look.read && look.stopped()) {
        co_return make_check(std::move(id), Verdict::inconclusive, "stopped before all was read");
    }
    if (!look.read) {
        look.unread.push_back(look.under_way + ": no time was left");
    }
    if (!look.unread.empty()) {
        co_return make_check(
            std::move(id), Verdict::error, fmt::format("not read: {}", fmt::join(look.unread, "; "))
        );
    }
    const auto name = [](const OtherSide& at) { return at.side.name; };
    Check whole = make_check(
        std::move(id),
        Verdict::pass,
        fmt::format(
            "{} of this run whole at {}",
            counted(threads_.size(), "conversation"),
            fmt::join(look.sides | std::views::transform(name), " and ")
        )
    );
    for (std::size_t s = 0; s < look.sides.size(); ++s) {
        note_read(whole, look.elsewhere[s], look.sides[s], look.stopped());
    }
    co_return whole;
}

/// Also cuts off a read that hangs, because a rollback may wait for it.
Task<void> Continuity::read_until_over(Look* look) {
    const auto over = [](const Look* it) -> Task<void> {
        while (!it->over() && co_await sleep_for(k_tick)) {
        }
    };
    const auto executor = co_await asio::this_coro::executor;
    auto [order, thrown, wait_thrown] =
        co_await asio::experimental::make_parallel_group(
            asio::co_spawn(executor, read_all(look), asio::deferred),
            asio::co_spawn(executor, over(look), asio::deferred)
        )
            .async_wait(asio::experimental::wait_for_one(), asio::use_awaitable);
    if (order[0] == 0 && thrown) { // a task that was cut off may report that by throwing
        std::rethrow_exception(thrown);
    }
}

Task<void> Continuity::read_all(Look* look) {
    for (const auto& [side, elsewhere] : look->sides) {
        for (const Thread& thread : threads_) {
            look->under_way = fmt::format("{} at {}", thread.id, side.name);
            const Page page = co_await read_twice(
                side.target,
                thread.id,
                {.expected = thread.messages, .sent = thread.sent, .pause = look->pace.pause}
            );
            const std::string& wrong = page.messages ? page.wrong : page.seen;
            if (wrong.empty()) {
                continue;
            }
            if (page.messages || page.not_there()) {
                look->lost = fmt::format("{}: {}", look->under_way, wrong);
                co_return;
            }
            if (look->over()) {
                co_return; // the read was cut off
            }
            look->unread.push_back(fmt::format("{}: {}", look->under_way, wrong));
            // More time is only for sides that answer.
            look->shorten(look->begun + look->pace.longest);
        }
    }
    look->read = true;
    if (look->unread.empty()) {
        co_await read_elsewhere(look);
    }
}

Task<void> Continuity::read_elsewhere(Look* look) {
    const auto pause = clock_duration(1 / look->pace.per_s);
    auto next = Clock::now();
    bool more = true;
    for (std::size_t i = 0; more; ++i) {
        more = false;
        for (std::size_t s = 0; s < look->sides.size(); ++s) {
            const OtherSide& at = look->sides[s];
            if (i >= at.opened_elsewhere.size()) {
                continue;
            }
            more = true;
            (void)co_await sleep_for(next - Clock::now());
            next = Clock::now() + pause;
            const std::string& thread = at.opened_elsewhere[i];
            ReadThere& got = look->elsewhere[s];
            got.begun = true;
            Page page = co_await read(at.side.target, thread);
            const bool unknown = page.unknown_there();
            // A single conversation that comes back may be an outage; if several do, some of the
            // replicas do not have them.
            if (unknown ? !got.came_back && got.unknown.size() < k_confirmed : !page.messages) {
                (void)co_await sleep_for(look->pace.pause);
                page = co_await read(at.side.target, thread);
                got.came_back |= unknown && page.messages && !page.messages->empty();
            }
            if (page.unknown_there()) {
                got.unknown.push_back(thread);
                look->shorten(Clock::now() + k_after_loss);
            } else if (page.messages) {
                ++got.known;
            } else if (look->over()) {
                co_return; // the read was cut off
            } else {
                ++got.unread;
                got.why = page.seen;
            }
        }
    }
}

} // namespace oa_stream::probe

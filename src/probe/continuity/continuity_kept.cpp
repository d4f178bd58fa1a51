// Are conversations still there after a while?
#include "oa_stream/base/clock.hpp"
#include "oa_stream/base/layout.hpp"
#include "oa_stream/probe/continuity.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <ranges>
#include <utility>

namespace oa_stream::probe {
namespace {

/// What one side says of conversations that were opened elsewhere.
struct ReadThere {
    std::size_t known = 0;
    std::vector<std::string> unknown{};
    std::size_t unread = 0;
    std::string why{}; ///< of the last of them
};

std::string text_of(const ReadThere& got, std::string_view side) {
    constexpr std::size_t k_examples = 3;
    const std::size_t read = got.known + got.unknown.size();
    std::string out = got.unknown.empty()
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
    }
    return out;
}

void tell(Check& check, const ReadThere& got, std::string_view side) {
    if (got.known + got.unknown.size() + got.unread == 0) {
        return; // none was looked at
    }
    check.detail += "; " + text_of(got, side);
    if (!got.unknown.empty()) {
        check.verdict = Verdict::fail;
    } else if (got.known == 0 && check.verdict == Verdict::pass) {
        check.verdict = Verdict::error;
    }
}

} // namespace

Task<Continuity::Page> Continuity::read_twice(Target target, std::string thread) {
    Page page = co_await read(target, thread);
    if (!page.messages && !page.not_there()) {
        page = co_await read(std::move(target), std::move(thread));
    }
    co_return page;
}

Task<Check> Continuity::kept(std::vector<OtherSide> sides, std::string id, ReadPace pace) {
    const auto until = Clock::now() + pace.longest;
    std::vector<std::string> lost;
    std::vector<std::string> unread;
    for (const auto& [side, elsewhere] : sides) {
        for (const Thread& thread : threads_) {
            if (pace.stop && pace.stop()) {
                co_return make_check(
                    std::move(id), Verdict::inconclusive, "stopped before all was read"
                );
            }
            if (Clock::now() >= until) {
                unread.push_back(fmt::format("{} at {}: no time was left", thread.id, side.name));
                continue;
            }
            const Page page = co_await read_twice(side.target, thread.id);
            const std::string wrong =
                page.messages ? missing_messages(thread.messages, *page.messages) : page.seen;
            if (!wrong.empty()) {
                (page.messages || page.not_there() ? lost : unread)
                    .push_back(fmt::format("{} at {}: {}", thread.id, side.name, wrong));
            }
        }
    }
    if (!lost.empty()) {
        co_return make_check(
            std::move(id), Verdict::fail, fmt::format("not whole: {}", fmt::join(lost, "; "))
        );
    }
    if (!unread.empty()) {
        co_return make_check(
            std::move(id), Verdict::error, fmt::format("not read: {}", fmt::join(unread, "; "))
        );
    }
    Check whole = make_check(
        std::move(id),
        Verdict::pass,
        fmt::format(
            "{} of this run whole at {}",
            counted(threads_.size(), "conversation"),
            fmt::join(
                sides | std::views::transform([](const OtherSide& at) { return at.side.name; }),
                " and "
            )
        )
    );
    pace.longest = std::chrono::ceil<Millis>(until - Clock::now());
    co_return co_await read_elsewhere(&sides, std::move(whole), std::move(pace));
}

Task<Check>
Continuity::read_elsewhere(const std::vector<OtherSide>* sides, Check check, ReadPace pace) {
    const auto until = Clock::now() + pace.longest;
    const auto pause =
        std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(1 / pace.per_s));
    std::vector<ReadThere> reads(sides->size());
    auto next = Clock::now();
    bool more = true;
    for (std::size_t i = 0; more; ++i) {
        more = false;
        for (std::size_t s = 0; s < sides->size(); ++s) {
            const OtherSide& at = (*sides)[s];
            if (i >= at.opened_elsewhere.size() || Clock::now() >= until ||
                (pace.stop && pace.stop())) {
                continue;
            }
            more = true;
            (void)co_await sleep_for(next - Clock::now());
            next = Clock::now() + pause;
            const std::string& thread = at.opened_elsewhere[i];
            const Page page = co_await read_twice(at.side.target, thread);
            // Some answer with an empty list for a conversation that they do not know.
            if (page.not_there() || (page.messages && page.messages->empty())) {
                reads[s].unknown.push_back(thread);
            } else if (page.messages) {
                ++reads[s].known;
            } else {
                ++reads[s].unread;
                reads[s].why = page.seen;
            }
        }
    }
    for (std::size_t s = 0; s < sides->size(); ++s) {
        tell(check, reads[s], (*sides)[s].side.name);
    }
    co_return check;
}

} // namespace oa_stream::probe

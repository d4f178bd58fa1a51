#include "oa_stream/probe/opened_threads.hpp"

#include "oa_stream/base/clock.hpp"
#include "oa_stream/base/json_members.hpp"
#include "oa_stream/base/layout.hpp"
#include "oa_stream/net/retry_after.hpp"

#include "smoke/smoke_run.hpp"
#include "stream/target_request.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <list>
#include <span>
#include <utility>

namespace oa_stream::probe {
namespace {

constexpr std::array<std::string_view, 4> k_prefixes{
    "oaprobe_", "oasmoke_", "oashadow_", "oaload_"
};
constexpr std::size_t k_examples = 5;
constexpr std::size_t k_most_body = 64U << 10U;
constexpr Millis k_longest_call{5000};
constexpr int k_later = 202; ///< accepted, but not done yet
constexpr int k_patience = 3; ///< failed transfers in a row before the target rests
/// Reads of unknown ids, after which the target counts as showing none.
constexpr int k_most_looks = 50;

enum class End {
    removed,
    unknown,
    retry, ///< busy: may succeed later
    never, ///< neither will any other
};

/// Some servers answer with an empty list for an unknown conversation.
bool shows_messages(const net::ClientResponse& page) {
    if (page.status != 200) {
        return false;
    }
    const auto json = parse_json(page.body);
    return page.failure == net::TransferFailure::too_large ||
           (json && !list_in(*json, "data").empty());
}

/// What one target answered so far.
struct Holder {
    Target target;
    bool deletes = false; ///< it has deleted one
    int looked_up = 0;
    int failed = 0; ///< transfers in a row
    Clock::time_point rests_until{}; ///< not queried before this time, because it may be restarting
    std::string never{}; ///< why it removes nothing at all
};

} // namespace

class ThreadRemover::State {
public:
    State(net::HttpClient& client, ProbeLimits limits, RemovePace pace)
        : client_(client), limits_(limits), pace_(std::move(pace)), next_(Clock::now()) {
        for (Millis* limit : {&limits_.connect, &limits_.first_byte, &limits_.total}) {
            *limit = std::min(*limit, k_longest_call);
        }
        end_within(pace_.longest);
    }

    void end_within(Millis longest) {
        pace_.longest = longest;
        until_ = Clock::now() + longest;
    }

    Task<void> remove(OpenedThreads opened) {
        std::vector<Holder*> sides;
        sides.reserve(opened.where.size());
        for (Target& target : opened.where) {
            sides.push_back(side_of(std::move(target)));
        }
        for (std::string& id : opened.ids) {
            if (!co_await settle(&sides, id)) {
                later_.emplace_back(sides, std::move(id));
            }
        }
    }

    Task<Removal> finish() {
        for (Holder& side : sides_) {
            side.rests_until = {};
        }
        for (auto& [sides, id] : std::exchange(later_, {})) {
            if (!co_await settle(&sides, id)) {
                leave(std::move(id), why_not_yet_);
            }
        }
        co_return std::exchange(out_, {});
    }

private:
    /// A target's state applies to all of its conversations.
    [[nodiscard]] Holder* side_of(Target target) {
        for (Holder& side : sides_) {
            if (side.target.base_url == target.base_url &&
                side.target.connect_to == target.connect_to &&
                side.target.extra.all() == target.extra.all()) {
                return &side;
            }
        }
        return &sides_.emplace_back(Holder{.target = std::move(target)});
    }

    void leave(std::string id, const std::string& why) {
        out_.left.push_back(std::move(id));
        if (out_.why.empty()) {
            out_.why = why;
        }
    }

    /// Empty while there is time left.
    [[nodiscard]] std::string over() const {
        if (pace_.stop && pace_.stop()) {
            return "a signal ended it";
        }
        return Clock::now() < until_
                   ? std::string()
                   : fmt::format("{} was not enough", format_duration(pace_.longest));
    }

    /// False: try again later.
    Task<bool> settle(const std::vector<Holder*>* sides, std::string id) {
        bool retry = false;
        std::string never = over();
        for (Holder* side : *sides) {
            if (!over().empty()) {
                never = over();
                break;
            }
            const bool rests = Clock::now() < side->rests_until;
            const End end = !side->never.empty() ? End::never
                            : rests              ? End::retry
                                                 : co_await ask(side, id);
            if (end == End::removed) {
                ++out_.removed;
                co_return true;
            }
            retry = retry || end == End::retry;
            never = end == End::never ? side->never : never;
        }
        if (retry && over().empty()) {
            co_return false;
        }
        if (retry && never.empty()) {
            never = over();
        }
        if (never.empty()) {
            ++out_.unknown;
        } else {
            leave(std::move(id), never);
        }
        co_return true;
    }

    Task<net::ClientResponse> fetch(const Target* target, std::string_view method, std::string id) {
        (void)co_await sleep_for(next_ - Clock::now());
        next_ = Clock::now() + clock_duration(1 / pace_.per_s);
        net::ClientRequest request = target_request(*target, method, "/api/chats/" + id, limits_);
        request.headers.set("accept", "application/json");
        request.max_body = k_most_body;
        co_return co_await client_.fetch(std::move(request));
    }

    Task<End> ask(Holder* side, std::string id) {
        const net::ClientResponse answer = co_await fetch(&side->target, "DELETE", id);
        side->failed = answer.status == 0 ? side->failed + 1 : 0;
        if (answer.status >= 200 && answer.status < 300) {
            co_return co_await removed(side, answer.status, std::move(id));
        }
        if (answer.status == 404) {
            co_return co_await unknown(side, std::move(id));
        }
        if (answer.status == 405 || answer.status == 501) {
            side->never = "it does not delete conversations";
            co_return End::never;
        }
        if (answer.status == 0 || answer.status == 409 || net::may_pass(answer)) {
            why_not_yet_ = seen(answer);
            if (side->failed >= k_patience) {
                side->rests_until = Clock::now() + pace_.rest;
            }
            co_return End::retry;
        }
        side->never = seen(answer);
        co_return End::never;
    }

    /// The first removal of a target is verified: a target may report success without removing
    /// anything.
    Task<End> removed(Holder* side, int status, std::string id) {
        if (!side->deletes && status != k_later) {
            const auto page = co_await fetch(&side->target, "GET", std::move(id) + "/messages");
            if (shows_messages(page)) {
                side->never =
                    fmt::format("it answers DELETE with {} and still shows the messages", status);
                co_return End::never;
            }
            side->deletes = true;
        }
        co_return End::removed;
    }

    /// A missing route is also a 404, in which case the conversation may still exist.
    Task<End> unknown(Holder* side, std::string id) {
        if (!side->deletes && side->looked_up < k_most_looks) {
            ++side->looked_up;
            const auto page = co_await fetch(&side->target, "GET", id + "/messages");
            if (shows_messages(page)) {
                side->never = "it does not delete conversations";
                co_return End::never;
            }
        }
        co_return End::unknown;
    }

    net::HttpClient& client_;
    ProbeLimits limits_;
    RemovePace pace_;
    Clock::time_point until_{};
    Clock::time_point next_;
    std::list<Holder> sides_{}; // a list, because its elements are pointed to
    std::vector<std::pair<std::vector<Holder*>, std::string>> later_{};
    Removal out_{};
    std::string why_not_yet_{};
};

bool is_probe_thread(std::string_view id) noexcept {
    return std::ranges::any_of(k_prefixes, [&](std::string_view prefix) {
        return id.starts_with(prefix);
    });
}

ThreadRemover::ThreadRemover(net::HttpClient& client, ProbeLimits limits, RemovePace pace)
    : state_(std::make_shared<State>(client, limits, std::move(pace))) {
}

Task<void> ThreadRemover::remove(OpenedThreads opened) {
    const auto state = state_;
    co_await state->remove(std::move(opened));
}

void ThreadRemover::end_within(Millis longest) {
    state_->end_within(longest);
}

Task<Removal> ThreadRemover::finish() {
    const auto state = state_;
    co_return co_await state->finish();
}

Task<Removal> remove_threads(
    // NOLINTNEXTLINE(cppcoreguidelines-avoid-reference-coroutine-parameters): the caller's
    net::HttpClient& client,
    std::vector<OpenedThreads> opened,
    ProbeLimits limits,
    RemovePace pace
) {
    ThreadRemover remover(client, limits, std::move(pace));
    for (OpenedThreads& some : opened) {
        co_await remover.remove(std::move(some));
    }
    co_return co_await remover.finish();
}

std::string left_text(const Removal& removal, std::string_view whose) {
    if (removal.left.empty()) {
        return {};
    }
    const std::size_t shown = std::min(removal.left.size(), k_examples);
    return fmt::format(
        "{}{} ({}{}): {}",
        counted(removal.left.size(), "conversation"),
        whose,
        fmt::join(std::span(removal.left).first(shown), ", "),
        shown < removal.left.size() ? ", …" : "",
        removal.why
    );
}

std::string removed_text(const Removal& removal) {
    const std::string left = left_text(removal);
    return fmt::format(
        "; {} removed{}", removal.removed, left.empty() ? left : "; the target keeps " + left
    );
}

Json to_json(const Removal& removal) {
    const std::size_t shown = std::min(removal.left.size(), k_examples);
    return {
        {"removed", removal.removed},
        {"unknown", removal.unknown},
        {"left", removal.left.size()},
        {"left_examples", std::span(removal.left).first(shown)},
        {"why", removal.why},
    };
}

} // namespace oa_stream::probe

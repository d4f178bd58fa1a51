#include "thread_pages.hpp"

#include "oa_stream/base/json_members.hpp"
#include "oa_stream/base/lists.hpp"

#include "history/seed.hpp"
#include "tools/call_results.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <optional>
#include <utility>

namespace oa_stream::lane {

namespace {

using authority::PastTurn;
using authority::TurnsQuery;

Rejection reject_page(const Error& error, bool continued) {
    return continued && error.code == Code::precondition ? reject_cursor() : reject_read(error);
}

/// Replaces the turn's id in the key of a seeded message.
constexpr std::string_view k_seed = "seed";

/// Fills a page of messages, turn by turn.
class MessageFill {
public:
    explicit MessageFill(const ThreadPage& page) : page_(page) {
        const auto& key = page.asked.after; // "<turn>.<role>"
        const auto dot = key.rfind('.');
        after_turn_ = key.substr(0, dot);
        after_role_ = dot == std::string::npos ? "" : key.substr(dot + 1);
        if (after_turn_ == k_seed) {
            seed_ = std::strtoull(after_role_.c_str(), nullptr, 10);
            after_turn_.clear();
        } else {
            skipping_ = !key.empty();
        }
    }
    /// The index of the previous page's last message, if it was seeded.
    [[nodiscard]] const std::optional<std::size_t>& after_seed() const noexcept { return seed_; }

    /// Adds seeded messages from the first missing one until the page is full.
    void add_seed(Json messages) {
        const std::size_t count = messages.size();
        const bool back = page_.newest_first;
        for (std::size_t i = 0; i < count && !overfull_; ++i) {
            const std::size_t at = back ? count - 1 - i : i;
            if (seed_ && (back ? at >= *seed_ : at <= *seed_)) {
                continue;
            }
            if (data_.size() == page_.asked.limit) {
                overfull_ = true;
                return;
            }
            data_.push_back(project_seeded(page_.context, std::move(messages[at])));
            last_ = fmt::format("{}.{}", k_seed, at);
        }
    }

    [[nodiscard]] const std::string& after_turn() const noexcept { return after_turn_; }
    [[nodiscard]] bool overfull() const noexcept { return overfull_; }
    /// Number of turns for the missing messages and one more, if each turn has two.
    [[nodiscard]] std::size_t turns_wanted() const {
        return (page_.asked.limit - data_.size() + 2) / 2 + (skipping_ ? 1 : 0);
    }

    void add(PastTurn turn) {
        const std::string id = turn.id;
        auto messages = project_messages(page_.context, std::move(turn));
        if (page_.newest_first) {
            std::ranges::reverse(messages);
        }
        for (Json& message : messages) {
            const auto role = std::string(string_member(message, "role").value_or(""));
            if (skipping_) {
                skipping_ = after_role_ != role;
            } else if (data_.size() == page_.asked.limit) {
                overfull_ = true;
                return;
            } else {
                data_.push_back(std::move(message));
                last_ = id + '.' + role;
            }
        }
        skipping_ = false; // the answer in the cursor is gone: continue with the next turn
    }

    [[nodiscard]] Json body() {
        const auto* list = page_.newest_first ? "d" : "m";
        return page_json(std::move(data_), overfull_ ? make_cursor(list, last_) : std::string());
    }

private:
    const ThreadPage& page_;
    Json data_ = Json::array();
    std::string after_turn_{};
    std::string after_role_{};
    std::string last_{}; ///< key of the last message
    std::optional<std::size_t> seed_{};
    bool skipping_ = false;
    bool overfull_ = false;
};

Task<Accepted<void>>
add_seed(bool wanted, MessageFill* fill, authority::Authority* authority, std::string thread) {
    if (!wanted) {
        co_return Accepted<void>{};
    }
    OA_CO_TRY(auto seed, co_await read_seed_of(authority, std::move(thread)));
    fill->add_seed(std::move(seed));
    co_return Accepted<void>{};
}

/// Gives the calls of each turn the results that the next turn began with.
void settle_page(std::vector<PastTurn>& turns, bool newest_first) {
    for (std::size_t i = 0; i + 1 < turns.size(); ++i) {
        settle_calls(turns[newest_first ? i + 1 : i], turns[newest_first ? i : i + 1]);
    }
    std::ranges::for_each(turns, drop_results_ahead);
}

} // namespace

Task<Accepted<Json>> read_seed_of(authority::Authority* authority, std::string thread) {
    auto kept = co_await authority->kept(std::move(thread));
    if (!kept) {
        co_return reject_read(kept.error());
    }
    auto parsed = parse_json(*kept);
    const bool listed = parsed && !list_in(*parsed, k_kept_messages).empty();
    co_return listed ? std::move(parsed->at(k_kept_messages)) : Json::array();
}

Task<Accepted<SeededMessages>>
read_seeded(authority::Authority* authority, std::optional<ThreadRow> row) {
    if (!row || row->seeded == 0) {
        co_return SeededMessages{};
    }
    SeededMessages out{row->seeded};
    OA_CO_TRY(const auto seed, co_await read_seed_of(authority, std::move(row->thread)));
    out.ids = mapped(seed, [](const Json& message) { return text_in(message, "id"); });
    co_return out;
}

Task<Accepted<MessagesRead>> read_messages(authority::Authority* authority, ThreadPage page) {
    MessageFill fill(page);
    const bool first =
        page.seeded && !page.newest_first && (page.asked.after.empty() || fill.after_seed());
    OA_CO_CHECK(co_await add_seed(first, &fill, authority, page.thread));
    MessagesRead out;
    TurnsQuery query{.thread = page.thread, .newest_first = page.newest_first};
    query.from = fill.after_turn();
    query.failures = true;
    query.reader = page.reader;
    bool more = !page.newest_first || !fill.after_seed(); // seeded messages are the oldest ones
    bool repeated = false; // the next batch begins with a turn that was read already
    while (more && !fill.overfull()) {
        // In ascending order, the last turn of a batch waits for the next batch: the results of its
        // calls begin the turn behind it.
        query.limit = fill.turns_wanted() + (repeated ? 1 : 0) + (page.newest_first ? 0 : 1);
        auto turns = co_await authority->turns_page(query);
        if (page.reader && page.reader->left()) {
            co_return reject_left();
        }
        if (!turns) {
            co_return reject_page(turns.error(), !query.from.empty());
        }
        settle_page(turns->turns, page.newest_first);
        // Even if the authority reports more, a batch without a new turn is the last one.
        const std::size_t known = (repeated ? 1U : 0U) + (page.newest_first ? 0U : 1U);
        more = turns->more && turns->turns.size() > known;
        const auto end = turns->turns.end() - (more && !page.newest_first ? 1 : 0);
        for (auto turn = turns->turns.begin() + (repeated && !turns->turns.empty() ? 1 : 0);
             turn < end && !fill.overfull();
             ++turn) {
            query.from = turn->id;
            out.turns.push_back({turn->id, turn->running});
            fill.add(std::move(*turn));
        }
        repeated = true;
    }
    const bool last = page.seeded && page.newest_first && !fill.overfull();
    OA_CO_CHECK(co_await add_seed(last, &fill, authority, page.thread));
    out.reached_newest = page.newest_first ? page.asked.after.empty() : !more && !fill.overfull();
    out.body = fill.body();
    co_return out;
}

Task<Accepted<Json>> read_runs(authority::Authority* authority, ThreadPage page) {
    TurnsQuery query{.thread = page.thread, .newest_first = true, .from = page.asked.after};
    query.detail = TurnsQuery::Detail::question; // this detail level includes the model
    query.failures = true;
    const std::size_t seen = query.from.empty() ? 0 : 1; // the last turn of the previous page
    query.limit = page.asked.limit + seen;
    const auto turns = co_await authority->turns_page(query);
    if (!turns) {
        co_return reject_page(turns.error(), seen > 0);
    }
    Json data = Json::array();
    for (std::size_t at = seen; at < turns->turns.size(); ++at) {
        data.push_back(project_run(page.context, turns->turns[at]));
    }
    const bool more = turns->more && !data.empty();
    const auto cursor = more ? make_cursor("r", turns->turns.back().id) : std::string();
    co_return page_json(std::move(data), cursor);
}

} // namespace oa_stream::lane

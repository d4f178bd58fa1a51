#include "thread_pages.hpp"

#include <algorithm>
#include <utility>

namespace oa_stream::lane {

namespace {

using authority::PastTurn;
using authority::TurnsQuery;

Json page_json(Json data, std::string cursor) {
    Json body = Json::object();
    body["data"] = std::move(data);
    body["nextCursor"] = cursor.empty() ? Json(nullptr) : Json(std::move(cursor));
    return body;
}

Rejection reject_page(const Error& error, bool continued) {
    return continued && error.code == Code::precondition ? reject_cursor() : reject_read(error);
}

/// Fills a page of messages, turn by turn.
class MessageFill {
public:
    explicit MessageFill(const ThreadPage& page) : page_(page) {
        const auto& key = page.asked.after; // "<turn>.<role>"
        const auto dot = key.rfind('.');
        after_turn_ = key.substr(0, dot);
        after_role_ = dot == std::string::npos ? "" : key.substr(dot + 1);
        skipping_ = !key.empty();
    }

    [[nodiscard]] const std::string& after_turn() const noexcept { return after_turn_; }
    [[nodiscard]] bool overfull() const noexcept { return overfull_; }
    /// Turns that hold what is missing, and one message more, when each has two.
    [[nodiscard]] std::size_t turns_wanted() const {
        return (page_.asked.limit - data_.size() + 2) / 2 + (skipping_ ? 1 : 0);
    }

    void add(const PastTurn& turn) {
        auto messages = project_messages(page_.context, turn);
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
                last_ = turn.id + '.' + role;
            }
        }
        skipping_ = false; // an answer that was there is gone: go on with the next turn
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
    bool skipping_ = false;
    bool overfull_ = false;
};

} // namespace

Task<Accepted<MessagesRead>> read_messages(authority::Authority& authority, ThreadPage page) {
    MessageFill fill(page);
    MessagesRead out;
    TurnsQuery query{.thread = page.thread, .newest_first = page.newest_first};
    query.from = fill.after_turn();
    bool more = true;
    bool repeated = false; // the next page begins with a turn that was looked at
    while (more && !fill.overfull()) {
        query.limit = fill.turns_wanted() + (repeated ? 1 : 0);
        auto turns = co_await authority.turns_page(query);
        if (!turns) {
            co_return std::unexpected(reject_page(turns.error(), !query.from.empty()));
        }
        more = turns->more && !turns->turns.empty();
        for (auto turn = turns->turns.begin() + (repeated && !turns->turns.empty() ? 1 : 0);
             turn != turns->turns.end() && !fill.overfull();
             ++turn) {
            fill.add(*turn);
            query.from = turn->id;
            out.turns.push_back(std::move(*turn));
        }
        repeated = true;
    }
    out.reached_newest = page.newest_first ? page.asked.after.empty() : !more && !fill.overfull();
    out.body = fill.body();
    co_return out;
}

Task<Accepted<Json>> read_runs(authority::Authority& authority, ThreadPage page) {
    TurnsQuery query{.thread = page.thread, .newest_first = true, .from = page.asked.after};
    query.detail = TurnsQuery::Detail::none;
    const std::size_t seen = query.from.empty() ? 0 : 1; // the last one of the page before
    query.limit = page.asked.limit + seen;
    const auto turns = co_await authority.turns_page(query);
    if (!turns) {
        co_return std::unexpected(reject_page(turns.error(), seen > 0));
    }
    Json data = Json::array();
    for (std::size_t at = seen; at < turns->turns.size(); ++at) {
        data.push_back(project_run(page.context, turns->turns[at]));
    }
    const bool more = turns->more && !data.empty();
    auto cursor = more ? make_cursor("r", turns->turns.back().id) : std::string();
    co_return page_json(std::move(data), std::move(cursor));
}

} // namespace oa_stream::lane

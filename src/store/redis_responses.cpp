// Responses that a later request may name.
#include "oa_stream/base/lines.hpp"
#include "oa_stream/base/lists.hpp"
#include "oa_stream/base/url.hpp"

#include "redis_errors.hpp"
#include "redis_store.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <iterator>
#include <string_view>
#include <utility>

namespace oa_stream::store {

namespace {

constexpr std::int64_t k_us_of_ms = 1'000;
constexpr Millis k_trim_most{60'000};
constexpr Millis k_trim_least{1'000};
constexpr int k_trims = 10; ///< in a row, because the sweep also has to settle turns
/// Limit of one answer with items of a conversation.
constexpr std::size_t k_piece_bytes = 1U << 20U;
constexpr std::size_t k_piece_items = 500;
constexpr std::size_t k_findings = 2; ///< conversations that are read at the same time

std::string name_of(const ResponseKey& key) {
    return row_name({key.owner, key.id});
}

std::optional<std::string> reply_text(const Reply& reply) {
    return reply.kind == Reply::Kind::text ? std::optional(reply.text) : std::nullopt;
}

std::vector<std::string> words_of(std::string_view text) {
    std::vector<std::string> out;
    while (!text.empty()) {
        out.emplace_back(cut_until(text, ' '));
    }
    return out;
}

} // namespace

/// The arguments for trimming: the current time and the limits.
Command RedisStore::trim_args() const {
    return {
        std::to_string(unix_us() / k_us_of_ms),
        std::to_string(options_.responses.most),
        std::to_string(options_.responses.bytes),
        std::to_string(options_.responses_kept.count())
    };
}

/// Trims at intervals, so that old responses are removed even when no new one is stored.
Task<void> RedisStore::trim_responses() {
    if (Clock::now() < trim_at_) {
        co_return;
    }
    trim_at_ = Clock::now() + std::clamp(options_.responses_kept / 4, k_trim_least, k_trim_most);
    for (int i = 0; i < k_trims; ++i) {
        const auto reply = co_await run(scripts::trim_responses, {}, trim_args());
        if (!reply || reply->number != 1) {
            co_return;
        }
    }
    trim_at_ = Clock::now() + k_trim_least;
}

Task<Result<std::vector<std::string>>> RedisStore::keep_response(ResponseRecord record) {
    const auto& owner = record.key.owner;
    auto own = percent_encode(owner);
    auto name = name_of(record.key);
    const Command keys{key("rs", name), options_.prefix + ":rq", key("ro", own)};
    Command args{std::move(own), std::move(name), std::move(record.response)};
    std::ranges::move(trim_args(), std::back_inserter(args));
    for (auto& item : record.items) {
        args.push_back(row_name({owner, item.key}));
        args.push_back(std::move(item.value));
    }
    OA_CO_TRY(const auto reply, co_await run(scripts::keep_response, keys, std::move(args)));
    co_return mapped(reply.items, [](const Reply& item) { return thread_of(item.text).id; });
}

Task<Result<std::optional<std::string>>> RedisStore::read_response(ResponseKey key) {
    OA_CO_TRY(
        const auto reply, unless_failed(co_await ask({"HGET", this->key("rs", name_of(key)), "v"}))
    );
    co_return reply_text(reply);
}

/// One running read of a conversation; limits how many there are.
class RedisStore::Finding {
public:
    explicit Finding(RedisStore* store) : store_(store), alive_(store->alive_) {
        ++store_->finding_;
    }
    ~Finding() {
        if (alive_ && *alive_) {
            --store_->finding_;
            store_->found_.cancel();
        }
    }
    Finding(Finding&&) noexcept = default;
    Finding& operator=(Finding&&) = delete;
    Finding(const Finding&) = delete;
    Finding& operator=(const Finding&) = delete;

private:
    RedisStore* store_;
    std::shared_ptr<bool> alive_;
};

/// Limits the reads because other commands wait behind their pieces, on the connection and in the
/// server.
Task<Result<RedisStore::Finding>> RedisStore::begin_finding() {
    const auto alive = alive_;
    while (finding_ >= k_findings) {
        (void)co_await found_.async_wait(asio::as_tuple(asio::use_awaitable));
        if (!*alive) {
            co_return fail(Code::cancelled, "the store is closed");
        }
    }
    co_return Finding(this);
}

/// The items' values in order; empty: the item was removed.
Task<Result<std::vector<std::string>>> RedisStore::values_of(std::vector<std::string> items) {
    std::vector<std::string> out;
    out.reserve(items.size());
    while (out.size() < items.size()) {
        Command args{std::to_string(k_piece_bytes)};
        const auto asked = std::min(items.size() - out.size(), k_piece_items);
        const auto next = items.begin() + static_cast<std::ptrdiff_t>(out.size());
        args.insert(args.end(), next, next + static_cast<std::ptrdiff_t>(asked));
        OA_CO_TRY(auto reply, co_await run(scripts::response_items, {}, std::move(args)));
        if (reply.items.size() > asked) {
            co_return strange_answer(link_);
        }
        for (auto& value : reply.items) {
            out.push_back(std::move(value.text));
        }
    }
    co_return out;
}

Task<Result<FoundResponses>>
RedisStore::find_response(ResponseKey key, std::vector<std::string> items) {
    OA_CO_TRY(const auto mine, co_await begin_finding());
    FoundResponses out;
    std::vector<std::string> names;
    if (!key.id.empty()) {
        OA_CO_TRY(
            const auto reply, co_await ask_list({"HMGET", this->key("rs", name_of(key)), "v", "i"})
        );
        if (reply.items.size() != 2) {
            co_return strange_answer(link_);
        }
        out.response = reply_text(reply.items[0]);
        names = words_of(reply.items[1].text);
    }
    const auto own = names.size();
    for (auto& item : items) {
        names.push_back(row_name({key.owner, std::move(item)}));
    }
    OA_CO_TRY(auto values, co_await values_of(names));
    for (std::size_t i = 0; i < own; ++i) {
        out.items.push_back({thread_of(names[i]).id, std::move(values[i])});
    }
    out.named.assign(
        std::move_iterator(values.begin() + static_cast<std::ptrdiff_t>(own)),
        std::move_iterator(values.end())
    );
    co_return out;
}

Task<Result<bool>> RedisStore::drop_response(ResponseKey key) {
    return yes(run(scripts::drop_response, {}, {name_of(key)}));
}

} // namespace oa_stream::store

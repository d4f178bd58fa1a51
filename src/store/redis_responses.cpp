// Responses that a later request may name.
#include "redis_store.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace oa_stream::store {

namespace {

constexpr std::int64_t k_us_of_ms = 1'000;
constexpr Millis k_trim_most{60'000};
constexpr Millis k_trim_least{1'000};

} // namespace

/// Now, and what may be there.
Command RedisStore::trim_args(ResponseLimits limits) const {
    return {
        std::to_string(unix_us() / k_us_of_ms),
        std::to_string(limits.most),
        std::to_string(limits.bytes),
        std::to_string(options_.responses_kept.count())
    };
}

/// Now and then: none outlives its time because nobody stores another one.
Task<void> RedisStore::trim_responses() {
    if (Clock::now() < trim_at_) {
        co_return;
    }
    trim_at_ = Clock::now() + std::clamp(options_.responses_kept / 4, k_trim_least, k_trim_most);
    (void)co_await run(scripts::trim_responses, {}, trim_args({}));
}

Task<Result<std::vector<std::string>>>
RedisStore::keep_response(ResponseRecord record, ResponseLimits limits) {
    const auto& owner = record.key.owner;
    auto name = row_name({owner, record.key.id});
    const Command keys{key("rs", name), options_.prefix + ":rx", options_.prefix + ":rn"};
    Command args{std::move(name), std::move(record.response)};
    std::ranges::move(trim_args(limits), std::back_inserter(args));
    for (auto& item : record.items) {
        args.push_back(row_name({owner, item.key}));
        args.push_back(std::move(item.value));
    }
    OA_CO_TRY(const auto reply, co_await run(scripts::keep_response, keys, std::move(args)));
    std::vector<std::string> gone;
    gone.reserve(reply.items.size());
    for (const auto& item : reply.items) {
        gone.push_back(thread_of(item.text).id);
    }
    co_return gone;
}

Task<Result<FoundResponses>>
RedisStore::find_response(ResponseKey key, std::vector<std::string> items) {
    Command args;
    for (const auto& item : items) {
        args.push_back(row_name({key.owner, item}));
    }
    const Command keys{this->key("rs", row_name({key.owner, key.id}))};
    OA_CO_TRY(const auto reply, co_await run(scripts::find_response, keys, std::move(args)));
    const auto count = static_cast<std::size_t>(reply.items[2].count());
    constexpr std::size_t k_first = 3;
    if (reply.items.size() != k_first + 2 * count + items.size()) {
        co_return strange_answer(link_);
    }
    FoundResponses out;
    if (reply.items[0].count() == 1) {
        out.response = reply.at(1);
    }
    for (std::size_t i = 0; i < count; ++i) {
        const auto at = k_first + 2 * i;
        out.items.push_back({thread_of(reply.at(at)).id, std::string(reply.at(at + 1))});
    }
    for (std::size_t i = 0; i < items.size(); ++i) {
        out.named.emplace_back(reply.at(k_first + 2 * count + i));
    }
    co_return out;
}

Task<Result<bool>> RedisStore::drop_response(ResponseKey key) {
    OA_CO_TRY(
        const auto reply, co_await run(scripts::drop_response, {}, {row_name({key.owner, key.id})})
    );
    co_return reply.number == 1;
}

} // namespace oa_stream::store

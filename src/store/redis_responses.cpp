// Responses that a later request may name.
#include "redis_store.hpp"

#include <utility>

namespace oa_stream::store {

namespace {

constexpr std::int64_t k_us_of_ms = 1'000;

} // namespace

Task<Result<std::vector<std::string>>>
RedisStore::keep_response(ResponseRecord record, ResponseLimits limits) {
    const auto& owner = record.key.owner;
    auto name = row_name({owner, record.key.id});
    const Command keys{key("rs", name), options_.prefix + ":rx", options_.prefix + ":rn"};
    Command args{
        std::move(name), std::move(record.response), std::to_string(unix_us() / k_us_of_ms)
    };
    for (const auto limit : {limits.most, limits.bytes, limits.age_ms}) {
        args.push_back(std::to_string(limit));
    }
    for (auto& item : record.items) {
        args.push_back(row_name({owner, item.key}));
        args.push_back(std::move(item.value));
    }
    OA_CO_TRY(const auto reply, co_await run(scripts::keep_response, keys, std::move(args)));
    std::vector<std::string> gone;
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

// Idempotency-Key: the same key of the same owner stands for the same turn, however often it is
// sent.
#pragma once

#include "oa_stream/base/task.hpp"

#include "gates/rejection.hpp"
#include "turns/live_turn.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

namespace oa_stream::lane {

/// 1–128 visible ASCII characters; nullopt without the header. 422 otherwise; 400 for two headers,
/// because it is unclear which one counts.
[[nodiscard]] Accepted<std::optional<std::string>> idempotency_key_of(const net::Headers& headers);

/// Two requests under one key are equal when they have the same body for the same thread.
[[nodiscard]] std::string request_digest(std::string_view thread, std::string_view body);

/// Keys of the newest requests, in memory.
class IdempotencyKeys {
public:
    /// What a key was used for.
    struct Use {
        std::string request; ///< digest of the request; another one under the same key is a mistake
        std::string turn{}; ///< empty while its turn is being started
        std::weak_ptr<LiveTurn> live{};
        std::uint64_t number = 0; ///< sequence number of this use
    };

    explicit IdempotencyKeys(std::size_t limit = 10'000) : limit_(limit) {}

    [[nodiscard]] const Use* find(std::string_view owner, std::string_view key) const;
    /// Beyond the limit the oldest key is forgotten.
    void begin(std::string_view owner, std::string_view key, std::string request);
    void
    accept(std::string_view owner, std::string_view key, const std::shared_ptr<LiveTurn>& turn);
    /// No turn was started: the key may be used again.
    void forget(std::string_view owner, std::string_view key);

private:
    [[nodiscard]] static std::string name(std::string_view owner, std::string_view key);

    std::size_t limit_;
    std::unordered_map<std::string, Use> uses_;
    std::uint64_t begun_ = 0;
    std::map<std::uint64_t, std::string> order_; ///< the names of uses_ by Use::number
};

} // namespace oa_stream::lane

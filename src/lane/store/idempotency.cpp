#include "idempotency.hpp"

#include "oa_stream/base/digest.hpp"

#include "gates/site.hpp"

#include <algorithm>
#include <utility>

namespace oa_stream::lane {

namespace {

constexpr std::string_view k_name = "idempotency-key";

} // namespace

Accepted<std::optional<std::string>> idempotency_key_of(const net::Headers& headers) {
    const auto given = headers.get(k_name);
    if (!given) {
        return std::nullopt;
    }
    if (count_of(headers, k_name) > 1) {
        return reject(400, "bad_request", "the request has more than one Idempotency-Key header");
    }
    const bool visible = std::ranges::all_of(*given, [](char c) { return c > ' ' && c < 127; });
    if (given->empty() || given->size() > 128 || !visible) {
        return invalid_field(
            "idempotency-key", "an idempotency key is 1 to 128 visible ASCII characters"
        );
    }
    return std::string(*given);
}

std::string request_digest(std::string_view thread, std::string_view body) {
    std::string text(thread);
    text += '\n';
    text += body;
    return sha256_hex(text);
}

std::string IdempotencyKeys::name(std::string_view owner, std::string_view key) {
    // Neither of them can contain a space.
    return std::string(owner) + ' ' + std::string(key);
}

const IdempotencyKeys::Use*
IdempotencyKeys::find(std::string_view owner, std::string_view key) const {
    const auto found = uses_.find(name(owner, key));
    return found == uses_.end() ? nullptr : &found->second;
}

void IdempotencyKeys::begin(std::string_view owner, std::string_view key, std::string request) {
    forget(owner, key);
    const auto& named = order_.emplace(++begun_, name(owner, key)).first->second;
    uses_.emplace(named, Use{.request = std::move(request), .number = begun_});
    if (uses_.size() > limit_) {
        const auto oldest = order_.begin();
        uses_.erase(oldest->second);
        order_.erase(oldest);
    }
}

void IdempotencyKeys::accept(
    std::string_view owner, std::string_view key, const std::shared_ptr<LiveTurn>& turn
) {
    const auto found = uses_.find(name(owner, key));
    if (found != uses_.end()) {
        found->second.turn = turn->id();
        found->second.live = turn;
    }
}

void IdempotencyKeys::forget(std::string_view owner, std::string_view key) {
    if (const auto found = uses_.find(name(owner, key)); found != uses_.end()) {
        order_.erase(found->second.number);
        uses_.erase(found);
    }
}

} // namespace oa_stream::lane

#include "weighted_pick.hpp"

#include <numeric>
#include <utility>

namespace oa_stream::traffic {

void WeightedPick::set(std::vector<std::uint32_t> weights) {
    weights_ = std::move(weights);
    credit_.assign(weights_.size(), 0);
}

std::optional<std::size_t> WeightedPick::next() {
    // Each entry earns its weight as credit; the one with the most is picked and pays the sum of
    // all weights.
    const auto total = std::accumulate(weights_.begin(), weights_.end(), std::int64_t{0});
    std::optional<std::size_t> best;
    for (std::size_t i = 0; i < weights_.size(); ++i) {
        credit_[i] += weights_[i];
        if (weights_[i] > 0 && (!best || credit_[i] > credit_[*best])) {
            best = i;
        }
    }
    if (!best) {
        return std::nullopt; // all weights are 0
    }
    credit_[*best] -= total;
    return best;
}

} // namespace oa_stream::traffic

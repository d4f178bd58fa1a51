// Smooth weighted round robin: deterministic, so a split is exact, not only on average.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace oa_stream::traffic {

/// In any run of consecutive picks with unchanged weights each entry's count is within 1 of its
/// share for two entries (within the number of entries in general), and picks of one entry are
/// spread evenly.
class WeightedPick {
public:
    explicit WeightedPick(std::size_t entries) : weights_(entries, 0), credit_(entries, 0) {}
    /// One weight per entry; resets all credit.
    void set(std::vector<std::uint32_t> weights);
    /// nullopt when all weights are 0.
    [[nodiscard]] std::optional<std::size_t> next();
    [[nodiscard]] const std::vector<std::uint32_t>& weights() const noexcept { return weights_; }

private:
    std::vector<std::uint32_t> weights_;
    std::vector<std::int64_t> credit_;
};

} // namespace oa_stream::traffic

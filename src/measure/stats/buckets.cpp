#include "oa_stream/measure/buckets.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace oa_stream::measure {
namespace {

constexpr double k_nan = std::numeric_limits<double>::quiet_NaN();

double interpolate(double q, const std::vector<Bucket>& buckets) {
    const std::size_t last = buckets.size() - 1;
    double rank = q * buckets[last].count;
    std::size_t at = 0;
    while (at < last && !(buckets[at].count >= rank)) {
        ++at;
    }
    if (at == last) {
        return buckets[last - 1].le;
    }
    if (at == 0 && buckets[0].le <= 0) {
        return buckets[0].le;
    }
    const double start = at == 0 ? 0 : buckets[at - 1].le;
    const double before = at == 0 ? 0 : buckets[at - 1].count;
    const double count = buckets[at].count - before;
    rank -= before;
    return start + (buckets[at].le - start) * (rank / count);
}

} // namespace

std::vector<Bucket> tidy(std::span<const Bucket> buckets) {
    std::vector<Bucket> sorted(buckets.begin(), buckets.end());
    std::ranges::sort(sorted, {}, &Bucket::le);
    std::vector<Bucket> out;
    for (const Bucket& bucket : sorted) {
        if (!out.empty() && out.back().le == bucket.le) {
            out.back().count += bucket.count;
        } else {
            out.push_back(bucket);
        }
    }
    double highest = -k_infinite;
    for (Bucket& bucket : out) {
        highest = std::max(highest, bucket.count);
        bucket.count = highest;
    }
    return out;
}

AtMost at_most(std::span<const Bucket> buckets, double limit) noexcept {
    AtMost out;
    for (const Bucket& bucket : buckets) {
        if (bucket.le > limit) {
            out.possible = bucket.count;
            return out;
        }
        out.certain = out.possible = bucket.count;
    }
    return out;
}

std::optional<double> histogram_quantile(double q, std::span<const Bucket> buckets) {
    if (buckets.empty()) {
        return std::nullopt;
    }
    if (std::isnan(q)) {
        return k_nan;
    }
    if (q < 0 || q > 1) {
        return q < 0 ? -k_infinite : k_infinite;
    }
    const std::vector<Bucket> ready = tidy(buckets);
    const bool usable = ready.back().le == k_infinite && ready.size() >= 2;
    if (!usable || ready.back().count == 0) {
        return k_nan;
    }
    return interpolate(q, ready);
}

Resolution resolution_of_rank(std::span<const Bucket> buckets, double rank) noexcept {
    Resolution out{0, k_infinite};
    for (const Bucket& bucket : buckets) {
        if (std::ceil(bucket.count) < rank) {
            out.above = bucket.le;
        }
        if (std::floor(bucket.count) >= rank) {
            out.up_to = bucket.le;
            break;
        }
    }
    return out;
}

} // namespace oa_stream::measure

#include "cutover.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

namespace oa_stream::simulation {
namespace {

using measure::Look;
using measure::Tally;

constexpr double k_median_s = 0.4;

/// Both ascending. (std::inplace_merge of this library is deprecated within itself.)
void merge_into(std::vector<double>& into, const std::vector<double>& more) {
    std::vector<double> both(into.size() + more.size());
    std::ranges::merge(into, more, both.begin());
    into = std::move(both);
}

/// One arm's users and probes.
class Arm {
public:
    Arm(double bad_rate, double scale_s, double sigma)
        : bad_rate_(bad_rate), scale_s_(scale_s), sigma_(sigma) {}

    void take(Tally& into, std::uint64_t requests, std::uint64_t timed, Random& random) const {
        into.requests.total += requests;
        into.requests.bad += random.binomial(requests, bad_rate_);
        std::vector<double> times(timed);
        for (double& time : times) {
            time = scale_s_ * std::exp(sigma_ * random.normal());
        }
        std::ranges::sort(times);
        merge_into(into.first_content_s, times);
    }

private:
    double bad_rate_;
    double scale_s_;
    double sigma_;
};

void add(Tally& into, const Tally& more) {
    into.requests.bad += more.requests.bad;
    into.requests.total += more.requests.total;
    merge_into(into.first_content_s, more.first_content_s);
}

std::array<measure::GateSpec, 2> gates_of(const Setup& setup) {
    return {
        measure::GateSpec{
            .id = "error-rate-vs-stable",
            .metric = measure::Metric::bad_rate,
            .against = measure::Against::stable,
            .limit = setup.rate_limit,
            .confidence = setup.confidence,
        },
        measure::GateSpec{
            .id = "first-content-vs-stable",
            .metric = measure::Metric::quantile,
            .against = measure::Against::stable,
            .limit = setup.p95_limit,
            .confidence = setup.confidence,
        },
    };
}

class Run {
public:
    Run(const Setup& setup, const Truth& truth, Random& random)
        : setup_(setup), gates_(gates_of(setup)), random_(random),
          stable_(setup.base_rate, k_median_s, setup.sigma),
          canary_(setup.base_rate * truth.errors, k_median_s * truth.slowness, setup.sigma) {}

    Ending through(std::span<const int> stages) {
        for (std::size_t i = 0; i < stages.size(); ++i) {
            const bool earlier = stages[i] == 100 && i > 0;
            ending_.verdict = stage(earlier, i + 1);
            if (ending_.verdict != Verdict::pass) {
                break;
            }
        }
        return ending_;
    }

private:
    Verdict stage(bool earlier, std::uint64_t seed) {
        Tally canary;
        Tally stable;
        const Tally& reference = earlier ? stable_all_ : stable;
        for (int number = 1; number <= 2; ++number) {
            const Look look{.number = number, .of = 2};
            const Verdict verdict = window(canary, stable, reference, look, seed);
            if (verdict != Verdict::inconclusive || number == 2) {
                add(stable_all_, stable);
                return verdict;
            }
        }
        return Verdict::inconclusive;
    }

    Verdict
    window(Tally& canary, Tally& stable, const Tally& reference, Look look, std::uint64_t seed) {
        const int slices = setup_.interim_looks + 1;
        for (int slice = 0; slice < slices; ++slice) {
            const std::uint64_t requests = part(setup_.requests, slice, slices);
            const std::uint64_t timed = part(setup_.timed, slice, slices);
            canary_.take(canary, requests, timed, random_);
            if (&reference == &stable) {
                stable_.take(stable, requests, timed, random_);
            }
            ending_.requests += requests;
            ending_.timed += timed;
            look.interim = slice + 1 < slices;
            const Verdict verdict = look_at(canary, reference, look, seed);
            if (verdict == Verdict::fail || !look.interim) {
                ending_.interim = look.interim;
                return verdict;
            }
        }
        return Verdict::inconclusive;
    }

    Verdict look_at(const Tally& canary, const Tally& reference, Look look, std::uint64_t seed) {
        Verdict out = Verdict::pass;
        for (const measure::GateSpec& gate : gates_) {
            const auto record = measure::evaluate(
                gate,
                {.look = look, .seed = seed, .canary_tally = &canary, .stable_tally = &reference}
            );
            if (record.verdict == Verdict::fail) {
                return Verdict::fail;
            }
            out = record.verdict == Verdict::pass ? out : Verdict::inconclusive;
        }
        return out;
    }

    static std::uint64_t part(std::uint64_t whole, int slice, int slices) {
        const auto of = static_cast<std::uint64_t>(slices);
        const auto at = static_cast<std::uint64_t>(slice);
        return whole * (at + 1) / of - whole * at / of;
    }

    const Setup& setup_;
    std::array<measure::GateSpec, 2> gates_;
    Random& random_;
    Arm stable_;
    Arm canary_;
    Tally stable_all_{};
    Ending ending_{};
};

} // namespace

Ending
simulate(const Setup& setup, const Truth& truth, std::span<const int> stages, Random& random) {
    return Run(setup, truth, random).through(stages);
}

} // namespace oa_stream::simulation

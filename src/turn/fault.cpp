#include "oa_stream/turn/fault.hpp"

#include "oa_stream/base/clock.hpp"
#include "oa_stream/base/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

namespace oa_stream::turn {
namespace {

std::unexpected<Error> needs(const FaultKind& kind, std::string_view what, std::string_view like) {
    return fail(
        Code::usage,
        fmt::format("{} needs {}", kind.name(), what),
        {},
        fmt::format("{}={}", kind.name(), like)
    );
}

std::optional<double> within(std::string_view text, double low, double high) {
    const auto value = number_of<double>(text);
    return value && *value >= low && *value <= high ? value : std::nullopt; // NaN is neither
}

} // namespace

std::span<const std::string_view> fault_words() {
    static constexpr auto k_words = [] {
        std::array<std::string_view, k_fault_kinds.size()> out{};
        std::ranges::transform(k_fault_kinds, out.begin(), &FaultKind::word);
        return out;
    }();
    return k_words;
}

Result<FaultAmount> read_fault_value(const FaultKind& kind, std::string_view value) {
    switch (kind.value) {
    case FaultValue::share:
        if (const auto share = within(value, 0, 1)) {
            return FaultAmount{.number = *share};
        }
        return needs(kind, "a share from 0 to 1", "0.2");
    case FaultValue::factor:
        if (const auto factor = within(value, 1, 10'000)) {
            return FaultAmount{.number = *factor};
        }
        return needs(kind, "a number from 1 to 10000", "3");
    case FaultValue::duration:
        if (const auto time = parse_duration(value)) {
            return FaultAmount{.time = *time};
        }
        return needs(kind, "a duration with its unit", "300ms");
    case FaultValue::number:
        break;
    }
    constexpr auto k_any = std::numeric_limits<std::uint64_t>::max();
    if (const auto turn = parse_count(value.empty() ? "1" : value, 1, k_any)) {
        return FaultAmount{.turn = *turn};
    }
    return needs(kind, "the number of a turn, from 1", "7");
}

} // namespace oa_stream::turn

#include "replay_faults.hpp"

#include "oa_stream/base/clock.hpp"
#include "oa_stream/base/lines.hpp"
#include "oa_stream/base/text.hpp"
#include "oa_stream/turn/fault.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>

namespace oa_stream::authority {

namespace {

/// splitmix64: a good hash of small numbers, the same on every machine.
std::uint64_t mix(std::uint64_t value) noexcept {
    value += 0x9E3779B97F4A7C15ULL;
    value = (value ^ (value >> 30U)) * 0xBF58476D1CE4E5B9ULL;
    value = (value ^ (value >> 27U)) * 0x94D049BB133111EBULL;
    return value ^ (value >> 31U);
}

/// Each kind draws its own number, so that one fault's rate does not change which turns another
/// affects.
bool drawn(
    double probability, std::uint64_t seed, std::uint64_t number, std::uint64_t kind
) noexcept {
    const std::uint64_t bits = mix(mix(mix(seed) ^ number) ^ kind);
    return static_cast<double>(bits >> 11U) * 0x1.0p-53 < probability;
}

Result<double> decimal(std::string_view kind, std::string_view text, double low, double high) {
    const auto value = number_of<double>(text);
    if (!value || !(*value >= low) || !(*value <= high)) {
        return fail(
            Code::usage,
            fmt::format(
                "{} wants a number from {} to {}, not '{}'", kind, low, high, printable(text, 40)
            )
        );
    }
    return *value;
}

struct Rate {
    std::string_view name;
    double ReplayFaults::* member;
};
constexpr std::array k_rates{
    Rate{"error-rate", &ReplayFaults::error_rate},
    Rate{"malformed", &ReplayFaults::malformed},
    Rate{"truncate", &ReplayFaults::truncate},
    Rate{"http-error", &ReplayFaults::http_error},
    Rate{"auth-error", &ReplayFaults::auth_error},
    Rate{"forget", &ReplayFaults::forget},
    Rate{"stall", &ReplayFaults::stall},
    Rate{"drop", &ReplayFaults::drop},
    Rate{"slow", &ReplayFaults::slow},
};
constexpr std::string_view k_seed = "seed="; ///< selects the turns; not a fault itself
constexpr auto k_turn_faults = static_cast<std::size_t>(
    std::ranges::count(turn::k_fault_kinds, false, &turn::FaultKind::control)
);
static_assert(k_turn_faults == k_rates.size() + 3, "add_fault() knows kill, gap and latency");

constexpr std::uint64_t k_any = std::numeric_limits<std::uint64_t>::max();

} // namespace

Result<Pace> Pace::parse(std::string_view text) {
    if (text == "recorded") {
        return Pace{};
    }
    if (text == "immediate") {
        return Pace{.immediate = true};
    }
    if (text.starts_with('x')) {
        OA_TRY(const double factor, decimal("pace", text.substr(1), 0.01, 10'000));
        return Pace{.factor = factor};
    }
    return fail(
        Code::usage, fmt::format("pace is recorded, immediate or xN, not '{}'", printable(text, 40))
    );
}

std::span<const std::string_view> pace_words() {
    static constexpr std::array<std::string_view, 3> k_words{"recorded", "immediate", "x"};
    return k_words;
}

Result<void> add_fault(ReplayFaults& faults, std::string_view text) {
    const std::size_t equals = text.find('=');
    const std::string_view name = text.substr(0, equals);
    const std::string_view value =
        equals == std::string_view::npos ? std::string_view{} : text.substr(equals + 1);
    if (equals != std::string_view::npos && text.starts_with(k_seed)) {
        OA_TRY(faults.seed, parse_count(value, 0, k_any));
        return {};
    }
    const auto* kind = std::ranges::find(turn::k_fault_kinds, name, &turn::FaultKind::name);
    if (kind == turn::k_fault_kinds.end() || kind->control) {
        return fail(
            Code::usage,
            fmt::format("no fault is named '{}'", printable(name, 40)),
            {},
            fmt::format("there are {}", fmt::join(fault_words(), ", "))
        );
    }
    OA_TRY(const auto amount, turn::read_fault_value(*kind, value));
    if (const auto* rate = std::ranges::find(k_rates, name, &Rate::name); rate != k_rates.end()) {
        faults.*rate->member = amount.number;
    } else if (name == "kill") {
        faults.kill_at = amount.turn;
    } else {
        (name == "gap" ? faults.gap : faults.latency) = amount.time;
    }
    return {};
}

std::span<const std::string_view> fault_words() {
    static constexpr auto k_words = [] {
        std::array<std::string_view, k_turn_faults + 1> out{};
        auto at = out.begin();
        for (const turn::FaultKind& kind : turn::k_fault_kinds) {
            if (!kind.control) {
                *at++ = kind.word;
            }
        }
        *at = k_seed;
        return out;
    }();
    return k_words;
}

Result<ReplayFaults> parse_faults(std::string_view text) {
    ReplayFaults faults;
    for (std::size_t number = 1; !text.empty(); ++number) {
        const std::string_view line = trim(cut_line(text));
        if (line.empty() || line[0] == '#') {
            continue;
        }
        if (auto added = add_fault(faults, line); !added) {
            return std::unexpected(std::move(added).error().prefixed(fmt::format("line {}", number))
            );
        }
    }
    return faults;
}

TurnFate
fate_of(const ReplayFaults& faults, std::uint64_t number, std::uint64_t since_set) noexcept {
    enum Kind : std::uint64_t {
        fail_kind = 1,
        stall_kind,
        drop_kind,
        corrupt_kind,
        cut_kind,
        http_kind,
        auth_kind,
        forget_kind,
    };
    TurnFate fate;
    fate.corrupt = drawn(faults.malformed, faults.seed, number, corrupt_kind);
    fate.cut = drawn(faults.truncate, faults.seed, number, cut_kind);
    fate.forgets = drawn(faults.forget, faults.seed, number, forget_kind);
    fate.refusal =
        drawn(faults.http_error, faults.seed, number, http_kind)   ? TurnFate::Refusal::http
        : drawn(faults.auth_error, faults.seed, number, auth_kind) ? TurnFate::Refusal::auth
                                                                   : TurnFate::Refusal::none;
    if (faults.kill_at == since_set) {
        fate.breaks = TurnFate::Break::kill;
    } else if (drawn(faults.drop, faults.seed, number, drop_kind)) {
        fate.breaks = TurnFate::Break::drop;
    } else if (drawn(faults.stall, faults.seed, number, stall_kind)) {
        fate.breaks = TurnFate::Break::stall;
    } else if (drawn(faults.error_rate, faults.seed, number, fail_kind)) {
        fate.breaks = TurnFate::Break::fail;
    }
    return fate;
}

} // namespace oa_stream::authority

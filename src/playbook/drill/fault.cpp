#include "oa_stream/playbook/fault.hpp"

#include "oa_stream/base/clock.hpp"
#include "oa_stream/base/lists.hpp"
#include "oa_stream/base/option_names.hpp"
#include "oa_stream/base/text.hpp"
#include "oa_stream/traffic/split.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>

namespace oa_stream::playbook {
namespace {

enum class Value { none, share, duration, factor };
struct FaultKind {
    std::string_view word; ///< as it is typed before its value, or before its stage
    Value value;

    [[nodiscard]] constexpr std::string_view name() const {
        return word.substr(0, word.size() - 1);
    }
};
constexpr std::array k_kinds{
    FaultKind{"error-rate=", Value::share},
    FaultKind{"malformed=", Value::share},
    FaultKind{"truncate=", Value::share},
    FaultKind{"http-error=", Value::share},
    FaultKind{"auth-error=", Value::share},
    FaultKind{"forget=", Value::share},
    FaultKind{"stall=", Value::share},
    FaultKind{"drop=", Value::share},
    // Of a control service that reads the same file.
    FaultKind{"sync-token-error=", Value::share},
    FaultKind{"audit-error=", Value::share},
    FaultKind{"slow=", Value::factor},
    FaultKind{"latency=", Value::duration},
    FaultKind{"gap=", Value::duration},
    FaultKind{"kill@", Value::none},
};

std::unexpected<Error> wrong(std::string_view text, std::string message, Advice hint = {}) {
    return fail(
        Code::usage,
        std::move(message),
        fmt::format("{} {}", names::inject, printable(text)),
        std::move(hint)
    );
}

bool is_share(std::string_view text) {
    const auto value = decimal_of(text);
    return value && *value <= 1;
}

Result<const FaultKind*> kind_of(std::string_view text, std::string_view name) {
    for (const FaultKind& kind : k_kinds) {
        if (kind.name() == name) {
            return &kind;
        }
    }
    std::array<std::string_view, k_kinds.size()> names{};
    std::ranges::transform(k_kinds, names.begin(), &FaultKind::name);
    return wrong(
        text,
        fmt::format("no fault is called '{}'", printable(name)),
        did_you_mean(name, names, fmt::format("there are {}", fmt::join(names, ", ")))
    );
}

Result<void>
check_value(std::string_view text, const FaultKind& kind, bool given, std::string_view value) {
    switch (kind.value) {
    case Value::none:
        if (given) {
            return wrong(text, fmt::format("{} takes no value", kind.name()));
        }
        break;
    case Value::share:
        if (!is_share(value)) {
            return wrong(
                text,
                fmt::format("{} needs a share from 0 to 1", kind.name()),
                fmt::format("{}=0.2@25", kind.name())
            );
        }
        break;
    case Value::factor:
        if (const auto factor = parse_count(value, 1, 10'000); !factor) {
            return wrong(
                text,
                fmt::format("{} needs a whole number from 1", kind.name()),
                fmt::format("{}=3@25", kind.name())
            );
        }
        break;
    case Value::duration:
        if (!parse_duration(value)) {
            return wrong(
                text,
                fmt::format("{} needs a duration with its unit", kind.name()),
                fmt::format("{}=300ms@25", kind.name())
            );
        }
        break;
    }
    return {};
}

} // namespace

std::span<const std::string_view> fault_words() {
    static constexpr auto k_words = [] {
        std::array<std::string_view, k_kinds.size()> out{};
        std::ranges::transform(k_kinds, out.begin(), &FaultKind::word);
        return out;
    }();
    return k_words;
}

std::string Fault::text() const {
    return fmt::format("{}{}{}@{}%", kind, value.empty() ? "" : "=", value, percent);
}

Result<Fault> parse_fault(std::string_view text) {
    const auto at = text.rfind('@');
    if (at == std::string_view::npos) {
        return wrong(text, "the stage is missing", "KIND[=VALUE]@PERCENT, like error-rate=0.2@25");
    }
    const std::string_view left = text.substr(0, at);
    const auto equals = left.find('=');
    const bool given = equals != std::string_view::npos;
    const std::string_view value = given ? left.substr(equals + 1) : std::string_view{};
    OA_TRY(const FaultKind* kind, kind_of(text, left.substr(0, equals)));
    OA_CHECK(check_value(text, *kind, given, value));
    const auto percent = traffic::parse_percent(text.substr(at + 1));
    if (!percent) {
        return wrong(text, percent.error().message, percent.error().hint);
    }
    return Fault{std::string(kind->name()), std::string(value), *percent};
}

Result<void> check_faults(std::span<const Fault> faults, std::span<const int> stages) {
    for (const Fault& fault : faults) {
        if (!contains(stages, fault.percent)) {
            return fail(
                Code::usage,
                fmt::format("{}% is not a stage", fault.percent),
                fmt::format("{} {}", names::inject, fault.text()),
                fmt::format("the stages are {}%", fmt::join(stages, "%, "))
            );
        }
    }
    return {};
}

} // namespace oa_stream::playbook

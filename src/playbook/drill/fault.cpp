#include "oa_stream/playbook/fault.hpp"

#include "oa_stream/base/lists.hpp"
#include "oa_stream/base/option_names.hpp"
#include "oa_stream/base/text.hpp"
#include "oa_stream/traffic/split.hpp"
#include "oa_stream/turn/fault.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>

namespace oa_stream::playbook {
namespace {

std::unexpected<Error> wrong(std::string_view text, std::string message, Advice hint = {}) {
    return fail(
        Code::usage,
        std::move(message),
        fmt::format("{} {}", names::inject, printable(text)),
        std::move(hint)
    );
}

Result<const turn::FaultKind*> kind_of(std::string_view text, std::string_view name) {
    const auto* found = std::ranges::find(turn::k_fault_kinds, name, &turn::FaultKind::name);
    if (found != turn::k_fault_kinds.end()) {
        return found;
    }
    std::array<std::string_view, turn::k_fault_kinds.size()> names{};
    std::ranges::transform(turn::k_fault_kinds, names.begin(), &turn::FaultKind::name);
    return wrong(
        text,
        fmt::format("no fault is called '{}'", printable(name)),
        did_you_mean(name, names, fmt::format("there are {}", fmt::join(names, ", ")))
    );
}

/// The fault kills the stage's first turn: a number would wait for turns that may not come.
bool takes_value(const turn::FaultKind& kind) {
    return kind.value != turn::FaultValue::number;
}

} // namespace

std::span<const std::string_view> fault_words() {
    static constexpr auto k_words = [] {
        std::array<std::string_view, turn::k_fault_kinds.size()> out{};
        std::ranges::transform(turn::k_fault_kinds, out.begin(), [](const auto& kind) {
            return kind.word == "kill" ? std::string_view("kill@") : kind.word;
        });
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
    OA_TRY(const turn::FaultKind* kind, kind_of(text, left.substr(0, equals)));
    if (given && !takes_value(*kind)) {
        return wrong(text, fmt::format("{} takes no value", kind->name()));
    }
    if (const auto read = turn::read_fault_value(*kind, value); !read) {
        return wrong(text, read.error().message, read.error().hint.text() + "@25");
    }
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

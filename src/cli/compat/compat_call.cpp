#include "oa_stream/base/layout.hpp"
#include "oa_stream/base/lists.hpp"
#include "oa_stream/base/text.hpp"
#include "oa_stream/config/units.hpp"

#include "compat_rows.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace oa_stream::cli {

std::string OldCall::text(std::string_view name, std::string_view fallback) const {
    return env_(name).value_or(std::string(fallback));
}

Result<std::string> OldCall::needed(std::string_view name, std::string_view what) const {
    auto value = env_(name);
    if (!value) {
        return fail(Code::usage, fmt::format("{} is not set: {}", name, what));
    }
    return *std::move(value);
}

Result<void> OldCall::needs_token(std::string_view name, std::string_view what) const {
    if (!env_(name)) {
        return fail(Code::credentials, fmt::format("{} is not set: {}", name, what));
    }
    return {};
}

Result<bool> OldCall::flag(std::string_view name, bool fallback) const {
    const auto value = env_(name);
    if (value && *value != "0" && *value != "1") {
        return fail(
            Code::usage, fmt::format("{} is '{}', expected 0 or 1", name, printable(*value, 40))
        );
    }
    return value ? *value == "1" : fallback;
}

Result<std::uint64_t> OldCall::number(
    std::string_view name, std::uint64_t low, std::uint64_t high, std::uint64_t fallback
) const {
    const auto value = env_(name);
    if (!value) {
        return fallback;
    }
    auto number = parse_count(*value, low, high);
    if (!number) {
        return fail(
            Code::usage,
            fmt::format(
                "{} is '{}', expected a whole number of {} to {}",
                name,
                printable(*value, 40),
                low,
                high
            )
        );
    }
    return *number;
}

Result<double> OldCall::percent(std::string_view name, double fallback) const {
    const auto value = env_(name);
    if (!value) {
        return fallback;
    }
    const auto share = config::read_percent(*value + "%");
    if (!share) {
        return fail(
            Code::usage,
            fmt::format("{} is '{}', expected a number of 0 to 100", name, printable(*value, 40))
        );
    }
    return *share * 100;
}

Result<void> OldCall::takes(std::size_t count, std::string_view usage) const {
    const bool blank = std::ranges::any_of(args_, &std::string::empty);
    if (args_.size() != count || blank) {
        return fail(
            Code::usage,
            fmt::format(
                "{} {} given, expected {}",
                counted(args_.size(), "argument"),
                args_.size() == 1 ? "is" : "are",
                usage.empty() ? "none" : usage
            )
        );
    }
    return {};
}

Result<std::string> old_base_url(const OldCall& call) {
    return call.needed(
        "BASE_URL", "which target? the script meant https://openagents.com; say so if you do"
    );
}

const RetiredScript* find_retired(std::string_view name) noexcept {
    name.remove_prefix(name.rfind('/') == std::string_view::npos ? 0 : name.rfind('/') + 1);
    return find_or_null(retired_scripts(), name, &RetiredScript::name);
}

} // namespace oa_stream::cli

// Rows of whatever sends requests to a lane: whom to ask, and how long to wait.
#pragma once

#include "oa_stream/base/option_names.hpp"
#include "oa_stream/base/task.hpp"
#include "oa_stream/probe/stream_probe.hpp"

#include "core/command.hpp"

#include <string>
#include <string_view>

namespace oa_stream::cli {

struct TargetOptions {
    probe::Target target{};

    /// Code::usage without a base URL: "name the `what`", with `example`.
    [[nodiscard]] Result<void> check_target(std::string_view what, std::string_view example) const;
};
[[nodiscard]] Result<void> drop_compat(std::span<const std::string> values, TargetOptions& options);

inline constexpr auto k_base_url =
    parsed<read_base_url, &TargetOptions::target, &probe::Target::base_url>(
        names::base_url, "URL", "Send requests to this lane: http or https, without credentials."
    );
inline constexpr auto k_auth = option<&TargetOptions::target, &probe::Target::bearer>(
    names::auth, "REF", "Authenticate with this bearer token: env:NAME, file:PATH or fd:N."
);
inline constexpr auto k_connect_to = option<&TargetOptions::target, &probe::Target::connect_to>(
    "--connect-to", "HOST:PORT", "Connect to this address. The Host header stays that of the URL."
);
inline constexpr auto k_no_compat = custom<TargetOptions, drop_compat>(
    "--no-compat", "", "Send no compatibility headers, and skip the checks of them."
);
/// The compatibility headers; k_no_compat stands behind them, so that it has the last word.
inline constexpr auto k_compat_options = options<TargetOptions>(
    option<&TargetOptions::target, &probe::Target::compat, &probe::CompatHeaders::build>(
        names::compat_build, "ID", "Send this as x-oa-client-build-id."
    )
        .or_else("20260221T130000Z"),
    option<&TargetOptions::target, &probe::Target::compat, &probe::CompatHeaders::protocol>(
        names::compat_protocol, "NAME", "Send this as x-oa-protocol-version."
    )
        .or_else("openagents.control.v1"),
    option<&TargetOptions::target, &probe::Target::compat, &probe::CompatHeaders::schema>(
        names::compat_schema, "N", "Send this as x-oa-schema-version."
    )
        .or_else("1"),
    k_no_compat
);

struct LimitOptions {
    probe::ProbeLimits limits{};
};
inline constexpr auto k_connect_timeout =
    option<&LimitOptions::limits, &probe::ProbeLimits::connect>(
        "--connect-timeout", "D", "Give up connecting after this time."
    )
        .range(1, k_longest_ms)
        .or_else("5s");
inline constexpr auto k_first_byte =
    option<&LimitOptions::limits, &probe::ProbeLimits::first_byte>(
        names::first_byte, "D", "Give up when the response head takes longer."
    )
        .range(1, k_longest_ms)
        .or_else("15s");
inline constexpr auto k_stall =
    option<&LimitOptions::limits, &probe::ProbeLimits::stall>(
        names::stall, "D", "Give up after this much silence within an answer."
    )
        .range(1, k_longest_ms)
        .or_else("15s");
inline constexpr auto k_timeout = option<&LimitOptions::limits, &probe::ProbeLimits::total>(
                                      "--timeout", "D", "Give up when a whole answer takes longer."
)
                                      .range(1, k_longest_ms)
                                      .or_else("3m");

} // namespace oa_stream::cli

// `tokenUsage` of thread/tokenUsage/updated, from the app-server or forwarded by a worker.
#pragma once

#include "oa_stream/base/json_members.hpp"
#include "oa_stream/turn/event.hpp"

#include <optional>
#include <string_view>

namespace oa_stream::authority {

/// A missing field counts as 0.
[[nodiscard]] inline turn::Usage usage_of(const Json& counts) {
    const auto field = [&](std::string_view key) { return int_member(counts, key).value_or(0); };
    return turn::Usage{
        field("inputTokens"),
        field("cachedInputTokens"),
        field("outputTokens"),
        field("reasoningOutputTokens")
    };
}

/// `which`: "total", or "last" for the newest response. nullopt if it is missing.
[[nodiscard]] inline std::optional<turn::Usage>
read_usage(const Json& params, std::string_view which = "total") {
    const Json* counts = member(object_in(params, "tokenUsage"), which);
    return counts == nullptr ? std::nullopt : std::optional(usage_of(*counts));
}

/// A report in codex's form with this total of the thread.
[[nodiscard]] inline Json
usage_report(std::string_view thread, std::string_view turn, const turn::Usage& total) {
    Json counts = Json::object(
        {{"inputTokens", total.input},
         {"cachedInputTokens", total.cached_input},
         {"outputTokens", total.output},
         {"reasoningOutputTokens", total.reasoning_output}}
    );
    Json params = Json::object({{"threadId", thread}, {"turnId", turn}});
    params["tokenUsage"] = Json::object({{"total", std::move(counts)}});
    return Json::object({{"method", "thread/tokenUsage/updated"}, {"params", std::move(params)}});
}

} // namespace oa_stream::authority

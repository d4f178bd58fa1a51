// `tokenUsage.total` of thread/tokenUsage/updated, as the app-server sends it and a worker passes
// it on.
#pragma once

#include "oa_stream/base/json.hpp"
#include "oa_stream/turn/event.hpp"

#include <optional>
#include <string_view>

namespace oa_stream::authority {

/// nullopt without a total; a field that is missing counts as 0.
[[nodiscard]] inline std::optional<turn::Usage> read_usage(const Json& params) {
    const Json* usage = member(params, "tokenUsage");
    const Json* total = usage == nullptr ? nullptr : member(*usage, "total");
    if (total == nullptr) {
        return std::nullopt;
    }
    const auto field = [&](std::string_view key) { return int_member(*total, key).value_or(0); };
    return turn::Usage{
        field("inputTokens"),
        field("cachedInputTokens"),
        field("outputTokens"),
        field("reasoningOutputTokens")
    };
}

} // namespace oa_stream::authority

// A request to a target: its address, its pin, its credentials and its compat headers.
#pragma once

#include "oa_stream/probe/stream_probe.hpp"

#include <string>
#include <string_view>

namespace oa_stream::probe {

/// `path` starts with '/'. The compat headers stand on every call: the control routes of an
/// enforcing target answer 426 without them.
[[nodiscard]] net::ClientRequest target_request(
    const Target& target, std::string_view method, std::string_view path, const ProbeLimits& limits
);

/// {"id":thread,"messages":[{"role":"user","content":text}]}
[[nodiscard]] std::string chat_body(std::string_view thread, std::string_view text);
/// {"messages":[{"role":"user","content":[{"type":"text","text":text}]}]}
[[nodiscard]] std::string content_parts_body(std::string_view text);
/// As the AI SDK's transport sends it: id, messages with parts, trigger.
[[nodiscard]] std::string ai_sdk_body(std::string_view thread, std::string_view text);
/// A request no lane may start a turn for: its only message is the assistant's.
[[nodiscard]] std::string assistant_only_body(std::string_view thread);

/// "<prefix>_<16 hex>": recognisable in the target's own lists.
[[nodiscard]] std::string fresh_thread(std::string_view prefix);

} // namespace oa_stream::probe

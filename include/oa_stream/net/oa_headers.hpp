// Names of the product's own headers, and the compatibility identity that its clients send.
#pragma once

#include "oa_stream/net/http.hpp"

#include <string>
#include <string_view>

namespace oa_stream::net {

inline constexpr const char* k_build_header = "x-oa-client-build-id";
inline constexpr const char* k_protocol_header = "x-oa-protocol-version";
inline constexpr const char* k_schema_header = "x-oa-schema-version";
inline constexpr const char* k_revision_header = "x-oa-revision";
inline constexpr const char* k_thread_header = "x-oa-thread-id";
inline constexpr const char* k_turn_header = "x-oa-turn-id";
// Of a lane that is retired: clients and operators of the service before this one know them.
inline constexpr const char* k_retired_header = "x-oa-legacy-chat-retired";
inline constexpr const char* k_canonical_header = "x-oa-legacy-chat-canonical";
inline constexpr const char* k_retired_protocol_header = "x-oa-legacy-chat-stream-protocol";

inline constexpr std::string_view k_usual_build = "20260221T130000Z";
inline constexpr std::string_view k_usual_protocol = "openagents.control.v1";
inline constexpr std::string_view k_usual_schema = "1";

/// Where the client version window is enforced, a request without these headers is answered with
/// 426.
struct CompatIdentity {
    std::string build{k_usual_build};
    std::string protocol{k_usual_protocol};
    std::string schema{k_usual_schema};

    void add_to(Headers& headers) const {
        headers.set(k_build_header, build);
        headers.set(k_protocol_header, protocol);
        headers.set(k_schema_header, schema);
    }
};

} // namespace oa_stream::net

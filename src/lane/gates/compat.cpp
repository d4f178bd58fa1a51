#include "compat.hpp"

#include "oa_stream/base/enum_words.hpp"
#include "oa_stream/base/json_members.hpp"
#include "oa_stream/base/text.hpp"
#include "oa_stream/net/oa_headers.hpp"
#include "oa_stream/telemetry/turns.hpp"

#include <fmt/format.h>

#include <array>

namespace oa_stream::lane {

namespace {

constexpr std::array<std::string_view, 5> k_sentences{
    "the client build id is missing or blank",
    "the client uses another protocol version than this service",
    "the client's schema version is outside the supported range",
    "the client version is outside the supported compatibility window: upgrade it",
    "the client version is newer than the supported compatibility window"
};

/// A missing or malformed number counts as 0, which is outside of every range that does not begin
/// at 0.
std::uint64_t schema_number(std::string_view text) noexcept {
    return number_of<std::uint64_t>(trim(text)).value_or(0);
}

Result<std::uint64_t> version_member(const Json& value, std::string_view key) {
    if (!value.is_number_unsigned()) {
        return fail(Code::config, fmt::format("{} must be a whole number from 0", key));
    }
    return value.get<std::uint64_t>();
}

Result<std::string> text_member(const Json& value, std::string_view key) {
    if (!value.is_string() || trim(value.get_ref<const std::string&>()).empty()) {
        return fail(Code::config, fmt::format("{} must be a non-empty string", key));
    }
    return std::string(trim(value.get_ref<const std::string&>()));
}

Result<void> set_member(CompatWindow& window, const std::string& key, const Json& value) {
    static constexpr std::array<std::string_view, 5> known{
        "protocol_version",
        "min_client_build_id",
        "max_client_build_id",
        "min_schema_version",
        "max_schema_version"
    };
    if (key == known[0]) {
        OA_TRY(window.protocol_version, text_member(value, key));
    } else if (key == known[1]) {
        OA_TRY(window.min_client_build_id, text_member(value, key));
    } else if (key == known[2]) {
        window.max_client_build_id.reset();
        if (!value.is_null()) {
            OA_TRY(window.max_client_build_id, text_member(value, key));
        }
    } else if (key == known[3]) {
        OA_TRY(window.min_schema_version, version_member(value, key));
    } else if (key == known[4]) {
        OA_TRY(window.max_schema_version, version_member(value, key));
    } else {
        return fail(
            Code::config,
            fmt::format("unknown member '{}'", printable(key, 40)),
            {},
            did_you_mean(key, known)
        );
    }
    return {};
}

Result<CompatWindow> read_policy(std::string_view text) {
    OA_TRY(const auto policy, parse_json(text));
    if (!policy.is_object()) {
        return fail(Code::config, "a compat policy is one JSON object");
    }
    CompatWindow window;
    for (const auto& [key, value] : policy.items()) {
        OA_CHECK(set_member(window, key, value));
    }
    if (!policy.contains("max_schema_version")) {
        window.max_schema_version = std::max<std::uint64_t>(1, window.min_schema_version);
    }
    if (window.max_schema_version < window.min_schema_version) {
        return fail(Code::config, "max_schema_version is below min_schema_version");
    }
    if (window.max_client_build_id && *window.max_client_build_id < window.min_client_build_id) {
        return fail(Code::config, "max_client_build_id is below min_client_build_id");
    }
    return window;
}

} // namespace

std::string_view to_string(CompatCode code) noexcept {
    return enum_word<CompatCode::unsupported_client_build>(telemetry::k_compat_codes, code);
}

Handshake handshake_of(const net::Headers& headers) noexcept {
    return {
        headers.get(net::k_build_header),
        headers.get(net::k_protocol_header),
        headers.get(net::k_schema_header)
    };
}

std::optional<CompatCode>
negotiate(const CompatWindow& window, CompatMode mode, const Handshake& handshake) noexcept {
    const bool lenient = mode == CompatMode::optional;
    const auto looked_at = [lenient](const std::optional<std::string_view>& header) {
        return header.has_value() || !lenient;
    };
    const auto build = trim(handshake.client_build_id.value_or(""));
    const bool judge_build = looked_at(handshake.client_build_id);
    if (judge_build && build.empty()) {
        return CompatCode::invalid_client_build;
    }
    if (looked_at(handshake.protocol_version) &&
        trim(handshake.protocol_version.value_or("")) != window.protocol_version) {
        return CompatCode::unsupported_protocol_version;
    }
    if (looked_at(handshake.schema_version)) {
        const auto schema = schema_number(handshake.schema_version.value_or(""));
        if (schema < window.min_schema_version || schema > window.max_schema_version) {
            return CompatCode::unsupported_schema_version;
        }
    }
    if (judge_build && build < window.min_client_build_id) {
        return CompatCode::upgrade_required;
    }
    if (judge_build && window.max_client_build_id && build > *window.max_client_build_id) {
        return CompatCode::unsupported_client_build;
    }
    return std::nullopt;
}

void add_window_headers(const CompatWindow& window, net::Headers& headers) {
    headers.set(net::k_protocol_header, window.protocol_version);
    headers.set("x-oa-compatibility-protocol-version", window.protocol_version);
    headers.set("x-oa-compatibility-min-client-build-id", window.min_client_build_id);
    if (window.max_client_build_id) {
        headers.set("x-oa-compatibility-max-client-build-id", *window.max_client_build_id);
    }
    headers.set("x-oa-compatibility-min-schema-version", std::to_string(window.min_schema_version));
    headers.set("x-oa-compatibility-max-schema-version", std::to_string(window.max_schema_version));
}

Rejection reject_compat(const CompatWindow& window, CompatCode code) {
    const std::string word(to_string(code));
    auto rejection = reject(
        426, word, std::string(enum_word<CompatCode::unsupported_client_build>(k_sentences, code))
    );
    Json compatibility = Json::object();
    compatibility["code"] = word;
    compatibility["message"] = rejection.message;
    compatibility["retryable"] = false;
    compatibility["upgrade_required"] = true;
    compatibility["surface"] = "control_api";
    compatibility["min_client_build_id"] = window.min_client_build_id;
    compatibility["max_client_build_id"] = or_null(window.max_client_build_id);
    compatibility["min_schema_version"] = window.min_schema_version;
    compatibility["max_schema_version"] = window.max_schema_version;
    compatibility["protocol_version"] = window.protocol_version;
    rejection.members["compatibility"] = std::move(compatibility);
    rejection.headers.set("x-oa-compatibility-code", word);
    rejection.headers.set("x-oa-compatibility-upgrade-required", "true");
    return rejection;
}

Result<CompatWindow> parse_compat_policy(std::string_view text, std::string_view where) {
    return located(read_policy(text), std::string(where));
}

} // namespace oa_stream::lane

// Values that several sections have: where a credential comes from, and URLs.
#pragma once

#include "oa_stream/base/json.hpp"
#include "oa_stream/config/section.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace oa_stream::config {

/// Where a credential comes from: "env:NAME", "file:PATH" or "fd:N". Never the credential itself.
struct AuthRef {
    std::string reference{};
    bool required = true; ///< false: go on without when it is not there

    friend bool operator==(const AuthRef&, const AuthRef&) = default;
};
[[nodiscard]] Json to_json(const std::optional<AuthRef>& auth);

/// auth: { env | file | fd }
extern const SectionInfo k_auth;
/// Nothing when it is wrong.
[[nodiscard]] std::optional<AuthRef> read_auth(const Node& node);

template <auto Member>
constexpr auto auth(std::string_view name, Need need, std::string_view help) {
    constexpr auto get = [](const Node& n) {
        auto value = read_auth(n);
        return value ? std::optional<detail::Value<Member>>(std::move(value)) : std::nullopt;
    };
    auto out = detail::row<Member, get>(Type::section, name, need, help);
    out.section = &k_auth;
    return out;
}

/// As http_url() reads it; check_url() reports one that is none.
[[nodiscard]] std::optional<std::string> read_url(const Node& node);
template <auto Member> constexpr auto url(std::string_view name, Need need, std::string_view help) {
    return phrase<Member, read_url>(name, need, help);
}

/// Code::config at `key` for what http_url() refuses. An empty one, or one with a variable, is not
/// judged.
[[nodiscard]] Result<void> check_url(std::string_view key, std::string_view text);

/// Code::config at `key` for a path of a unix socket that is too long. An address without a slash,
/// or with a variable, is not judged.
[[nodiscard]] Result<void> check_socket(std::string_view key, std::string_view text);

} // namespace oa_stream::config

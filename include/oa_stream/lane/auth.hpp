// Authenticates requests: bearer tokens, stored as digests, each with an owner and perhaps an
// expiry.
#pragma once

#include "oa_stream/base/clock.hpp"
#include "oa_stream/base/secret.hpp"

#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace oa_stream::lane {

enum class Denied { missing, malformed, unknown, expired };
[[nodiscard]] std::string_view to_string(Denied denied) noexcept;

class TokenTable {
public:
    /// Lines "sha256:<64 hex> owner=<name> [expires=<rfc3339>]"; blank lines and # comments are
    /// skipped. Owner names: [A-Za-z0-9._@-]{1,64}. Code::config with the line number.
    [[nodiscard]] static Result<TokenTable> parse(std::string_view text, std::string_view where);

    /// Adds a token that is given in clear (from the environment); it never expires.
    void add(const Secret& token, std::string owner);

    [[nodiscard]] std::size_t size() const noexcept { return entries_.size(); }
    /// The number of different owners.
    [[nodiscard]] std::size_t owners() const;
    [[nodiscard]] bool has_several_owners() const noexcept;

    /// The owner of an Authorization header's value. Takes the same time whichever entry matches.
    /// Denied when no token matches or the one that matches has expired.
    [[nodiscard]] std::expected<std::string, Denied>
    check(std::optional<std::string_view> authorization, WallTime now) const;

private:
    struct Entry {
        std::string digest; ///< SHA-256 in lower-case hex
        std::string owner;
        std::optional<WallTime> expires{};
    };
    [[nodiscard]] static Result<Entry> parse_line(std::string_view line);
    std::vector<Entry> entries_;
};

} // namespace oa_stream::lane

// A secret that cannot be printed by accident, and the three ways one may be given to us.
#pragma once

#include "oa_stream/base/error.hpp"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <utility>

namespace oa_stream {

/// Has no stream operator, no formatter and no conversion: the only way to its bytes is reveal().
/// Bytes are overwritten on destruction.
class Secret {
public:
    Secret() = default;
    explicit Secret(std::string value) : value_(std::move(value)) {}
    Secret(const Secret&) = default;
    Secret(Secret&&) noexcept = default;
    Secret& operator=(const Secret&) = default;
    Secret& operator=(Secret&&) noexcept = default;
    ~Secret();

    [[nodiscard]] bool empty() const noexcept { return value_.empty(); }
    [[nodiscard]] std::string_view reveal() const noexcept { return value_; }
    /// Constant-time in the length of the longer one.
    [[nodiscard]] bool equals(std::string_view other) const noexcept;

private:
    std::string value_;
};

/// Says where read_secret() finds one, and is none itself.
[[nodiscard]] bool is_secret_reference(std::string_view text) noexcept;

/// Reads a secret named by "env:NAME", "file:PATH" (mode 0600 or stricter) or "fd:N". Any other
/// text is refused with Code::usage: a token on the command line is readable by every local
/// process. One line end behind it is dropped. A missing or empty one, or one with more lines or
/// control characters, is Code::credentials. A descriptor is read once: whoever names it later gets
/// the same secret.
[[nodiscard]] Result<Secret> read_secret(std::string_view reference);

/// Statuses of a server that does not take the credential that it got, or wants one.
inline constexpr std::array<int, 2> k_refused_statuses{401, 403};
[[nodiscard]] constexpr bool refuses_credential(int status) noexcept {
    return std::ranges::find(k_refused_statuses, status) != k_refused_statuses.end();
}
/// What it is called: as the outcome of a check, the ending of a probe and a word of gates.
inline constexpr std::string_view k_unauthorised = "unauthorised";

/// How text that names no place of a secret is refused: it may be the secret.
[[nodiscard]] Error secret_in_the_open();

} // namespace oa_stream

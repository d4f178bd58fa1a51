// Names of the client's functions in the form that is sent to codex.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace oa_stream::authority {

/// Codex and the providers accept at most this length, and only [A-Za-z0-9_-].
inline constexpr std::size_t k_longest_function_name = 64;

/// Codex has built-in tools. It would not offer a client function of the same name, or would answer
/// its calls itself. Such a function gets the prefix "fn_"; all others keep their names. The result
/// may be too long.
[[nodiscard]] std::string name_for_codex(std::string_view name);
/// Undoes name_for_codex(): the client's name for a function name from codex.
[[nodiscard]] std::string name_for_client(std::string_view name);

} // namespace oa_stream::authority

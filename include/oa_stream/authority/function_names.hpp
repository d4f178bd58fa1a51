// Names of the client's functions, as codex is told them.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace oa_stream::authority {

/// Codex and the providers take no longer name, and no others than [A-Za-z0-9_-].
inline constexpr std::size_t k_longest_function_name = 64;

/// Codex has tools of its own, and would not offer the client's of the same name, or would answer
/// its calls itself. Such a function gets "fn_" before its name; all others keep theirs. The result
/// may be too long.
[[nodiscard]] std::string name_for_codex(std::string_view name);
/// The client's name of the function that codex calls so: undoes name_for_codex().
[[nodiscard]] std::string name_for_client(std::string_view name);

} // namespace oa_stream::authority

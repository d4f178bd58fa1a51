// The client's functions in a chat completion: tools, tool_choice, and the calls in its messages.
#pragma once

#include "completions_request.hpp"

#include <functional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace oa_stream::lane {

inline constexpr std::size_t k_most_tools = 128; ///< the API's own limit
/// What Codex and the providers take as the name of a client's function.
[[nodiscard]] bool is_function_name(std::string_view name) noexcept;
/// With the name of a tool of Codex's own it is called otherwise there: then that is too long.
[[nodiscard]] bool is_too_long(std::string_view name);

/// tools, tool_choice and parallel_tool_calls. Where the authority takes no functions they are
/// refused, as far as they ask for something.
[[nodiscard]] Accepted<void>
read_tools(const Json& body, const CompletionsContext& context, CompletionsRequest& out);

/// Adds what tool_choice and the format demand to the instructions. After the messages were read.
void tell_demands(CompletionsRequest& request);

/// tool_calls of an assistant's message at `path`; empty when there are none.
[[nodiscard]] Accepted<std::vector<authority::SeedCall>>
read_tool_calls(const Json& message, const std::string& path);

/// Which calls of a conversation still wait for their result. Codex would drop a result without a
/// call, and make up one for a call without: both are refused instead.
class OpenCalls {
public:
    /// The assistant makes these calls, at `path` of the request.
    [[nodiscard]] Accepted<void>
    made(const std::vector<authority::SeedCall>& calls, const std::string& path);
    /// The result of `call`, which is named at `path`.
    [[nodiscard]] Accepted<void> answered(std::string_view call, const std::string& path);
    /// Another speaker, or the end.
    [[nodiscard]] Accepted<void> none_open() const;

private:
    std::set<std::string, std::less<>> open_{};
    std::string path_{}; ///< of the calls
};

} // namespace oa_stream::lane

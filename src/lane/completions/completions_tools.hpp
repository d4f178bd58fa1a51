// The client's functions in a chat completion: tools, tool_choice, and calls in its messages.
#pragma once

#include "completions_request.hpp"

#include <functional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace oa_stream::lane {

inline constexpr std::size_t k_most_tools = 128; ///< the API's own limit
/// Whether Codex and the providers accept this as the name of a client's function.
[[nodiscard]] bool is_function_name(std::string_view name) noexcept;
/// Codex renames a function that has the name of one of its own tools; the longer name may exceed
/// the limit.
[[nodiscard]] bool is_too_long(std::string_view name);

/// Reads tools, tool_choice and parallel_tool_calls. They are refused if they request something and
/// the authority accepts no functions.
[[nodiscard]] Accepted<void>
read_tools(const Json& body, const CompletionsContext& context, CompletionsRequest& out);

/// Adds what tool_choice and the format demand to the instructions. Call it after the messages were
/// read.
void tell_demands(CompletionsRequest& request);

/// tool_calls of an assistant's message at `path`; empty when there are none.
[[nodiscard]] Accepted<std::vector<authority::SeedCall>>
read_tool_calls(const Json& message, const std::string& path);

/// The calls of a conversation that still need their result. Codex would drop a result without a
/// call and make up a result for a call without one; both are refused instead.
class OpenCalls {
public:
    /// The assistant makes these calls; `path`: their place in the request.
    [[nodiscard]] Accepted<void>
    made(const std::vector<authority::SeedCall>& calls, const std::string& path);
    /// The result of `call`; `path`: the place that names it.
    [[nodiscard]] Accepted<void> answered(std::string_view call, const std::string& path);
    /// Checks that no call lacks a result: for another speaker, or at the end.
    [[nodiscard]] Accepted<void> none_open() const;

private:
    std::set<std::string, std::less<>> open_{};
    std::string path_{}; ///< of the calls
};

} // namespace oa_stream::lane
